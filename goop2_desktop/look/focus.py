"""The focus ring: 2 px of accent, 2 px off the control, shown only to people who move with the keyboard."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, Qt, QTimer
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QAbstractSlider, QApplication, QScrollBar, QWidget
from shiboken6 import isValid

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
CHANGES = {QEvent.Type.Move, QEvent.Type.Resize, QEvent.Type.Hide, QEvent.Type.Show}


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
    """Follows the focus through every window of the application. Fields draw their own focus and get no ring.

    Qt also speaks of the focus and of hiding while it destroys a control or its whole window. So nothing is touched
    at that moment: the ring is put in its place in the loop's next turn, round what is still there then.
    """

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self.setObjectName("focus-rings")
        self._target: QWidget | None = None
        self._ring: _Ring | None = None
        self._by_keyboard = False
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._place)
        app.focusChanged.connect(self._focus_changed)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Note how the user moves (windows), and keep the ring round its control (controls)."""
        kind = event.type()
        if watched.isWindowType():
            if kind == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
                self._by_keyboard = self._by_keyboard or event.key() in MOVING_KEYS
                self._soon.start()
            elif kind == QEvent.Type.MouseButtonPress:
                self._by_keyboard = False
                self._soon.start()
        elif watched is self._target and kind in CHANGES:
            self._soon.start()
        return False

    def _focus_changed(self, old: QWidget | None, new: QWidget | None) -> None:
        del old  # perhaps half destroyed
        if self._target is not None and isValid(self._target):
            self._target.removeEventFilter(self)
        self._target = new
        self._soon.start()
        if new is None:
            return
        new.installEventFilter(self)
        handle = new.window().windowHandle()
        if handle is not None and isValid(handle):  # that of a window that was made anew may be the old one (measured)
            handle.removeEventFilter(self)
            handle.installEventFilter(self)

    def _place(self) -> None:
        target = self._target
        if target is None or not isValid(target) or not (self._by_keyboard and _wants_ring(target)):
            self._hide()
            return
        if self._ring is None or not isValid(self._ring) or self._ring.parentWidget() is not target.window():
            self._hide()
            window = target.window()
            found = window.findChild(_Ring, "focus-ring", Qt.FindChildOption.FindDirectChildrenOnly)
            self._ring = found or _Ring(window)
        self._ring.put_round(target)

    def _hide(self) -> None:
        if self._ring is not None and isValid(self._ring):
            self._ring.hide()


def _wants_ring(widget: QWidget) -> bool:
    return isinstance(widget, QAbstractButton | QAbstractSlider) and not isinstance(widget, QScrollBar)
