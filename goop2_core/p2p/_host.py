"""The trio half of a node: its sockets, its connections, and the tasks that serve them."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import trio

from goop2_core.errors import Goop2Error, Unreachable, Unsupported

from . import _addresses
from ._addresses import Endpoint
from ._book import AddressBook
from ._connection import Link, secure
from ._crossing import Crossing
from ._dial import race
from ._flow import Flow
from ._gossip import Gossip
from ._limits import Budget, DialLimit, Gate, Tally
from ._muxstream import MuxStream, StreamOver
from ._noise import Channel, Keys
from ._services import Identify, Ping
from ._streams import NotSpoken, Opening, Serve, Streams
from ._task import contained
from ._transport import Listener, Tcp, dial, listen, resolve
from ._wire import WireError
from .api import AddressesChanged, Connected, Disconnected, Identified, NodeEvent, NodeOptions
from .patches import Library

log = logging.getLogger("goop2.p2p")

TICK_SECONDS = 0.5
WATCH_SECONDS = 2.0
DIAL_SECONDS = 15.0
SPARE_SECONDS = 10.0
SPARE_DIAL_SECONDS = 1.0
IDLE_SECONDS = 60.0
SILENT_SECONDS = 2.0
STOP_SECONDS = 1.2
PUSH_DELAY = 0.1
IDENTIFIED_TTL = 600.0


@dataclass(slots=True)
class Dialling:
    """The dials to one peer that are under way: which addresses they try, and when they have ended or succeeded."""

    tried: set[Endpoint] = field(default_factory=set)
    done: trio.Event = field(default_factory=trio.Event)
    dials: int = 0


class Host:
    """One node in the network thread. `emit` gets its events, on this thread."""

    def __init__(
        self, library: Library, options: NodeOptions, crossing: Crossing, emit: Callable[[NodeEvent], object]
    ) -> None:
        self.library = library
        self.options = options
        self.keys = Keys.of(library, options.seed)
        self.peer_id: str = library.peer_id.from_pubkey(self.keys.identity.public_key).to_base58()
        self.book = AddressBook()
        self.links: dict[str, list[Link]] = {}
        self.spoken: dict[str, tuple[str, ...]] = {}
        self.listening: list[str] = []
        self.streams = Streams(options.limits)
        self._crossing = crossing
        self._emit = emit
        self._gate = Gate(options.limits)
        self._dial_limit = DialLimit()
        self._budget = Budget(options.limits.buffered_bytes)
        self._budgets: dict[str, Budget] = {}
        self._outgoing = Tally(options.limits.queued_bytes)
        self._listeners: list[Listener] = []
        self._dialling: dict[str, Dialling] = {}
        self._nursery: trio.Nursery | None = None
        self._stop = trio.Event()
        self.stopped = trio.Event()
        self._push_due = False
        self._identify = Identify(self)
        self._ping = Ping(self)
        self.gossip = Gossip(self)

    # --- life

    def open(self) -> None:
        """Open the listening sockets. Raises `PortInUse`, `CannotListen` or `Goop2Error`."""
        wanted = []
        for text in self.options.listen:
            endpoint = _addresses.parse(text)
            if endpoint is None or endpoint.ip is None:
                raise Goop2Error("Cannot listen", f"{text} is not an address to listen on.", "Use /ip4/0.0.0.0/tcp/0.")
            wanted.append(endpoint)
        self._listeners = listen(wanted)
        self.listening = self._expanded()

    async def run(self) -> None:
        """Serve until `stop`. Nothing of this node is left when it returns."""
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                for listener in self._listeners:
                    nursery.start_soon(contained, "accepting connections", self._accept, listener)
                nursery.start_soon(contained, "housekeeping", self._tick)
                nursery.start_soon(contained, "address watch", self._watch)
                nursery.start_soon(contained, "gossip", self.gossip.run)
                await self._stop.wait()
                await self._farewell()
                nursery.cancel_scope.cancel()
        finally:
            self._nursery = None
            for listener in self._listeners:
                listener.close()
            self.stopped.set()

    async def stop(self) -> None:
        """End everything in order."""
        self._stop.set()
        await self.stopped.wait()

    async def _farewell(self) -> None:
        for listener in self._listeners:
            listener.close()
        with trio.move_on_after(STOP_SECONDS):
            async with trio.open_nursery() as nursery:
                for link in self._all_links():
                    nursery.start_soon(link.farewell)

    def start(self, name: str, work: Callable[..., Awaitable[Any]], *arguments: Any) -> None:
        """Run a task of this node; whatever it raises ends with it."""
        if self._nursery is not None and not self._stop.is_set():
            self._nursery.start_soon(contained, name, work, *arguments)

    # --- incoming connections

    async def _accept(self, listener: Listener) -> None:
        while True:
            tcp = await listener.accept()
            reason = self._gate.admit(tcp.host)
            if reason or self._nursery is None:
                log.debug("refused %s: %s", tcp.host, reason)
                await tcp.close()
            else:
                self._nursery.start_soon(contained, "incoming connection", self._incoming, listener, tcp)

    async def _incoming(self, listener: Listener, tcp: Tcp) -> None:
        try:
            try:
                with trio.fail_after(self.options.limits.handshake_seconds):
                    raw = await listener.recognise(tcp)
                    channel = await secure(self.library, raw, self.keys, initiator=False)
            except (WireError, OSError, trio.TooSlowError) as error:
                log.debug("handshake with %s: %s", tcp.host, error)
                return
            finally:
                self._gate.handshake_done(tcp.host)
            link = self._enter(channel, inbound=True)
            if link is not None:
                await self._serve_link(link)
        finally:
            self._gate.leave(tcp.host)
            await tcp.close()

    # --- connections

    def _enter(self, channel: Channel, *, inbound: bool) -> Link | None:
        peer_id = channel.peer_id
        reason = "this is this node itself" if peer_id == self.peer_id else self._gate.enter_peer(peer_id)
        if reason or self._stop.is_set():
            log.debug("connection to %s: %s", peer_id, reason)
            return None
        most = self.options.limits.buffered_bytes_per_peer
        link = Link(
            channel,
            inbound=inbound,
            budget=self._budgets.setdefault(peer_id, Budget(most, self._budget)),
            on_stream=self.streams.welcome,
            cross=self._crossing.to_trio,
            outgoing=self._outgoing,
        )
        if (under_way := self._dialling.get(peer_id)) is not None:
            under_way.done.set()
        before = self.links.setdefault(peer_id, [])
        for other in before:
            other.mux.ping()  # a peer that connects again may have lost the connection that still seems open here
        first = not any(other.relayed <= link.relayed for other in before)
        before.append(link)
        if first:
            self._emit(Connected(peer_id, link.relayed))
        return link

    async def _serve_link(self, link: Link) -> None:
        self.start("identify", self._identify.ask, link)
        try:
            await link.run()
        finally:
            self._leave(link)

    def _leave(self, link: Link) -> None:
        peer_id = link.peer_id
        self._gate.leave_peer(peer_id)
        links = self.links[peer_id]
        links.remove(link)
        log.debug("connection to %s ended: %s", peer_id, link.ended)
        self.gossip.link_gone(link)
        if not links:
            del self.links[peer_id]
            self._budgets.pop(peer_id, None)
            self.spoken.pop(peer_id, None)
            self.gossip.peer_gone(peer_id)
            self._emit(Disconnected(peer_id))

    def _all_links(self) -> list[Link]:
        return [link for links in self.links.values() for link in links]

    def best_link(self, peer_id: str) -> Link | None:
        """The connection that new streams to a peer use: one that answers, direct, and the one both sides prefer."""
        now = time.monotonic()
        links = [link for link in self.links.get(peer_id, ()) if not link.ended and not link.mux.going_away]

        def rank(link: Link) -> tuple[bool, bool, bool, float]:
            silent = link.mux.silence(now) > SILENT_SECONDS
            return (silent, link.relayed, not self._preferred(link), -link.opened_at)

        return min(links, key=rank, default=None)

    def _preferred(self, link: Link) -> bool:
        """Of two connections made at the same time, both sides keep the one that the smaller peer ID dialled."""
        return link.inbound == (link.peer_id < self.peer_id)

    # --- outgoing connections

    async def connect(self, peer_id: str, timeout: float = DIAL_SECONDS) -> Link:
        """A connection to the peer, made now if there is none. Raises `Unreachable`."""
        if peer_id == self.peer_id:
            raise Unreachable("The peer cannot be reached", "This is this peer itself.")
        with trio.move_on_after(timeout):
            while (link := self.best_link(peer_id)) is None:
                under_way = self._dialling.get(peer_id)
                tried = under_way.tried if under_way is not None else set()
                endpoints = {end: hearsay for end, hearsay in self._dialable(peer_id, tried) if end not in tried}
                if under_way is None or endpoints:
                    await self._dial(peer_id, endpoints)
                else:
                    await under_way.done.wait()
                    if self.best_link(peer_id) is None:
                        raise Unreachable("The peer cannot be reached", "None of its addresses answers.")
            return link
        raise Unreachable("The peer cannot be reached", f"It did not answer within {timeout:g} s.")

    async def _dial(self, peer_id: str, endpoints: dict[Endpoint, bool]) -> None:
        """Dial all of them; those whose value is true are hearsay."""
        under_way = self._dialling.setdefault(peer_id, Dialling())
        under_way.tried.update(endpoints)
        under_way.dials += 1
        channel: Channel | None = None
        failure: Unreachable | None = None
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_give_up_after, under_way.done, nursery.cancel_scope)
                try:
                    channel = await race(list(endpoints), partial(self._attempt, peer_id, endpoints))
                except Unreachable as error:
                    failure = error
                nursery.cancel_scope.cancel()
            if failure is not None:
                raise failure
            if channel is not None:
                await self._adopt(channel)
        finally:
            under_way.dials -= 1
            if not under_way.dials:
                del self._dialling[peer_id]
                under_way.done.set()

    async def _adopt(self, channel: Channel) -> None:
        link = self._enter(channel, inbound=False)
        if link is None or self._nursery is None:
            await channel.raw.close()
            raise Unreachable("The peer cannot be reached", "There are too many connections already.")
        self._nursery.start_soon(contained, "connection", self._serve_link, link)

    def _dialable(self, peer_id: str, tried: set[Endpoint]) -> list[tuple[Endpoint, bool]]:
        own = set(self.listening)
        return [one for one in self.book.to_dial(peer_id, tried) if str(one[0]) not in own]

    async def _attempt(self, peer_id: str, hearsay: dict[Endpoint, bool], endpoint: Endpoint) -> Channel:
        host = await resolve(endpoint)
        ip = _addresses.of_socket(host, endpoint.port).host
        with self._dial_limit.dial(ip) if hearsay[endpoint] else nullcontext():
            raw = await dial(endpoint, host)
            try:
                channel = await secure(self.library, raw, self.keys, initiator=True, expected=peer_id)
            except BaseException:
                await raw.close()
                raise
        self.book.proven(peer_id, endpoint)
        return channel

    async def disconnect(self, peer_id: str, *, relayed_only: bool = False) -> None:
        """Close the connections to a peer in order."""
        async with trio.open_nursery() as nursery:
            for link in list(self.links.get(peer_id, ())):
                if link.relayed or not relayed_only:
                    nursery.start_soon(link.farewell)

    # --- streams

    def serve(self, protocol: str, work: Callable[[Flow], Awaitable[None]]) -> None:
        """Serve `protocol` in the network thread."""

        async def run(flow: Flow) -> None:
            try:
                await work(flow)
            except (WireError, StreamOver) as error:
                log.debug("%s from %s: %s", protocol, flow.link.peer_id, error)
                flow.reset(str(error))
            finally:
                flow.release()

        self.streams.serve(protocol, lambda link, stream, name: self.start(name, run, Flow(link, stream, name)))

    def serve_elsewhere(self, protocol: str, serve: Serve) -> None:
        """Serve `protocol` outside of the network thread; connected peers are told of it."""
        self.streams.serve(protocol, serve)
        if self.links and not self._push_due:
            self._push_due = True
            self.start("identify push", self._push)

    async def _push(self) -> None:
        await trio.sleep(PUSH_DELAY)
        self._push_due = False
        await self._identify.push()

    async def open_on(self, link: Link, protocol: str, *, lazy: bool) -> Flow:
        """A new stream on this connection. Raises `WireError`, or `NotSpoken` unless `lazy`."""
        opening = self._opening(link, protocol)
        if not lazy:
            await self._accepted(opening)
        return Flow(link, opening.stream, protocol)

    def _opening(self, link: Link, protocol: str) -> Opening:
        opening = self.streams.open(link, protocol, partial(self._unspoken, link.peer_id, protocol))
        if opening is None:
            raise WireError("the connection takes no more streams")
        return opening

    @staticmethod
    async def _accepted(opening: Opening) -> None:
        try:
            await opening.accepted()
        except BaseException:
            opening.stream.reset("given up")
            raise

    def _unspoken(self, peer_id: str, protocol: str) -> None:
        self.spoken[peer_id] = tuple(name for name in self.spoken.get(peer_id, ()) if name != protocol)

    async def open_stream(self, peer_id: str, protocol: str, timeout: float) -> tuple[Link, MuxStream]:
        """A new stream, dialling first if need be. Raises `Unreachable` or `Unsupported`.

        A peer that said it speaks the protocol gets the payload without being asked again (one round trip in all).
        """
        failure = f"It did not answer within {timeout:g} s."
        with trio.move_on_after(timeout):
            for _ in range(2):  # the connection at hand may just be ending
                link = await self.connect(peer_id, timeout)
                try:
                    opening = self._opening(link, protocol)
                    if protocol not in self.spoken.get(peer_id, ()):
                        await self._accepted(opening)
                    return link, opening.stream
                except NotSpoken as error:
                    raise Unsupported("The peer does not offer this", f"It does not speak {protocol}.") from error
                except (WireError, StreamOver) as error:
                    failure = str(error)
        raise Unreachable("The peer cannot be reached", failure)

    async def ping(self, peer_id: str, timeout: float) -> float:
        """Seconds for a round trip. Raises `Unreachable` or `Unsupported`."""
        failure = f"It did not answer within {timeout:g} s."
        with trio.move_on_after(timeout):
            link = await self.connect(peer_id, timeout)
            try:
                return await self._ping.send(link)
            except NotSpoken as error:
                raise Unsupported("The peer does not answer pings") from error
            except (WireError, StreamOver) as error:
                failure = str(error)
        raise Unreachable("The peer cannot be reached", failure)

    # --- what others say, and what they are told

    def identified(self, link: Link, protocols: tuple[str, ...], agent: str, addresses: list[str]) -> None:
        """The peer said who it is. Loopback addresses are kept only if it is reached over loopback.

        That it has the IP which it is connected from is seen; of any other that is what it says.
        """
        if link.ended:
            return
        local = _addresses.is_loopback(link.address)
        for text in addresses:
            if local or not _addresses.is_loopback(text):
                endpoint = _addresses.parse(text)
                hearsay = link.relayed or endpoint is None or endpoint.host != link.host
                self.book.learn(link.peer_id, [text], IDENTIFIED_TTL, hearsay=hearsay)
        self.spoken[link.peer_id] = protocols
        self.gossip.peer_found(link, protocols)
        self._emit(Identified(link.peer_id, protocols, agent))

    def identify_addresses(self, link: Link) -> list[str]:
        """Where this peer may find this node."""
        addresses = self.listening if _addresses.is_loopback(link.address) else _addresses.announceable(self.listening)
        return addresses[:20]

    def _expanded(self) -> list[str]:
        endpoints = [endpoint for listener in self._listeners for endpoint in listener.endpoints]
        return _addresses.expand(endpoints, _addresses.interface_addresses())

    # --- housekeeping

    async def _tick(self) -> None:
        while True:
            await trio.sleep(TICK_SECONDS)
            now = time.monotonic()
            for link in self._all_links():
                reason = link.mux.tick(now)
                if reason:
                    link.end(reason)
            self._drop_spares(now)

    def _drop_spares(self, now: float) -> None:
        crowded = self._gate.total * 4 >= self.options.limits.connections * 3
        for links in list(self.links.values()):
            direct = [link for link in links if not link.relayed]
            for link in links:
                age = now - link.opened_at
                spare = len(direct) > 1 and link in direct and not self._preferred(link) and age > SPARE_SECONDS
                idle = crowded and link.inbound and age > IDLE_SECONDS
                if spare:
                    self.gossip.move_to(self.best_link(link.peer_id), link)
                if (spare or idle) and not link.streams:
                    self.start("closing a spare connection", link.farewell)
                    break

    async def _watch(self) -> None:
        while True:
            await trio.sleep(WATCH_SECONDS)
            now = self._expanded()
            if now != self.listening:
                before, self.listening = self.listening, now
                if _addresses.announceable(before) != _addresses.announceable(now):
                    self._emit(AddressesChanged(tuple(_addresses.announceable(now))))
                    with suppress(WireError, StreamOver):
                        await self._identify.push()


async def _give_up_after(connected: trio.Event, scope: trio.CancelScope) -> None:
    """End a dial that hangs while another way led to the peer.

    A dial under way gets the time to finish: if two peers dial each other, and each gave up its own for the other's,
    none would be left.
    """
    await connected.wait()
    await trio.sleep(SPARE_DIAL_SECONDS)
    scope.cancel()
