"""Lucide icons for Qt, drawn from their SVG at the screen's own ratio and in the colours of the mode worn now."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QIconEngine, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from shiboken6 import isValid

from goop2_desktop.look.look import theme
from goop2_desktop.look.theme import svg


@lru_cache(maxsize=512)
def _renderer(name: str, colour: str) -> QSvgRenderer:
    return QSvgRenderer(QByteArray(svg(name, colour).encode()))


def draw_icon(painter: QPainter, name: str, colour: str, into: QRectF) -> None:
    """Paint an icon in a colour token."""
    _renderer(name, theme().colours[colour]).render(painter, into)


class LucideEngine(QIconEngine):
    """One icon in one colour token (another when disabled); `gap` pixels of nothing at its right.

    Qt puts 4 px between a button's icon and its words; 4 more in the icon make the 8 of the design.
    """

    def __init__(self, name: str, colour: str, gap: int = 0) -> None:
        super().__init__()
        self._name = name
        self._colour = colour
        self._gap = gap

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        """Paint into `rect`, whose right end is the gap."""
        del state
        side = min(rect.width() - self._gap, rect.height())
        top = rect.y() + (rect.height() - side) / 2
        colour = "disabled" if mode is QIcon.Mode.Disabled else self._colour
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        draw_icon(painter, self._name, colour, QRectF(rect.x(), top, side, side))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        """A picture of `size` pixels."""
        return self.scaledPixmap(size, mode, state, 1.0)

    def scaledPixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State, scale: float) -> QPixmap:
        """A picture of `size` for a screen with this many device pixels to one of `size`."""
        picture = QPixmap(size * scale)
        picture.fill(Qt.GlobalColor.transparent)
        picture.setDevicePixelRatio(scale)
        painter = QPainter(picture)
        self.paint(painter, QRect(0, 0, size.width(), size.height()), mode, state)
        painter.end()
        return picture

    def clone(self) -> LucideEngine:
        """Another engine of the same icon. Qt owns it, but PySide would let it die with its last Python reference."""
        made = LucideEngine(self._name, self._colour, self._gap)
        _clones[:] = [kept for kept in _clones if isValid(kept)]
        _clones.append(made)
        return made


_clones: list[LucideEngine] = []


def icon(name: str, colour: str = "text", gap: int = 0) -> QIcon:
    """An icon that stays sharp on every screen and follows the mode."""
    return QIcon(LucideEngine(name, colour, gap))
