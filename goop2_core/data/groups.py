"""Groups as the database keeps them (spec/network 5.15): REF's three tables, and beside them what REF does not know.

REF reads and writes `_groups`, `_group_subscriptions` and `_group_members`; whatever stands beside them is only used
together with a row of REF's, so that a group which REF deleted is gone here too.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from goop2_core.data.store import Store
from goop2_core.data.times import from_text, to_text

MOST_HOSTED = 50
MOST_TOMBSTONES = 1000


@dataclass(slots=True)
class MemberRow:
    """Somebody in a group. `ours` says that their program knows our extensions; `joined_at` in ms, 0 if unknown."""

    peer_id: str
    role: str
    joined_at: int = 0
    name: str = ""
    ours: bool = False


@dataclass(slots=True)
class HostedRow:
    """A group hosted here. `created_at` in ms; `outsiders` are peers who are `invited`, `waiting` or `removed`."""

    id: str
    name: str
    type: str
    context: str = ""
    max_members: int = 0
    default_role: str = "viewer"
    created_at: int = 0
    members: list[MemberRow] = field(default_factory=list)
    outsiders: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class JoinedRow:
    """A group hosted elsewhere. `state` and `reason` are those of the last end; `ours` tells of the host's program."""

    id: str
    host_id: str
    name: str
    type: str
    context: str = ""
    max_members: int = 0
    role: str = "member"
    host_name: str = ""
    subscribed_at: int = 0
    state: str = ""
    reason: str = ""
    ours: bool = False
    members: list[MemberRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class InvitationRow:
    """An invitation that the owner has not answered."""

    group_id: str
    host_id: str
    name: str
    type: str
    context: str
    received_at: int


class GroupStore:
    """Reads and writes groups of the types that it is asked for; those of other types are left alone."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def hosted(self, types: Sequence[str]) -> list[HostedRow]:
        """The groups hosted here, oldest first."""
        return await self._store.read(lambda connection: _hosted(connection, types))

    async def joined(self, types: Sequence[str]) -> list[JoinedRow]:
        """The groups joined elsewhere, oldest first."""
        return await self._store.read(lambda connection: _joined(connection, types))

    async def count_hosted(self) -> int:
        """How many groups count for the limit: all that are not volatile, of whatever type."""

        def read(connection: sqlite3.Connection) -> int:
            return int(connection.execute("SELECT COUNT(*) FROM _groups WHERE NOT COALESCE(volatile, 0)").fetchone()[0])

        return await self._store.read(read)

    async def knows(self, group_id: str) -> bool:
        """Whether a group of this ID is hosted or joined, of whatever type."""

        def read(connection: sqlite3.Connection) -> bool:
            for table, column in (("_groups", "id"), ("_group_subscriptions", "group_id")):
                if connection.execute(f"SELECT 1 FROM {table} WHERE {column} = ?", (group_id,)).fetchone():  # noqa: S608
                    return True
            return False

        return await self._store.read(read)

    async def save_hosted(self, row: HostedRow, owner: str) -> None:
        """Keep a hosted group as it is now, members and outsiders included."""

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO _groups (id, name, owner, group_type, group_context, max_members, host_joined, volatile, "
                "default_role, created_at) VALUES (?, ?, ?, ?, ?, ?, 1, 0, ?, ?) ON CONFLICT (id) DO UPDATE SET "
                "name = excluded.name, max_members = excluded.max_members, default_role = excluded.default_role",
                (
                    row.id,
                    row.name,
                    owner,
                    row.type,
                    row.context,
                    row.max_members,
                    row.default_role,
                    to_text(row.created_at),
                ),
            )
            _save_members(connection, row.id, row.members)
            connection.execute("DELETE FROM _group_outsiders WHERE group_id = ?", (row.id,))
            connection.executemany(
                "INSERT INTO _group_outsiders (group_id, peer_id, state) VALUES (?, ?, ?)",
                [(row.id, peer_id, state) for peer_id, state in row.outsiders.items()],
            )

        await self._store.write(write)

    async def close_hosted(self, group_id: str, closed_at: int) -> None:
        """Drop a hosted group for good, and remember for its members that there was one."""

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM _groups WHERE id = ?", (group_id,))
            _drop_beside(connection, group_id)
            connection.execute("INSERT OR REPLACE INTO _group_closed VALUES (?, ?)", (group_id, closed_at))
            connection.execute(
                "DELETE FROM _group_closed WHERE group_id NOT IN "
                "(SELECT group_id FROM _group_closed ORDER BY closed_at DESC LIMIT ?)",
                (MOST_TOMBSTONES,),
            )

        await self._store.write(write)

    async def closed(self) -> set[str]:
        """The groups that were hosted here once."""

        def read(connection: sqlite3.Connection) -> set[str]:
            return {row[0] for row in connection.execute("SELECT group_id FROM _group_closed")}

        return await self._store.read(read)

    async def save_joined(self, row: JoinedRow) -> None:
        """Keep a joined group as it is now, member list included."""

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO _group_subscriptions (host_peer_id, group_id, group_name, group_type, role, "
                "subscribed_at, max_members, volatile, host_name) VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?) "
                "ON CONFLICT (host_peer_id, group_id) DO UPDATE SET group_name = excluded.group_name, "
                "role = excluded.role, max_members = excluded.max_members, host_name = excluded.host_name",
                (
                    row.host_id,
                    row.id,
                    row.name,
                    row.type,
                    row.role,
                    to_text(row.subscribed_at),
                    row.max_members,
                    row.host_name,
                ),
            )
            connection.execute(
                "INSERT OR REPLACE INTO _group_standing (group_id, state, reason, ours, group_context) "
                "VALUES (?, ?, ?, ?, ?)",
                (row.id, row.state, row.reason, int(row.ours), row.context),
            )
            _save_members(connection, row.id, row.members)

        await self._store.write(write)

    async def drop_joined(self, host_id: str, group_id: str) -> None:
        """Forget a joined group."""

        def write(connection: sqlite3.Connection) -> None:
            connection.execute(
                "DELETE FROM _group_subscriptions WHERE host_peer_id = ? AND group_id = ?", (host_id, group_id)
            )
            _drop_beside(connection, group_id)

        await self._store.write(write)

    async def invitations(self) -> list[InvitationRow]:
        """What the owner has not answered, oldest first."""

        def read(connection: sqlite3.Connection) -> list[InvitationRow]:
            rows = connection.execute(
                "SELECT group_id, host_peer_id, group_name, group_type, group_context, received_at "
                "FROM _group_invitations ORDER BY received_at"
            )
            return [InvitationRow(*row) for row in rows]

        return await self._store.read(read)

    async def save_invitation(self, row: InvitationRow) -> None:
        """Keep an invitation; an earlier one into the same group is replaced."""
        values = (row.group_id, row.host_id, row.name, row.type, row.context, row.received_at)

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO _group_invitations VALUES (?, ?, ?, ?, ?, ?)", values)

        await self._store.write(write)

    async def drop_invitation(self, group_id: str) -> None:
        """The owner has answered."""

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM _group_invitations WHERE group_id = ?", (group_id,))

        await self._store.write(write)


def _save_members(connection: sqlite3.Connection, group_id: str, members: list[MemberRow]) -> None:
    for table in ("_group_members", "_group_member_facts"):
        connection.execute(f"DELETE FROM {table} WHERE group_id = ?", (group_id,))  # noqa: S608 (a name from here)
    connection.executemany(
        "INSERT OR REPLACE INTO _group_members (group_id, peer_id, role) VALUES (?, ?, ?)",
        [(group_id, member.peer_id, member.role) for member in members],
    )
    connection.executemany(
        "INSERT OR REPLACE INTO _group_member_facts (group_id, peer_id, joined_at, name, ours) VALUES (?, ?, ?, ?, ?)",
        [(group_id, member.peer_id, member.joined_at, member.name, int(member.ours)) for member in members],
    )


def _drop_beside(connection: sqlite3.Connection, group_id: str) -> None:
    tables = ("_group_members", "_group_member_facts", "_group_outsiders", "_group_standing")
    for table in tables:
        connection.execute(f"DELETE FROM {table} WHERE group_id = ?", (group_id,))  # noqa: S608 (a name from here)


def _members(connection: sqlite3.Connection, group_id: str) -> list[MemberRow]:
    rows = connection.execute(
        "SELECT m.peer_id, m.role, COALESCE(f.joined_at, 0), COALESCE(f.name, ''), COALESCE(f.ours, 0) "
        "FROM _group_members m LEFT JOIN _group_member_facts f ON f.group_id = m.group_id AND f.peer_id = m.peer_id "
        "WHERE m.group_id = ? ORDER BY f.joined_at, m.peer_id",
        (group_id,),
    )
    return [MemberRow(_text(peer), _text(role), at, name, bool(ours)) for peer, role, at, name, ours in rows]


def _hosted(connection: sqlite3.Connection, types: Sequence[str]) -> list[HostedRow]:
    rows = connection.execute(
        "SELECT id, name, group_type, group_context, max_members, default_role, created_at FROM _groups "  # noqa: S608
        f"WHERE group_type IN ({','.join('?' * len(types))}) ORDER BY created_at, id",
        tuple(types),
    ).fetchall()
    found = []
    for group_id, name, kind, context, most, role, created in rows:
        outsiders = connection.execute("SELECT peer_id, state FROM _group_outsiders WHERE group_id = ?", (group_id,))
        found.append(
            HostedRow(
                _text(group_id),
                _text(name),
                _text(kind),
                _text(context),
                _number(most),
                _text(role) or "viewer",
                from_text(created),
                _members(connection, group_id),
                dict(outsiders.fetchall()),
            )
        )
    return found


def _joined(connection: sqlite3.Connection, types: Sequence[str]) -> list[JoinedRow]:
    rows = connection.execute(
        "SELECT s.group_id, s.host_peer_id, s.group_name, s.group_type, g.group_context, s.max_members, s.role, "  # noqa: S608
        "s.host_name, s.subscribed_at, g.state, g.reason, g.ours FROM _group_subscriptions s "
        "LEFT JOIN _group_standing g ON g.group_id = s.group_id "
        f"WHERE s.group_type IN ({','.join('?' * len(types))}) ORDER BY s.subscribed_at, s.group_id",
        tuple(types),
    ).fetchall()
    found = []
    for group_id, host, name, kind, context, most, role, host_name, since, state, reason, ours in rows:
        found.append(
            JoinedRow(
                _text(group_id),
                _text(host),
                _text(name),
                _text(kind),
                _text(context),
                _number(most),
                _text(role) or "member",
                _text(host_name),
                from_text(since),
                _text(state),
                _text(reason),
                bool(ours),
                _members(connection, group_id),
            )
        )
    return found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> int:
    return value if isinstance(value, int) and value >= 0 else 0
