"""The address bar."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QLineEdit

from goop2_desktop.look.look import theme
from goop2_desktop.states import short_address

MOST = 4096


class AddressBar(QLineEdit):
    """Shows a short form of the address; with the focus the whole of it, selected, to copy or to type over."""

    entered = Signal(str)
    left = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("address")
        self.setProperty("kind", "address")
        self.setMaxLength(MOST)
        self.setFont(theme().font("body"))
        self.setPlaceholderText("A person's name, a goop2: link or a peer ID")
        self.setAccessibleName("Address")
        self._address = ""
        self._typed = False
        self.textEdited.connect(self._note_typing)
        self.returnPressed.connect(self._enter)

    def set_address(self, address: str) -> None:
        """Show another address, unless the user is typing one."""
        self._address = address
        if not (self.hasFocus() and self._typed):
            self._show()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the whole address."""
        super().focusInEvent(event)
        self._typed = False
        self._show()
        QTimer.singleShot(0, self, self.selectAll)  # after the click that gave the focus

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Back to the short form; what was typed and not entered stays only while a menu is open."""
        super().focusOutEvent(event)
        if event.reason() is not Qt.FocusReason.PopupFocusReason:
            self._typed = False
            self._show()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc puts the address back and leaves."""
        if event.key() == Qt.Key.Key_Escape:
            self._typed = False
            self._show()
            self.left.emit()
            return
        super().keyPressEvent(event)

    def _show(self) -> None:
        shown = self._address if self.hasFocus() else short_address(self._address)
        if shown != self.text():
            self.setText(shown)
            self.setCursorPosition(0)

    def _note_typing(self) -> None:
        self._typed = True

    def _enter(self) -> None:
        text = self.text().strip()
        if text:
            self._typed = False
            self._address = text
            self.left.emit()
            self.entered.emit(text)
