"""The message bus: one stream a message, acknowledged at once, handed over in order (spec 4).

An acknowledgement means that the message arrived, not that it was processed. A message that could not be delivered is
an error of `send`; nothing is queued for later.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from goop2_core import strict_json
from goop2_core.encryption.sealer import Sealer
from goop2_core.errors import Goop2Error, NetworkError, Refused, StreamBroken
from goop2_core.mq.inbox import COST_PER_SENDER, Inbox, Inboxes, Letter, cost_of
from goop2_core.mq.message import (
    ACK_BYTES,
    IDENTITY_TOPICS,
    MOST_BYTES,
    Message,
    acknowledges,
    format_ack,
    format_message,
    is_local,
    sealed_text,
)
from goop2_core.mq.receive import read_message
from goop2_core.p2p.api import Node, Stream
from goop2_core.tasks import TaskOwner

log = logging.getLogger("goop2.mq")

PROTOCOL = "/goop/mq/1.0.0"
OPEN_SECONDS = 2.0
ACK_SECONDS = 2.0
RETRY_PAUSE = 0.3
READ_SECONDS = 3.0
WRITE_SECONDS = 3.0
HANDLER_SECONDS = 30.0
KEY_SECONDS = 3.0

Handler = Callable[[Message], Awaitable[None]]
KeyFetcher = Callable[[str], Awaitable[bool]]


class Subscription:
    """A handler for the topics that start with a prefix; each sender has its own lane, so none waits for another."""

    def __init__(self, prefix: str, handler: Handler) -> None:
        self.prefix = prefix
        self.handler = handler
        self.lanes: dict[str, deque[tuple[Message, Letter]]] = {}


class Bus:
    """Sends messages to peers and hands what they send to subscribers."""

    def __init__(self, node: Node, sealer: Sealer, tasks: TaskOwner) -> None:
        self._node = node
        self._sealer = sealer
        self._tasks = tasks.child("mq")
        self._inboxes = Inboxes()
        self._subscriptions: list[Subscription] = []
        self._fetch_key: KeyFetcher | None = None
        self._seq = 0

    def start(self) -> None:
        """Serve `/goop/mq/1.0.0`. It ends with the task owner and the node."""
        self._node.handle(PROTOCOL, self._serve)

    def subscribe(self, prefix: str, handler: Handler) -> Callable[[], None]:
        """Call `handler` with each message whose topic starts with `prefix`; returns how to end that.

        Messages of one sender come one after the other, in the order of their arrival; those of different senders, and
        other handlers, do not wait. A handler has 30 s. It must look at `Message.readable`, and mind that the prefix
        `chat` also means `chat.room:…`.
        """
        subscription = Subscription(prefix, handler)
        self._subscriptions.append(subscription)

        def unsubscribe() -> None:
            if subscription in self._subscriptions:
                self._subscriptions.remove(subscription)

        return unsubscribe

    def set_key_fetcher(self, fetch: KeyFetcher) -> None:
        """What to ask (with a peer ID) for a newer key when a message does not open; true if it is worth a retry."""
        self._fetch_key = fetch

    async def send(self, peer_id: str, topic: str, payload: Any, *, retry: bool = True) -> str:
        """Deliver one message; returns the id under which the other side acknowledged it.

        Each attempt has 2 s to open the stream and 2 s for the acknowledgement; a failed one is repeated once after
        300 ms under a new id (spec 4.2). Raises `NetworkError` when it could not be delivered, `Refused` for what must
        not be sent: local topics, more than 8 MiB (4 MiB of plain text that is not ASCII) or 100,000 values, what JSON
        cannot say, and objects that look like an envelope.
        """
        if is_local(topic):
            raise Refused("This topic stays on this computer", topic, status=400)
        body = await self._body(peer_id, topic, payload)
        try:
            return await self._attempt(peer_id, topic, body)
        except NetworkError as error:
            if not retry:
                raise
            log.debug("sending %s to %s failed, trying again: %s", topic, peer_id, error)
        await asyncio.sleep(RETRY_PAUSE)
        return await self._attempt(peer_id, topic, body)

    async def _body(self, peer_id: str, topic: str, payload: Any) -> bytes:
        if sealed_text(payload) is not None:
            raise Refused("This payload cannot be sent", "An object with only `enc` is an envelope", status=400)
        body = strict_json.dumps(payload)
        if topic not in IDENTITY_TOPICS:
            sealed = await self._sealer.seal_for(peer_id, body)
            if sealed is not None:
                body = b'{"enc":"%b"}' % sealed.encode()
        if len(body) > MOST_BYTES - ACK_BYTES or cost_of(body) > COST_PER_SENDER:
            raise Refused("The message is too large", f"At most {MOST_BYTES >> 20} MiB can be sent", status=413)
        return body

    async def _attempt(self, peer_id: str, topic: str, body: bytes) -> str:
        message_id = str(uuid.uuid4())
        line = format_message(message_id, self._next_seq(), topic, body)
        stream = await self._node.open_stream(peer_id, PROTOCOL, timeout=OPEN_SECONDS)
        acked = False
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await stream.write(line)
            async with asyncio.timeout(ACK_SECONDS):
                answer = await stream.readline(ACK_BYTES)
            acked = acknowledges(answer, message_id)
        except TimeoutError:
            raise StreamBroken("The message was not acknowledged", "The other peer did not answer in time") from None
        except Refused as error:
            raise StreamBroken("The message was not acknowledged", "The answer is too long") from error
        finally:
            self._tasks.spawn("close", stream.close() if acked else stream.reset())
        if not acked:
            raise StreamBroken("The message was not acknowledged", "The other peer refused it")
        return message_id

    def _next_seq(self) -> int:
        """From the ms clock, so that it never restarts low (spec 4.6), and always growing."""
        self._seq = max(self._seq + 1, time.time_ns() // 1_000_000)
        return self._seq

    async def _serve(self, stream: Stream) -> None:
        """One inbound stream. Whatever a stranger does wrong ends here, without an acknowledgement."""
        try:
            inbox = self._inboxes.of(stream.peer_id)
            inbox.enter()
            try:
                await self._receive(stream, inbox)
            finally:
                inbox.leave()
        except (Goop2Error, TimeoutError) as error:
            log.debug("message from %s refused: %s", stream.peer_id, error or "it did not come in time")
            await stream.reset()

    async def _receive(self, stream: Stream, inbox: Inbox) -> None:
        await inbox.pace()
        async with asyncio.timeout(READ_SECONDS):
            wire, cost = await read_message(stream, inbox.budget)
        letter = Letter(wire, cost)
        inbox.hold(letter)
        dropped = is_local(wire.topic) or inbox.is_repeat(wire.id)
        if not dropped and wire.topic not in IDENTITY_TOPICS:
            inbox.letters.append(letter)  # its place in the order is that of its arrival, not of its acknowledgement
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await stream.write(format_ack(wire))
        except (NetworkError, TimeoutError) as error:
            log.debug("acknowledging to %s failed: %s", inbox.sender, error)
        finally:
            letter.acked = True
            if dropped:
                inbox.release(letter)
            elif wire.topic in IDENTITY_TOPICS:
                self._tasks.spawn("deliver", self._deliver(inbox, letter))
            elif not inbox.draining:
                inbox.draining = True
                self._tasks.spawn("drain", self._drain(inbox))

    async def _drain(self, inbox: Inbox) -> None:
        try:
            while inbox.letters and inbox.letters[0].acked:
                await self._deliver(inbox, inbox.letters.popleft())
        finally:
            inbox.draining = False

    async def _deliver(self, inbox: Inbox, letter: Letter) -> None:
        """Open a letter and put it into the lane of everyone who subscribed to its topic."""
        message = await self._open(inbox, letter)
        for subscription in self._subscriptions:
            if message.topic.startswith(subscription.prefix):
                letter.readers += 1
                lane = subscription.lanes.get(inbox.sender)
                if lane is not None:
                    lane.append((message, letter))
                else:
                    subscription.lanes[inbox.sender] = deque([(message, letter)])
                    self._tasks.spawn(f"handle {subscription.prefix}", self._run_lane(subscription, inbox))
        inbox.release(letter)

    async def _open(self, inbox: Inbox, letter: Letter) -> Message:
        wire, sender = letter.wire, inbox.sender
        sealed = wire.sealed
        if sealed is None:
            return Message(wire.id, wire.seq, wire.topic, wire.payload, sender)
        for is_retry in (False, True):
            try:
                await inbox.room()
                opened = await self._sealer.open_from(sender, sealed)
                payload = strict_json.loads(opened)
                inbox.grown(letter, max(0, cost_of(opened) - letter.cost))
                return Message(wire.id, wire.seq, wire.topic, payload, sender, encrypted=True)
            except Refused as error:
                log.debug("a message of %s does not open: %s", sender, error)
            if is_retry or wire.topic in IDENTITY_TOPICS or not await self._newer_key(sender):
                break
        return Message(wire.id, wire.seq, wire.topic, None, sender, encrypted=True, readable=False)

    async def _newer_key(self, sender: str) -> bool:
        if self._fetch_key is None:
            return False
        try:
            async with asyncio.timeout(KEY_SECONDS):
                return await self._fetch_key(sender)
        except (Goop2Error, TimeoutError):
            return False

    async def _run_lane(self, subscription: Subscription, inbox: Inbox) -> None:
        lane = subscription.lanes[inbox.sender]
        try:
            while lane:
                message, letter = lane.popleft()
                try:
                    async with asyncio.timeout(HANDLER_SECONDS):
                        await subscription.handler(message)
                except Goop2Error as error:
                    log.debug("%s of %s was not taken: %s", message.topic, inbox.sender, error)
                except TimeoutError:
                    log.warning("handling %s of %s took too long", message.topic, inbox.sender)
                except Exception:  # a bug in one handler must not cost the others a message
                    log.exception("handling %s failed", message.topic)
                finally:
                    inbox.release(letter)
        finally:
            del subscription.lanes[inbox.sender]
