"""The focus ring: 2 px of accent, 2 px off the control, shown only to people who move with the keyboard."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, Qt
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QAbstractSlider, QApplication, QScrollBar, QWidget

from goop2_desktop.look.look import theme

OFF, WIDTH, RADIUS = 2, 2, 8
MOVING_KEYS = {
    Qt.Key.Key_Tab,
    Qt.Key.Key_Backtab,
    Qt.Key.Key_Up,
    Qt.Key.Key_Down,
    Qt.Key.Key_Left,
    Qt.Key.Key_Right,
}


class _Ring(QWidget):
    """The ring of one window, above everything in it."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setObjectName("focus-ring")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.hide()

    def put_round(self, target: QWidget) -> None:
        reach = OFF + WIDTH
        corner = target.mapTo(target.window(), QPoint(0, 0))
        self.setGeometry(QRect(corner, target.size()).adjusted(-reach, -reach, reach, reach))
        self.setVisible(target.isVisible())
        self.raise_()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the ring."""
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme().colour("accent"), WIDTH))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), RADIUS, RADIUS)
        painter.end()


class FocusRings(QObject):
    """Follows the focus through every window of the application. Fields draw their own focus and get no ring."""

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self.setObjectName("focus-rings")
        self._target: QWidget | None = None
        self._by_keyboard = False
        app.focusChanged.connect(self._focus_changed)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Note how the user moves (windows), and keep the ring round its control (controls)."""
        kind = event.type()
        if watched.isWindowType():
            if kind == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
                self._by_keyboard = self._by_keyboard or event.key() in MOVING_KEYS
            elif kind == QEvent.Type.MouseButtonPress:
                self._by_keyboard = False
                self._place()
        elif watched is self._target and kind in (
            QEvent.Type.Move,
            QEvent.Type.Resize,
            QEvent.Type.Hide,
            QEvent.Type.Show,
        ):
            self._place()
        return False

    def _focus_changed(self, old: QWidget | None, new: QWidget | None) -> None:
        if self._target is not None:
            self._target.removeEventFilter(self)
            self._target.destroyed.disconnect(self._forget)
        if old is not None and (new is None or old.window() is not new.window()):
            _hide_ring(old.window())
        self._target = None
        if new is None:
            return
        handle = new.window().windowHandle()
        if handle is not None:
            handle.removeEventFilter(self)
            handle.installEventFilter(self)
        self._target = new
        new.installEventFilter(self)
        new.destroyed.connect(self._forget)
        self._place()

    def _place(self) -> None:
        target = self._target
        if target is None:
            return
        if not (self._by_keyboard and _wants_ring(target)):
            _hide_ring(target.window())
            return
        ring = target.window().findChild(_Ring, "focus-ring", Qt.FindChildOption.FindDirectChildrenOnly)
        (ring or _Ring(target.window())).put_round(target)

    def _forget(self) -> None:
        self._target = None


def _wants_ring(widget: QWidget) -> bool:
    return isinstance(widget, QAbstractButton | QAbstractSlider) and not isinstance(widget, QScrollBar)


def _hide_ring(window: QWidget) -> None:
    ring = window.findChild(_Ring, "focus-ring", Qt.FindChildOption.FindDirectChildrenOnly)
    if ring is not None:
        ring.hide()
