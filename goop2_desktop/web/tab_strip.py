"""The strip of site tabs: 184 wide each, down to 112, and then it scrolls."""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QPushButton, QScrollArea, QToolButton, QVBoxLayout, QWidget

from goop2_desktop.look.controls import tool
from goop2_desktop.look.layout import Box, row
from goop2_desktop.look.look import theme
from goop2_desktop.look.marks import Sign
from goop2_desktop.look.words import Elided

WIDEST, NARROWEST, GAP = 184, 112, 4


class TabButton(QPushButton):
    """One tab."""

    close_wanted = Signal()

    def __init__(self, *, own: bool) -> None:
        super().__init__()
        self.own = own
        self.setObjectName("own-tab" if own else "site-tab")
        self.setProperty("kind", "site")
        self.setCheckable(True)
        self._icon = "house" if own else "globe"
        self._sign = Sign(self._icon)
        self._title = Elided("", "body", "muted")
        inside = row(self._sign, self._title, margins=(9, 0, 9 if own else 3, 0))
        inside.give_room_to(self._title)
        if not own:
            close = tool(
                "x",
                "Close tab (Ctrl+W)",
                name="close-tab",
                press=self.close_wanted.emit,
                kind="small",
                colour="muted",
                size=14,
            )
            inside.add(close)
        self._sign.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._title.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        lines = QVBoxLayout(self)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.addWidget(inside)
        self.toggled.connect(self._dress)

    @property
    def controls(self) -> list[QWidget]:
        """What can have the focus, from left to right."""
        return [self, *self.findChildren(QToolButton)]

    def set_title(self, title: str, loading: bool) -> None:
        """What the tab says."""
        self._title.set_words(title)
        self.setToolTip(title)
        self.setAccessibleName(f"{title}, loading" if loading else title)
        self._icon = "house" if self.own else "clock" if loading else "globe"
        self._dress(self.isChecked())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The middle button closes."""
        if event.button() is Qt.MouseButton.MiddleButton and not self.own:
            self.close_wanted.emit()
            return
        super().mouseReleaseEvent(event)

    def _dress(self, checked: bool) -> None:
        self._sign.set_sign(self._icon, "accent" if checked else "muted")
        self._title.set_kind("strong" if checked else "body")
        self._title.set_colour("text" if checked else "muted")


class TabStrip(QScrollArea):
    """The tabs, the own one from the beginning, and the button for another one."""

    chosen = Signal(int)
    close_wanted = Signal(int)
    new_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._tabs: list[TabButton] = []
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFixedHeight(theme().px(32))
        self._new = tool("plus", "New tab (Ctrl+T)", name="new-tab", press=self.new_wanted.emit, size=16)
        self._line: Box = row(self._new_tab(own=True), self._new, ..., gap=GAP)
        self.setWidget(self._line)
        self.viewport().setAutoFillBackground(False)
        self._line.setAutoFillBackground(False)

    def add_tab(self) -> None:
        """Another tab at the end."""
        tab = self._new_tab(own=False)
        self._line.lines.insertWidget(len(self._tabs) - 1, tab)
        for before, control in pairwise((*self._tabs[-2].controls, *tab.controls)):
            QWidget.setTabOrder(before, control)
        self._share_room()

    def _new_tab(self, *, own: bool) -> TabButton:
        tab = TabButton(own=own)
        self._tabs.append(tab)
        tab.clicked.connect(lambda: self.chosen.emit(self._tabs.index(tab)))
        tab.close_wanted.connect(lambda: self.close_wanted.emit(self._tabs.index(tab)))
        return tab

    def remove_tab(self, place: int) -> None:
        """Take a tab away."""
        tab = self._tabs.pop(place)
        tab.hide()
        tab.deleteLater()
        self._share_room()

    def set_tab(self, place: int, title: str, loading: bool) -> None:
        """What a tab says."""
        self._tabs[place].set_title(title, loading)

    def choose(self, place: int) -> None:
        """Mark the tab that is shown."""
        for number, tab in enumerate(self._tabs):
            tab.setChecked(number == place)
        self.ensureWidgetVisible(self._tabs[place], 0, 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the room among the tabs."""
        super().resizeEvent(event)
        self._share_room()

    def _share_room(self) -> None:
        others = max(len(self._tabs) - 1, 1)
        gap = theme().px(GAP)
        room = self.width() - theme().px(NARROWEST) - theme().px(32) - gap * (others + 2)
        width = min(max(room // others, theme().px(NARROWEST)), theme().px(WIDEST))
        for tab in self._tabs:
            tab.setFixedWidth(theme().px(NARROWEST) if tab.own else width)
