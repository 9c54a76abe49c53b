"""What every libp2p node answers: identify and its push (who am I, what do I speak), and ping.

https://github.com/libp2p/specs/tree/master/identify, https://github.com/libp2p/specs/blob/master/ping/ping.md
"""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import trio

from ._flow import Flow
from ._muxstream import StreamOver
from ._wire import WireError, prefixed

if TYPE_CHECKING:
    from ._host import Host

log = logging.getLogger("goop2.p2p")

IDENTIFY = "/ipfs/id/1.0.0"
PUSH = "/ipfs/id/push/1.0.0"
PING = "/ipfs/ping/1.0.0"
PROTOCOL_VERSION = "ipfs/0.1.0"
MOST_MESSAGE = 64 << 10
MOST_PROTOCOLS = 256
MOST_ADDRESSES = 32
MOST_NAME = 256
PING_BYTES = 32
ANSWER_SECONDS = 10.0
KEEP_SECONDS = 600.0


class Identify:
    """Tells others what this node speaks, and learns it from them."""

    def __init__(self, host: Host) -> None:
        self._host = host
        host.serve(IDENTIFY, self._answer)
        host.serve(PUSH, self._pushed)

    async def ask(self, link: Any) -> None:
        """Ask the peer of a new connection."""
        try:
            flow = await self._host.open_on(link, IDENTIFY, lazy=True)
            try:
                with trio.move_on_after(ANSWER_SECONDS):
                    data = await flow.message(MOST_MESSAGE)
                    if data is not None:
                        self._learn(link, data)
            finally:
                flow.close()
        except (StreamOver, WireError) as error:
            log.debug("identify of %s: %s", link.peer_id, error)

    async def push(self) -> None:
        """Tell every connected peer what changed."""
        for links in list(self._host.links.values()):
            for link in links[:1]:
                with suppress(StreamOver, WireError):
                    flow = await self._host.open_on(link, PUSH, lazy=True)
                    flow.post(prefixed(self._message(link)))
                    flow.close()

    async def _answer(self, flow: Flow) -> None:
        flow.post(prefixed(self._message(flow.link)))
        flow.close()

    async def _pushed(self, flow: Flow) -> None:
        with trio.move_on_after(ANSWER_SECONDS):
            data = await flow.message(MOST_MESSAGE)
            if data is not None and flow.link.pushes.take():
                self._learn(flow.link, data)
        flow.close()

    def _message(self, link: Any) -> bytes:
        host = self._host
        message = host.library.identify(
            protocol_version=PROTOCOL_VERSION,
            agent_version=host.options.agent,
            public_key=host.keys.identity.public_key.serialize(),
            listen_addrs=[data for text in host.identify_addresses(link) if (data := self._bytes(text))],
            observed_addr=self._bytes(link.address),
            protocols=list(host.streams.protocols()),
        )
        return bytes(message.SerializeToString())

    def _learn(self, link: Any, data: bytes) -> None:
        message = self._host.library.identify()
        try:
            message.ParseFromString(data)
        except Exception as error:
            raise WireError(f"not an identify message: {error}") from error
        # protobuf gives what is not UTF-8 as bytes, whatever the schema says
        names = [
            name for name in message.protocols[:MOST_PROTOCOLS] if isinstance(name, str) and len(name) <= MOST_NAME
        ]
        addresses = [text for raw in message.listen_addrs[:MOST_ADDRESSES] if (text := self._text(raw))]
        agent = message.agent_version[:MOST_NAME] if isinstance(message.agent_version, str) else ""
        self._host.identified(link, tuple(names), agent, addresses)

    def _bytes(self, text: str) -> bytes:
        try:
            return bytes(self._host.library.multiaddr(text).to_bytes())
        except Exception:  # noqa: BLE001  the parser has a dozen exceptions
            return b""

    def _text(self, data: bytes) -> str:
        try:
            return str(self._host.library.multiaddr(data)) if len(data) <= MOST_NAME else ""
        except Exception:  # noqa: BLE001  the parser has a dozen exceptions
            return ""


class Ping:
    """Answers pings and sends them."""

    def __init__(self, host: Host) -> None:
        self._host = host
        host.serve(PING, self._answer)

    async def _answer(self, flow: Flow) -> None:
        while data := await flow.exactly(PING_BYTES):
            await flow.send(data)
        flow.close()

    async def send(self, link: Any) -> float:
        """Seconds for one round trip. Raises `StreamOver` or `WireError`."""
        flow = await self._host.open_on(link, PING, lazy=False)
        try:
            payload = os.urandom(PING_BYTES)
            start = time.perf_counter()
            flow.post(payload)
            if await flow.exactly(PING_BYTES) != payload:
                raise WireError("the answer is not what was sent")
            return time.perf_counter() - start
        finally:
            flow.close()
