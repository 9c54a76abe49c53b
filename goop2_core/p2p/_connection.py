"""One connection to a proven peer: a task that reads it, a task that writes it, and its streams."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import trio

from ._limits import Bucket, Budget, Tally
from ._multistream import Initiator, Responder, proposal
from ._muxstream import MuxStream
from ._noise import PROTOCOL as NOISE
from ._noise import Channel, Inbox, Keys, Raw, handshake
from ._wire import WireError
from ._yamux import Mux
from .patches import Library

log = logging.getLogger("goop2.p2p")

YAMUX = "/yamux/1.0.0"
BATCH_BYTES = 192 << 10
FAREWELL_SECONDS = 0.3
PUSHES_A_SECOND, PUSHES_AT_ONCE = 0.5, 10.0


async def secure(library: Library, raw: Raw, keys: Keys, *, initiator: bool, expected: str = "") -> Channel:
    """Negotiate Noise on a fresh connection, then yamux inside it.

    Nothing else is ever offered or accepted, so there is no plaintext to fall back to. Both sides may name yamux in the
    handshake already, as go-libp2p does; then its negotiation is skipped. Raises `WireError` or `OSError`.
    """
    inbox = Inbox(raw)
    inbox.buffer += await _negotiate_raw(inbox, NOISE, initiator=initiator)
    channel = await handshake(library, inbox, keys, (YAMUX,), initiator=initiator, expected=expected)
    if YAMUX not in channel.muxers:
        await _negotiate_secured(channel, initiator=initiator)
    return channel


async def _negotiate_raw(inbox: Inbox, protocol: str, *, initiator: bool) -> bytes:
    if initiator:
        asked = Initiator(protocol)
        await inbox.raw.send(proposal(protocol))
        while asked.accepted is None:
            rest = asked.feed(await _some(inbox.raw))
        if not asked.accepted:
            raise WireError(f"the other side does not speak {protocol}")
        return rest
    asker = Responder(lambda name: name == protocol, lambda: (protocol,))
    while asker.protocol is None:
        answer, rest = asker.feed(await _some(inbox.raw))
        if answer:
            await inbox.raw.send(answer)
    return rest


async def _some(raw: Raw) -> bytes:
    data = await raw.receive()
    if not data:
        raise WireError("the other side hung up")
    return data


async def _negotiate_secured(channel: Channel, *, initiator: bool) -> None:
    rest = b""
    asked, asker = Initiator(YAMUX), Responder(lambda name: name == YAMUX, lambda: (YAMUX,))
    if initiator:
        await channel.send([proposal(YAMUX)])
    while (asked.accepted is None) if initiator else (asker.protocol is None):
        messages = await channel.receive()
        if not messages:
            raise WireError("the other side hung up")
        data = b"".join(messages)
        if initiator:
            rest = asked.feed(data)
        else:
            answer, rest = asker.feed(data)
            if answer:
                await channel.send([answer])
    if initiator and not asked.accepted:
        raise WireError("the other side does not speak yamux")
    channel.put_back(rest)


class Link:
    """An open connection. `run` serves it until its end; `ended` is then why."""

    def __init__(
        self,
        channel: Channel,
        *,
        inbound: bool,
        budget: Budget,
        on_stream: Callable[[Link, MuxStream], bool],
        cross: Callable[[Callable[[], None]], object],
        outgoing: Tally,
        relayed: bool = False,
    ) -> None:
        self.peer_id = channel.peer_id
        self.address = channel.raw.address
        self.host = channel.raw.host
        self.raw = channel.raw
        self.inbound = inbound
        self.relayed = relayed
        self.opened_at = time.monotonic()
        self.ended = ""
        self.pushes = Bucket(PUSHES_A_SECOND, PUSHES_AT_ONCE)
        self._channel = channel
        self._scope = trio.CancelScope()
        self._wake = trio.Event()
        self._closing = False
        self._gone = trio.Event()
        self.mux = Mux(
            client=not inbound,
            budget=budget,
            on_stream=lambda stream: on_stream(self, stream),
            wake=self._woken,
            cross=cross,
            outgoing=outgoing,
        )

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return len(self.mux.streams)

    async def run(self) -> None:
        """Read and write until the connection ends, then release everything."""
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._read)
                    nursery.start_soon(self._write)
                    self.mux.ping()
        finally:
            self.end("the connection was closed")
            await self.raw.close()

    def end(self, reason: str) -> None:
        """End at once. Every stream breaks with `reason`."""
        self.ended = self.ended or reason
        self.mux.fail(self.ended)
        self._gone.set()
        self._scope.cancel()

    async def farewell(self) -> None:
        """End in order: send what is queued, say goodbye, give the other side a moment to take it."""
        with trio.move_on_after(FAREWELL_SECONDS):
            self.mux.say_goodbye()
            self._closing = True
            self._woken()
            await self._gone.wait()
        self.end("this side closed the connection")

    def _woken(self) -> None:
        self._wake.set()

    async def _read(self) -> None:
        try:
            while messages := await self._channel.receive():
                for message in messages:
                    self.mux.feed(message)
            self.end("the other side closed the connection")
        except (WireError, OSError) as error:
            self.end(str(error) or repr(error))
        except Exception as error:
            log.exception("reading a connection failed")
            self.end(repr(error))

    async def _write(self) -> None:
        try:
            while not self.mux.failed:
                if messages := self.mux.batch(BATCH_BYTES):
                    await self._channel.send(messages)
                    continue
                if self._closing:
                    await self.raw.finish()
                    return
                self._wake = trio.Event()
                await self._wake.wait()
            self.end(self.mux.failed)
        except OSError as error:
            self.end(str(error) or repr(error))
        except Exception as error:
            log.exception("writing a connection failed")
            self.end(repr(error))
