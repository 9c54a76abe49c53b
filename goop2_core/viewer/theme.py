"""The tokens of `resources/theme.json` as CSS variables, for the console and for the pages that goop2 itself shows."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from goop2_core.resources import resource


@cache
def css() -> str:
    """CSS custom properties (`--accent`, `--space-8`, `--font-body` …), in both modes.

    The mode is that of the system, unless `<html>` has the class `light` or `dark`: an embedded page gets it from the
    window around it.
    """
    tokens: dict[str, Any] = json.loads(resource("theme.json").read_text(encoding="utf-8"))
    light, dark = (_variables("", tokens["colour"][mode]) for mode in ("light", "dark"))
    fixed = _variables("call-", tokens["colour"]["call"])
    fixed += _variables("space-", {str(step): f"{step}px" for step in tokens["space"]})
    fixed += _variables("radius-", {name: f"{value}px" for name, value in tokens["radius"].items()})
    fixed += _variables("size-", {name: f"{value}px" for name, value in tokens["size"].items()})
    fixed += _variables("motion-", {name: f"{value}ms" for name, value in tokens["motion"].items()})
    fixed += _fonts(tokens["font"])
    return (
        f":root{{color-scheme:light;{light}{fixed}}}\n"
        f"@media (prefers-color-scheme:dark){{:root:not(.light){{color-scheme:dark;{dark}}}}}\n"
        f":root.dark{{color-scheme:dark;{dark}}}\n"
    )


def _variables(prefix: str, values: dict[str, str]) -> str:
    return "".join(f"--{prefix}{name}:{value};" for name, value in values.items())


def _fonts(fonts: dict[str, Any]) -> str:
    text = ""
    for name, font in fonts.items():
        if isinstance(font, list):
            text += f"--{name}:{','.join(_family(family) for family in font)};"
        else:
            height = round(font["px"] * 1.5 / 2) * 2  # whole, even pixels keep lines sharp
            family = "mono" if name == "code" else "sans"
            text += f"--font-{name}:{font['weight']} {font['px']}px/{height}px var(--{family});"
    return text


def _family(name: str) -> str:
    return f"'{name}'" if " " in name else name
