"""The peer table: who was heard of, when, and whether they can be reached (spec 2.7). Plain data, no I/O.

Its clock is monotonic seconds; `last_seen` alone is Unix milliseconds, because it is shown and stored.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from goop2_core.presence.message import Facts

MOST_ROWS = 5000
FAILURES_TOLERATED = 2
FAILURE_WINDOW = 2.0
NOTHING = Facts()


@dataclass(slots=True)
class Row:
    """One peer. `heard` and `offline_since` are clock seconds, `ts` is the newest time of its own that it told."""

    peer_id: str
    facts: Facts = NOTHING
    addresses: tuple[str, ...] = ()
    online: bool = False
    reachable: bool = False
    verified: bool = False
    favorite: bool = False
    heard: float = 0.0
    offline_since: float = 0.0
    last_seen: int = 0
    ts: int = 0
    fail_streak: int = 0
    failed_at: float = field(default=float("-inf"))
    asked_while_silent: bool = False


class PeerTable:
    """All rows, at most `most`. Those that had to make room for others are in `evicted` until somebody takes them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = MOST_ROWS) -> None:
        self._clock = clock
        self._most = most
        self.rows: dict[str, Row] = {}
        self.evicted: list[str] = []

    def get(self, peer_id: str) -> Row | None:
        """The row of a peer."""
        return self.rows.get(peer_id)

    def is_old_news(self, peer_id: str, ts: int, ttl: float) -> bool:
        """Whether a peer's message is older than one that it sent before (spec 10.4).

        Clocks vary, so `ts` orders the messages of one peer and means nothing else; a peer that was silent for `ttl`
        seconds may have set its clock back.
        """
        row = self.rows.get(peer_id)
        return row is not None and 0 < ts < row.ts and self._clock() - row.heard < ttl

    def upsert(self, peer_id: str, facts: Facts, addresses: tuple[str, ...] = (), ts: int = 0) -> Row | None:
        """The row of a peer that was just heard: online, with its new facts. `None` if there is no room for it.

        A known key, a known version and the ability to decrypt outlive a message that does not mention them.
        """
        row = self.rows.get(peer_id)
        if row is None:
            if not self._make_room():
                return None
            row = self.rows[peer_id] = Row(peer_id)
        row.facts = Facts(
            content=facts.content,
            email=facts.email,
            avatar_hash=facts.avatar_hash,
            video_disabled=facts.video_disabled,
            active_template=facts.active_template,
            public_key=facts.public_key or row.facts.public_key,
            accepts=facts.accepts or row.facts.accepts,
            version=facts.version or row.facts.version,
        )
        row.addresses = addresses or row.addresses
        row.ts = ts or row.ts
        self.touch(row)
        return row

    def touch(self, row: Row) -> None:
        """The peer was heard just now."""
        row.heard = self._clock()
        row.last_seen = time.time_ns() // 1_000_000
        row.online = True
        row.asked_while_silent = False

    def seed(self, row: Row) -> bool:
        """Add a row from the database as offline; false if the peer is known already or there is no room."""
        if row.peer_id in self.rows or not self._make_room():
            return False
        row.online = row.reachable = False
        row.heard = row.offline_since = self._clock()
        self.rows[row.peer_id] = row
        return True

    def set_reachable(self, peer_id: str, reachable: bool) -> bool:
        """Note that a peer was reached, or not; true if that changed what is said of it.

        Two failures more than 2 s apart make a peer unreachable, so that those of one moment count as one.
        """
        row = self.rows.get(peer_id)
        if row is None:
            return False
        if reachable:
            row.fail_streak, row.failed_at = 0, float("-inf")
        else:
            now = self._clock()
            if now - row.failed_at > FAILURE_WINDOW:
                row.fail_streak, row.failed_at = row.fail_streak + 1, now
            if row.fail_streak < FAILURES_TOLERATED:
                return False
        changed = row.reachable != reachable
        row.reachable = reachable
        return changed

    def mark_offline(self, peer_id: str, ts: int = 0) -> bool:
        """Note that a peer went away; true if it was online."""
        row = self.rows.get(peer_id)
        if row is None:
            return False
        row.reachable = False
        row.fail_streak, row.failed_at = 0, float("-inf")
        row.ts = ts or row.ts
        if not row.online:
            return False
        row.online = False
        row.offline_since = self._clock()
        return True

    def prune(self, ttl: float, grace: float) -> tuple[list[str], list[str]]:
        """Peers that were silent for `ttl` seconds and are offline now, and those removed after `grace` seconds more.

        Favourites stay.
        """
        now = self._clock()
        silent = [row.peer_id for row in self.rows.values() if row.online and now - row.heard > ttl]
        for peer_id in silent:
            self.mark_offline(peer_id)
        gone = [
            row.peer_id
            for row in self.rows.values()
            if not row.online and not row.favorite and now - row.offline_since > grace
        ]
        for peer_id in gone:
            del self.rows[peer_id]
        return silent, gone

    def _make_room(self) -> bool:
        """Give up the offline row of longest ago, else the unreachable one heard longest ago; favourites never."""
        if len(self.rows) < self._most:
            return True
        spare = [row for row in self.rows.values() if not row.favorite and not (row.online and row.reachable)]
        if not spare:
            return False
        worst = min(spare, key=lambda row: (row.online, row.heard if row.online else row.offline_since))
        del self.rows[worst.peer_id]
        self.evicted.append(worst.peer_id)
        return True
