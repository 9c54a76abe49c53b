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
        words = f"{WORDS} Or visit somebody who is online now:" if online else WORDS
        self._show("Visit a site", words, [(person, _shown(person)) for person in online])

    def offer_namesakes(self, title: str, people: list[Person]) -> None:
        """Offer these people, who have the same name: what nobody can take from another is the peer ID."""
        named = sorted(people, key=lambda person: (not person.favorite, not person.online, person.peer_id))
        self._show(title, "Whom do you mean? Their peer IDs differ.", [(one, _told_apart(one)) for one in named])

    def _show(self, title: str, words: str, people: list[tuple[Person, str]]) -> None:
        visits = [
            button(said, "link", name=f"visit:{person.peer_id}", press=partial(self.visit.emit, person.peer_id))
            for person, said in people[:MOST]
        ]
        page = EmptyPage("globe", title, words, column(*visits, gap=4))
        if self._page is not None:
            self._lines.removeWidget(self._page)
            self._page.deleteLater()
        self._page = page
        self._lines.addWidget(page)


def _shown(person: Person) -> str:
    return person.name or _short(person)


def _told_apart(person: Person) -> str:
    return f"{person.name} · {_short(person)} · {'online' if person.online else 'offline'}"


def _short(person: Person) -> str:
    return short_link(f"goop2:{person.peer_id}").removeprefix("goop2:")


def _order(person: Person) -> tuple[bool, bool, str]:
    return not person.favorite, not person.name, _shown(person).casefold()
