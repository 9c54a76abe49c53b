"""Everyone this peer has met, as the database keeps them (spec/network 2.7): `_peer_cache` and `_favorites`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from goop2_core.data.store import Store
from goop2_core.data.times import from_text, to_text

MOST_PEOPLE = 2000
MOST_ADDRESSES = 20
MOST_PROTOCOLS = 200
_LONGEST_LIST = 65536
_COLUMNS = (
    "peer_id, content, email, avatar_hash, video_disabled, active_template, verified, addrs, last_seen, protocols, "
    "public_key"
)


@dataclass(frozen=True, slots=True)
class PersonRow:
    """What is kept of one person. `last_seen` in Unix milliseconds, 0 if unknown; `addrs` are multiaddrs."""

    peer_id: str
    content: str = ""
    email: str = ""
    avatar_hash: str = ""
    video_disabled: bool = False
    active_template: str = ""
    verified: bool = False
    addrs: tuple[str, ...] = ()
    last_seen: int = 0
    protocols: tuple[str, ...] = ()
    public_key: str = ""
    favorite: bool = False


class PeopleStore:
    """Reads and writes people."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def load(self) -> list[PersonRow]:
        """Everyone, those seen last first. Beyond `MOST_PEOPLE`, whoever has not been seen for longest is dropped."""
        return await self._store.write(_load)

    async def upsert(self, row: PersonRow) -> None:
        """Keep what is known of a person now; a favourite's entry is brought up to date as well.

        Without addresses or public key in `row` the known ones stay, and `protocols` and `favorite` are not touched.
        """
        values = (
            row.peer_id,
            row.content,
            row.email,
            row.avatar_hash,
            int(row.video_disabled),
            row.active_template,
            int(row.verified),
            json.dumps(row.addrs[:MOST_ADDRESSES]),
            to_text(row.last_seen),
            row.public_key,
        )

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(_INSERT, values)
            connection.execute(_UPDATE_FAVORITE, (*values[1:], row.peer_id))

        await self._store.write(write)

    async def set_favorite(self, peer_id: str, favorite: bool) -> None:
        """Make a person a favourite, with what the cache says of them, or no longer one."""

        def write(connection: sqlite3.Connection) -> None:
            if not favorite:
                connection.execute("DELETE FROM _favorites WHERE peer_id = ?", (peer_id,))
                return
            connection.execute("INSERT OR IGNORE INTO _peer_cache (peer_id) VALUES (?)", (peer_id,))
            connection.execute(
                f"INSERT OR REPLACE INTO _favorites ({_COLUMNS}) SELECT {_COLUMNS} FROM _peer_cache WHERE peer_id = ?",  # noqa: S608 (constants)
                (peer_id,),
            )

        await self._store.write(write)

    async def set_protocols(self, peer_id: str, protocols: Sequence[str]) -> None:
        """Keep which protocols a known person's peer speaks."""
        text = json.dumps(list(protocols)[:MOST_PROTOCOLS])

        def write(connection: sqlite3.Connection) -> None:
            for table in ("_peer_cache", "_favorites"):
                connection.execute(f"UPDATE {table} SET protocols = ? WHERE peer_id = ?", (text, peer_id))  # noqa: S608

        await self._store.write(write)

    async def forget(self, peer_id: str) -> None:
        """Drop a person who has been offline for long; a favourite stays one."""

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM _peer_cache WHERE peer_id = ?", (peer_id,))

        await self._store.write(write)


_INSERT = """
    INSERT INTO _peer_cache (peer_id, content, email, avatar_hash, video_disabled, active_template, verified, addrs,
        last_seen, public_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (peer_id) DO UPDATE SET content = excluded.content, email = excluded.email,
        avatar_hash = excluded.avatar_hash, video_disabled = excluded.video_disabled,
        active_template = excluded.active_template, verified = excluded.verified,
        addrs = CASE excluded.addrs WHEN '[]' THEN addrs ELSE excluded.addrs END, last_seen = excluded.last_seen,
        public_key = CASE excluded.public_key WHEN '' THEN public_key ELSE excluded.public_key END
"""
_UPDATE_FAVORITE = """
    UPDATE _favorites SET content = ?1, email = ?2, avatar_hash = ?3, video_disabled = ?4, active_template = ?5,
        verified = ?6, addrs = CASE ?7 WHEN '[]' THEN addrs ELSE ?7 END, last_seen = ?8,
        public_key = CASE ?9 WHEN '' THEN public_key ELSE ?9 END
    WHERE peer_id = ?10
"""


def _load(connection: sqlite3.Connection) -> list[PersonRow]:
    favorites = {row.peer_id: row for row in _rows(connection, "_favorites", favorite=True)}
    people = {row.peer_id: row for row in _rows(connection, "_peer_cache", favorite=False)}
    ordered = sorted(people.values(), key=lambda row: row.last_seen, reverse=True)
    for row in ordered[MOST_PEOPLE:]:
        connection.execute("DELETE FROM _peer_cache WHERE peer_id = ?", (row.peer_id,))
        del people[row.peer_id]
    for peer_id, kept in favorites.items():
        known = people.get(peer_id)
        people[peer_id] = kept if known is None else _favorite(known, kept)
    return sorted(people.values(), key=lambda row: row.last_seen, reverse=True)


def _favorite(known: PersonRow, kept: PersonRow) -> PersonRow:
    """A favourite who is in the cache too. REF empties the cached key when it hears of the person on the LAN."""
    return replace(
        known, favorite=True, public_key=known.public_key or kept.public_key, addrs=known.addrs or kept.addrs
    )


def _rows(connection: sqlite3.Connection, table: str, *, favorite: bool) -> list[PersonRow]:
    return [_row(row, favorite=favorite) for row in connection.execute(f"SELECT {_COLUMNS} FROM {table}")]  # noqa: S608


def _row(row: Sequence[Any], *, favorite: bool) -> PersonRow:
    peer_id, content, email, avatar_hash, video_disabled, template, verified, addrs, seen, protocols, key = row
    return PersonRow(
        peer_id=_text(peer_id),
        content=_text(content),
        email=_text(email),
        avatar_hash=_text(avatar_hash),
        video_disabled=bool(video_disabled),
        active_template=_text(template),
        verified=bool(verified),
        addrs=_texts(addrs, MOST_ADDRESSES),
        last_seen=from_text(seen),
        protocols=_texts(protocols, MOST_PROTOCOLS),
        public_key=_text(key),
        favorite=favorite,
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object, most: int) -> tuple[str, ...]:
    """A JSON list of texts; REF writes `null` for none."""
    if not isinstance(value, str) or len(value) > _LONGEST_LIST:
        return ()
    try:
        items = json.loads(value)
    except (ValueError, RecursionError):
        return ()
    return tuple(item for item in items if isinstance(item, str))[:most] if isinstance(items, list) else ()
