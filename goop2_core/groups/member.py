"""The groups joined elsewhere: joining, and coming back by itself after a restart or a cut (spec 5.4, 5.5, 5.7, 10.4).

Only what the recorded host says counts, and only its explicit error is a rejection: whatever else goes wrong is tried
again, at once when the host comes online, and with growing pauses otherwise.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from goop2_core.data.groups import GroupStore, JoinedRow, MemberRow
from goop2_core.errors import Goop2Error, NetworkError
from goop2_core.events import Group, GroupMember, GroupState
from goop2_core.groups import wire
from goop2_core.groups.kind import GroupKind
from goop2_core.identity import short
from goop2_core.mq.bus import Bus
from goop2_core.mq.message import Message
from goop2_core.presence.throttle import Throttle
from goop2_core.tasks import TaskOwner

log = logging.getLogger("goop2.groups")

JOIN_SECONDS: Final = 5.0
START_SECONDS: Final = 3.0
SILENCE_SECONDS: Final = 150.0
TICK_SECONDS: Final = 0.5
FIRST_PAUSE: Final = 2.0
LONGEST_PAUSE_ONLINE: Final = 10.0
LONGEST_PAUSE: Final = 120.0
JOINS_AT_ONCE: Final = 8
PONG_RATE, PONG_BURST = 0.2, 5.0
SAVE_RATE, SAVE_BURST = 1.0, 20.0
ENDS: Final = frozenset({GroupState.FULL, GroupState.REFUSED, GroupState.CLOSED, GroupState.REMOVED})


@dataclass(slots=True, eq=False)
class Joined:
    """A group hosted elsewhere, while this peer runs. `heard` and `retry_at` are seconds of the monotonic clock."""

    row: JoinedRow
    state: GroupState
    reason: str = ""
    members: tuple[wire.WireMember, ...] = ()
    heard: float = 0.0
    retry_at: float = 0.0
    failures: int = 0
    joining: bool = False
    answered: asyncio.Event = field(default_factory=asyncio.Event)


class MemberSide:
    """Everything about the groups joined elsewhere."""

    def __init__(
        self,
        bus: Bus,
        store: GroupStore,
        own_id: str,
        *,
        kinds: dict[str, GroupKind],
        name_of: Callable[[str], str],
        online: Callable[[str], bool],
        tasks: TaskOwner,
        changed: Callable[[str], None],
    ) -> None:
        self._bus = bus
        self._store = store
        self._own_id = own_id
        self._kinds = kinds
        self._name_of = name_of
        self._online = online
        self._tasks = tasks.child("member")
        self._changed = changed
        self._at_once = asyncio.Semaphore(JOINS_AT_ONCE)
        self._pongs = Throttle(PONG_RATE, PONG_BURST)
        self._saves = Throttle(SAVE_RATE, SAVE_BURST)
        self.groups: dict[str, Joined] = {}

    async def start(self) -> None:
        """Take up what was joined, and join again in a few seconds, when the network is there."""
        now = time.monotonic()
        for row in await self._store.joined(tuple(self._kinds)):
            members = tuple(wire.WireMember(m.peer_id, m.role, m.joined_at, m.name) for m in row.members)
            ended = row.state in ENDS
            state = GroupState(row.state) if ended else GroupState.WAITING
            group = self.groups[row.id] = Joined(row, state, row.reason if ended else "", members)
            group.retry_at = now + START_SECONDS * _spread()
        self._tasks.spawn("rejoin", self._tick())

    async def stop(self) -> None:
        """Stay in the groups, but stop speaking."""
        await self._tasks.stop()

    # ---- what the owner does

    async def join(self, row: JoinedRow) -> None:
        """Begin to join; how it ends is shown by the group's state. One that was joined before is joined again."""
        old = self.groups.get(row.id)
        row.subscribed_at = time.time_ns() // 1_000_000
        if old is not None:
            row.members, row.ours = old.row.members, old.row.ours
        self.groups[row.id] = Joined(row, GroupState.JOINING, members=old.members if old else ())
        await self._store.save_joined(row)
        self.retry(row.id)

    def retry(self, group_id: str) -> None:
        """Try to join now, also after a rejection."""
        group = self.groups[group_id]
        group.failures = 0
        self._set(group, GroupState.JOINING)
        self._begin(group)

    async def leave(self, group_id: str) -> None:
        """Forget the group, and tell its host if it still counts on this peer."""
        group = self.groups.pop(group_id)
        await self._store.drop_joined(group.row.host_id, group_id)
        if group.state not in ENDS:
            self._tasks.spawn("leave", self._say(group, "leave"))

    # ---- what the host says

    async def handle(self, group_id: str, kind: str, message: Message) -> None:
        """A message on a topic of a group joined elsewhere; what is not from its host is ignored."""
        group = self.groups[group_id]
        if message.sender != group.row.host_id:
            log.debug("%s of group %s by %s, who is not its host, is ignored", kind, group_id, message.sender)
            return
        group.heard = time.monotonic()
        match kind:
            case "welcome":
                await self._on_welcome(group, wire.parse_welcome(message.payload))
            case "error":
                await self._on_error(group, *wire.parse_error(message.payload))
            case "members" if group.state not in ENDS:
                await self._on_members(group, wire.parse_members(message.payload))
            case "meta" if group.state not in ENDS:
                await self._on_meta(group, wire.parse_meta(message.payload))
            case "close" if group.state not in ENDS:
                await self._on_close(group, removed=wire.parse_close(message.payload))
            case "ping":
                self._on_ping(group)
            case _:
                pass  # of `msg` and `state` nothing here makes use

    async def _on_welcome(self, group: Joined, welcome: wire.Welcome) -> None:
        if group.state in ENDS:
            return
        row = group.row
        if welcome.type not in {"", row.type}:
            await self._decline(group, welcome.type)
            return
        row.name = welcome.name or row.name
        row.context = welcome.context or row.context
        row.max_members = welcome.max_members
        row.ours = welcome.ours
        self._set_members(group, welcome.members)
        group.failures = 0
        group.answered.set()
        self._set(group, GroupState.CONNECTED)
        await self._keep(group)
        self._kinds[row.type].connected(row.id)

    async def _decline(self, group: Joined, kind: str) -> None:
        """It was joined by its ID, and turns out to be something else."""
        group.answered.set()
        self._set(group, GroupState.REFUSED, f"Groups of the type “{kind}” need a newer version of goop2.")
        self._tasks.spawn("leave", self._say(group, "leave"))
        await self._keep(group)

    async def _on_error(self, group: Joined, code: str, words: str) -> None:
        if not group.joining:
            log.debug("error %s of the host of group %s: %s", code, group.row.id, words)
            return
        group.answered.set()
        match code:
            case "full":
                self._set(group, GroupState.FULL, "The group is full.")
            case "closed":
                self._set(group, GroupState.CLOSED, "The host closed this group.")
            case "removed":
                self._set(group, GroupState.REMOVED, "The host removed you from this group.")
            case _:
                self._set(group, GroupState.REFUSED, f"The host said no: {words or code or 'without a reason'}.")
        await self._keep(group)

    async def _on_members(self, group: Joined, members: tuple[wire.WireMember, ...]) -> None:
        if members != group.members:
            self._set_members(group, members)
            self._changed(group.row.id)
            if self._saves.allows(group.row.id):  # it is only the last known list
                await self._keep(group)
        if group.state is GroupState.CONNECTED and not any(member.peer_id == self._own_id for member in members):
            self._begin(group)  # the existing program drops members silently when a message to them fails

    async def _on_meta(self, group: Joined, meta: wire.Meta) -> None:
        group.row.name = meta.name or group.row.name
        group.row.max_members = meta.max_members
        self._changed(group.row.id)
        await self._keep(group)

    async def _on_close(self, group: Joined, *, removed: bool) -> None:
        if removed:
            self._set(group, GroupState.REMOVED, "The host removed you from this group.")
        elif group.row.ours:
            self._set(group, GroupState.CLOSED, "The host closed this group.")
        else:
            self._set(group, GroupState.CLOSED, "The host closed this group, or removed you from it.")
        await self._keep(group)

    def _on_ping(self, group: Joined) -> None:
        if self._pongs.allows(group.row.id):
            self._tasks.spawn("pong", self._say(group, "pong"))
        if group.state is GroupState.WAITING:
            self._begin(group)

    def _set_members(self, group: Joined, members: tuple[wire.WireMember, ...]) -> None:
        group.members = members
        group.row.members = [MemberRow(m.peer_id, m.role, m.joined_at, m.name) for m in members]
        group.row.role = next((m.role for m in members if m.peer_id == self._own_id and m.role), group.row.role)

    # ---- coming back

    def on_presence(self, peer_id: str, *, online: bool) -> None:
        """A person came online or went: the groups that they host are joined again, or wait."""
        for group in [group for group in self.groups.values() if group.row.host_id == peer_id]:
            if online and group.state is GroupState.WAITING:
                group.failures = 0
                group.retry_at = time.monotonic() + 0.5 * _spread()
            elif not online and group.state is GroupState.CONNECTED:
                self._wait(group, "is away")

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = time.monotonic()
            for group in list(self.groups.values()):
                silent = group.state is GroupState.CONNECTED and now - group.heard > SILENCE_SECONDS
                if silent or (group.state is GroupState.WAITING and group.retry_at <= now):
                    self._begin(group)

    def _begin(self, group: Joined) -> None:
        if not group.joining:
            group.joining = True
            if self._tasks.spawn(f"join {group.row.id}", self._join(group)) is None:
                group.joining = False

    async def _join(self, group: Joined) -> None:
        """One attempt. The host's answer arrives through `handle`; without one the group waits for the next."""
        try:
            async with self._at_once:
                group.answered.clear()
                payload = wire.wrapped("join", group.row.id, **{wire.EXTENSION: wire.EXTENSION_VERSION})
                async with asyncio.timeout(JOIN_SECONDS):
                    await self._bus.send(group.row.host_id, wire.topic(group.row.id, "join"), payload, retry=False)
                    await group.answered.wait()
        except TimeoutError:
            self._wait(group, "does not answer")
        except NetworkError:
            self._wait(group, "is away")
        except Goop2Error as error:
            log.warning("group %s cannot be joined: %s", group.row.id, error)
            self._wait(group, "cannot be spoken to")
        finally:
            group.joining = False

    def _wait(self, group: Joined, why: str) -> None:
        """Not connected, through no fault of anybody: try again later."""
        if self.groups.get(group.row.id) is not group or group.state in ENDS:
            return
        group.failures += 1
        longest = LONGEST_PAUSE_ONLINE if self._online(group.row.host_id) else LONGEST_PAUSE
        pause = min(longest, FIRST_PAUSE * 2 ** min(group.failures - 1, 10))
        group.retry_at = time.monotonic() + pause * _spread()
        host = self._host_name(group) or short(group.row.host_id)
        self._set(group, GroupState.WAITING, f"{host} {why}. It goes on by itself when they are back.")

    async def _say(self, group: Joined, kind: str) -> None:
        try:
            async with asyncio.timeout(JOIN_SECONDS):
                topic = wire.topic(group.row.id, kind)
                await self._bus.send(group.row.host_id, topic, wire.wrapped(kind, group.row.id))
        except (Goop2Error, TimeoutError) as error:
            log.debug("%s of group %s did not reach its host: %s", kind, group.row.id, error)

    # ---- state

    def _set(self, group: Joined, state: GroupState, reason: str = "") -> None:
        group.row.state, group.row.reason = (state.value, reason) if state in ENDS else ("", "")
        if (group.state, group.reason) != (state, reason):
            group.state, group.reason = state, reason
        if self.groups.get(group.row.id) is group:
            self._changed(group.row.id)

    async def _keep(self, group: Joined) -> None:
        if self.groups.get(group.row.id) is not group:
            return
        group.row.host_name = self._host_name(group)
        try:
            await self._store.save_joined(group.row)
        except Goop2Error as error:
            log.warning("what is known of group %s could not be kept: %s", group.row.id, error)

    def _host_name(self, group: Joined) -> str:
        return self._name_of(group.row.host_id) or group.row.host_name

    def shown(self, group_id: str) -> Group:
        """The group as it is shown: its host first, then by when they joined."""
        group = self.groups[group_id]
        row = group.row
        ordered = sorted(group.members, key=lambda m: (m.peer_id != row.host_id, m.joined_at, m.peer_id))
        members = tuple(
            GroupMember(m.peer_id, m.role, self._name_of(m.peer_id) or m.name, m.joined_at, m.away) for m in ordered
        )
        return Group(
            id=row.id,
            name=row.name,
            type=row.type,
            host_id=row.host_id,
            hosted=False,
            state=group.state,
            context=row.context,
            host_name=self._host_name(group),
            reason=group.reason,
            role=row.role,
            max_members=row.max_members,
            created_at=row.subscribed_at,
            members=members,
        )


def _spread() -> float:
    """Between 0.7 and 1: so that not all members of a group come back in the same instant."""
    return random.uniform(0.7, 1.0)  # noqa: S311 (no secret)
