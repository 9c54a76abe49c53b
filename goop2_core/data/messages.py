"""Direct conversations as the database keeps them: REF's `_chat_messages`, and beside it what became of each message.

REF knows neither delivery nor what has been read; both are in tables of ours that it leaves alone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from goop2_core.data.store import Store
from goop2_core.events import ChatMessage, Delivery

MOST_PER_PERSON = 20_000
MOST_OF_STRANGERS = 64 << 20
MOST_OF_ONE_STRANGER = 4 << 20
_KEPT_OF_STRANGERS = MOST_OF_STRANGERS * 7 // 8  # so that there is room for a while
_ROW_BYTES = 200  # what a message takes beside its text
_SELECT = """
    SELECT m.id, m.peer_id, m.from_id, m.content, m.ts, d.delivery, d.error
    FROM _chat_messages m LEFT JOIN _chat_delivery d ON d.message_id = m.id
"""


class MessageStore:
    """Reads and writes messages. Times are Unix milliseconds of this computer's clock."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._room = 0  # bytes that may still come before strangers' messages are counted again

    async def add(  # noqa: PLR0917 (they are the columns)
        self, peer_id: str, from_id: str, content: str, ts: int, delivery: Delivery, client_id: str = ""
    ) -> ChatMessage:
        """As `add_once`, for callers to whom it does not matter whether the message was there."""
        message, _ = await self.add_once(peer_id, from_id, content, ts, delivery, client_id)
        return message

    async def add_once(  # noqa: PLR0917 (they are the columns)
        self, peer_id: str, from_id: str, content: str, ts: int, delivery: Delivery, client_id: str = ""
    ) -> tuple[ChatMessage, bool]:
        """Store a message of the conversation with `peer_id`; durable when this returns, with whether it is new.

        A message that this conversation already has under the same `client_id` is returned as it is now. Of each
        conversation the newest `MOST_PER_PERSON` messages are kept.
        """

        def write(connection: sqlite3.Connection) -> tuple[ChatMessage, bool]:
            if client_id and (found := _by_client(connection, peer_id, client_id)):
                return found, False
            cursor = connection.execute(
                "INSERT INTO _chat_messages (peer_id, from_id, content, ts) VALUES (?, ?, ?, ?)",
                (peer_id, from_id, content, ts),
            )
            number = cursor.lastrowid
            assert number is not None
            connection.execute(
                "INSERT INTO _chat_delivery (message_id, delivery, client_id) VALUES (?, ?, ?)",
                (number, delivery.value, client_id),
            )
            _trim(connection, peer_id)
            return ChatMessage(number, peer_id, from_id, content, ts, delivery), True

        return await self._store.write(write)

    async def get(self, message_id: int) -> ChatMessage | None:
        """One message, or `None` if there is none of this number."""
        return await self._store.read(lambda connection: _get(connection, message_id))

    async def set_delivery(self, message_id: int, delivery: Delivery, error: str = "") -> ChatMessage | None:
        """Keep what became of a message; the message as it is now, or `None` if it was cleared meanwhile."""

        def write(connection: sqlite3.Connection) -> ChatMessage | None:
            if _get(connection, message_id) is None:
                return None
            connection.execute(
                "INSERT INTO _chat_delivery (message_id, delivery, error) VALUES (?, ?, ?) "
                "ON CONFLICT (message_id) DO UPDATE SET delivery = excluded.delivery, error = excluded.error",
                (message_id, delivery.value, error),
            )
            return _get(connection, message_id)

        return await self._store.write(write)

    async def fail_unsent(self, error: str) -> int:
        """Mark everything that is still being sent as failed, as nothing is at a start; how many there were."""

        def write(connection: sqlite3.Connection) -> int:
            return connection.execute(
                "UPDATE _chat_delivery SET delivery = ?, error = ? WHERE delivery = ?",
                (Delivery.FAILED.value, error, Delivery.SENDING.value),
            ).rowcount

        return await self._store.write(write)

    async def waiting(self) -> list[ChatMessage]:
        """What waits for people who are away, in the order of writing."""

        def read(connection: sqlite3.Connection) -> list[ChatMessage]:
            rows = connection.execute(f"{_SELECT} WHERE d.delivery = 'waiting' ORDER BY m.id")
            return [_message(row) for row in rows]

        return await self._store.read(read)

    async def remove(self, message_id: int) -> bool:
        """Delete a message that waits or has failed; false if it does neither any more."""

        def write(connection: sqlite3.Connection) -> bool:
            unsent = "SELECT message_id FROM _chat_delivery WHERE delivery IN ('waiting', 'failed')"
            return bool(
                connection.execute(
                    f"DELETE FROM _chat_messages WHERE id = ? AND id IN ({unsent})",  # noqa: S608 (constants)
                    (message_id,),
                ).rowcount
            )

        return await self._store.write(write)

    async def history(self, peer_id: str, before: int = 0, limit: int = 50) -> list[ChatMessage]:
        """The newest `limit` messages with a person, oldest first; with `before`, of those with a lower number."""

        def read(connection: sqlite3.Connection) -> list[ChatMessage]:
            rows = connection.execute(
                f"{_SELECT} WHERE m.peer_id = ? AND (? = 0 OR m.id < ?) ORDER BY m.id DESC LIMIT ?",
                (peer_id, before, before, limit),
            )
            return [_message(row) for row in rows][::-1]

        return await self._store.read(read)

    async def conversations(self) -> list[tuple[str, ChatMessage, int]]:
        """Each person written with: their peer ID, the last message, how many are unread; the newest first."""

        def read(connection: sqlite3.Connection) -> list[tuple[str, ChatMessage, int]]:
            rows = connection.execute(
                f"{_SELECT} WHERE m.id IN (SELECT MAX(id) FROM _chat_messages GROUP BY peer_id) ORDER BY m.id DESC"  # noqa: S608
            )
            return [(last.peer_id, last, _unread(connection, last.peer_id)) for last in map(_message, rows)]

        return await self._store.read(read)

    async def unread(self, peer_id: str) -> int:
        """How many messages of this person have not been read."""
        return await self._store.read(lambda connection: _unread(connection, peer_id))

    async def knows(self, peer_id: str) -> bool:
        """Whether there is a conversation with this person, or they are a favourite."""

        def read(connection: sqlite3.Connection) -> bool:
            query = (
                "SELECT EXISTS (SELECT 1 FROM _chat_messages WHERE peer_id = ?1) "
                "OR EXISTS (SELECT 1 FROM _favorites WHERE peer_id = ?1)"
            )
            return bool(connection.execute(query, (peer_id,)).fetchone()[0])

        return await self._store.read(read)

    async def make_room(self, came: str) -> list[str]:
        """To be called after each message `came`; the peer IDs whose conversations had to go.

        Of people who are no favourites and whom the owner never answered, 64 MiB are kept in all. When there is more,
        the conversations above 4 MiB go first, then those that ended longest ago.
        """
        self._room -= len(came.encode()) + _ROW_BYTES
        if self._room >= 0:
            return []
        self._room = MOST_OF_ONE_STRANGER  # until it is counted
        gone, self._room = await self._store.write(_drop_strangers)
        return gone

    async def mark_read(self, peer_id: str) -> None:
        """Take everything that a person has written so far as read."""

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT OR REPLACE INTO _chat_read (peer_id, last_id) "
                "SELECT ?1, COALESCE(MAX(id), 0) FROM _chat_messages WHERE peer_id = ?1",
                (peer_id,),
            )

        await self._store.write(write)

    async def clear(self, peer_id: str) -> None:
        """Delete the conversation with a person, for good."""

        def write(connection: sqlite3.Connection) -> None:
            _clear(connection, peer_id)

        await self._store.write(write)


