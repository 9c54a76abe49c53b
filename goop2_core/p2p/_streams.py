"""Opening and accepting streams: their negotiation, who serves which protocol, and how many may be open."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import trio

from ._multistream import Initiator, Responder, proposal
from ._wire import WireError
from .api import Limits

if TYPE_CHECKING:
    from ._connection import Link
    from ._muxstream import MuxStream

Serve = Callable[["Link", "MuxStream", str], None]


class NotSpoken(Exception):
    """The other side refused the protocol."""


class Opening:
    """An outgoing stream. Its proposal is pipelined: `accepted` may be awaited, or the payload sent right behind it."""

    def __init__(self, stream: MuxStream, protocol: str, refused: Callable[[], None], seconds: float) -> None:
        self.stream = stream
        self.protocol = protocol
        self._refused = refused
        self._asked = Initiator(protocol)
        self._settled = trio.Event()
        self._ok = False
        stream.filter = self._answer
        stream.on_end = self._ended
        stream.deadline = time.monotonic() + seconds
        hello = proposal(protocol)
        stream.claim(len(hello))
        stream.queue(hello)

    async def accepted(self) -> None:
        """Wait for the answer. Raises `NotSpoken`, or `WireError` if the stream ended first."""
        await self._settled.wait()
        if self._asked.accepted is False:
            raise NotSpoken(self.protocol)
        if not self._ok:
            raise WireError(self.stream.broken or "the stream ended while it was being opened")

    def _answer(self, data: bytes | memoryview) -> bytes:
        rest = self._asked.feed(data)
        if self._asked.accepted:
            self._ok = True
            self.stream.negotiated()
            self._settled.set()
        elif self._asked.accepted is False:
            self._refused()
            raise WireError(f"the other side does not speak {self.protocol}")
        return rest

    def _ended(self, stream: MuxStream) -> None:
        self._ok = self._ok and not stream.broken
        self._settled.set()


class Streams:
    """The protocols of one node and the streams that strangers hold open. Used in the network thread."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._serve: dict[str, Serve] = {}
        self._per_peer: Counter[str] = Counter()
        self._per_protocol: Counter[tuple[str, str]] = Counter()
        self._total = 0

    def serve(self, protocol: str, serve: Serve) -> None:
        """From now on `serve(link, stream, protocol)` gets the streams of `protocol`."""
        self._serve[protocol] = serve

    def protocols(self) -> tuple[str, ...]:
        """What is served here."""
        return tuple(self._serve)

    def open(self, link: Link, protocol: str, refused: Callable[[], None] = lambda: None) -> Opening | None:
        """Propose `protocol` on a new stream; `None` if the connection takes no more streams."""
        stream = link.mux.open()
        if stream is None:
            return None
        return Opening(stream, protocol, refused, self._limits.idle_negotiation_seconds)

    def welcome(self, link: Link, stream: MuxStream) -> bool:
        """Begin to negotiate an incoming stream; false if the peer has too many open."""
        peer_id = link.peer_id
        if self._total >= self._limits.streams_in or self._per_peer[peer_id] >= self._limits.streams_in_per_peer:
            return False
        self._total += 1
        self._per_peer[peer_id] += 1
        responder = Responder(self._serve.__contains__, self.protocols)
        stream.deadline = time.monotonic() + self._limits.idle_negotiation_seconds

        def negotiate(data: bytes | memoryview) -> bytes:
            answer, rest = responder.feed(data)
            if answer:
                stream.claim(len(answer))
                stream.queue(answer)
            if responder.protocol is not None:
                self._agreed(link, stream, responder.protocol)
            return rest

        def ended(_: MuxStream) -> None:
            self._count_out(peer_id, responder.protocol)

        stream.filter = negotiate
        stream.on_end = ended
        return True

    def _agreed(self, link: Link, stream: MuxStream, protocol: str) -> None:
        key = (link.peer_id, protocol)
        self._per_protocol[key] += 1
        if self._per_protocol[key] > self._limits.streams_in_per_protocol_per_peer:
            raise WireError(f"too many streams of {protocol}")
        stream.negotiated()
        self._serve[protocol](link, stream, protocol)

    def _count_out(self, peer_id: str, protocol: str | None) -> None:
        self._total -= 1
        self._per_peer[peer_id] -= 1
        if not self._per_peer[peer_id]:
            del self._per_peer[peer_id]
        if protocol is not None:
            self._per_protocol[peer_id, protocol] -= 1
            if not self._per_protocol[peer_id, protocol]:
                del self._per_protocol[peer_id, protocol]
