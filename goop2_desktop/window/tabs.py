"""The tabs of a peer's pages."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton

from goop2_desktop.look.controls import button
from goop2_desktop.look.layout import Box, line, row
from goop2_desktop.look.look import theme
from goop2_desktop.look.marks import Count

PAGES = (
    ("site", "Site"),
    ("people", "People"),
    ("groups", "Groups"),
    ("files", "Files"),
    ("log", "Log"),
    ("settings", "Settings"),
)
COUNTED = ("people", "groups")


class PageTabs(Box):
    """One tab a page; People and Groups carry the number of unread messages."""

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__(True, 0, (0, 0, 0, 0), "surface")
        self._tabs: dict[str, QPushButton] = {}
        self._unread = {page: Count() for page in COUNTED}
        self._line = row(gap=24)
        for page, words in PAGES:
            made = button(words, "tab", name=f"tab-{page}", press=partial(self.chosen.emit, page))
            made.setCheckable(True)
            made.setAccessibleName(words)
            self._tabs[page] = made
            self._line.add(row(made, self._unread[page], gap=6) if page in COUNTED else made)
        self._line.add(...)
        self.add(self._line, line())
        self.set_compact(compact=False)

    def set_compact(self, *, compact: bool) -> None:
        """Narrower margins."""
        side = 16 if compact else 24
        self._line.set_margins((side, 0, 16, 0))
        self._line.lines.setSpacing(theme().px(20 if compact else 24))

    def choose(self, page: str) -> None:
        """Mark the page that is shown."""
        for name, tab in self._tabs.items():
            tab.setChecked(name == page)

    def set_unread(self, people: int, groups: int) -> None:
        """How many messages wait on either page."""
        words = dict(PAGES)
        for page, number in zip(COUNTED, (people, groups), strict=True):
            self._unread[page].set_number(number)
            self._tabs[page].setAccessibleName(f"{words[page]}, {number} unread" if number else words[page])
