"""The peer table's memory: what the database keeps of it between runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace

from goop2_core.data.people import PeopleStore, PersonRow
from goop2_core.encryption.box import is_key
from goop2_core.presence.message import Facts, clean_line
from goop2_core.presence.table import PeerTable, Row

LAST_SEEN_MS = 60_000
BATCH = 200


class Keeper:
    """Writes rows that changed, in batches. That a peer was only heard again is written once a minute."""

    def __init__(self, store: PeopleStore, table: PeerTable) -> None:
        self._store = store
        self._table = table
        self._noted: dict[str, None] = {}
        self._written: dict[str, PersonRow] = {}
        self._protocols: dict[str, tuple[str, ...]] = {}

    async def load(self) -> list[Row]:
        """Everyone the database knows, as offline rows. What they could not have announced is not believed here."""
        rows = []
        for stored in await self._store.load():
            row = Row(
                stored.peer_id,
                facts=Facts(
                    content=clean_line(stored.content),
                    email=clean_line(stored.email),
                    avatar_hash=stored.avatar_hash,
                    video_disabled=stored.video_disabled,
                    active_template=clean_line(stored.active_template),
                    public_key=stored.public_key if is_key(stored.public_key) else "",
                ),
                addresses=stored.addrs,
                verified=stored.verified,
                favorite=stored.favorite,
                last_seen=stored.last_seen,
            )
            self._written[row.peer_id] = _stored(row)
            self._protocols[row.peer_id] = stored.protocols
            rows.append(row)
        return rows

    def note(self, row: Row) -> None:
        """This row may have changed; `flush` writes it if so."""
        self._noted[row.peer_id] = None

    async def flush(self, *, everything: bool = False) -> None:
        """Write what changed; with `everything` also when peers were last heard. Raises `Goop2Error`."""
        names = list(self._noted) if not everything else list(self._table.rows)
        self._noted.clear()
        rows = [_stored(row) for name in names if (row := self._table.get(name)) is not None]
        changed = [row for row in rows if self._differs(row, everything=everything)]
        for start in range(0, len(changed), BATCH):
            batch = changed[start : start + BATCH]
            await asyncio.gather(*(self._store.upsert(row) for row in batch))
            self._written |= {row.peer_id: row for row in batch}

    async def set_favorite(self, row: Row, favorite: bool) -> None:
        """Store a favourite with what is known of it now, or no longer. Raises `Goop2Error`."""
        await self._store.upsert(_stored(row))
        await self._store.set_favorite(row.peer_id, favorite)

    async def set_protocols(self, peer_id: str, protocols: Sequence[str]) -> None:
        """Store what a peer speaks, if that is new. Raises `Goop2Error`."""
        if self._protocols.get(peer_id) != tuple(protocols):
            self._protocols[peer_id] = tuple(protocols)
            await self._store.set_protocols(peer_id, protocols)

    async def forget(self, peer_ids: Iterable[str]) -> None:
        """Drop peers that left the table. Raises `Goop2Error`."""
        peer_ids = list(peer_ids)
        for peer_id in peer_ids:
            self._written.pop(peer_id, None)
            self._protocols.pop(peer_id, None)
        await asyncio.gather(*(self._store.forget(peer_id) for peer_id in peer_ids))

    def _differs(self, row: PersonRow, *, everything: bool) -> bool:
        written = self._written.get(row.peer_id)
        if written is None or everything:
            return written != row
        return row.last_seen - written.last_seen >= LAST_SEEN_MS or replace(written, last_seen=row.last_seen) != row


def _stored(row: Row) -> PersonRow:
    return PersonRow(
        peer_id=row.peer_id,
        content=row.facts.content,
        email=row.facts.email,
        avatar_hash=row.facts.avatar_hash,
        video_disabled=row.facts.video_disabled,
        active_template=row.facts.active_template,
        verified=row.verified,
        addrs=row.addresses,
        last_seen=row.last_seen,
        public_key=row.facts.public_key,
    )
