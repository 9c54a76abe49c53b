"""A network of nodes in one process: `goop2_core.p2p.api` in the simplest way that keeps its promises.

Nodes opened with the same `mdns_tag` find each other at once, as on one LAN. Faults are made by name: `kill` is a
process that ends without a word (its connections break at once), `cut` is a pulled cable (nothing moves and nobody is
told), `heal` plugs it in again, `relay` joins two nodes through a relay.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence

import base58
from nacl.signing import SigningKey

from goop2_core.errors import Goop2Error, Refused, StreamBroken, Unreachable, Unsupported
from goop2_core.p2p.api import (
    MOST_MESSAGE,
    AddressesChanged,
    Connected,
    Connection,
    Disconnected,
    Identified,
    Node,
    NodeEvent,
    NodeOptions,
    PeerFound,
    Stream,
    StreamHandler,
)

log = logging.getLogger("goop2.memory_network")

WINDOW = 256 << 10


def peer_id_of_seed(seed: bytes) -> str:
    """The peer ID of an Ed25519 seed (spec 1.2)."""
    key = bytes(SigningKey(seed).verify_key)
    return base58.b58encode(bytes.fromhex("002408011220") + key).decode()


class Pipe:
    """Bytes in one direction, with a window that makes a fast writer wait."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.ended = False
        self.broken = False
        self.stuck = False
        self.changed = asyncio.Event()

    def poke(self) -> None:
        self.changed.set()

    async def wait(self) -> None:
        self.changed.clear()
        await self.changed.wait()

    async def put(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            if self.broken or self.ended:
                raise StreamBroken("The stream is closed")
            room = 0 if self.stuck else WINDOW - len(self.data)
            if room <= 0:
                await self.wait()
                continue
            self.data += view[:room]
            view = view[room:]
            self.poke()

    async def ready(self) -> bool:
        """Waits for bytes; `False` at the end."""
        while True:
            if self.broken:
                raise StreamBroken("The stream was reset")
            if not self.stuck:
                if self.data:
                    return True
                if self.ended:
                    return False
            await self.wait()

    def take(self, most: int) -> bytes:
        taken = bytes(self.data[:most])
        del self.data[:most]
        self.poke()
        return taken


class MemoryStream:
    """One end of a stream."""

    def __init__(self, peer_id: str, protocol: str, relayed: bool, incoming: Pipe, outgoing: Pipe) -> None:
        self.peer_id = peer_id
        self.protocol = protocol
        self.relayed = relayed
        self._in = incoming
        self._out = outgoing

    async def read(self, most: int = 65536) -> bytes:
        return self._in.take(most) if await self._in.ready() else b""

    async def readexactly(self, count: int) -> bytes:
        got = bytearray()
        while len(got) < count:
            part = await self.read(count - len(got))
            if not part:
                raise StreamBroken("The stream ended early")
            got += part
        return bytes(got)

    async def readline(self, most: int) -> bytes:
        line = bytearray()
        while await self._in.ready():
            end = self._in.data.find(b"\n")
            line += self._in.take(most + 1 - len(line) if end < 0 else min(end + 1, most + 1 - len(line)))
            if len(line) > most:
                raise Refused("The line is too long", status=413)
            if line.endswith(b"\n"):
                break
        return bytes(line)

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        await self._out.put(bytes(data))

    async def close_write(self) -> None:
        self._out.ended = True
        self._out.poke()

    async def close(self) -> None:
        await self.close_write()
        if not self._in.ended:
            self._in.ended = True
            self._in.poke()

    async def reset(self) -> None:
        for pipe in (self._in, self._out):
            pipe.broken = True
            pipe.poke()


class Link:
    """A connection between two nodes, direct or through a relay."""

    def __init__(self, dialler: MemoryNode, other: MemoryNode, relayed: bool) -> None:
        self.dialler = dialler
        self.other = other
        self.relayed = relayed
        self.born = asyncio.get_running_loop().time()
        self.streams: list[tuple[MemoryStream, MemoryStream]] = []

    def seen_from(self, node: MemoryNode) -> Connection:
        far = self.other if node is self.dialler else self.dialler
        address = "/p2p-circuit" if self.relayed else far.own_addresses[0]
        age = asyncio.get_running_loop().time() - self.born
        return Connection(far.peer_id, address, self.relayed, node is self.other, age, len(self.streams))


class MemoryNode(Node):
    """One peer on a `MemoryNetwork`."""

    def __init__(self, network: MemoryNetwork, options: NodeOptions, addresses: tuple[str, ...]) -> None:
        self.peer_id = peer_id_of_seed(options.seed)
        self.options = options
        self.network = network
        self.own_addresses = addresses
        self.up = True
        self.is_cut = False
        self.published: list[tuple[str, bytes]] = []
        self.links: list[Link] = []
        self._handlers: dict[str, StreamHandler] = {}
        self._topics: dict[str, list[Callable[[str, bytes], None]]] = {}
        self._listeners: list[Callable[[NodeEvent], None]] = []
        self._known: dict[str, list[str]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def handle(self, protocol: str, handler: StreamHandler) -> None:
        self._handlers[protocol] = handler

    async def open_stream(self, peer_id: str, protocol: str, *, timeout: float = 2.0) -> Stream:
        try:
            async with asyncio.timeout(timeout):
                await self.connect(peer_id, timeout=timeout)
                link = self._link(peer_id)
                if link is None or self.is_cut or self.network.node(peer_id).is_cut:
                    await asyncio.Event().wait()
        except TimeoutError:
            raise Unreachable("The peer did not answer", f"It did not within {timeout:.0f} s") from None
        assert link is not None
        far = self.network.node(peer_id)
        handler = far._handlers.get(protocol)
        if handler is None:
            raise Unsupported("The peer does not speak this protocol", protocol)
        there, back = Pipe(), Pipe()
        mine = MemoryStream(peer_id, protocol, link.relayed, back, there)
        theirs = MemoryStream(self.peer_id, protocol, link.relayed, there, back)
        link.streams.append((mine, theirs))
        far.spawn(far._serve(handler, theirs, link, (mine, theirs)))
        return mine

    async def _serve(
        self, handler: StreamHandler, stream: MemoryStream, link: Link, pair: tuple[MemoryStream, MemoryStream]
    ) -> None:
        try:
            await handler(stream)
            await stream.close()
        except Goop2Error as error:
            log.debug("%s: %s", stream.protocol, error)
            await stream.reset()
        except Exception:
            log.exception("handler of %s failed", stream.protocol)
            await stream.reset()
        finally:
            with contextlib.suppress(ValueError):
                link.streams.remove(pair)

    async def connect(self, peer_id: str, *, timeout: float = 3.0) -> None:
        await asyncio.sleep(0)
        if self._link(peer_id) is not None:
            return
        far = self.network.nodes.get(peer_id)
        known = set(self._known.get(peer_id, ()))
        if not self.up or far is None or not known.intersection(far.own_addresses):
            raise Unreachable("The peer could not be reached", "None of its addresses answers")
        if self.is_cut or far.is_cut:
            await asyncio.sleep(timeout)
            raise Unreachable("The peer did not answer", f"It did not within {timeout:.0f} s")
        self.network.join(self, far)

    async def disconnect(self, peer_id: str, *, relayed_only: bool = False) -> None:
        for link in [link for link in self.links if link.seen_from(self).peer_id == peer_id]:
            if link.relayed or not relayed_only:
                self.network.part(link)

    async def ping(self, peer_id: str, *, timeout: float = 5.0) -> float:
        await self.connect(peer_id, timeout=timeout)
        if self.is_cut or self.network.node(peer_id).is_cut:
            await asyncio.sleep(timeout)
            raise Unreachable("The peer did not answer")
        return 0.0

    def learn(self, peer_id: str, addresses: Sequence[str], *, ttl: float = 120.0, hearsay: bool = False) -> None:
        known = self._known.setdefault(peer_id, [])
        known.extend(address for address in addresses if address.startswith("/") and address not in known)

    def known_addresses(self, peer_id: str) -> list[str]:
        return list(self._known.get(peer_id, ()))

    def connections(self, peer_id: str = "") -> list[Connection]:
        seen = [link.seen_from(self) for link in self.links]
        return [one for one in seen if peer_id in ("", one.peer_id)]

    def protocols(self, peer_id: str) -> tuple[str, ...]:
        far = self.network.nodes.get(peer_id)
        return tuple(far._handlers) if far is not None and self._link(peer_id) is not None else ()

    def addresses(self) -> list[str]:
        return list(self.own_addresses)

    def listen_addresses(self) -> list[str]:
        return [*self.own_addresses, "/ip4/127.0.0.1/tcp/4001"]

    async def publish(self, topic: str, data: bytes) -> None:
        self.published.append((topic, bytes(data)))
        self.network.flood(self, topic, bytes(data))

    def subscribe(self, topic: str, handler: Callable[[str, bytes], None], most: int = MOST_MESSAGE) -> None:
        del most
        self._topics.setdefault(topic, []).append(handler)

    def listen(self, listener: Callable[[NodeEvent], None]) -> None:
        self._listeners.append(listener)

    async def stop(self) -> None:
        self.network.kill(self)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def move(self, *addresses: str) -> None:
        """Listens on other addresses from now on."""
        self.own_addresses = addresses
        self.tell(AddressesChanged(addresses))

    def hear(self, author: str, topic: str, data: bytes) -> None:
        """A gossip message arrives, as if verified to be from `author`."""
        for handler in self._topics.get(topic, ()):
            asyncio.get_running_loop().call_soon(handler, author, data)

    def tell(self, event: NodeEvent) -> None:
        """The listeners hear of `event` on the next turn of the loop."""
        for listener in self._listeners:
            asyncio.get_running_loop().call_soon(listener, event)

    def spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _link(self, peer_id: str) -> Link | None:
        links = [link for link in self.links if link.seen_from(self).peer_id == peer_id]
        return min(links, key=lambda link: link.relayed, default=None)


class MemoryNetwork:
    """All nodes that can know of each other."""

    def __init__(self) -> None:
        self.nodes: dict[str, MemoryNode] = {}
        self._count = 0

    async def start(self) -> None:
        """Nothing to start."""

    async def stop(self) -> None:
        for node in list(self.nodes.values()):
            await node.stop()

    async def open(self, options: NodeOptions) -> MemoryNode:
        self._count += 1
        node = MemoryNode(self, options, (f"/ip4/10.0.{self._count >> 8}.{self._count & 255}/tcp/4001",))
        for other in self.nodes.values():
            if other.up and options.mdns_tag and other.options.mdns_tag == options.mdns_tag:
                self.introduce(node, other)
        self.nodes[node.peer_id] = node
        return node

    def node(self, peer_id: str) -> MemoryNode:
        return self.nodes[peer_id]

    def introduce(self, one: MemoryNode, two: MemoryNode) -> None:
        """LAN discovery: each hears of the other on a coming turn of the loop."""
        loop = asyncio.get_running_loop()
        loop.call_later(0.01, lambda: one.tell(PeerFound(two.peer_id, two.own_addresses)))
        loop.call_later(0.01, lambda: two.tell(PeerFound(one.peer_id, one.own_addresses)))

    def join(self, dialler: MemoryNode, other: MemoryNode, *, relayed: bool = False) -> None:
        """Makes a connection."""
        first = dialler._link(other.peer_id) is None or not relayed
        link = Link(dialler, other, relayed)
        for node, far in ((dialler, other), (other, dialler)):
            node.links.append(link)
            if first:
                node.tell(Connected(far.peer_id, relayed))
                node.tell(Identified(far.peer_id, tuple(far._handlers), far.options.agent))

    def relay(self, one: MemoryNode, two: MemoryNode) -> None:
        """Joins two nodes through a relay."""
        self.join(one, two, relayed=True)

    def part(self, link: Link) -> None:
        """Breaks a connection and everything on it."""
        for pair in link.streams:
            for stream in pair:
                for pipe in (stream._in, stream._out):
                    pipe.broken = True
                    pipe.poke()
        for node, far in ((link.dialler, link.other), (link.other, link.dialler)):
            if link in node.links:
                node.links.remove(link)
                if node._link(far.peer_id) is None and node.up:
                    node.tell(Disconnected(far.peer_id))

    def kill(self, node: MemoryNode) -> None:
        """The node's process ends without a word; what its own code still does reaches nobody."""
        node.up = False
        for link in list(node.links):
            self.part(link)
        if self.nodes.get(node.peer_id) is node:
            del self.nodes[node.peer_id]

    def cut(self, node: MemoryNode) -> None:
        """Pulls the cable: nothing moves, nobody is told."""
        node.is_cut = True
        self._stick(node)

    def heal(self, node: MemoryNode) -> None:
        """Plugs the cable in again: what was under way arrives."""
        node.is_cut = False
        self._stick(node)

    def _stick(self, node: MemoryNode) -> None:
        for link in node.links:
            for pair in link.streams:
                for stream in pair:
                    for pipe in (stream._in, stream._out):
                        pipe.stuck = link.dialler.is_cut or link.other.is_cut
                        pipe.poke()

    def flood(self, author: MemoryNode, topic: str, data: bytes) -> None:
        """Gossip: everyone who is joined to `author` by direct connections of live nodes hears it once."""
        seen = {author}
        todo = [author]
        while todo:
            node = todo.pop()
            if node.is_cut or not node.up:
                continue
            for link in node.links:
                far = link.other if node is link.dialler else link.dialler
                if link.relayed or far in seen or far.is_cut or not far.up or topic not in far._topics:
                    continue
                seen.add(far)
                todo.append(far)
                far.hear(author.peer_id, topic, data)
