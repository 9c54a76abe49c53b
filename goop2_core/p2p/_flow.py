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
        self._buffer = bytearray()

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
            data = await self.receive()
            if not data:
                if self._buffer:
                    raise WireError("the stream ended inside a message")
                return b""
            self._buffer += data
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    async def message(self, most: int) -> bytes | None:
        """The next length-prefixed message of at most `most` bytes, `None` at the end."""
        while (message := cut_prefixed(self._buffer, most)) is None:
            data = await self.receive()
            if not data:
                if self._buffer:
                    raise WireError("the stream ended inside a message")
                return None
            self._buffer += data
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

    def reset(self, reason: str) -> None:
        """End at once."""
        self.stream.reset(reason)
