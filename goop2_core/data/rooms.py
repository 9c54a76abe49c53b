"""What was said in chat rooms. REF keeps nothing of it, so the tables are ours alone.

A room's host counts every change (a new message, an edit, a deletion) and gives it the next number `n`: members say up
to which number they have everything, and get what is above. A message is told from others by author and `uid`.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from goop2_core.data.store import Store
from goop2_core.errors import Refused
from goop2_core.events import Delivery, RoomMessage

MOST_PER_ROOM = 20_000
_TRIM_EVERY = 64
_COLUMNS = (
    "m.id, m.group_id, m.uid, m.from_id, m.from_name, m.content, m.ts, m.delivery, m.error, m.reply_from, m.reply_uid, "
    "m.rev, m.edited_at, m.deleted, m.first_n, m.n, COALESCE(r.id, 0)"
)
_FROM = (
    "_room_messages m LEFT JOIN _room_messages r "
    "ON m.reply_uid != '' AND r.group_id = m.group_id AND r.from_id = m.reply_from AND r.uid = m.reply_uid"
)
_SELECT = f"SELECT {_COLUMNS} FROM {_FROM}"  # noqa: S608 (constants)
_UNSENT = "m.delivery IN ('sending', 'waiting')"


@dataclass(frozen=True, slots=True)
class Said:
    """A message as its author, or the host, tells it. `ts` and `edited_at` in ms; `n` 0 if no host of ours counted."""

    uid: str
    from_id: str
    from_name: str
    content: str
    ts: int
    reply_from: str = ""
    reply_uid: str = ""
    rev: int = 0
    edited_at: int = 0
    deleted: bool = False
    n: int = 0


@dataclass(frozen=True, slots=True)
class RoomRow:
    """A message as it is kept. `first_n` is the number that it got when it was new."""

    id: int
    group_id: str
    uid: str
    from_id: str
    from_name: str
    content: str
    ts: int
    delivery: Delivery
    error: str
    reply_from: str
    reply_uid: str
    rev: int
    edited_at: int
    deleted: bool
    first_n: int
    n: int
    reply_to: int

    def shown(self) -> RoomMessage:
        """The message as it is shown."""
        return RoomMessage(
            self.id,
            self.group_id,
            self.from_id,
            self.from_name,
            self.content,
            self.ts,
            self.delivery,
            self.error,
            self.reply_to,
            self.edited_at,
            self.deleted,
        )


@dataclass(frozen=True, slots=True)
class RoomState:
    """Up to which number there is everything, in which sequence."""

    epoch: str
    last_n: int


class RoomStore:
    """Reads and writes rooms. `own_id` is this peer's ID."""

    def __init__(self, store: Store, own_id: str) -> None:
        self._store = store
        self._own_id = own_id

    async def open(self, group_id: str, *, hosted: bool) -> RoomState:
        """A room's state; it is made if there is none. A hosted one gets a new epoch then."""

        def write(connection: sqlite3.Connection) -> RoomState:
            epoch = secrets.token_hex(8) if hosted else ""
            connection.execute("INSERT OR IGNORE INTO _room_state (group_id, epoch) VALUES (?, ?)", (group_id, epoch))
            if hosted:
                connection.execute(
                    "UPDATE _room_state SET epoch = ? WHERE group_id = ? AND epoch = ''", (epoch, group_id)
                )
            return _state(connection, group_id)

        return await self._store.write(write)

    async def say(self, group_id: str, said: Said, client_id: str, *, hosted: bool) -> tuple[RoomRow, bool]:
        """Keep an own new message, with whether it is new: the same `client_id` again gives the one of the first time.

        In a room hosted here it is delivered when this returns; elsewhere it is `SENDING`.
        """

        def write(connection: sqlite3.Connection) -> tuple[RoomRow, bool]:
            _state(connection, group_id)
            if client_id:
                found = _one(connection, "m.client_id = ? AND m.group_id = ?", (client_id, group_id))
                if found is not None:
                    return found, False
            delivery = Delivery.DELIVERED if hosted else Delivery.SENDING
            number = _insert(connection, group_id, said, delivery, client_id)
            if hosted:
                _count(connection, group_id, number, first=True)
            return _must(connection, number), True

        return await self._store.write(write)

    async def take(self, group_id: str, said: Said) -> tuple[RoomRow, bool]:
        """As the host: keep what a member says, new or a later version of it; with whether that changed anything."""

        def write(connection: sqlite3.Connection) -> tuple[RoomRow, bool]:
            _state(connection, group_id)
            old = _by_uid(connection, group_id, said.from_id, said.uid)
            if old is not None and said.rev <= old.rev:
                return old, False
            if old is None:
                number = _insert(connection, group_id, said, Delivery.RECEIVED)
            else:
                number = old.id
                _revise(connection, number, said, Delivery.RECEIVED)
            _count(connection, group_id, number, first=old is None)
            return _must(connection, number), True

        return await self._store.write(write)

    async def receive(self, group_id: str, said: Iterable[Said], upto: RoomState | None = None) -> list[RoomRow]:
        """As a member: keep what the host passes on, and that there is everything up to `upto`; what has changed.

        An own message among them is one that the host has: it is delivered, unless it was edited since.
        """
        messages = list(said)

        def write(connection: sqlite3.Connection) -> list[RoomRow]:
            _state(connection, group_id)
            changed = [row for one in messages if (row := self._receive_one(connection, group_id, one)) is not None]
            if upto is not None:
                connection.execute(
                    "UPDATE _room_state SET epoch = ?, last_n = ? WHERE group_id = ?",
                    (upto.epoch, upto.last_n, group_id),
                )
            return changed

        return await self._store.write(write)

    def _receive_one(self, connection: sqlite3.Connection, group_id: str, said: Said) -> RoomRow | None:
        own = said.from_id == self._own_id
        delivery = Delivery.DELIVERED if own else Delivery.RECEIVED
        old = _by_uid(connection, group_id, said.from_id, said.uid)
        if old is None:
            return _must(connection, _insert(connection, group_id, said, delivery))
        if said.rev > old.rev or (own and said.rev == old.rev and old.delivery is not Delivery.DELIVERED):
            _revise(connection, old.id, said, delivery)
            return _must(connection, old.id)
        return None

    async def revise(self, number: int, content: str, edited_at: int, *, deleted: bool, hosted: bool) -> RoomRow | None:
        """Change an own message; `None` if it is gone. Elsewhere it is `SENDING` again."""

        def write(connection: sqlite3.Connection) -> RoomRow | None:
            old = _one(connection, "m.id = ?", (number,))
            if old is None:
                return None
            said = Said("", "", "", content, 0, rev=old.rev + 1, edited_at=edited_at, deleted=deleted)
            _revise(connection, number, said, Delivery.DELIVERED if hosted else Delivery.SENDING)
            if hosted:
                _count(connection, old.group_id, number, first=False)
            return _must(connection, number)

        return await self._store.write(write)

    async def settle(
        self, number: int, delivery: Delivery, error: str = "", *, rev: int | None = None
    ) -> RoomRow | None:
        """Keep what became of an own message, if it still is at `rev`; the message, or `None` if nothing changed."""

        def write(connection: sqlite3.Connection) -> RoomRow | None:
            changed = connection.execute(
                "UPDATE _room_messages SET delivery = ?1, error = ?2 WHERE id = ?3 AND (?4 IS NULL OR rev = ?4) "
                "AND delivery != 'delivered' AND (delivery != ?1 OR error != ?2)",
                (delivery.value, error, number, rev),
            ).rowcount
            return _must(connection, number) if changed else None

        return await self._store.write(write)

    async def unsent(self, group_id: str) -> list[RoomRow]:
        """What the host does not have yet, in the order of writing."""

        def read(connection: sqlite3.Connection) -> list[RoomRow]:
            return _rows(connection, f"m.group_id = ? AND {_UNSENT} ORDER BY m.id", (group_id,))

        return await self._store.read(read)

    async def get(self, group_id: str, number: int) -> RoomRow | None:
        """One message of a room."""
        where, values = "m.id = ? AND m.group_id = ?", (number, group_id)
        return await self._store.read(lambda connection: _one(connection, where, values))

    async def above(self, group_id: str, n: int, limit: int) -> list[RoomRow]:
        """What was counted above `n`, in the order of counting."""

        def read(connection: sqlite3.Connection) -> list[RoomRow]:
            return _rows(
                connection, "m.group_id = ? AND m.n > ? AND m.n > 0 ORDER BY m.n LIMIT ?", (group_id, n, limit)
            )

        return await self._store.read(read)

    async def newest_from(self, group_id: str, count: int) -> int:
        """The number above which the newest `count` changes are."""

        def read(connection: sqlite3.Connection) -> int:
            row = connection.execute(
                "SELECT n FROM _room_messages WHERE group_id = ? AND n > 0 ORDER BY n DESC LIMIT 1 OFFSET ?",
                (group_id, count),
            ).fetchone()
            return 0 if row is None else int(row[0])

        return await self._store.read(read)

    async def history(self, group_id: str, before: int = 0, after: int = 0, limit: int = 50) -> list[RoomRow]:
        """The newest `limit` messages, oldest first; those `before` a number, or the first ones `after` one."""

        def read(connection: sqlite3.Connection) -> list[RoomRow]:
            if after:
                return _rows(connection, "m.group_id = ? AND m.id > ? ORDER BY m.id LIMIT ?", (group_id, after, limit))
            where = "m.group_id = ? AND (? = 0 OR m.id < ?) ORDER BY m.id DESC LIMIT ?"
            return _rows(connection, where, (group_id, before, before, limit))[::-1]

        return await self._store.read(read)

    async def search(self, group_id: str, text: str, limit: int) -> list[RoomRow]:
        """Messages that contain `text`, whatever its case, newest first."""
        wanted = text.casefold()

        def read(connection: sqlite3.Connection) -> list[RoomRow]:
            connection.create_function("_goop2_holds", 1, lambda content: wanted in content.casefold())
            where = "m.group_id = ? AND NOT m.deleted AND _goop2_holds(m.content) ORDER BY m.id DESC LIMIT ?"
            return _rows(connection, where, (group_id, limit))

        return await self._store.read(read)

    async def last(self, group_id: str) -> RoomRow | None:
        """The newest message."""
        where = "m.group_id = ? ORDER BY m.id DESC LIMIT 1"
        return await self._store.read(lambda connection: _one(connection, where, (group_id,)))

    async def unread(self, group_id: str) -> int:
        """How many messages of others have not been read."""

        def read(connection: sqlite3.Connection) -> int:
            count = connection.execute(
                "SELECT COUNT(*) FROM _room_messages WHERE group_id = ?1 AND from_id != ?2 AND NOT deleted "
                "AND id > COALESCE((SELECT read_id FROM _room_state WHERE group_id = ?1), 0)",
                (group_id, self._own_id),
            ).fetchone()
            return int(count[0])

        return await self._store.read(read)

    async def mark_read(self, group_id: str) -> None:
        """Take everything that was said so far as read."""

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE _room_state SET read_id = "
                "(SELECT COALESCE(MAX(id), 0) FROM _room_messages WHERE group_id = ?1) WHERE group_id = ?1",
                (group_id,),
            )

        await self._store.write(write)

    async def remove(self, number: int) -> bool:
        """Take back an own message that is not on its way; false if it is, was delivered, or is gone."""

        def write(connection: sqlite3.Connection) -> bool:
            return bool(
                connection.execute(
                    "DELETE FROM _room_messages WHERE id = ? AND delivery IN ('waiting', 'failed')", (number,)
                ).rowcount
            )

        return await self._store.write(write)

    async def forget(self, group_id: str) -> None:
        """Drop a room and everything that was said in it."""

        def write(connection: sqlite3.Connection) -> None:
            for table in ("_room_messages", "_room_state"):
                connection.execute(f"DELETE FROM {table} WHERE group_id = ?", (group_id,))  # noqa: S608

        await self._store.write(write)


