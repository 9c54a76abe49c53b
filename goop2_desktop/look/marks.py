"""Small drawn signs: a peer's state, a face, a number of unread messages, a plain icon."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QBasicTimer, QByteArray, QRectF, Qt, QTimerEvent
from PySide6.QtGui import QColor, QHideEvent, QImage, QPainter, QPainterPath, QPaintEvent, QPen, QShowEvent
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QLabel, QWidget

from goop2_desktop.look.icons import draw_icon
from goop2_desktop.look.look import Look, theme

STATE_COLOURS = {
    "starting": "accent",
    "stopping": "accent",
    "running": "ok",
    "attention": "attention",
    "stopped": "outline",
    "failed": "error",
}
TURN_MS = 40
TURN_DEGREES = 14
MOST_UNREAD = 99
STOPPED_OPACITY = 0.6


class Dot(QWidget):
    """A state by its shape as well as its colour: disc, ring, half disc, triangle, turning arc.

    `halo` names the ground that it lies on when it stands on a picture: a ring of that colour is drawn round it.
    """

    def __init__(self, state: str = "stopped", halo: str = "") -> None:
        super().__init__()
        self._state = state
        self._halo = halo
        self._angle = 0
        self._timer = QBasicTimer()
        side = theme().px(16 if halo else 12)
        self.setFixedSize(side, side)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    @property
    def state(self) -> str:
        """Which state it shows."""
        return self._state

    def set_state(self, state: str, halo: str | None = None) -> None:
        """Show another state, or lie on another ground."""
        if (state, halo if halo is not None else self._halo) == (self._state, self._halo):
            return
        self._state = state
        self._halo = halo if halo is not None else self._halo
        self._turn_if_needed()
        self.update()

    def showEvent(self, event: QShowEvent) -> None:
        """Turn while seen."""
        super().showEvent(event)
        self._turn_if_needed()

    def hideEvent(self, event: QHideEvent) -> None:
        """Rest while hidden."""
        super().hideEvent(event)
        self._timer.stop()

    def timerEvent(self, event: QTimerEvent) -> None:
        """One step of the turning arc."""
        del event
        self._angle = (self._angle - TURN_DEGREES) % 360
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the sign in a square of 12."""
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        side = 16 if self._halo else 12
        painter.scale(self.width() / side, self.height() / side)
        if self._halo:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme().colour(self._halo))
            painter.drawEllipse(QRectF(0, 0, 16, 16))
            painter.translate(2, 2)
        self._draw(painter, theme().colour(STATE_COLOURS[self._state]))
        painter.end()

    def _draw(self, painter: QPainter, colour: QColor) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        ring = QRectF(2.75, 2.75, 6.5, 6.5)
        match self._state:
            case "running":
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(colour)
                painter.drawEllipse(QRectF(2, 2, 8, 8))
            case "failed":
                draw_icon(painter, "triangle-alert", "error", QRectF(0, 0, 12, 12))
            case "attention":
                painter.setPen(QPen(colour, 1.5))
                painter.drawEllipse(ring)
                painter.setBrush(colour)
                painter.drawPie(ring, 90 * 16, 180 * 16)
            case "starting" | "stopping":
                painter.setPen(QPen(theme().colour("pressed"), 2))
                painter.drawEllipse(QRectF(2, 2, 8, 8))
                painter.setPen(QPen(colour, 2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
                painter.drawArc(QRectF(2, 2, 8, 8), (90 + self._angle) * 16, -110 * 16)
            case _:
                painter.setPen(QPen(colour, 1.5))
                painter.drawEllipse(ring)

    def _turn_if_needed(self) -> None:
        if self._state in ("starting", "stopping") and self.isVisible() and Look.of_app().motion:
            if not self._timer.isActive():
                self._timer.start(TURN_MS, self)
        else:
            self._timer.stop()


@lru_cache(maxsize=256)
def _drawing(source: str) -> QSvgRenderer:
    return QSvgRenderer(QByteArray(source.encode()))


class Avatar(QWidget):
    """A round face: the picture that somebody chose (PNG, JPEG …), or the SVG of an identicon; dimmed when stopped."""

    def __init__(self, size: int = 32) -> None:
        super().__init__()
        side = theme().px(size)
        self.setFixedSize(side, side)
        self._source: str | bytes = ""
        self._drawing = ""
        self._picture = QImage()
        self._dim = False

    def set_source(self, source: str | bytes) -> None:
        """Show this SVG text, or the picture in these bytes; nothing if they are neither."""
        if source == self._source:
            return
        self._source = source
        if isinstance(source, bytes):
            self._drawing, self._picture = "", QImage.fromData(source)
        else:
            self._drawing, self._picture = source, QImage()
        self.update()

    def set_dim(self, dim: bool) -> None:
        """Whether the peer rests."""
        if dim != self._dim:
            self._dim = dim
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the face in its circle."""
        del event
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        painter.setOpacity(STOPPED_OPACITY if self._dim else 1.0)
        whole = QRectF(self.rect())
        if self._drawing:
            _drawing(self._drawing).render(painter, whole)
        elif not self._picture.isNull():
            circle = QPainterPath()
            circle.addEllipse(whole)
            painter.setClipPath(circle)
            side = min(self._picture.width(), self._picture.height())
            left, top = (self._picture.width() - side) / 2, (self._picture.height() - side) / 2
            painter.drawImage(whole, self._picture, QRectF(left, top, side, side))
        else:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme().colour("quiet"))
            painter.drawEllipse(whole)
        painter.end()


class Count(QLabel):
    """A number on a disc of the accent; hidden when it is 0."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("kind", "count")
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setFixedHeight(theme().px(18))
        self.setMinimumWidth(theme().px(18))
        self.hide()

    def set_number(self, number: int) -> None:
        """Show this number."""
        self.setText(str(number) if number <= MOST_UNREAD else f"{MOST_UNREAD}+")
        self.setVisible(number > 0)


class Sign(QWidget):
    """A plain icon in a colour token."""

    def __init__(self, name: str, colour: str = "muted", size: int = 16) -> None:
        super().__init__()
        self._name = name
        self._colour = colour
        side = theme().px(size)
        self.setFixedSize(side, side)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def set_sign(self, name: str, colour: str) -> None:
        """Another icon, or another colour."""
        self._name, self._colour = name, colour
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the icon."""
        del event
        painter = QPainter(self)
        draw_icon(painter, self._name, self._colour, QRectF(self.rect()))
        painter.end()
