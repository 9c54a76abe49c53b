"""Boxes in boxes: the few lines of layout that every window is made of."""

from __future__ import annotations

from types import EllipsisType

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QVBoxLayout, QWidget

from goop2_desktop.look.look import theme

Item = QWidget | int | EllipsisType
Margins = tuple[int, int, int, int]

NONE: Margins = (0, 0, 0, 0)


class Box(QWidget):
    """A container and its layout. `kind` is what the style sheet knows it by; lengths are those of the design."""

    def __init__(self, vertical: bool, gap: int, margins: Margins, kind: str = "") -> None:
        super().__init__()
        if kind:
            self.setProperty("kind", kind)
            self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.lines: QBoxLayout = QVBoxLayout(self) if vertical else QHBoxLayout(self)
        self.lines.setSpacing(theme().px(gap))
        self.set_margins(margins)

    def set_margins(self, margins: Margins) -> None:
        """Left, top, right, bottom."""
        self.lines.setContentsMargins(*(theme().px(margin) for margin in margins))

    def add(self, *items: Item) -> None:
        """Append widgets, fixed gaps (numbers) and room that stretches (`...`)."""
        for item in items:
            if isinstance(item, int):
                self.lines.addSpacing(theme().px(item))
            elif isinstance(item, QWidget):
                self.lines.addWidget(item)
            else:
                self.lines.addStretch(1)

    def give_room_to(self, *widgets: QWidget) -> None:
        """Let these take what is left over."""
        for widget in widgets:
            self.lines.setStretchFactor(widget, 1)


def row(*items: Item, gap: int = 8, margins: Margins = NONE, kind: str = "") -> Box:
    """Things beside each other."""
    box = Box(False, gap, margins, kind)
    box.add(*items)
    return box


def column(*items: Item, gap: int = 8, margins: Margins = NONE, kind: str = "") -> Box:
    """Things below each other."""
    box = Box(True, gap, margins, kind)
    box.add(*items)
    return box


def centred(widget: QWidget) -> Box:
    """A widget in the middle of its line."""
    return row(..., widget, ..., gap=0)


def line(vertical: bool = False) -> QWidget:
    """The 1 px line between two areas."""
    widget = QWidget()
    widget.setProperty("kind", "line")
    widget.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
    if vertical:
        widget.setFixedWidth(1)
    else:
        widget.setFixedHeight(1)
    return widget


def restyle(widget: QWidget) -> None:
    """Let the style sheet look again at a widget whose properties changed."""
    widget.style().unpolish(widget)
    widget.style().polish(widget)
    widget.update()
