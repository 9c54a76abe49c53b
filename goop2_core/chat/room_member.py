"""The rooms hosted elsewhere: sending what the owner wrote until the host has it, and taking what the host passes on.

What was written is sent one after the other, the next one only when the host has stored the one before: so the order
stays, and a message that nobody acknowledged waits, over a restart too. A host of the existing program cannot say what
it stored: there, a message counts as delivered when the host's bus has taken it, and goes to the other members
directly as well, as that program does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from goop2_core.chat import room_wire as wire
from goop2_core.data.rooms import RoomRow, RoomState, RoomStore, Said
from goop2_core.errors import Goop2Error, NetworkError, Refused
from goop2_core.events import Delivery, GroupState
from goop2_core.groups.manager import Groups
from goop2_core.identity import is_peer_id
from goop2_core.mq.bus import Bus
from goop2_core.mq.message import Message
from goop2_core.presence.throttle import Throttle
from goop2_core.tasks import TaskOwner

log = logging.getLogger("goop2.rooms")

RATE, BURST = 20.0, 60.0
CONFIRM_SECONDS: Final = 6.0
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 8.0
SENDS_AT_ONCE: Final = 8
AGAIN: Final = "again"


@dataclass(slots=True, eq=False)
class _Link:
    """The way to one room's host. `answer` is what it said to the message that is being sent."""

    state: RoomState
    syncing: bool = False
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    sending: str = ""
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    refusal: tuple[str, str] = ("", "")
    failures: int = 0


