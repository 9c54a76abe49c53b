"""A new tab: where one could go."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from goop2_core.events import Person
from goop2_desktop.look.banner import EmptyPage
from goop2_desktop.look.controls import button
from goop2_desktop.look.layout import column
from goop2_desktop.states import short_link

MOST = 6
WORDS = "Type a person's name, a goop2: link or a peer ID in the address bar."


class StartPage(QWidget):
    """Offers the sites of people who are online, favourites first."""

    visit = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("start-page")
        self._lines = QVBoxLayout(self)
        self._lines.setContentsMargins(0, 0, 0, 0)
        self._page: EmptyPage | None = None
        self.offer([])

    def offer(self, people: list[Person]) -> None:
        """Offer these people."""
        online = sorted((person for person in people if person.online), key=_order)
        visits = [
            button(
                _shown(person),
                "link",
                name=f"visit:{person.peer_id}",
                press=partial(self.visit.emit, person.peer_id),
            )
            for person in online[:MOST]
        ]
        words = f"{WORDS} Or visit somebody who is online now:" if visits else WORDS
        page = EmptyPage("globe", "Visit a site", words, column(*visits, gap=4))
        if self._page is not None:
            self._lines.removeWidget(self._page)
            self._page.deleteLater()
        self._page = page
        self._lines.addWidget(page)


def _shown(person: Person) -> str:
    return person.name or short_link(f"goop2:{person.peer_id}").removeprefix("goop2:")


def _order(person: Person) -> tuple[bool, bool, str]:
    return not person.favorite, not person.name, _shown(person).casefold()
