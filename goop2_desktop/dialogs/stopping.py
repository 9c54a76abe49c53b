"""What is on the screen while the engines stop."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QProgressBar, QWidget

from goop2_desktop.look.layout import Box
from goop2_desktop.look.look import theme
from goop2_desktop.look.words import Words


class Stopping(Box):
    """A small window without an answer: a few seconds at most."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(True, 12, (24, 24, 24, 24), "window")
        self.setParent(parent, Qt.WindowType.Dialog | Qt.WindowType.CustomizeWindowHint | Qt.WindowType.WindowTitleHint)
        self.setObjectName("stopping")
        self.setWindowTitle("goop2")
        bar = QProgressBar()
        bar.setRange(0, 0)
        bar.setTextVisible(False)
        self.add(Words("Stopping…", "title"), Words("Your peers say goodbye.", muted=True), bar)
        self.setFixedSize(theme().px(300), theme().px(128))
