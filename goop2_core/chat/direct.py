"""Direct conversations: what is said to whom, kept in the database, delivered over the bus (spec 4.7)."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from goop2_core.chat.intake import Intake
from goop2_core.chat.text import MOST_BYTES, cleaned, fits, received
from goop2_core.data.messages import MessageStore
from goop2_core.errors import Goop2Error, Refused, StreamBroken, Unreachable, Unsupported
from goop2_core.events import ChatChanged, ChatMessage, ChatRead, ChatRemoved, Delivery, Event, Person
from goop2_core.identity import Identity, is_peer_id
from goop2_core.mq.bus import Bus
from goop2_core.mq.message import Message
from goop2_core.tasks import TaskOwner

log = logging.getLogger("goop2.chat")

TOPIC: Final = "chat"
MOST_WAITING: Final = 200
LONGEST_CLIENT_ID: Final = 64
CLOSED: Final = "goop2 was closed before it was delivered."
TICK_SECONDS: Final = 1.0
START_SECONDS: Final = 3.0
FIRST_PAUSE: Final = 5.0
LONGEST_PAUSE: Final = 300.0


class _Held:
    """What waits for one person who is away. `retry_at` in seconds of the monotonic clock."""

    def __init__(self, pause: float = 0.0) -> None:
        self.messages: deque[ChatMessage] = deque()
        self.failures = 0
        self.retry_at = time.monotonic() + pause


class DirectChat:
    """The owner's conversations. Messages to one person are sent one after the other, in the order of writing.

    When one cannot be delivered because the person is away, it waits, and those behind it with it, until they are back
    or the owner takes it back; also through a restart.
    """

    def __init__(
        self,
        bus: Bus,
        messages: MessageStore,
        identity: Identity,
        tasks: TaskOwner,
        emit: Callable[[Event], None],
    ) -> None:
        self._bus = bus
        self._messages = messages
        self._own_id = identity.peer_id
        self._tasks = tasks.child("chat")
        self._emit = emit
        self._intake = Intake()
        self._waiting: dict[str, deque[ChatMessage]] = {}
        self._held: dict[str, _Held] = {}
        self._online: set[str] = set()
        self._unread: dict[str, int] = {}
        self._unsubscribe: Callable[[], None] = lambda: None

    async def start(self) -> None:
        """Take up the conversations: what was being sent when goop2 ended has failed; then listen for messages."""
        await self._messages.fail_unsent(CLOSED)
        for message in await self._messages.waiting():
            self._held.setdefault(message.peer_id, _Held(START_SECONDS)).messages.append(message)
        self._tasks.spawn("retry", self._try_again())
        self._unread = {peer_id: unread for peer_id, _, unread in await self._messages.conversations() if unread}
        self._unsubscribe = self._bus.subscribe(TOPIC, self._receive)

    async def stop(self) -> None:
        """Stop listening and sending. What was under way is failed at the next start, what waits still waits."""
        self._unsubscribe()
        await self._tasks.stop()
        self._waiting.clear()
        self._held.clear()

    @property
    def unread(self) -> int:
        """How many messages the owner has not seen, of everyone together."""
        return sum(self._unread.values())

    async def send(self, peer_id: str, content: str, client_id: str = "") -> ChatMessage:
        """Keep a message and begin to deliver it; a `ChatChanged` follows when that is done or has failed.

        The same `client_id` (64 characters at most) again gives the message of the first time, and sends nothing.
        Raises `Refused`: 400 for nobody, for oneself and for no text, 413 above 16 KiB, 429 while 200 messages wait.
        """
        self._check_peer(peer_id)
        content = cleaned(content)
        if not content:
            raise Refused("There is nothing to send", "The message has no text.", status=400)
        if not fits(content):
            limit = f"Up to {MOST_BYTES >> 10} KiB of text are possible."
            raise Refused("The message is too long", limit, "Send it in parts, or as a file.", status=413)
        if len(client_id) > LONGEST_CLIENT_ID:
            raise Refused("The message cannot be sent", "Its client_id is too long.", status=400)
        if self._count(peer_id) >= MOST_WAITING:
            raise _too_many()
        now = time.time_ns() // 1_000_000
        once = f"{peer_id} {client_id}" if client_id else ""  # the store wants it unique among all conversations
        message, is_new = await self._messages.add_once(peer_id, self._own_id, content, now, Delivery.SENDING, once)
        if is_new:
            self._queue(message)
        return message

    async def retry(self, peer_id: str, message_id: int) -> ChatMessage:
        """Send a message that failed again, or try now to send what waits.

        Raises `Refused`: 404 if it is not there, 409 if it is delivered or being sent.
        """
        message = await self._own(peer_id, message_id)
        if message.delivery is Delivery.WAITING:
            self._flush(peer_id)
            return message
        if message.delivery is not Delivery.FAILED:
            raise Refused("The message has not failed", "It is delivered, or being sent.", status=409)
        if self._count(peer_id) >= MOST_WAITING:
            raise _too_many()
        message = replace(message, delivery=Delivery.SENDING, error="")
        await self._messages.set_delivery(message.id, Delivery.SENDING)
        self._queue(message)
        return message

    async def remove(self, peer_id: str, message_id: int) -> None:
        """Take back a message that waits or has failed.

        Raises `Refused`: 404 if it is not there, 409 if it is delivered or being sent.
        """
        await self._own(peer_id, message_id)
        if not await self._messages.remove(message_id):
            raise Refused("The message cannot be taken back", "It is delivered, or being sent.", status=409)
        held = self._held.get(peer_id)
        for queue in (self._waiting.get(peer_id), held.messages if held else None):
            if queue is not None and (found := next((one for one in queue if one.id == message_id), None)):
                queue.remove(found)
        self._emit(ChatRemoved(peer_id, message_id))

    def on_person(self, person: Person) -> None:
        """Presence tells that somebody changed; when they come online, what waits for them is sent."""
        if not person.online:
            self._online.discard(person.peer_id)
        elif person.peer_id not in self._online:
            self._online.add(person.peer_id)
            self._flush(person.peer_id)

    async def history(self, peer_id: str, before: int = 0, limit: int = 50) -> list[ChatMessage]:
        """The last `limit` messages with a person, oldest first; with `before`, those before that message's id."""
        return await self._messages.history(peer_id, before, limit)

    async def conversations(self) -> list[tuple[str, ChatMessage, int]]:
        """With whom there is a conversation: peer ID, last message, how many are unread; the latest first."""
        return await self._messages.conversations()

    async def mark_read(self, peer_id: str) -> None:
        """The owner has seen everything that this person wrote."""
        await self._messages.mark_read(peer_id)
        await self._count_unread(peer_id)
        self._emit(ChatRead(peer_id))

    async def clear(self, peer_id: str) -> None:
        """Forget the conversation with a person, also what is not sent yet."""
        if waiting := self._waiting.get(peer_id):
            waiting.clear()
        self._held.pop(peer_id, None)
        await self._messages.clear(peer_id)
        await self._count_unread(peer_id)
        self._emit(ChatRead(peer_id, cleared=True))

    def _check_peer(self, peer_id: str) -> None:
        if not is_peer_id(peer_id):
            raise Refused("There is no such person", "This is not a peer ID.", status=400)
        if peer_id == self._own_id:
            raise Refused("This is you", "Messages go to other people.", status=400)

    async def _own(self, peer_id: str, message_id: int) -> ChatMessage:
        message = await self._messages.get(message_id)
        if message is None or message.from_id != self._own_id or message.peer_id != peer_id:
            raise Refused("There is no such message", "It was cleared, or is not yours to send.", status=404)
        return message

    def _count(self, peer_id: str) -> int:
        held = self._held.get(peer_id)
        return len(self._waiting.get(peer_id, ())) + (len(held.messages) if held else 0)

    def _queue(self, message: ChatMessage) -> None:
        self._changed(message)
        self._begin(message.peer_id, message)

    def _flush(self, peer_id: str) -> None:
        """Try to send what waits for somebody."""
        held = self._held.get(peer_id)
        if held is not None and held.messages:
            held.failures = 0
            self._begin(peer_id)

    def _begin(self, peer_id: str, *more: ChatMessage) -> None:
        """Send what waits for somebody, and `more` behind it."""
        waiting = self._waiting.get(peer_id)
        if waiting is not None:
            waiting.extend(more)
            return
        held = self._held.get(peer_id)
        self._waiting[peer_id] = deque([*(held.messages if held else ()), *more])
        if held is not None:
            held.messages.clear()
        self._tasks.spawn(f"send to {peer_id}", self._send_waiting(peer_id))

    async def _send_waiting(self, peer_id: str) -> None:
        waiting = self._waiting[peer_id]
        try:
            while waiting:
                message = waiting.popleft()
                if message.delivery is Delivery.WAITING:
                    message = replace(message, delivery=Delivery.SENDING)
                    if not await self._settle(message, Delivery.SENDING):
                        continue
                error = await self._deliver(message)
                if error is None:
                    self._held.pop(peer_id, None)
                    await self._settle(message, Delivery.DELIVERED)
                elif isinstance(error, Unreachable):
                    await self._hold(peer_id, message)
                else:
                    await self._settle(message, Delivery.FAILED, _reason(error))
        finally:
            del self._waiting[peer_id]

    async def _hold(self, peer_id: str, first: ChatMessage) -> None:
        """They are away: `first`, and what is behind it, waits."""
        held = self._held.setdefault(peer_id, _Held())
        held.failures += 1
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(held.failures - 1, 10))
        held.retry_at = time.monotonic() + pause * random.uniform(0.7, 1.0)  # noqa: S311 (only spreads the load)
        waiting = self._waiting[peer_id]
        waiting.appendleft(first)
        while waiting:
            message = waiting.popleft()
            if message.delivery is Delivery.WAITING or await self._settle(message, Delivery.WAITING):
                held.messages.append(replace(message, delivery=Delivery.WAITING))
        if self._held.get(peer_id) is not held:
            held.messages.clear()  # the conversation was cleared meanwhile

    async def _try_again(self) -> None:
        """Presence does not tell everything: somebody who is taken for online, or never was, is tried now and then."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = time.monotonic()
            for peer_id in [one for one, held in self._held.items() if held.messages and held.retry_at <= now]:
                self._begin(peer_id)

    async def _deliver(self, message: ChatMessage) -> Goop2Error | None:
        """Send over the bus; the error if that failed. `cid` stays the same however often this message is sent."""
        payload = {
            "content": message.content,
            "to": message.peer_id,
            "timestamp": message.timestamp,
            "cid": f"{message.timestamp:x}-{message.id:x}",
        }
        try:
            await self._bus.send(message.peer_id, TOPIC, payload)
        except Goop2Error as error:
            log.info("a message to %s was not delivered: %s", message.peer_id, error)
            return error
        return None

    async def _settle(self, message: ChatMessage, delivery: Delivery, error: str = "") -> bool:
        """Keep and tell what became of a message; false if it was cleared or taken back meanwhile."""
        try:
            if await self._messages.set_delivery(message.id, delivery, error) is None:
                return False
        except Goop2Error as failure:
            log.warning("what became of a message could not be kept: %s", failure)
        self._changed(replace(message, delivery=delivery, error=error))
        return True

    async def _receive(self, message: Message) -> None:
        if message.topic != TOPIC:  # the bus goes by prefix
            return
        content = received(message.payload)
        if not message.readable or not content or not isinstance(message.payload, dict):
            log.info("a message of %s could not be %s", message.sender, "used" if message.readable else "decrypted")
            return
        now = time.time_ns() // 1_000_000
        try:
            known = await self._messages.knows(message.sender)
            if not self._intake.takes(message.sender, message.payload, content, known=known):
                return
            kept = await self._messages.add(message.sender, message.sender, content, now, Delivery.RECEIVED)
            await self._count_unread(message.sender)
        except Goop2Error as error:
            log.warning("a message of %s could not be kept: %s", message.sender, error)
            return
        self._changed(kept)
        await self._make_room(content)

    async def _make_room(self, came: str) -> None:
        """Strangers may not fill the disk: the conversations that had to go are told as cleared."""
        try:
            gone = await self._messages.make_room(came)
        except Goop2Error as error:
            log.warning("room for new messages could not be made: %s", error)
            return
        if gone:
            log.info("%d conversations with people who got no answer were dropped: they grew too large", len(gone))
        for peer_id in gone:
            self._unread.pop(peer_id, None)
            self._emit(ChatRead(peer_id, cleared=True))

    async def _count_unread(self, peer_id: str) -> None:
        """From the database, which answers in the order of asking: so what comes while the owner reads is not lost."""
        if unread := await self._messages.unread(peer_id):
            self._unread[peer_id] = unread
        else:
            self._unread.pop(peer_id, None)

    def _changed(self, message: ChatMessage) -> None:
        self._emit(ChatChanged(message, self._unread.get(message.peer_id, 0)))


def _too_many() -> Refused:
    return Refused("Too many messages wait", "The earlier ones are still being sent.", status=429)


def _reason(error: Goop2Error) -> str:
    """Why a message was not delivered, in words that go below it."""
    match error:
        case StreamBroken():
            return "The connection broke before they confirmed it."
        case Unsupported():
            return "Their program does not take messages."
    return str(error)