class RoomMember:
    """Takes part in the rooms hosted elsewhere. `told` is called with every message that is new or changed."""

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
        self._typing = typing
        self._links: dict[str, _Link] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._opening = asyncio.Lock()
        self._throttle = Throttle(RATE, BURST)
        self._at_once = asyncio.Semaphore(SENDS_AT_ONCE)

    # ---- sending

    async def connected(self, group_id: str) -> None:
        """The host is there, at first or again: ask for what was missed, and send what waits."""
        link = await self._link(group_id)
        link.failures = 0
        if link.sending:  # to a host that may have forgotten it
            link.refusal = (AGAIN, "")
            link.answered.set()
        self._sync_soon(group_id, link)
        await self.wake(group_id)

    async def wake(self, group_id: str) -> None:
        """There may be something to send."""
        link = await self._link(group_id)
        link.wake.set()
        if group_id not in self._running:
            task = self._tasks.spawn(f"room {group_id}", self._run(group_id, link))
            if task is not None:
                self._running[group_id] = task

    def forget(self, group_id: str) -> None:
        """The room is left."""
        self._links.pop(group_id, None)
        if (task := self._running.pop(group_id, None)) is not None:
            task.cancel()

    async def typing(self, group_id: str) -> None:
        """Tell the host that the owner is writing; raises nothing."""
        host, ours = self._groups.host_of(group_id)
        if ours:
            with contextlib.suppress(Goop2Error):
                await self._bus.send(host, wire.topic(group_id, "typing"), {"action": "typing"}, retry=False)

    async def _run(self, group_id: str, link: _Link) -> None:
        """Work until there is nothing to do; then wait to be woken."""
        while True:
            link.wake.clear()
            pause: float | None = None
            try:
                if await self._step(group_id, link):
                    continue
            except NetworkError as error:
                log.debug("room %s: %s", group_id, error)
                await self._all_wait(group_id)
                pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(link.failures, 10)) * random.uniform(0.7, 1.0)  # noqa: S311
                link.failures += 1
            except Goop2Error as error:
                log.warning("room %s: %s", group_id, error)
                pause = LONGEST_PAUSE
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await link.wake.wait()

    async def _step(self, group_id: str, link: _Link) -> bool:
        """Do the next thing; false if there is nothing. Raises `NetworkError` if it is to be tried again later."""
        if self._groups.state(group_id) is not GroupState.CONNECTED:
            await self._all_wait(group_id)
            return False
        host, ours = self._groups.host_of(group_id)
        unsent = await self._store.unsent(group_id)
        if not unsent:
            return False
        row = unsent[0]
        if row.delivery is Delivery.WAITING and not link.failures:  # while it only fails, it goes on waiting
            resumed = await self._store.settle(row.id, Delivery.SENDING)
            if resumed is None:
                return True  # taken back meanwhile
            self._told(group_id, [resumed])
        await (self._hand_over(group_id, link, host, row) if ours else self._send_plain(group_id, host, row))
        link.failures = 0
        return True

    def _sync_soon(self, group_id: str, link: _Link) -> None:
        if not link.syncing and self._groups.host_of(group_id)[1]:
            link.syncing = True
            if self._tasks.spawn(f"sync {group_id}", self._sync(group_id, link)) is None:
                link.syncing = False

    async def _sync(self, group_id: str, link: _Link) -> None:
        """Tell the host up to where there is everything, until it knows; it then sends the rest."""
        pause = FIRST_PAUSE
        try:
            while self._groups.state(group_id) is GroupState.CONNECTED:
                host, _ = self._groups.host_of(group_id)
                payload = {"action": "sync", "epoch": link.state.epoch, "since": link.state.last_n}
                try:
                    await self._bus.send(host, wire.topic(group_id, "sync"), payload)
                    return
                except NetworkError as error:
                    log.debug("room %s: %s", group_id, error)
                await asyncio.sleep(pause)
                pause = min(LONGEST_PAUSE, 2 * pause)
        finally:
            link.syncing = False

    async def _hand_over(self, group_id: str, link: _Link, host: str, row: RoomRow) -> None:
        """Send one message and wait until the host has stored it, or refused it."""
        link.sending, link.refusal = row.uid, ("", "")
        link.answered.clear()
        sub = "edit" if row.rev else "msg"
        try:
            await self._bus.send(host, wire.topic(group_id, sub), {"action": sub, "message": _plain(row)})
            async with asyncio.timeout(CONFIRM_SECONDS):
                await link.answered.wait()
        except TimeoutError:
            raise NetworkError("The host did not confirm the message") from None
        finally:
            link.sending = ""
        code, words = link.refusal
        if code in {"rate", AGAIN}:
            raise NetworkError("The host wants the message once more")
        if code:
            await self._settle(group_id, row, Delivery.FAILED, f"The host does not take it: {words or code}.")

    async def _send_plain(self, group_id: str, host: str, row: RoomRow) -> None:
        payload = {"action": "msg", "message": wire.message_of(row, ours=False)}
        topic = wire.topic(group_id, "msg")
        await self._bus.send(host, topic, payload)
        await self._settle(group_id, row, Delivery.DELIVERED)

        async def send(peer_id: str) -> None:
            async with self._at_once:
                with contextlib.suppress(Goop2Error):
                    await self._bus.send(peer_id, topic, payload)

        await asyncio.gather(*(send(peer_id) for peer_id in self._groups.others(group_id)))

    async def _settle(self, group_id: str, row: RoomRow, delivery: Delivery, error: str = "") -> None:
        settled = await self._store.settle(row.id, delivery, error, rev=row.rev)
        if settled is not None:
            self._told(group_id, [settled])

    async def _all_wait(self, group_id: str) -> None:
        for row in await self._store.unsent(group_id):
            if row.delivery is Delivery.SENDING:
                await self._settle(group_id, row, Delivery.WAITING)

    # ---- what others say

    async def handle(self, group_id: str, sub: str, message: Message) -> None:
        """A message of somebody on a topic of a room hosted elsewhere. Raises `Refused`."""
        host, ours = self._groups.host_of(group_id)
        if self._groups.state(group_id) not in {GroupState.CONNECTED, GroupState.JOINING, GroupState.WAITING}:
            raise Refused("The room is left", status=409)
        if message.sender != host:
            if sub == "msg" and not ours:
                await self._on_direct(group_id, message)
                return
            raise Refused("They do not host this room", status=403)
        link = await self._link(group_id)
        match sub:
            case "history":
                await self._on_history(group_id, link, message, ours=ours)
            case "msg":
                said = wire.parse_message(message.payload, _now(), by_host=ours)
                await self._take(group_id, link, [said], None)
            case "refused" if ours:
                uid, code, words = wire.parse_refused(message.payload)
                if uid == link.sending:
                    link.refusal = (code or "refused", words)
                    link.answered.set()
            case "typing" if ours:
                author = message.payload.get("from") if isinstance(message.payload, dict) else None
                if isinstance(author, str) and is_peer_id(author) and author != self._groups.own_id:
                    self._typing(group_id, author)

    async def _on_direct(self, group_id: str, message: Message) -> None:
        """From a fellow member, in the way of the existing program: only what they wrote themselves counts."""
        said = wire.parse_message(message.payload, _now(), by_host=False)
        if said.from_id != message.sender or message.sender not in self._groups.others(group_id):
            raise Refused("It is another's message", status=403)
        if not self._throttle.allows(message.sender):
            raise Refused("Too many messages", status=429)
        await self._take(group_id, await self._link(group_id), [said], None)

    async def _on_history(self, group_id: str, link: _Link, message: Message, *, ours: bool) -> None:
        batch = wire.parse_history(message.payload, _now(), ours=ours)
        if not ours:
            await self._take(group_id, link, list(batch.messages), None)
            return
        known = link.state
        if batch.reset:
            state = RoomState(batch.epoch, batch.upto)
        elif batch.epoch == known.epoch and batch.after <= known.last_n:
            state = RoomState(batch.epoch, max(known.last_n, batch.upto))
        else:
            self._sync_soon(group_id, link)
            return
        await self._take(group_id, link, list(batch.messages), state)

    async def _take(self, group_id: str, link: _Link, said: list[Said], state: RoomState | None) -> None:
        changed = await self._store.receive(group_id, said, state)
        if state is not None:
            link.state = state
        if changed:
            self._told(group_id, changed)
        if any(one.from_id == self._groups.own_id and one.uid == link.sending for one in said):
            link.answered.set()

    async def _link(self, group_id: str) -> _Link:
        link = self._links.get(group_id)
        if link is None:
            async with self._opening:
                link = self._links.get(group_id)
                if link is None:
                    state = await self._store.open(group_id, hosted=False)
                    link = self._links[group_id] = _Link(state)
        return link


def _plain(row: RoomRow) -> dict[str, object]:
    """The message for a host of ours, which counts by itself."""
    message = wire.message_of(row, ours=True)
    del message["n"]
    return message


def _now() -> int:
    return time.time_ns() // 1_000_000