def _state(connection: sqlite3.Connection, group_id: str) -> RoomState:
    """The room's state. Raises `Refused` (404) if it is gone, so that nothing is written into it any more."""
    row = connection.execute("SELECT epoch, last_n FROM _room_state WHERE group_id = ?", (group_id,)).fetchone()
    if row is None:
        raise Refused("This room is gone", status=404)
    return RoomState(row[0], row[1])


def _insert(connection: sqlite3.Connection, group_id: str, said: Said, delivery: Delivery, client_id: str = "") -> int:
    cursor = connection.execute(
        "INSERT INTO _room_messages (group_id, uid, from_id, from_name, content, ts, delivery, client_id, reply_from, "
        "reply_uid, rev, edited_at, deleted) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            group_id,
            said.uid,
            said.from_id,
            said.from_name,
            said.content,
            said.ts,
            delivery.value,
            client_id,
            said.reply_from,
            said.reply_uid,
            said.rev,
            said.edited_at,
            int(said.deleted),
        ),
    )
    number = cursor.lastrowid
    assert number is not None
    if number % _TRIM_EVERY == 0:
        _trim(connection, group_id)
    return number


def _revise(connection: sqlite3.Connection, number: int, said: Said, delivery: Delivery) -> None:
    connection.execute(
        "UPDATE _room_messages SET content = ?, rev = ?, edited_at = ?, deleted = ?, delivery = ?, error = '' "
        "WHERE id = ?",
        (said.content, said.rev, said.edited_at, int(said.deleted), delivery.value, number),
    )


