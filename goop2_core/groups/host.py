"""The groups hosted here: who is in them, and what their members are told (spec 5.2, 5.3, with 10.4).

Unlike REF's, this host keeps members and their roles through restarts and rejoins, lets a member of a full group come
back, takes messages from members alone, and calls a member that cannot be reached away instead of removing it.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from goop2_core.data.groups import MOST_HOSTED, GroupStore, HostedRow, MemberRow
from goop2_core.errors import Goop2Error, NetworkError, Refused
from goop2_core.events import Group, GroupMember, GroupState
from goop2_core.groups import lines, wire
from goop2_core.groups.kind import GroupKind
from goop2_core.groups.lines import Lines
from goop2_core.identity import is_peer_id
from goop2_core.mq.bus import Bus
from goop2_core.mq.message import Message
from goop2_core.presence.throttle import Throttle
from goop2_core.tasks import TaskOwner

log = logging.getLogger("goop2.groups")

PING_SECONDS: Final = 60.0
FAREWELL_SECONDS: Final = 5.0
MOST_OUTSIDERS: Final = 1000
MOST_RELAYED: Final = 256
JOIN_RATE, JOIN_BURST = 1.0, 60.0  # a member may come back to all groups of one host at once
OWNER: Final = "owner"
INVITED, WAITING, REMOVED = "invited", "waiting", "removed"


@dataclass(slots=True, eq=False)
class Hosted:
    """A group hosted here, while this peer runs."""

    row: HostedRow
    members: dict[str, MemberRow] = field(default_factory=dict)

    @property
    def full(self) -> bool:
        """Whether nobody new may join; the host counts too."""
        most = self.row.max_members or wire.MOST_MEMBERS
        return len(self.members) + 1 >= min(most, wire.MOST_MEMBERS)


class HostSide:
    """Everything about the groups hosted here."""

    def __init__(
        self,
        bus: Bus,
        store: GroupStore,
        own_id: str,
        *,
        kinds: dict[str, GroupKind],
        own_name: Callable[[], str],
        name_of: Callable[[str], str],
        online: Callable[[str], bool],
        tasks: TaskOwner,
        changed: Callable[[str], None],
    ) -> None:
        self._bus = bus
        self._store = store
        self._own_id = own_id
        self._kinds = kinds
        self._own_name = own_name
        self._name_of = name_of
        self._tasks = tasks.child("host")
        self._changed = changed
        self._joins = Throttle(JOIN_RATE, JOIN_BURST)
        self._closed: set[str] = set()
        self._relaying = 0
        self.groups: dict[str, Hosted] = {}
        sources = {
            lines.INVITE: self._send_invite,
            lines.WELCOME: self._send_welcome,
            lines.MEMBERS: self._send_members,
            lines.META: self._send_meta,
            lines.OWN: self._send_own,
            lines.PING: self._send_ping,
        }
        self.lines = Lines(self._tasks, sources, online, self._on_away)

    async def start(self) -> None:
        """Take up the groups, tell their members that this peer is back, and ping them from now on."""
        self._closed = await self._store.closed()
        for row in await self._store.hosted(tuple(self._kinds)):
            members = {m.peer_id: m for m in row.members if m.peer_id != self._own_id and is_peer_id(m.peer_id)}
            group = self.groups[row.id] = Hosted(row, members)
            self._kinds[row.type].host_started(row.id)
            self._owe_all(group, lines.MEMBERS)
            for peer_id in [peer for peer, state in row.outsiders.items() if state == WAITING]:
                self.lines.owe(row.id, peer_id, lines.INVITE)
        self.lines.start()
        self._tasks.spawn("ping", self._ping())

    async def stop(self) -> None:
        """Stop sending; the members find out by themselves."""
        await self._tasks.stop()

    # ---- what the owner does

    async def create(self, name: str, kind: str, max_members: int = 0, default_role: str = "viewer") -> str:
        """Make a group and return its ID. Raises `Refused`: 409 if 50 groups are hosted already."""
        if await self._store.count_hosted() >= MOST_HOSTED:
            raise Refused(
                "You host too many groups", f"{MOST_HOSTED} are possible.", "Close one that is not needed.", status=409
            )
        row = HostedRow(
            secrets.token_hex(8), name, kind, max_members=max_members, default_role=default_role, created_at=_now()
        )
        await self._store.save_hosted(row, self._own_id)
        self.groups[row.id] = Hosted(row)
        self._kinds[kind].host_started(row.id)
        self._changed(row.id)
        return row.id

    async def update(self, group_id: str, name: str, max_members: int | None, default_role: str) -> None:
        """Change what is not empty or `None`, and tell the members."""
        group = self.groups[group_id]
        row = group.row
        row.name = name or row.name
        row.max_members = row.max_members if max_members is None else max_members
        row.default_role = default_role or row.default_role
        await self._save(group)
        self._owe_all(group, lines.META)

    async def invite(self, group_id: str, peer_ids: list[str]) -> list[tuple[str, str]]:
        """Invite people; for each whether the invitation was `sent`, is `waiting` for them, or they are a `member`."""
        group = self.groups[group_id]
        if len(group.row.outsiders) + len(peer_ids) > MOST_OUTSIDERS:
            raise Refused("Too many people are invited", f"{MOST_OUTSIDERS} are possible.", status=409)
        new = [peer_id for peer_id in dict.fromkeys(peer_ids) if peer_id not in group.members]
        group.row.outsiders |= dict.fromkeys(new, WAITING)
        await self._save(group)

        async def ask(peer_id: str) -> tuple[str, str]:
            try:
                async with asyncio.timeout(FAREWELL_SECONDS):
                    await self._send_invite(group_id, peer_id)
            except (NetworkError, TimeoutError):
                self.lines.owe(group_id, peer_id, lines.INVITE)
                return peer_id, "waiting"
            return peer_id, "sent"

        asked = dict(await asyncio.gather(*(ask(peer_id) for peer_id in new)))
        return [(peer_id, asked.get(peer_id, "member")) for peer_id in dict.fromkeys(peer_ids)]

    async def uninvite(self, group_id: str, peer_id: str) -> None:
        """Forget an invitation that was not answered."""
        group = self.groups[group_id]
        if group.row.outsiders.get(peer_id) in {INVITED, WAITING}:
            del group.row.outsiders[peer_id]
            self.lines.drop(group_id, peer_id)
            await self._save(group)

    async def kick(self, group_id: str, peer_id: str) -> None:
        """Remove a member, who comes back only by a new invitation. Raises `Refused` (404, 409)."""
        group = self.groups[group_id]
        self._member(group, peer_id)
        del group.members[peer_id]
        group.row.outsiders[peer_id] = REMOVED
        await self._after_leaving(group, peer_id)
        self._say(peer_id, group_id, "close", wire.wrapped("close", group_id, reason="removed"))

    async def set_role(self, group_id: str, peer_id: str, role: str) -> None:
        """Give a member another role. Raises `Refused` (404, 409)."""
        group = self.groups[group_id]
        self._member(group, peer_id).role = role
        await self._save(group)
        self._owe_all(group, lines.MEMBERS)

    async def close(self, group_id: str) -> None:
        """Close a group for everybody, for good."""
        group = self.groups[group_id]
        await self._store.close_hosted(group_id, _now())
        del self.groups[group_id]
        self._closed.add(group_id)
        self.lines.drop_group(group_id)
        for peer_id in group.members:
            self._say(peer_id, group_id, "close", wire.wrapped("close", group_id, reason="closed"))

    def _member(self, group: Hosted, peer_id: str) -> MemberRow:
        if peer_id == self._own_id:
            raise Refused("This is the owner", "The owner's part in the group cannot be changed.", status=409)
        if peer_id not in group.members:
            raise Refused("They are not in this group", status=404)
        return group.members[peer_id]

    # ---- what others say

    async def handle(self, group_id: str, kind: str, message: Message) -> None:
        """A message on a topic of a group hosted here."""
        group = self.groups[group_id]
        if kind == "join":
            await self._on_join(group, message)
            return
        if message.sender not in group.members:
            log.debug("%s of %s, who is not in group %s, is ignored", kind, message.sender, group_id)
            return
        self.lines.heard(group_id, message.sender)
        if kind == "leave":
            del group.members[message.sender]
            await self._after_leaving(group, message.sender)
        elif kind in {"msg", "state"}:
            self._relay(group, kind, message)

    def refuse_closed(self, group_id: str, peer_id: str) -> None:
        """Somebody wants to join a group that may have been closed: tell them if it was."""
        if group_id in self._closed:
            self._say(peer_id, group_id, "error", wire.error(group_id, "closed", "the group was closed"))

    async def _on_join(self, group: Hosted, message: Message) -> None:
        peer_id, row = message.sender, group.row
        if not self._joins.allows(peer_id):
            raise Refused("They join too often", status=429)
        member = group.members.get(peer_id)
        if member is None and row.outsiders.get(peer_id) == REMOVED:
            words = wire.error(row.id, "removed", "you were removed from this group")
            return self._say(peer_id, row.id, "error", words)
        if member is None and group.full:
            return self._say(peer_id, row.id, "error", wire.error(row.id, "full", "group is full"))
        if member is None:
            member = group.members[peer_id] = MemberRow(peer_id, row.default_role, _now())
            row.outsiders.pop(peer_id, None)
        member.ours = wire.is_ours(message.payload)
        try:
            await self._save(group)
        except Goop2Error as error:
            log.warning("who is in group %s could not be kept: %s", row.id, error)
        if group.members.get(peer_id) is not member:
            return None  # removed meanwhile
        self.lines.heard(row.id, peer_id)
        self.lines.owe(row.id, peer_id, lines.WELCOME)
        self._owe_all(group, lines.MEMBERS, but=peer_id)
        self._kinds[row.type].member_joined(row.id, peer_id)
        return None

    async def _after_leaving(self, group: Hosted, peer_id: str) -> None:
        self.lines.drop(group.row.id, peer_id)
        self._kinds[group.row.type].member_left(group.row.id, peer_id)
        self._owe_all(group, lines.MEMBERS)
        await self._save(group)

    def _relay(self, group: Hosted, kind: str, message: Message) -> None:
        """Hand a member's message on, verbatim, to the others; what is too much at once is dropped."""
        for peer_id in group.members:
            if peer_id == message.sender or self.lines.away(group.row.id, peer_id):
                continue
            if self._relaying >= MOST_RELAYED:
                log.debug("group %s says more than can be handed on", group.row.id)
                return
            self._relaying += 1
            self._say(peer_id, group.row.id, kind, message.payload, done=self._relayed)

    def _relayed(self) -> None:
        self._relaying -= 1

    # ---- what members are told

    def owe(self, group_id: str, peer_id: str = "") -> None:
        """A member, or all, are owed something of the group's own kind."""
        group = self.groups.get(group_id)
        if group is None:
            return
        for one in (peer_id,) if peer_id else tuple(group.members):
            if one in group.members:
                self.lines.owe(group_id, one, lines.OWN)

    def _owe_all(self, group: Hosted, kind: str, but: str = "") -> None:
        for peer_id in group.members:
            if peer_id != but:
                self.lines.owe(group.row.id, peer_id, kind)

    async def _send_invite(self, group_id: str, peer_id: str) -> bool:
        group = self.groups.get(group_id)
        if group is None or group.row.outsiders.get(peer_id) != WAITING:
            return False
        row = group.row
        invite: dict[str, object] = {
            "group_id": row.id,
            "group_name": row.name,
            "host_peer_id": self._own_id,
            "group_type": row.type,
            "volatile": False,
        }
        if row.context:
            invite["group_context"] = row.context
        await self._bus.send(peer_id, wire.INVITE_TOPIC, invite)
        if row.outsiders.get(peer_id) == WAITING:
            row.outsiders[peer_id] = INVITED
            await self._save(group)
        return False

    async def _send_welcome(self, group_id: str, peer_id: str) -> bool:
        for group, member in self._still(group_id, peer_id):
            row = group.row
            welcome: dict[str, object] = {"group_name": row.name, "group_type": row.type}
            if row.context:
                welcome["group_context"] = row.context
            welcome |= {"max_members": row.max_members, "volatile": False, "members": self._list_for(group, member)}
            if member.ours:
                welcome[wire.EXTENSION] = wire.EXTENSION_VERSION
            await self._bus.send(peer_id, wire.topic(group_id, "welcome"), welcome)
        return False

    async def _send_members(self, group_id: str, peer_id: str) -> bool:
        for group, member in self._still(group_id, peer_id):
            payload = {"members": self._list_for(group, member)}
            await self._bus.send(peer_id, wire.topic(group_id, "members"), payload)
        return False

    async def _send_meta(self, group_id: str, peer_id: str) -> bool:
        for group, _ in self._still(group_id, peer_id):
            row = group.row
            meta = {"group_name": row.name, "group_type": row.type, "max_members": row.max_members}
            await self._bus.send(peer_id, wire.topic(group_id, "meta"), meta)
        return False

    async def _send_own(self, group_id: str, peer_id: str) -> bool:
        for group, _ in self._still(group_id, peer_id):
            return await self._kinds[group.row.type].send_owed(group_id, peer_id)
        return False

    async def _send_ping(self, group_id: str, peer_id: str) -> bool:
        for _ in self._still(group_id, peer_id):
            await self._bus.send(peer_id, wire.topic(group_id, "ping"), wire.wrapped("ping", group_id))
        return False

    def _still(self, group_id: str, peer_id: str) -> Iterator[tuple[Hosted, MemberRow]]:
        """The group and the member, if they are still there."""
        group = self.groups.get(group_id)
        member = group.members.get(peer_id) if group is not None else None
        if group is not None and member is not None:
            yield group, member

    def _list_for(self, group: Hosted, reader: MemberRow) -> list[dict[str, object]]:
        forwarding = self._kinds[group.row.type].forwarding
        found = [wire.WireMember(self._own_id, OWNER, group.row.created_at, self._own_name())]
        for member in sorted(group.members.values(), key=lambda one: (one.joined_at, one.peer_id)):
            away = self.lines.away(group.row.id, member.peer_id)
            if member is not reader and not reader.ours and (away or (forwarding and not member.ours)):
                continue
            name = self._name_of(member.peer_id)
            found.append(wire.WireMember(member.peer_id, member.role, member.joined_at, name, away))
        return wire.member_list(found, ours=reader.ours)

    def _say(
        self, peer_id: str, group_id: str, kind: str, payload: object, done: Callable[[], None] = lambda: None
    ) -> None:
        """Send once, and leave it at that if it fails."""

        async def send() -> None:
            try:
                async with asyncio.timeout(FAREWELL_SECONDS):
                    await self._bus.send(peer_id, wire.topic(group_id, kind), payload)
            except (Goop2Error, TimeoutError) as error:
                log.debug("%s of group %s did not reach %s: %s", kind, group_id, peer_id, error)
            finally:
                done()

        if self._tasks.spawn(f"say {kind}", send()) is None:
            done()

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(PING_SECONDS)
            for group in list(self.groups.values()):
                self._owe_all(group, lines.PING)

    # ---- state

    async def _save(self, group: Hosted) -> None:
        group.row.members = list(group.members.values())
        self._changed(group.row.id)
        await self._store.save_hosted(group.row, self._own_id)

    def _on_away(self, group_id: str, peer_id: str) -> None:
        group = self.groups.get(group_id)
        if group is not None and peer_id in group.members:
            self._owe_all(group, lines.MEMBERS, but=peer_id)
            self._changed(group_id)

    def shown(self, group_id: str) -> Group:
        """The group as it is shown."""
        group = self.groups[group_id]
        row = group.row
        own = GroupMember(self._own_id, OWNER, self._own_name(), row.created_at)
        others = [
            GroupMember(m.peer_id, m.role, self._name_of(m.peer_id), m.joined_at, self.lines.away(row.id, m.peer_id))
            for m in sorted(group.members.values(), key=lambda one: (one.joined_at, one.peer_id))
        ]
        return Group(
            id=row.id,
            name=row.name,
            type=row.type,
            host_id=self._own_id,
            hosted=True,
            state=GroupState.HOSTING,
            context=row.context,
            host_name=self._own_name(),
            role=OWNER,
            default_role=row.default_role,
            max_members=row.max_members,
            created_at=row.created_at,
            members=(own, *others),
            invited=tuple(peer for peer, state in row.outsiders.items() if state in {INVITED, WAITING}),
        )


def _now() -> int:
    return time.time_ns() // 1_000_000
