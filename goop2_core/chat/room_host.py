"""The rooms hosted here: taking what members say, and passing it on to each until they have it.

Peers of ours get every change in the order of counting, and say themselves from where on when something was lost.
Members with the existing program get each new message of the others once: it keeps no order and knows no changes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from goop2_core.chat import room_wire as wire
from goop2_core.data.rooms import RoomRow, RoomState, RoomStore, Said
from goop2_core.errors import Goop2Error, Refused
from goop2_core.groups.manager import Groups
from goop2_core.mq.bus import Bus
from goop2_core.mq.message import Message
from goop2_core.presence.throttle import Throttle
from goop2_core.tasks import TaskOwner

log = logging.getLogger("goop2.rooms")

RATE, BURST = 20.0, 60.0
SYNC_RATE, SYNC_BURST = 1.0, 10.0
TYPING_RATE, TYPING_BURST = 0.5, 3.0
FOR_JOINERS: Final = 500
MOST_IN_BATCH: Final = 100
BATCH_BYTES: Final = 256 << 10
MOST_TYPING: Final = 64


@dataclass(slots=True, eq=False)
class _Room:
    """A room, and for each member up to where it got everything; who is not in `cursors` is asked."""

    state: RoomState
    cursors: dict[str, int] = field(default_factory=dict)
    resets: set[str] = field(default_factory=set)
    batches: dict[int, asyncio.Task[list[RoomRow]]] = field(default_factory=dict)


class RoomHost:
    """Serves the members of the rooms hosted here. `told` is called with every message that is new or changed."""

    def __init__(
        self,
        bus: Bus,
        store: RoomStore,
        groups: Groups,
        tasks: TaskOwner,
        *,
        told: Callable[[str, list[RoomRow]], None],
        typing: Callable[[str, str], None],
    ) -> None:
        self._bus = bus
        self._store = store
        self._groups = groups
        self._tasks = tasks
        self._told = told
        self._typed = typing
        self._rooms: dict[str, _Room] = {}
        self._opening = asyncio.Lock()
        self._throttle = Throttle(RATE, BURST)
        self._syncs = Throttle(SYNC_RATE, SYNC_BURST)
        self._typing = Throttle(TYPING_RATE, TYPING_BURST)
        self._typing_now = 0
        self._greet: set[tuple[str, str]] = set()
        self._names: set[tuple[str, str]] = set()

    def forget(self, group_id: str) -> None:
        """The room is closed."""
        self._rooms.pop(group_id, None)
        self._greet = {key for key in self._greet if key[0] != group_id}
        self._names = {key for key in self._names if key[0] != group_id}

    def joined(self, group_id: str, peer_id: str) -> None:
        """Somebody joined, or came back: they are told what was said, and all are told who is there."""
        self._greet.add((group_id, peer_id))
        self._tell_names(group_id)

    def left(self, group_id: str, peer_id: str) -> None:
        """Somebody is no longer there."""
        room = self._rooms.get(group_id)
        if room is not None:
            room.cursors.pop(peer_id, None)
            room.resets.discard(peer_id)
        self._greet.discard((group_id, peer_id))
        self._names.discard((group_id, peer_id))
        self._tell_names(group_id)

    def _tell_names(self, group_id: str) -> None:
        self._names.update((group_id, member) for member, _ in self._groups.members(group_id))
        self._groups.owe(group_id)

    # ---- what is said

    def counted(self, group_id: str, row: RoomRow) -> None:
        """A message got its number: the members are owed it."""
        room = self._rooms.get(group_id)
        if room is not None:
            room.state = RoomState(room.state.epoch, max(room.state.last_n, row.n))
            room.batches.clear()
        self._groups.owe(group_id)

    async def open(self, group_id: str) -> None:
        """Make sure that the room is there."""
        await self._room(group_id)

    async def handle(self, group_id: str, sub: str, message: Message) -> None:
        """A message of somebody on a topic of a room hosted here. Raises `Refused`."""
        if not self._groups.is_member(group_id, message.sender):
            raise Refused("They are not in this room", status=403)
        self._groups.heard(group_id, message.sender)
        match sub:
            case "msg" | "edit":
                await self._on_message(group_id, message)
            case "sync":
                await self._on_sync(group_id, message)
            case "typing":
                if self._typing.allows(message.sender):
                    self._typed(group_id, message.sender)
                    self.typing(group_id, message.sender)

    async def _on_message(self, group_id: str, message: Message) -> None:
        sender = message.sender
        said = wire.parse_message(message.payload, _now(), by_host=False)
        if said.from_id != sender:
            raise Refused("It is another's message", "Members of REF send on what they get", status=403)
        if not self._throttle.allows(sender):
            self._refuse(group_id, sender, said, "rate", "too many messages")
            return
        name = self._groups.name_of(sender)
        room = await self._room(group_id)
        row, changed = await self._store.take(group_id, _named(said, name))
        if changed:
            self.counted(group_id, row)
            self._told(group_id, [row])
        elif sender in room.cursors:  # it asks again because it does not know that we have it
            room.cursors[sender] = min(room.cursors[sender], row.n - 1)
            self._groups.owe(group_id, sender)

    def _refuse(self, group_id: str, peer_id: str, said: Said, code: str, words: str) -> None:
        if dict(self._groups.members(group_id)).get(peer_id) and self._syncs.allows(peer_id):
            payload = {"action": "refused", "id": said.uid, "code": code, "message": words}
            self._tasks.spawn("refuse", self._try(peer_id, wire.topic(group_id, "refused"), payload))

    async def _on_sync(self, group_id: str, message: Message) -> None:
        epoch, since = wire.parse_sync(message.payload)
        if not self._syncs.allows(message.sender):
            raise Refused("It asks too often", status=429)
        room = await self._room(group_id)
        if epoch == room.state.epoch and since <= room.state.last_n:
            room.cursors[message.sender] = since
        else:
            room.cursors[message.sender] = await self._store.newest_from(group_id, FOR_JOINERS)
            room.resets.add(message.sender)
        self._groups.owe(group_id, message.sender)

    # ---- what members are owed

    async def send_owed(self, group_id: str, peer_id: str) -> bool:
        """Send a member the next piece; true if there is more. Raises `NetworkError`."""
        room = await self._room(group_id)
        ours = dict(self._groups.members(group_id)).get(peer_id)
        if ours is None:
            return False
        if (group_id, peer_id) in self._names:
            self._names.discard((group_id, peer_id))
            try:
                await self._bus.send(peer_id, wire.topic(group_id, "members"), self._members_for(group_id, peer_id))
            except Goop2Error:
                self._names.add((group_id, peer_id))
                raise
            return True
        return await (self._send_batch if ours else self._send_plain)(group_id, room, peer_id)

    def _members_for(self, group_id: str, reader: str) -> dict[str, object]:
        members = []
        for peer_id in self._visible(group_id, reader):
            name = self._groups.name_of(peer_id)
            members.append({"peer_id": peer_id, "name": name} if name else {"peer_id": peer_id})
        return {"action": "members", "members": members}

    def _visible(self, group_id: str, reader: str) -> list[str]:
        """Who a member may know of: see `GroupKind.forwarding`."""
        members = self._groups.members(group_id)
        reader_ours = dict(members).get(reader)
        return [self._groups.own_id, *(one for one, ours in members if ours or reader_ours or one == reader)]

    async def _send_batch(self, group_id: str, room: _Room, peer_id: str) -> bool:
        self._greet.discard((group_id, peer_id))
        cursor = room.cursors.get(peer_id)
        reset = peer_id in room.resets
        rows: list[RoomRow] = []
        if cursor is None:  # it says itself what it lacks when it sees how far the room is
            cursor = room.cursors[peer_id] = room.state.last_n
            upto = cursor
        else:
            rows = await self._above(group_id, room, cursor)
            if not rows and not reset:
                return False
            upto = rows[-1].n if rows else cursor
        payload = wire.batch_of(rows, room.state.epoch, cursor, upto, reset=reset)
        try:
            await self._bus.send(peer_id, wire.topic(group_id, "history"), payload)
        except Goop2Error:
            if not rows and not reset:
                room.cursors.pop(peer_id, None)
            raise
        if reset:
            room.resets.discard(peer_id)
        if room.cursors.get(peer_id) == cursor:  # else it asked for something else meanwhile
            room.cursors[peer_id] = upto
        return room.cursors.get(peer_id, 0) < room.state.last_n

    async def _send_plain(self, group_id: str, room: _Room, peer_id: str) -> bool:
        if (group_id, peer_id) in self._greet:
            rows = [row for row in await self._store.history(group_id, limit=MOST_IN_BATCH) if not row.deleted]
            if rows:
                messages = [wire.message_of(row, ours=False) for row in rows]
                topic = wire.topic(group_id, "history")
                await self._bus.send(peer_id, topic, {"action": "history", "messages": messages})
            self._greet.discard((group_id, peer_id))
            room.cursors[peer_id] = max((row.n for row in rows), default=room.cursors.get(peer_id, room.state.last_n))
        cursor = room.cursors.setdefault(peer_id, room.state.last_n)
        for row in await self._above(group_id, room, cursor):
            if row.first_n > cursor and not row.deleted and row.from_id != peer_id:
                message = wire.message_of(row, ours=False)
                await self._bus.send(peer_id, wire.topic(group_id, "msg"), {"action": "msg", "message": message})
            if room.cursors.get(peer_id) == cursor:
                cursor = room.cursors[peer_id] = row.n
        return cursor < room.state.last_n

    async def _above(self, group_id: str, room: _Room, cursor: int) -> list[RoomRow]:
        """What comes after a number; members who are at the same place share one look into the database."""
        if cursor >= room.state.last_n:
            return []
        batch = room.batches.get(cursor)
        if batch is None:
            batch = self._tasks.spawn("read a room", self._store.above(group_id, cursor, MOST_IN_BATCH))
            if batch is None:
                return []
            room.batches[cursor] = batch
        rows = await asyncio.shield(batch)
        size = 0
        for number, row in enumerate(rows):
            size += len(row.content.encode())
            if size > BATCH_BYTES:
                return rows[: max(1, number)]
        return rows

    def typing(self, group_id: str, author: str) -> None:
        """Tell the members of ours who is writing; what does not get through at once is not worth a retry."""
        payload, topic = {"action": "typing", "from": author}, wire.topic(group_id, "typing")
        for peer_id, ours in self._groups.members(group_id):
            if not ours or peer_id == author or self._groups.away(group_id, peer_id):
                continue
            if self._typing_now >= MOST_TYPING:
                return
            self._typing_now += 1
            if self._tasks.spawn("typing", self._tell_typing(peer_id, topic, payload)) is None:
                self._typing_now -= 1

    async def _tell_typing(self, peer_id: str, topic: str, payload: dict[str, str]) -> None:
        try:
            await self._try(peer_id, topic, payload)
        finally:
            self._typing_now -= 1

    async def _try(self, peer_id: str, topic: str, payload: object) -> None:
        try:
            await self._bus.send(peer_id, topic, payload, retry=False)
        except Goop2Error as error:
            log.debug("%s did not reach %s: %s", topic, peer_id, error)

    async def _room(self, group_id: str) -> _Room:
        room = self._rooms.get(group_id)
        if room is None:
            async with self._opening:
                room = self._rooms.get(group_id)
                if room is None:
                    state = await self._store.open(group_id, hosted=True)
                    room = self._rooms[group_id] = _Room(state)
        return room


def _named(said: Said, name: str) -> Said:
    """The message with the name that this peer knows its author by, if it does."""
    return replace(said, from_name=name or said.from_name)


def _now() -> int:
    return time.time_ns() // 1_000_000
