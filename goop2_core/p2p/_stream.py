"""A stream as the engine sees it, on its asyncio loop."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from goop2_core.errors import Refused, StreamBroken

from ._crossing import Crossing, settle
from ._muxstream import MuxStream, StreamOver

if TYPE_CHECKING:
    from ._connection import Link

SEND_AHEAD = 256 << 10
CLOSE_SECONDS = 5.0


class NodeStream:
    """Implements `api.Stream`.

    Reading takes straight from what the network thread received; writing hands the bytes over and waits only while
    more than 256 KiB of them are still here, or any while too many of all streams together are. So a cancelled read has
    taken nothing, a cancelled write is sent whole.
    """

    def __init__(self, crossing: Crossing, link: Link, stream: MuxStream, protocol: str) -> None:
        self.peer_id = link.peer_id
        self.protocol = protocol
        self.relayed = link.relayed
        self._crossing = crossing
        self._stream = stream
        self._buffer = b""
        self._write_closed = False
        self._closed = False

    def __del__(self) -> None:
        if not self._closed:  # whoever had it is gone; its memory and its place among the streams are given back
            self._crossing.to_trio(self._stream.reset, "this side dropped the stream")

    async def read(self, most: int = 65536) -> bytes:
        """The next bytes, at most `most`; `b""` once the other side has closed its end."""
        if self._buffer:
            data, self._buffer = self._buffer[:most], self._buffer[most:]
            return data
        while True:
            if self._closed:
                raise _broken("this side closed the stream")
            future: asyncio.Future[None] = self._crossing.loop.create_future()
            try:
                taken = self._stream.take(most, partial(self._wake, future))
            except StreamOver as error:
                raise _broken(str(error)) from error
            if taken is not None:
                return taken
            await future

    async def readexactly(self, count: int) -> bytes:
        """Exactly `count` bytes. Raises `StreamBroken` if the stream ends before; what came stays readable."""
        parts: list[bytes] = []
        size = 0
        try:
            while size < count:
                data = await self.read(count - size)
                if not data:
                    raise _broken(f"it ended after {size} of {count} bytes")
                parts.append(data)
                size += len(data)
        except BaseException:
            self._buffer = b"".join(parts) + self._buffer
            raise
        return b"".join(parts)

    async def readline(self, most: int) -> bytes:
        """Bytes up to and including a newline, or what there was before the end. Raises `Refused` (413) past `most`."""
        line = bytearray()
        try:
            while (end := line.find(b"\n")) < 0:
                if len(line) >= most:
                    raise Refused("The line is too long", f"More than {most} bytes came without a newline.", status=413)
                data = await self.read(max(1, min(65536, most + 1 - len(line))))
                if not data:
                    return bytes(line)
                line += data
            if end >= most:
                raise Refused("The line is too long", f"More than {most} bytes came without a newline.", status=413)
        except asyncio.CancelledError:
            self._buffer = bytes(line) + self._buffer
            raise
        self._buffer = bytes(line[end + 1 :]) + self._buffer
        return bytes(line[: end + 1])

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send `data`; waits while more than 256 KiB are still to be sent."""
        if self._write_closed:
            raise _broken("this side closed the stream")
        payload = data if isinstance(data, bytes) else bytes(data)
        try:
            waiting = self._stream.claim(len(payload))
        except StreamOver as error:
            raise _broken(str(error)) from error
        if not self._crossing.to_trio(self._stream.queue, payload):
            raise _broken("the network is stopped")
        ahead = 0 if self._stream.mux.outgoing.crowded else SEND_AHEAD
        if waiting > ahead:
            await self._drained(ahead // 2)
            if self._stream.broken:
                raise _broken(self._stream.broken)

    async def _drained(self, level: int) -> None:
        future: asyncio.Future[None] = self._crossing.loop.create_future()
        if not self._stream.when_below(level, partial(self._wake, future)):
            await future

    def _wake(self, future: asyncio.Future[None]) -> None:
        self._crossing.to_asyncio(settle, future, None, None)

    async def close_write(self) -> None:
        """Say that nothing more will be written; reading goes on."""
        if not self._write_closed:
            self._write_closed = True
            self._crossing.to_trio(self._stream.finish_writing)

    async def close(self) -> None:
        """End both directions in order; waits up to 5 s until what was written is handed to the connection."""
        if self._closed:
            return
        self._closed = self._write_closed = True
        self._buffer = b""
        self._crossing.to_trio(self._stream.close)
        try:
            await asyncio.wait_for(self._drained(0), CLOSE_SECONDS)
        except TimeoutError:
            await self.reset()

    async def reset(self) -> None:
        """End the stream at once; the other side gets an error."""
        self._closed = self._write_closed = True
        self._buffer = b""
        self._crossing.to_trio(self._stream.reset, "this side reset the stream")


def _broken(reason: str) -> StreamBroken:
    return StreamBroken("The connection to the peer broke", reason)
