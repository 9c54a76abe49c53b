"""yamux without input and output: frames in, frames out, and the rules between.

A connection feeds received bytes to `Mux.feed` and sends what `Mux.batch` returns. All of `Mux` belongs to the network
thread; a `MuxStream` may besides be read (`take`) and filled (`claim`) from any thread, which spares a pump between the
two loops: the stream's window is the only buffer, and consuming it is what lets the other side send more.
https://github.com/hashicorp/yamux/blob/master/spec.md
"""

from __future__ import annotations

import struct
import time
from collections import deque
from collections.abc import Callable

from ._limits import Budget, Tally
from ._muxstream import MuxStream
from ._wire import WireError

DATA, WINDOW, PING, GO_AWAY = range(4)
SYN, ACK, FIN, RST = 1, 2, 4, 8
HEADER = struct.Struct("!BBHII")
WINDOW_AT_START = 256 << 10
WINDOW_MOST = 4 << 20
CONTROL_MOST = 48 << 10  # answers that the other side has not collected; less than one message
STREAMS_OUT_MOST = 800  # go-yamux refuses more than 1000
MESSAGE_MOST = 65519  # what fits one Noise message
KEEPALIVE_SECONDS = 5.0
KEEPALIVE_TIMEOUT = 10.0
LINGER_SECONDS = 60.0
GO_AWAY_SECONDS = 5.0


