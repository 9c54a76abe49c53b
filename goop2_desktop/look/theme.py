"""The tokens of `resources/theme.json` in one mode: colours, sizes, the Qt palette and the style sheet made of them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from PySide6.QtGui import QColor, QFont, QPalette

from goop2_desktop.resources import resource

Mode = Literal["light", "dark"]

QSS_ICONS = {"chevron-down": "muted", "chevron-up": "muted", "check": "on-accent", "minus": "on-accent"}
HAIRLINE = 2  # lines up to this many pixels keep their width when everything else grows with the font

_ROLES = {
    QPalette.ColorRole.Window: "background",
    QPalette.ColorRole.WindowText: "text",
    QPalette.ColorRole.Base: "surface",
    QPalette.ColorRole.AlternateBase: "background",
    QPalette.ColorRole.Text: "text",
    QPalette.ColorRole.Button: "surface",
    QPalette.ColorRole.ButtonText: "text",
    QPalette.ColorRole.BrightText: "on-accent",
    QPalette.ColorRole.ToolTipBase: "raised",
    QPalette.ColorRole.ToolTipText: "text",
    QPalette.ColorRole.PlaceholderText: "muted",
    QPalette.ColorRole.Highlight: "accent",
    QPalette.ColorRole.HighlightedText: "on-accent",
    QPalette.ColorRole.Accent: "accent",
    QPalette.ColorRole.Link: "accent",
    QPalette.ColorRole.LinkVisited: "accent",
    QPalette.ColorRole.Mid: "border",
    QPalette.ColorRole.Dark: "outline",
    QPalette.ColorRole.Light: "raised",
    QPalette.ColorRole.Midlight: "quiet",
    QPalette.ColorRole.Shadow: "outline",
}


@cache
def tokens() -> dict[str, Any]:
    """All tokens, as they stand in `theme.json`."""
    value: dict[str, Any] = json.loads(resource("theme.json").read_text("utf-8"))
    return value


@dataclass(frozen=True)
class Theme:
    """The tokens in one mode. `scale` follows the system's font size; 1 is 13 px body text."""

    mode: Mode = "light"
    scale: float = 1.0

    @property
    def colours(self) -> dict[str, str]:
        """Every colour token as #RRGGBB (some of the call window's as #RRGGBBAA), those of the call as `call-…`."""
        call = {f"call-{name}": colour for name, colour in tokens()["colour"]["call"].items()}
        colours: dict[str, str] = tokens()["colour"][self.mode]
        return colours | call

    def colour(self, name: str) -> QColor:
        """A colour token as Qt paints it."""
        return _qcolor(self.mode, name)

    def px(self, pixels: float) -> int:
        """A length of the design in this user's pixels."""
        return round(pixels * self.scale)

    def font(self, name: str) -> QFont:
        """The font of a type token: caption, body, strong, title, page, call, code."""
        token = tokens()["font"][name]
        font = QFont(tokens()["font"]["mono" if name == "code" else "sans"])
        font.setPixelSize(self.px(token["px"]))
        font.setWeight(QFont.Weight(token["weight"]))
        if name == "page":
            font.setLetterSpacing(QFont.SpacingType.PercentageSpacing, 98.5)
        return font

    def palette(self) -> QPalette:
        """What the style sheet does not reach (native dialogs, tool tips, selections, links) in the same tokens."""
        palette = QPalette()
        for role, token in _ROLES.items():
            palette.setColor(role, self.colour(token))
        for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
            palette.setColor(QPalette.ColorGroup.Disabled, role, self.colour("disabled"))
        palette.setColor(QPalette.ColorGroup.Disabled, QPalette.ColorRole.Highlight, self.colour("pressed"))
        return palette

    def stylesheet(self, icons: Path) -> str:
        """The style sheet. The coloured icons that it names are written into the folder `icons`."""
        values = {name: _qss_colour(colour) for name, colour in self.colours.items()}
        values |= {f"radius-{name}": f"{pixels}" for name, pixels in tokens()["radius"].items()}
        for name, colour in QSS_ICONS.items():
            file = icons / f"{name}-{self.mode}.svg"
            file.write_text(svg(name, self.colours[colour], 2), "utf-8")
            values[f"icon-{name}"] = file.as_posix()
        sheet = Path(__file__).with_name("theme.qss").read_text("utf-8")
        sheet = re.sub(r"/\*.*?\*/", "", sheet, flags=re.DOTALL)
        sheet = re.sub(r"@\{?([a-z-]+)\}?", lambda match: values[match[1]], sheet)
        return re.sub(r"\b(\d+)px", self._scaled, sheet)

    def _scaled(self, match: re.Match[str]) -> str:
        pixels = int(match[1])
        # rounded down: a radius of more than half a side makes Qt draw a square corner
        return f"{pixels if pixels <= HAIRLINE else int(pixels * self.scale)}px"


@cache
def svg(name: str, colour: str, stroke: float | None = None) -> str:
    """An icon of the Lucide set as SVG text in this colour (#RRGGBB)."""
    text = resource("icons", "lucide", f"{name}.svg").read_text("utf-8")
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL).replace("currentColor", colour)
    return text.replace('stroke-width="2"', f'stroke-width="{stroke or tokens()["icon"]["stroke"]}"')


@cache
def _qcolor(mode: Mode, name: str) -> QColor:
    value = Theme(mode).colours[name]
    colour = QColor(value[:7])
    if len(value) > len("#RRGGBB"):
        colour.setAlpha(int(value[7:], 16))
    return colour


def _qss_colour(value: str) -> str:
    """#RRGGBBAA as the style sheet wants it: it would read it as #AARRGGBB."""
    if len(value) == len("#RRGGBB"):
        return value
    red, green, blue, alpha = bytes.fromhex(value[1:])
    return f"rgba({red},{green},{blue},{alpha})"
