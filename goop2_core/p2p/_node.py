"""A node as the engine sees it, on its asyncio loop."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from goop2_core.errors import Goop2Error, Unreachable
from goop2_core.tasks import TaskOwner

from . import _addresses
from ._crossing import Crossing
from ._mdns import Mdns
from ._stream import NodeStream
from .api import MOST_MESSAGE, AddressesChanged, Connection, NodeEvent, PeerFound, StreamHandler

if TYPE_CHECKING:
    from ._connection import Link
    from ._host import Host
    from ._muxstream import MuxStream

log = logging.getLogger("goop2.p2p")

STOP_SECONDS = 2.0
FOUND_TTL = 600.0


class NetworkNode:
    """Implements `api.Node` over a `Host` in the network thread."""

    def __init__(self, host: Host, crossing: Crossing, context: contextvars.Context) -> None:
        self.peer_id = host.peer_id
        self._host = host
        self._crossing = crossing
        self._context = context
        self._listeners: list[Callable[[NodeEvent], None]] = []
        self._tasks = TaskOwner(f"p2p/{self.peer_id[-6:]}")
        self._mdns: Mdns | None = None
        self._stopped = False

    # --- streams

    def handle(self, protocol: str, handler: StreamHandler) -> None:
        """Serve `protocol`; see `api.Node.handle`."""

        def serve(link: Link, stream: MuxStream, name: str) -> None:
            self._crossing.to_asyncio(self._serve, handler, NodeStream(self._crossing, link, stream, name))

        self._crossing.to_trio(self._host.serve_elsewhere, protocol, serve)

    def _serve(self, handler: StreamHandler, stream: NodeStream) -> None:
        self._context.copy().run(self._tasks.spawn, f"handler of {stream.protocol}", self._handled(handler, stream))

    @staticmethod
    async def _handled(handler: StreamHandler, stream: NodeStream) -> None:
        try:
            await handler(stream)
            await stream.close()
        except Goop2Error as error:
            log.debug("%s from %s: %s", stream.protocol, stream.peer_id, error)
            await stream.reset()
        except asyncio.CancelledError:
            await stream.reset()
            raise
        except Exception:
            log.exception("serving %s failed", stream.protocol)
            await stream.reset()

    async def open_stream(self, peer_id: str, protocol: str, *, timeout: float = 2.0) -> NodeStream:
        """A new stream, dialling first if need be. Raises `Unreachable` or `Unsupported`."""
        link, stream = await self._call(self._host.open_stream, peer_id, protocol, timeout, lost=_reset)
        return NodeStream(self._crossing, link, stream, protocol)

    # --- connections

    async def connect(self, peer_id: str, *, timeout: float = 3.0) -> None:
        """Make sure there is a connection, trying every known address. Raises `Unreachable`."""
        await self._call(self._host.connect, peer_id, timeout)

    async def disconnect(self, peer_id: str, *, relayed_only: bool = False) -> None:
        """Close the connections to a peer."""

        async def work() -> None:
            await self._host.disconnect(peer_id, relayed_only=relayed_only)

        with suppress(Unreachable):
            await self._call(work)

    async def ping(self, peer_id: str, *, timeout: float = 5.0) -> float:
        """Seconds for a round trip by `/ipfs/ping/1.0.0`."""
        return float(await self._call(self._host.ping, peer_id, timeout))

    def learn(self, peer_id: str, addresses: Sequence[str], *, ttl: float = 120.0, hearsay: bool = False) -> None:
        """Remember addresses for dialling; see `api.Node.learn`."""
        self._host.book.learn(peer_id, addresses, ttl, hearsay=hearsay)

    def known_addresses(self, peer_id: str) -> list[str]:
        """The addresses that dials try."""
        return [str(endpoint) for endpoint in self._host.book.known(peer_id)]

    def connections(self, peer_id: str = "") -> list[Connection]:
        """A snapshot of the open connections, of one peer or of all."""
        links = self._host.links
        chosen = [links.get(peer_id, [])] if peer_id else list(links.values())
        now = time.monotonic()
        return [
            Connection(link.peer_id, link.address, link.relayed, link.inbound, now - link.opened_at, link.streams)
            for some in chosen
            for link in list(some)
            if not link.ended
        ]

    def protocols(self, peer_id: str) -> tuple[str, ...]:
        """What the peer said it speaks; empty before it identified itself."""
        return self._host.spoken.get(peer_id, ())

    def addresses(self) -> list[str]:
        """Addresses worth announcing (spec 2.2)."""
        return _addresses.announceable(self._host.listening)

    def listen_addresses(self) -> list[str]:
        """Every address it listens on, loopback included."""
        return list(self._host.listening)

    # --- pubsub and events

    async def publish(self, topic: str, data: bytes) -> None:
        """Send to everyone subscribed to `topic`. Raises `Refused` (413) above the topic's limit, 64 KiB as a rule."""

        async def work() -> None:
            self._host.gossip.publish(topic, data)

        await self._call(work)

    def subscribe(self, topic: str, handler: Callable[[str, bytes], None], most: int = MOST_MESSAGE) -> None:
        """Call `handler(author_peer_id, data)` for each verified message of up to `most` bytes on `topic`."""

        def deliver(author: str, data: bytes) -> None:
            self._crossing.to_asyncio(self._safely, handler, author, data)

        self._crossing.to_trio(self._host.gossip.subscribe, topic, deliver, most)

    def listen(self, listener: Callable[[NodeEvent], None]) -> None:
        """Call `listener` for each `NodeEvent`, on the engine's loop."""
        self._listeners.append(listener)

    def emit(self, event: NodeEvent) -> None:
        """Hand an event to the listeners; on the engine's loop."""
        if isinstance(event, AddressesChanged) and self._mdns is not None:
            self._mdns.addresses_changed()
        for listener in list(self._listeners):
            self._safely(listener, event)

    def _safely(self, callback: Callable[..., None], *arguments: Any) -> None:
        if self._stopped:
            return
        try:
            self._context.copy().run(callback, *arguments)
        except Exception:
            log.exception("a callback of the network failed")

    # --- life

    def start(self, mdns_tag: str) -> None:
        """Begin what runs on the engine's loop: LAN discovery, if there is a tag."""
        if mdns_tag:
            self._mdns = Mdns(mdns_tag, self.peer_id, self.listen_addresses, self._found)
            self._tasks.spawn("mDNS", self._mdns.run())

    def _found(self, peer_id: str, addresses: tuple[str, ...]) -> None:
        self.learn(peer_id, addresses, ttl=FOUND_TTL)
        self.emit(PeerFound(peer_id, addresses))

    async def stop(self) -> None:
        """Close every stream, connection and socket. Takes 2 s at most."""
        if self._stopped:
            return
        self._stopped = True
        await self._tasks.stop(STOP_SECONDS / 2)
        with suppress(ConnectionAbortedError):
            await self._crossing.call(self._host.stop)

    async def _call(
        self, work: Callable[..., Any], *arguments: Any, lost: Callable[[Any], object] | None = None
    ) -> Any:
        if self._stopped:
            raise Unreachable("The peer cannot be reached", "This peer is stopped.")
        try:
            return await self._crossing.call(work, *arguments, lost=lost)
        except ConnectionAbortedError as error:
            raise Unreachable("The peer cannot be reached", "This peer is stopping.") from error


def _reset(opened: tuple[Link, MuxStream]) -> None:
    """Whoever asked for this stream has gone."""
    opened[1].reset("given up")