def _count(connection: sqlite3.Connection, group_id: str, number: int, *, first: bool) -> None:
    """Give a change the room's next number."""
    connection.execute("UPDATE _room_state SET last_n = last_n + 1 WHERE group_id = ?", (group_id,))
    connection.execute(
        "UPDATE _room_messages SET n = (SELECT last_n FROM _room_state WHERE group_id = ?) WHERE id = ?",
        (group_id, number),
    )
    if first:
        connection.execute("UPDATE _room_messages SET first_n = n WHERE id = ?", (number,))


def _trim(connection: sqlite3.Connection, group_id: str) -> None:
    oldest_kept = connection.execute(
        "SELECT id FROM _room_messages WHERE group_id = ? ORDER BY id DESC LIMIT 1 OFFSET ?",
        (group_id, MOST_PER_ROOM - 1),
    ).fetchone()
    if oldest_kept is not None:
        connection.execute("DELETE FROM _room_messages WHERE group_id = ? AND id < ?", (group_id, oldest_kept[0]))


def _rows(connection: sqlite3.Connection, where: str, values: Sequence[object]) -> list[RoomRow]:
    return [_row(row) for row in connection.execute(f"{_SELECT} WHERE {where}", values)]


def _one(connection: sqlite3.Connection, where: str, values: Sequence[object]) -> RoomRow | None:
    row = connection.execute(f"{_SELECT} WHERE {where}", values).fetchone()
    return None if row is None else _row(row)


def _must(connection: sqlite3.Connection, number: int) -> RoomRow:
    found = _one(connection, "m.id = ?", (number,))
    assert found is not None
    return found


def _by_uid(connection: sqlite3.Connection, group_id: str, from_id: str, uid: str) -> RoomRow | None:
    return _one(connection, "m.group_id = ? AND m.from_id = ? AND m.uid = ?", (group_id, from_id, uid))


def _row(row: Sequence[Any]) -> RoomRow:
    values = list(row)
    values[7] = Delivery(values[7])
    values[13] = bool(values[13])
    return RoomRow(*values)
