"""A stream as the network thread's own services use it (identify, ping, pubsub): plain trio reads and writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from ._muxstream import MuxStream
from ._wire import WireError, cut_prefixed

if TYPE_CHECKING:
    from ._connection import Link

SEND_AHEAD = 64 << 10


class Flow:
    """A negotiated stream."""

    def __init__(self, link: Link, stream: MuxStream, protocol: str) -> None:
        self.link = link
        self.stream = stream
        self.protocol = protocol
        self._buffer = bytearray()  # counted in the peer's budget: a message may be as large as a stream's window
        self._held = 0

    def _hold(self, count: int) -> None:
        """Count `count` bytes as kept here. Raises `WireError` if that is more than this peer may have."""
        budget = self.stream.mux.budget
        if count > self._held and not budget.take(count - self._held):
            raise WireError("too much of this peer waits to be read")
        if count < self._held:
            budget.give(self._held - count)
        self._held = count

    async def _more(self) -> bool:
        data = await self.receive()
        self._buffer += data
        self._hold(len(self._buffer))
        return bool(data)

    async def receive(self, most: int = 65536) -> bytes:
        """The next bytes, `b""` at the end. Raises `StreamOver`."""
        while True:
            event = trio.Event()
            data = self.stream.take(most, event.set)
            if data is not None:
                return data
            await event.wait()

    async def exactly(self, count: int) -> bytes:
        """Exactly `count` bytes, or `b""` at an end that comes before the first. Raises `WireError` in between."""
        while len(self._buffer) < count:
            if not await self._more():
                if self._buffer:
                    raise WireError("the stream ended inside a message")
                return b""
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        self._hold(len(self._buffer))
        return data

    async def message(self, most: int) -> bytes | None:
        """The next length-prefixed message of at most `most` bytes, `None` at the end."""
        while (message := cut_prefixed(self._buffer, most)) is None:
            if not await self._more():
                if self._buffer:
                    raise WireError("the stream ended inside a message")
                return None
        self._hold(len(self._buffer))
        return message

    def post(self, data: bytes) -> int:
        """Send without waiting; returns how many bytes wait now. Raises `StreamOver`."""
        waiting = self.stream.claim(len(data))
        self.stream.queue(data)
        return waiting

    async def send(self, data: bytes) -> None:
        """Send, waiting while more than 64 KiB are under way."""
        self.post(data)
        event = trio.Event()
        if not self.stream.when_below(SEND_AHEAD, event.set):
            await event.wait()

    def close(self) -> None:
        """End both directions in order."""
        self.stream.close()
        self.release()

    def reset(self, reason: str) -> None:
        """End at once."""
        self.stream.reset(reason)
        self.release()

    def release(self) -> None:
        """Give back what is kept here. Called when the stream is done with, however that came."""
        self._buffer.clear()
        self._hold(0)
        self.stream.discard()
