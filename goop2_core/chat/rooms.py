"""Chat rooms: the groups of type `chat` (spec 5.9), whether hosted here or elsewhere."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Final

from goop2_core.chat import room_wire as wire
from goop2_core.chat.room_host import RoomHost
from goop2_core.chat.room_member import RoomMember
from goop2_core.chat.text import MOST_BYTES, cleaned, fits
from goop2_core.data.rooms import RoomRow, RoomStore, Said
from goop2_core.errors import Goop2Error, Refused
from goop2_core.events import Delivery, Event, GroupState, RoomMessage, RoomMessageChanged, RoomMessageGone, RoomRead
from goop2_core.events import Typing as TypingEvent
from goop2_core.groups.manager import Groups
from goop2_core.groups.member import ENDS
from goop2_core.groups.wire import parse_topic
from goop2_core.mq.bus import Bus
from goop2_core.mq.message import Message
from goop2_core.presence.throttle import Throttle
from goop2_core.tasks import TaskOwner

log = logging.getLogger("goop2.rooms")

MOST_WAITING: Final = 200
LONGEST_CLIENT_ID: Final = 64
LONGEST_SEARCH: Final = 200
TYPING_SECONDS: Final = 3.0
RATE, BURST = 100.0, 300.0
NAMES_KEPT: Final = 500


class Rooms:
    """The owner's rooms. It is the `GroupKind` that the group side calls."""

    name: str = "chat"
    forwarding: bool = True

    def __init__(
        self, bus: Bus, store: RoomStore, groups: Groups, tasks: TaskOwner, emit: Callable[[Event], None]
    ) -> None:
        self._bus = bus
        self._store = store
        self._groups = groups
        self._tasks = tasks.child("rooms")
        self._emit = emit
        self._host = RoomHost(bus, store, groups, self._tasks, told=self._tell, typing=self._on_typing)
        self._member = RoomMember(bus, store, groups, self._tasks, told=self._tell, typing=self._on_typing)
        self._throttle = Throttle(RATE, BURST)
        self._unread: dict[str, int] = {}
        self._typed: dict[str, float] = {}
        self._names: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._last_ms = 0
        self._unsubscribe: Callable[[], None] = lambda: None
        groups.register(self)

    async def start(self) -> None:
        """Take up the rooms, and listen. The groups start after this, and stop after it too."""
        self._unsubscribe = self._bus.subscribe(wire.PREFIX, self._receive)

    async def resume(self) -> None:
        """The groups are there: what was not delivered waits, and what is unread is counted."""
        for group in self._groups.listed():
            if group.type == self.name:
                await self._store.open(group.id, hosted=group.hosted)
                self._unread[group.id] = await self._store.unread(group.id)
                if not group.hosted:
                    await self._member.wake(group.id)

    async def stop(self) -> None:
        """Stop listening and sending; what was not delivered is sent after the next start."""
        self._unsubscribe()
        await self._tasks.stop()

    @property
    def unread(self) -> int:
        """How many messages the owner has not seen, in all rooms together."""
        return sum(self._unread.values())

    # ---- what the owner does

    async def listed(self) -> list[tuple[str, int, RoomMessage | None]]:
        """Each room's ID, how many messages are unread, and the last one; the latest first."""
        found = []
        for group in self._groups.listed():
            if group.type == self.name:
                last = await self._store.last(group.id)
                found.append((group.id, self._unread.get(group.id, 0), self._shown(last) if last else None))
        return sorted(found, key=lambda one: one[2].id if one[2] else 0, reverse=True)

    async def history(
        self, group_id: str, before: int = 0, after: int = 0, limit: int = 50
    ) -> tuple[list[RoomMessage], int]:
        """Messages, oldest first (see `RoomStore.history`), and how many are unread. Raises `Refused` (404)."""
        self._check(group_id)
        rows = await self._store.history(group_id, before, after, limit)
        return [self._shown(row) for row in rows], self._unread.get(group_id, 0)

    async def search(self, group_id: str, text: str, limit: int = 50) -> list[RoomMessage]:
        """Messages that contain `text`, newest first. Raises `Refused`: 404, 400 for no text or too much."""
        self._check(group_id)
        text = text.strip()
        if not 0 < len(text) <= LONGEST_SEARCH:
            raise Refused("There is nothing to look for", f"1 to {LONGEST_SEARCH} characters are possible.", status=400)
        return [self._shown(row) for row in await self._store.search(group_id, text, limit)]

    async def send(self, group_id: str, content: str, client_id: str = "", reply_to: int = 0) -> RoomMessage:
        """Keep a message and begin to deliver it; `RoomMessageChanged` tells what becomes of it.

        The same `client_id` again gives the message of the first time. Raises `Refused`: 400 for no text, 404, 409 if
        the room is closed, 413 above 16 KiB, 429 while 200 messages wait.
        """
        hosted = self._check_writing(group_id)
        content = _content(content)
        if len(client_id) > LONGEST_CLIENT_ID:
            raise Refused("The message cannot be sent", "Its client_id is too long.", status=400)
        if not hosted and len(await self._store.unsent(group_id)) >= MOST_WAITING:
            raise Refused("Too many messages wait", "The host does not take them at the moment.", status=429)
        reply = await self._store.get(group_id, reply_to) if reply_to else None
        own_id = self._groups.own_id
        now = self._now()
        said = Said(
            uid=wire.new_uid(own_id, now),
            from_id=own_id,
            from_name=self._groups.own_name(),
            content=content,
            ts=now,
            reply_from=reply.from_id if reply else "",
            reply_uid=reply.uid if reply else "",
        )
        await self._store.open(group_id, hosted=hosted)
        once = f"{group_id} {client_id}" if client_id else ""
        row, is_new = await self._store.say(group_id, said, once, hosted=hosted)
        if is_new:
            await self._changed_by_owner(group_id, row, hosted=hosted)
        return self._shown(row)

    async def edit(self, group_id: str, message_id: int, content: str) -> RoomMessage:
        """Change an own message. Raises `Refused`: 403 if it is another's, 404, 409 if it is deleted, 400, 413."""
        content = _content(content)
        row = await self._own(group_id, message_id)
        return await self._revise(row, content, deleted=False)

    async def delete(self, group_id: str, message_id: int) -> None:
        """Delete an own message for all; one that was not delivered is taken back.

        Raises `Refused`: 403 if it is another's, 404, 409 while it is being sent.
        """
        row = await self._own(group_id, message_id)
        if row.delivery is Delivery.DELIVERED or row.rev:
            await self._revise(row, "", deleted=True)
        elif await self._store.remove(message_id):
            self._emit(RoomMessageGone(group_id, message_id, self._unread.get(group_id, 0)))
        else:
            raise Refused("The message is being sent", "Delete it once it is delivered.", status=409)

    async def retry(self, group_id: str, message_id: int) -> RoomMessage:
        """Send a message that failed again. Raises `Refused`: 403, 404, 409 if it has not failed."""
        self._check_writing(group_id)
        row = await self._own(group_id, message_id)
        settled = None
        if row.delivery is Delivery.FAILED:
            settled = await self._store.settle(message_id, Delivery.SENDING)
        if settled is None:
            raise Refused("The message has not failed", "It is delivered, or being sent.", status=409)
        await self._changed_by_owner(group_id, settled, hosted=False)
        return self._shown(settled)

    async def mark_read(self, group_id: str) -> None:
        """The owner has seen everything in a room. Raises `Refused` (404)."""
        self._check(group_id)
        await self._store.mark_read(group_id)
        self._unread[group_id] = await self._store.unread(group_id)
        self._emit(RoomRead(group_id))

    async def typing(self, group_id: str) -> None:
        """The owner is writing; the others are told every three seconds at most. Raises `Refused` (404)."""
        self._check(group_id)
        now = time.monotonic()
        if now - self._typed.get(group_id, -TYPING_SECONDS) < TYPING_SECONDS:
            return
        self._typed[group_id] = now
        if self._groups.hosts(group_id):
            self._host.typing(group_id, self._groups.own_id)
        else:
            self._tasks.spawn("typing", self._member.typing(group_id))

    async def _revise(self, row: RoomRow, content: str, *, deleted: bool) -> RoomMessage:
        hosted = self._check_writing(row.group_id)
        if row.deleted:
            raise Refused("The message is deleted", status=409)
        if not hosted and not self._groups.host_of(row.group_id)[1] and row.delivery is Delivery.DELIVERED:
            words = "The host's program does not know changes of what was said."
            raise Refused("The message cannot be changed", words, status=409)
        revised = await self._store.revise(row.id, content, self._now(), deleted=deleted, hosted=hosted)
        if revised is None:
            raise Refused("There is no such message", status=404)
        await self._changed_by_owner(row.group_id, revised, hosted=hosted)
        return self._shown(revised)

    async def _changed_by_owner(self, group_id: str, row: RoomRow, *, hosted: bool) -> None:
        self._emit(RoomMessageChanged(self._shown(row), self._unread.get(group_id, 0)))
        if hosted:
            await self._host.open(group_id)
            self._host.counted(group_id, row)
        else:
            await self._member.wake(group_id)

    def _check(self, group_id: str) -> GroupState:
        """How this peer stands to a room. Raises `Refused` (404)."""
        group = self._groups.group(group_id)
        if group.type != self.name:
            raise Refused("This group is no chat room", status=404)
        return group.state

    def _check_writing(self, group_id: str) -> bool:
        """Whether the room is hosted here. Raises `Refused`: 404, 409 if it is closed."""
        state = self._check(group_id)
        if state in ENDS:
            raise Refused("You are not in this room", self._groups.group(group_id).reason, status=409)
        return state is GroupState.HOSTING

    async def _own(self, group_id: str, message_id: int) -> RoomRow:
        self._check(group_id)
        row = await self._store.get(group_id, message_id)
        if row is None:
            raise Refused("There is no such message", status=404)
        if row.from_id != self._groups.own_id:
            raise Refused("This is not your message", "Only its author can change it.", status=403)
        return row

    # ---- what others say

    async def _receive(self, message: Message) -> None:
        if not message.readable:
            return
        group_id, sub = parse_topic(message.topic, wire.PREFIX)
        state = self._groups.state(group_id)
        if state is None or self._groups.group(group_id).type != self.name:
            return
        if state is GroupState.HOSTING:
            if not self._throttle.allows(message.sender):
                raise Refused("Too many messages", status=429)
            await self._host.handle(group_id, sub, message)
        elif sub == "members":
            self._on_names(group_id, message)
        else:
            await self._member.handle(group_id, sub, message)

    def _on_names(self, group_id: str, message: Message) -> None:
        """The host tells names; they serve where presence knows none."""
        if message.sender == self._groups.host_of(group_id)[0]:
            for peer_id, name in wire.parse_names(message.payload).items():
                self._names[group_id, peer_id] = name
                self._names.move_to_end((group_id, peer_id))
            while len(self._names) > NAMES_KEPT:
                self._names.popitem(last=False)

    def _on_typing(self, group_id: str, peer_id: str) -> None:
        self._emit(TypingEvent(group_id, peer_id, self._name(group_id, peer_id)))

    def _tell(self, group_id: str, rows: list[RoomRow]) -> None:
        """Messages came or changed: the page hears of them, with what is unread then."""
        self._tasks.spawn("tell", self._tell_counted(group_id, rows))

    async def _tell_counted(self, group_id: str, rows: list[RoomRow]) -> None:
        try:
            self._unread[group_id] = await self._store.unread(group_id)
        except Goop2Error as error:
            log.warning("what is unread could not be counted: %s", error)
        for row in rows:
            self._emit(RoomMessageChanged(self._shown(row), self._unread.get(group_id, 0)))

    def _name(self, group_id: str, peer_id: str) -> str:
        return self._groups.name_of(peer_id) or self._names.get((group_id, peer_id), "")

    def _shown(self, row: RoomRow) -> RoomMessage:
        shown = row.shown()
        name = self._name(row.group_id, row.from_id)
        return replace(shown, from_name=name) if name else shown

    def _now(self) -> int:
        """Unix milliseconds, always growing: two messages never have the same."""
        self._last_ms = max(self._last_ms + 1, time.time_ns() // 1_000_000)
        return self._last_ms

    # ---- what the groups tell (`GroupKind`)

    def member_joined(self, group_id: str, peer_id: str) -> None:
        """Somebody joined a room hosted here."""
        self._host.joined(group_id, peer_id)

    def member_left(self, group_id: str, peer_id: str) -> None:
        """Somebody left a room hosted here."""
        self._host.left(group_id, peer_id)

    def host_started(self, group_id: str) -> None:
        """A room is hosted here."""
        self._groups.owe(group_id)

    def connected(self, group_id: str) -> None:
        """The host of a room welcomed this peer."""
        self._soon("connected", self._member.connected(group_id))

    async def forget(self, group_id: str) -> None:
        """A room is gone for good."""
        self._host.forget(group_id)
        self._member.forget(group_id)
        self._unread.pop(group_id, None)
        await self._store.forget(group_id)

    async def send_owed(self, group_id: str, peer_id: str) -> bool:
        """Send a member of a room hosted here what it is owed."""
        return await self._host.send_owed(group_id, peer_id)

    def _soon(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.spawn(name, work)


def _content(text: str) -> str:
    content = cleaned(text)
    if not content:
        raise Refused("There is nothing to send", "The message has no text.", status=400)
    if not fits(content):
        limit = f"Up to {MOST_BYTES >> 10} KiB of text are possible."
        raise Refused("The message is too long", limit, "Send it in parts, or as a file.", status=413)
    return content