def _get(connection: sqlite3.Connection, message_id: int) -> ChatMessage | None:
    row = connection.execute(f"{_SELECT} WHERE m.id = ?", (message_id,)).fetchone()
    return None if row is None else _message(row)


def _by_client(connection: sqlite3.Connection, peer_id: str, client_id: str) -> ChatMessage | None:
    row = connection.execute(f"{_SELECT} WHERE d.client_id = ? AND m.peer_id = ?", (client_id, peer_id)).fetchone()
    return None if row is None else _message(row)


def _clear(connection: sqlite3.Connection, peer_id: str) -> None:
    connection.execute("DELETE FROM _chat_messages WHERE peer_id = ?", (peer_id,))
    connection.execute("DELETE FROM _chat_read WHERE peer_id = ?", (peer_id,))


def _drop_strangers(connection: sqlite3.Connection) -> tuple[list[str], int]:
    """Bring what strangers wrote below its limit: whose conversations went, and how many bytes may come now."""
    strangers = connection.execute(
        """
        SELECT m.peer_id, SUM(LENGTH(CAST(m.content AS BLOB)) + ?) AS bytes
        FROM (SELECT DISTINCT peer_id FROM _chat_messages) AS p CROSS JOIN _chat_messages AS m ON m.peer_id = p.peer_id
        WHERE p.peer_id NOT IN (SELECT peer_id FROM _favorites) AND NOT EXISTS
            (SELECT 1 FROM _chat_messages AS own WHERE own.peer_id = p.peer_id AND own.from_id != p.peer_id)
        GROUP BY m.peer_id ORDER BY bytes <= ?, MAX(m.id)
        """,
        (_ROW_BYTES, MOST_OF_ONE_STRANGER),
    ).fetchall()
    total = sum(size for _, size in strangers)
    gone: list[str] = []
    if total > MOST_OF_STRANGERS:
        for peer_id, size in strangers:
            _clear(connection, peer_id)
            gone.append(peer_id)
            total -= size
            if total <= _KEPT_OF_STRANGERS:
                break
    return gone, MOST_OF_STRANGERS - total


def _trim(connection: sqlite3.Connection, peer_id: str) -> None:
    oldest_kept = connection.execute(
        "SELECT id FROM _chat_messages WHERE peer_id = ? ORDER BY id DESC LIMIT 1 OFFSET ?",
        (peer_id, MOST_PER_PERSON - 1),
    ).fetchone()
    if oldest_kept is not None:
        connection.execute("DELETE FROM _chat_messages WHERE peer_id = ? AND id < ?", (peer_id, oldest_kept[0]))


def _unread(connection: sqlite3.Connection, peer_id: str) -> int:
    count = connection.execute(
        "SELECT COUNT(*) FROM _chat_messages WHERE peer_id = ?1 AND from_id = ?1 "
        "AND id > COALESCE((SELECT last_id FROM _chat_read WHERE peer_id = ?1), 0)",
        (peer_id,),
    ).fetchone()
    return int(count[0])


def _message(row: Sequence[Any]) -> ChatMessage:
    """A message from a row, in whose columns another program may have put anything."""
    number, ts, delivery = row[0], row[4], row[5]
    peer_id, from_id, content, error = (row[at] if isinstance(row[at], str) else "" for at in (1, 2, 3, 6))
    # REF stores what it sends only once it is delivered
    known = Delivery(delivery) if delivery in set(Delivery) else None
    fate = known or (Delivery.RECEIVED if from_id == peer_id else Delivery.DELIVERED)
    return ChatMessage(number, peer_id, from_id, content, ts if isinstance(ts, int) else 0, fate, error)
