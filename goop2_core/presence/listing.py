"""The people as a front end sees them, and when it is told that somebody changed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from goop2_core.events import Event, Path, Person, PersonChanged, PersonGone
from goop2_core.p2p.api import Connection, Node
from goop2_core.presence.table import PeerTable, Row

LAST_SEEN_SECONDS = 30.0


class Listing:
    """Makes a `Person` of a row, and emits it when something that can be seen has changed.

    That somebody was heard again is not worth an event each time: it alone is told every 30 s at most.
    """

    def __init__(
        self, node: Node, table: PeerTable, encrypts_for: Callable[[str], bool], emit: Callable[[Event], None]
    ) -> None:
        self._node = node
        self._table = table
        self._encrypts_for = encrypts_for
        self._emit = emit
        self._shown: dict[str, tuple[Person, float]] = {}

    def people(self) -> list[Person]:
        """Everyone: favourites first, then who is online, then by name."""
        connections: dict[str, list[Connection]] = {}
        for connection in self._node.connections():
            connections.setdefault(connection.peer_id, []).append(connection)
        everyone = [self._person(row, connections.get(row.peer_id, [])) for row in self._table.rows.values()]
        return sorted(everyone, key=lambda one: (not one.favorite, not one.online, one.name.casefold(), one.peer_id))

    def person(self, row: Row) -> Person:
        """One of them."""
        return self._person(row, self._node.connections(row.peer_id))

    def show(self, row: Row) -> None:
        """Tell of a row if it looks different now."""
        person = self.person(row)
        now = time.monotonic()
        shown, told = self._shown.get(row.peer_id, (None, 0.0))
        if shown == person:
            return
        if shown and replace(shown, last_seen=person.last_seen) == person and now - told < LAST_SEEN_SECONDS:
            return
        self._shown[row.peer_id] = (person, now)
        self._emit(PersonChanged(person))

    def gone(self, peer_id: str) -> None:
        """Tell that a row was removed."""
        self._shown.pop(peer_id, None)
        self._emit(PersonGone(peer_id))

    def _person(self, row: Row, connections: list[Connection]) -> Person:
        direct = any(not connection.relayed for connection in connections)
        facts = row.facts
        return Person(
            peer_id=row.peer_id,
            name=facts.content,
            email=facts.email,
            avatar_hash=facts.avatar_hash,
            video_disabled=facts.video_disabled,
            active_template=facts.active_template,
            version=facts.version,
            online=row.online,
            reachable=row.reachable,
            path=Path.DIRECT if direct else Path.RELAYED if connections else Path.NONE,
            encrypted=self._encrypts_for(row.peer_id),
            verified=row.verified,
            favorite=row.favorite,
            last_seen=row.last_seen,
        )
