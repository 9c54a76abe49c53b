"""The contrasts that the tokens promise, and which of them do not hold. A test keeps the list empty."""

from __future__ import annotations

from goop2_desktop.look.theme import tokens

TEXT, CONTROL = 4.5, 3.0  # WCAG 2.2, 1.4.3 and 1.4.11

PROMISES = (
    ("text", "background surface raised quiet hover pressed selected ok-soft attention-soft error-soft", TEXT),
    ("muted", "background surface raised quiet hover pressed selected attention-soft error-soft", TEXT),
    ("accent", "background surface raised hover quiet selected", TEXT),
    ("ok", "background surface raised hover selected ok-soft", TEXT),
    ("attention", "background surface raised hover selected attention-soft", TEXT),
    ("error", "background surface raised hover selected error-soft", TEXT),
    ("on-accent", "accent accent-hover accent-pressed", TEXT),
    ("on-danger", "danger danger-hover", TEXT),
    ("outline", "background surface raised", CONTROL),
    ("accent", "error-soft attention-soft ok-soft", CONTROL),
)
CALL_PROMISES = (
    ("text", "background control bar-hover bar-over-white", TEXT),
    ("muted", "background bar-over-white", TEXT),
    ("on-control-off", "control-off", TEXT),
    ("on-action", "hang-up accept", TEXT),
    ("focus", "background control", CONTROL),
    ("hang-up", "background", CONTROL),
)


def contrast(first: str, second: str) -> float:
    """The WCAG 2 contrast ratio, 1 to 21, of two #RRGGBB colours."""
    low, high = sorted((_luminance(first), _luminance(second)))
    return (high + 0.05) / (low + 0.05)


def broken_promises() -> list[str]:
    """One line for each pair of tokens whose contrast is too low."""
    colour = tokens()["colour"]
    call = dict(colour["call"])
    red_green_blue, alpha = bytes.fromhex(call["bar"][1:7]), int(call["bar"][7:], 16) / 255
    call["bar-over-white"] = "#" + bytes(round(part * alpha + 255 * (1 - alpha)) for part in red_green_blue).hex()
    checks = (("light", colour["light"], PROMISES), ("dark", colour["dark"], PROMISES), ("call", call, CALL_PROMISES))
    return [
        f"{mode}: {fore} on {ground} is {contrast(colours[fore], colours[ground]):.2f}, needs {least}"
        for mode, colours, promises in checks
        for fore, grounds, least in promises
        for ground in grounds.split()
        if contrast(colours[fore], colours[ground]) < least
    ]


def _luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]  # noqa: PLR2004 - sRGB's own constants
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
