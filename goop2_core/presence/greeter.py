"""The identity exchange over the bus (spec 2.8, 10.4): how two peers that meet learn each other's name and key."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from goop2_core.errors import Goop2Error
from goop2_core.mq.bus import Bus
from goop2_core.mq.message import Message
from goop2_core.presence.message import Facts, format_identity, parse_identity
from goop2_core.presence.throttle import Throttle
from goop2_core.tasks import TaskOwner

log = logging.getLogger("goop2.presence")

REQUEST = "identity"
RESPONSE = "identity.response"
ASK_AGAIN = 1.0
ANSWER_RATE, ANSWER_BURST = 2.0, 10.0
KEY_AGAIN = 10.0
KEY_SECONDS = 2.5
CLEAR_AGAIN = 30.0
PEERS_KEPT = 4096
NO_KEY = "-"  # no base64 of 32 bytes, so nobody can seal for it


class Recent:
    """When something was last done for a peer, so that it is not done too often."""

    def __init__(self) -> None:
        self._times: OrderedDict[str, float] = OrderedDict()

    def allows(self, peer_id: str, seconds: float) -> bool:
        """Whether it was not done in the last `seconds`; if so it counts as done now."""
        now = time.monotonic()
        if now - self._times.get(peer_id, float("-inf")) < seconds:
            return False
        self._times[peer_id] = now
        self._times.move_to_end(peer_id)
        if len(self._times) > PEERS_KEPT:
            self._times.popitem(last=False)
        return True


class Greeter:
    """Asks peers who they are, and tells who asks.

    `met(peer_id, facts)` hears each answer, `asked(peer_id)` each question, `key(peer_id)` gives the known key or "".
    """

    def __init__(
        self,
        post: Bus,
        tasks: TaskOwner,
        *,
        peer_id: str,
        own_facts: Callable[[], Facts],
        met: Callable[[str, Facts], None],
        asked: Callable[[str], None],
        key: Callable[[str], str],
    ) -> None:
        self._post = post
        self._tasks = tasks
        self._peer_id = peer_id
        self._own_facts = own_facts
        self._met = met
        self._asked = asked
        self._key = key
        self._answers = Throttle(ANSWER_RATE, ANSWER_BURST)
        self._requests, self._keys, self._clears = Recent(), Recent(), Recent()
        self._waiting: dict[str, asyncio.Event] = {}

    def start(self) -> Callable[[], None]:
        """Listen; returns how to end that."""
        self._post.set_key_fetcher(self.newer_key)
        return self._post.subscribe(REQUEST, self._on_mail)

    def ask_soon(self, peer_id: str, *, again: float = ASK_AGAIN) -> None:
        """Ask a peer who it is, unless that was done in the last `again` seconds."""
        if self._requests.allows(peer_id, again):
            self._tasks.spawn("ask", self._send(peer_id, REQUEST, None))

    async def newer_key(self, peer_id: str) -> bool:
        """Ask for the key of a peer whose message did not open; true if another one than before came within 2.5 s."""
        if not self._keys.allows(peer_id, KEY_AGAIN):
            return False
        before = self._key(peer_id)
        answered = self._waiting.setdefault(peer_id, asyncio.Event())
        try:
            async with asyncio.timeout(KEY_SECONDS):
                await self._send(peer_id, REQUEST, None)
                await answered.wait()
        except TimeoutError:
            return False
        finally:
            self._waiting.pop(peer_id, None)
        return self._key(peer_id) != before

    async def _on_mail(self, mail: Message) -> None:
        if mail.topic == REQUEST:
            self._asked(mail.sender)
            if self._answers.allows(mail.sender):
                await self._send(mail.sender, RESPONSE, format_identity(self._peer_id, self._own_facts()))
        elif mail.topic == RESPONSE:
            if not mail.readable:
                self._tasks.spawn("ask in the clear", self._ask_in_the_clear(mail.sender))
                return
            self._met(mail.sender, parse_identity(mail.payload))
            if (answered := self._waiting.get(mail.sender)) is not None:
                answered.set()

    async def _ask_in_the_clear(self, peer_id: str) -> None:
        """Get the key of a peer that seals even its answer to who it is.

        The existing program seals everything for a peer whose key it has, so it would never tell its own key to one
        that lost it. It cannot seal for a key that is none: so it is told such a one, asked, and told the right one.
        """
        if not self._clears.allows(peer_id, CLEAR_AGAIN):
            return
        facts = self._own_facts()
        await self._send(peer_id, RESPONSE, format_identity(self._peer_id, facts) | {"publicKey": NO_KEY})
        answered = self._waiting.setdefault(peer_id, asyncio.Event())
        try:
            async with asyncio.timeout(KEY_SECONDS):
                await self._send(peer_id, REQUEST, None)
                await answered.wait()
        except TimeoutError:
            log.debug("%s did not tell its key", peer_id)
        finally:
            self._waiting.pop(peer_id, None)
            await self._send(peer_id, RESPONSE, format_identity(self._peer_id, facts))

    async def _send(self, peer_id: str, topic: str, payload: Any) -> None:
        try:
            await self._post.send(peer_id, topic, payload)
        except Goop2Error as error:
            log.debug("%s to %s failed: %s", topic, peer_id, error)