class Mux:
    """The streams of one connection.

    `on_stream(stream)` says whether an incoming stream is welcome; `wake()` says that there is something to send;
    `cross(function)` runs a function in the network thread, from any thread; `outgoing` counts what waits to be sent.
    """

    def __init__(
        self,
        *,
        client: bool,
        budget: Budget,
        on_stream: Callable[[MuxStream], bool],
        wake: Callable[[], None],
        cross: Callable[[Callable[[], None]], object],
        outgoing: Tally | None = None,
    ) -> None:
        self.streams: dict[int, MuxStream] = {}
        self.budget = budget
        self.growth = Budget(budget.most // 2)  # by how much all windows may grow: unread bytes stay within the budget
        self.cross = cross
        self.outgoing = outgoing or Tally(budget.most)
        self.rtt = 0.0
        self.failed = ""
        self.going_away = 0.0
        self.heard_at = time.monotonic()
        self._next = 1 if client else 2
        self._last_remote = 0
        self._on_stream = on_stream
        self._wake = wake
        self._control = bytearray()
        self._ready: deque[MuxStream] = deque()
        self._head = bytearray()
        self._body = 0  # bytes of the current DATA frame that are still to come
        self._target: MuxStream | None = None
        self._after_body = 0
        self._ping_at = 0.0
        self._ping_number = 0
        self._pinging = False

    # --- receiving

    def feed(self, data: bytes) -> None:
        """Take received bytes. Raises `WireError` if they break the protocol; the connection must end then."""
        self.heard_at = time.monotonic()
        at, end = 0, len(data)
        while at < end:
            if self._body:
                count = min(self._body, end - at)
                if self._target is not None:
                    whole = count * 2 >= end  # else a small piece would keep the whole message in memory
                    piece = memoryview(data)[at : at + count] if whole else data[at : at + count]
                    self._target.received(piece)
                at += count
                self._body -= count
                if not self._body:
                    self._end_body()
                continue
            missing = HEADER.size - len(self._head)
            if self._head or end - at < HEADER.size:
                self._head += data[at : at + missing]
                at = min(end, at + missing)
                if len(self._head) < HEADER.size:
                    return
                header = HEADER.unpack(self._head)
                self._head.clear()
            else:
                header = HEADER.unpack_from(data, at)
                at += HEADER.size
            self._frame(*header)

    def _frame(self, version: int, kind: int, flags: int, number: int, length: int) -> None:
        if version != 0 or kind > GO_AWAY:
            raise WireError("not a yamux frame")
        if kind == PING:
            self._ping(flags, length)
        elif kind == GO_AWAY:
            self.going_away = self.going_away or time.monotonic()
        else:
            if number == 0:
                raise WireError("a frame for stream 0")
            if flags & SYN:
                self._incoming(number)
            stream = self.streams.get(number)
            if kind == WINDOW:
                if stream is not None:
                    stream.grow_credit(length)
                    self.ready(stream)
                self._flags(stream, flags)
                return
            if stream is not None and not stream.spend_window(length):
                raise WireError("more data than the window allows")
            self._target, self._body, self._after_body = stream, length, flags
            if not length:
                self._end_body()

    def _end_body(self) -> None:
        stream, self._target = self._target, None
        self._flags(stream, self._after_body)

    def _flags(self, stream: MuxStream | None, flags: int) -> None:
        if stream is None:
            return
        if flags & RST:
            self.forget(stream)
            stream.fail("the other side reset the stream")
        elif flags & FIN:
            stream.remote_finished()
            if stream.finished():
                self.forget(stream)

    def _incoming(self, number: int) -> None:
        if number % 2 == self._next % 2 or number <= self._last_remote:
            raise WireError("a stream number that is not the other side's to use")
        self._last_remote = number
        stream = MuxStream(self, number, inbound=True)
        self.streams[number] = stream
        if self.going_away or not self._on_stream(stream):
            stream.reset("refused")
        else:
            self.control(WINDOW, ACK, number, 0)

    def _ping(self, flags: int, number: int) -> None:
        if flags & SYN:
            self.control(PING, ACK, 0, number)
        elif flags & ACK and self._pinging and number == self._ping_number:
            self._pinging = False
            self.rtt = time.monotonic() - self._ping_at

    # --- sending

    def open(self) -> MuxStream | None:
        """A new stream; `None` if the connection takes no more."""
        if self.failed or self.going_away or len(self.streams) >= STREAMS_OUT_MOST:
            return None
        stream = MuxStream(self, self._next, inbound=False)
        self._next += 2
        self.streams[stream.number] = stream
        self.control(WINDOW, SYN, stream.number, 0)
        return stream

    def control(self, kind: int, flags: int, number: int, value: int) -> None:
        """Send a frame without payload, ahead of any data."""
        if self.failed:
            return
        if len(self._control) > CONTROL_MOST:
            self.fail("the other side does not collect its answers")
        else:
            self._control += HEADER.pack(0, kind, flags, number, value)
        self._wake()

    def ready(self, stream: MuxStream) -> None:
        """`stream` may have something to send."""
        if not stream.queued_up and stream.sendable():
            stream.queued_up = True
            self._ready.append(stream)
            self._wake()

    def batch(self, most: int) -> list[bytes]:
        """What to send now, in pieces that each fit one Noise message; about `most` bytes. Streams take turns."""
        messages: list[bytes] = []
        parts: list[bytes | memoryview] = []
        size = total = 0
        if self._control:
            parts.append(bytes(self._control))
            size = len(self._control)
            self._control.clear()
        while self._ready and total + size < most:
            if MESSAGE_MOST - size < 4 * HEADER.size:
                messages.append(b"".join(parts))
                total, parts, size = total + size, [], 0
            stream = self._ready.popleft()
            stream.queued_up = False
            count = stream.pull(parts, MESSAGE_MOST - size - 2 * HEADER.size)
            size += count
            if stream.finished():
                self.forget(stream)
            elif stream.sendable():
                stream.queued_up = True
                self._ready.append(stream)
        if parts:
            messages.append(b"".join(parts))
        return messages

    # --- life

    def ping(self) -> None:
        """Ask for a sign of life, unless an answer is still awaited."""
        if not self._pinging:
            self._ping_number = (self._ping_number + 1) & 0xFFFFFFFF
            self._ping_at = time.monotonic()
            self._pinging = True
            self.control(PING, SYN, 0, self._ping_number)

    def silence(self, now: float) -> float:
        """Seconds for which a ping has gone unanswered."""
        return now - max(self._ping_at, self.heard_at) if self._pinging else 0.0

    def tick(self, now: float) -> str:
        """Called about once a second: keep-alive and lingering streams. Returns why the connection is over, or ""."""
        if self.silence(now) > KEEPALIVE_TIMEOUT:
            return "no sign of life"
        if now - self._ping_at >= KEEPALIVE_SECONDS:
            self.ping()
        if self.going_away and (not self.streams or now - self.going_away > GO_AWAY_SECONDS):
            return "the other side said goodbye"
        for stream in list(self.streams.values()):
            if stream.deadline and now > stream.deadline:
                stream.reset("took too long")
        return ""

    def forget(self, stream: MuxStream) -> None:
        """The stream is over on both sides."""
        self.streams.pop(stream.number, None)

    def say_goodbye(self) -> None:
        """Tell the other side that this connection ends."""
        if not self.failed:
            self._control += HEADER.pack(0, GO_AWAY, 0, 0, 0)
            self._wake()

    def fail(self, reason: str) -> None:
        """The connection is gone: every stream ends."""
        self.failed = self.failed or reason
        streams, self.streams = self.streams, {}
        for stream in streams.values():
            stream.fail(reason)
        self._ready.clear()
        self._control.clear()
        self._target = None
