"""The tabs of a peer's pages."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton

from goop2_desktop.look.controls import button
from goop2_desktop.look.layout import Box, line, row
from goop2_desktop.look.look import theme
from goop2_desktop.look.marks import Count

PAGES = (("site", "Site"), ("people", "People"), ("files", "Files"), ("log", "Log"), ("settings", "Settings"))


class PageTabs(Box):
    """One tab a page; People carries the number of unread messages."""

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__(True, 0, (0, 0, 0, 0), "surface")
        self._tabs: dict[str, QPushButton] = {}
        self._unread = Count()
        self._unread.setObjectName("unread")
        self._line = row(gap=24)
        for page, words in PAGES:
            made = button(words, "tab", name=f"tab-{page}", press=partial(self.chosen.emit, page))
            made.setCheckable(True)
            made.setAccessibleName(words)
            self._tabs[page] = made
            self._line.add(row(made, self._unread, gap=6) if page == "people" else made)
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

    def set_unread(self, number: int) -> None:
        """How many messages wait on the people page."""
        self._unread.set_number(number)
        self._tabs["people"].setAccessibleName(f"People, {number} unread" if number else "People")
