"""One yamux stream: its two windows, what was received and not yet read, what is to be sent."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from ._wire import WireError

if TYPE_CHECKING:
    from ._yamux import Mux

Filter = Callable[["bytes | memoryview"], "bytes | memoryview"]
SMALL = 1024  # shorter pieces are joined: as objects of their own they take up to 300 times their size
JOINED_MOST = 64 << 10


class StreamOver(Exception):
    """The stream was reset or its connection lost; the text says which."""


class MuxStream:
    """One stream. `take`, `claim` and `when_below` may be used from any thread, the rest in the network thread.

    `filter` sees received bytes first and returns what is payload (stream negotiation does so);
    `on_end` is called once, when the stream is over on this side or both. `deadline` (monotonic) resets it when passed.
    """

    def __init__(self, mux: Mux, number: int, *, inbound: bool) -> None:
        from ._yamux import WINDOW_AT_START  # noqa: PLC0415  the two halves of one protocol

        self.mux = mux
        self.number = number
        self.inbound = inbound
        self.filter: Filter | None = None
        self.on_end: Callable[[MuxStream], None] | None = None
        self.deadline = 0.0
        self.queued_up = False
        self.fin_sent = False
        self._fin_queued = False
        self._remote_done = False
        self._over = False
        self._send_credit = WINDOW_AT_START
        self._window = WINDOW_AT_START
        self._receive_credit = WINDOW_AT_START
        self._grown = 0
        self._granted_at = time.monotonic()
        self._outgoing: deque[bytes | memoryview] = deque()

        self._lock = threading.Lock()
        self._chunks: deque[bytes | bytearray | memoryview] = deque()
        self._available = 0
        self._consumed = 0
        self._grant_due = False
        self._end: str | None = None  # "" after the other side's FIN, else the reason
        self._reader: Callable[[], object] | None = None
        self._queued = 0  # bytes claimed by writers and not yet sent
        self._writer: tuple[int, Callable[[], object]] | None = None
        self._deaf = False

    # --- any thread

    def take(self, most: int, wake: Callable[[], object]) -> bytes | None:
        """Up to `most` received bytes, `b""` at the end. If there is nothing yet: `None`, and `wake` is called once.

        Raises `StreamOver` once the stream is broken and what arrived before has been read.
        """
        with self._lock:
            if not self._available:
                if self._end is None:
                    self._reader = wake
                    return None
                if self._end:
                    raise StreamOver(self._end)
                return b""
            data = self._cut(most)
            self._available -= len(data)
            self._consumed += len(data)
            due = not self._grant_due and self._consumed * 2 >= self._window
            self._grant_due = self._grant_due or due
        self.mux.budget.give(len(data))
        if due:
            self.mux.cross(self._grant)
        return data

    def _cut(self, most: int) -> bytes:
        chunks = self._chunks
        if len(chunks[0]) >= most or len(chunks) == 1:
            first = chunks.popleft()
            if len(first) > most:
                chunks.appendleft(memoryview(first)[most:])
            return bytes(first[:most])
        parts: list[bytes | bytearray | memoryview] = []
        size = 0
        while chunks and size < most:
            first = chunks.popleft()
            if size + len(first) > most:
                cut = most - size
                chunks.appendleft(memoryview(first)[cut:])
                first = first[:cut]
            parts.append(first)
            size += len(first)
        return b"".join(parts)

    def claim(self, count: int) -> int:
        """Count bytes that are about to be `queue`d; returns how many wait now. Raises `StreamOver`."""
        with self._lock:
            if self._end:
                raise StreamOver(self._end)
            self._queued += count
            waiting = self._queued
        self.mux.outgoing.add(count)
        return waiting

    def when_below(self, level: int, wake: Callable[[], object]) -> bool:
        """Whether no more than `level` bytes wait to be sent; if more, `wake` is called once when that is so."""
        with self._lock:
            if self._queued <= level or self._end:
                return True
            self._writer = (level, wake)
            return False

    @property
    def waiting(self) -> int:
        """Bytes that were claimed and are not sent yet."""
        return self._queued

    @property
    def broken(self) -> str:
        """Why the stream is broken, or ""."""
        return self._end or ""

    # --- receiving, network thread

    def spend_window(self, count: int) -> bool:
        """The other side sends `count` bytes: whether its window allows that."""
        self._receive_credit -= count
        return self._receive_credit >= 0

    def received(self, data: bytes | memoryview) -> None:
        """Payload of a DATA frame."""
        count = len(data)
        if self._over:
            return
        if self.filter is not None:
            try:
                data = self.filter(data)
            except WireError as error:
                self.reset(str(error))
                return
        if self._deaf or self._over:
            return
        kept = len(data)
        if kept and not self.mux.budget.take(kept):
            self.reset("too much of this peer waits to be read")
            return
        with self._lock:
            self._consumed += count - kept
            if kept:
                self._keep(data)
                self._available += kept
            reader, self._reader = (self._reader, None) if kept else (None, self._reader)
        if reader is not None:
            reader()

    def _keep(self, data: bytes | memoryview) -> None:
        last = self._chunks[-1] if self._chunks else None
        if len(data) >= SMALL:
            self._chunks.append(data)
        elif isinstance(last, bytearray) and len(last) < JOINED_MOST:
            last += data
        else:
            self._chunks.append(bytearray(data))

    def remote_finished(self) -> None:
        """The other side sent FIN."""
        self._remote_done = True
        self._finish_reading("")

    def _finish_reading(self, end: str) -> None:
        with self._lock:
            if self._end is None or (end and not self._end and not self._remote_done):
                self._end = end
            reader, self._reader = self._reader, None
        if reader is not None:
            reader()

    def _grant(self) -> None:
        from ._yamux import WINDOW, WINDOW_MOST  # noqa: PLC0415

        with self._lock:
            count, self._consumed, self._grant_due = self._consumed, 0, False
        if self._remote_done or self._over or self._deaf:
            return
        now = time.monotonic()
        fast = now - self._granted_at < 4 * max(self.mux.rtt, 0.01)
        if fast and self._window < WINDOW_MOST and self.mux.growth.take(self._window):
            count += self._window  # read as fast as it comes: let more be under way
            self._grown += self._window
            self._window *= 2
        self._granted_at = now
        self._receive_credit += count
        self._control(WINDOW, 0, count)

    # --- sending, network thread

    def queue(self, data: bytes | memoryview) -> None:
        """Send `data` (which has been `claim`ed) as the window allows."""
        if self._over or self._fin_queued:
            self._sent(len(data))
            return
        if data:
            self._outgoing.append(data)
            self.mux.ready(self)

    def negotiated(self) -> None:
        """Both sides agree on the protocol: what comes from here on is payload, and there is no hurry any more."""
        self.filter = None
        if not self._deaf:
            self.deadline = 0.0

    def finish_writing(self) -> None:
        """Send FIN behind what is queued."""
        if not self._over and not self._fin_queued:
            self._fin_queued = True
            self.mux.ready(self)

    def close(self) -> None:
        """Finish writing and read no more. What the other side still sends is dropped; it has a minute to finish."""
        from ._yamux import LINGER_SECONDS  # noqa: PLC0415

        self.finish_writing()
        self.discard()
        self.deadline = time.monotonic() + LINGER_SECONDS

    def reset(self, reason: str) -> None:
        """End the stream at once and tell the other side."""
        from ._yamux import RST, WINDOW  # noqa: PLC0415

        if not self._over and self.mux.streams.get(self.number) is self:
            self._control(WINDOW, RST, 0)
            self.mux.forget(self)
        self._remote_done = False
        self.fail(reason)
        self.discard()

    def fail(self, reason: str) -> None:
        """The stream is over: reset by the other side, or without a connection."""
        if self._over:
            return
        self._over = True
        waiting = sum(len(data) for data in self._outgoing)
        self._outgoing.clear()
        self._finish_reading(reason)
        self._sent(waiting, all_wake=True)
        self._ended()

    def sendable(self) -> bool:
        """Whether `pull` would give something."""
        if self._over or self.fin_sent:
            return False
        return bool(self._outgoing and self._send_credit > 0) or (self._fin_queued and not self._outgoing)

    def pull(self, parts: list[bytes | memoryview], most: int) -> int:
        """Append one DATA frame with up to `most` bytes to `parts`, and FIN if it is due; returns the bytes added."""
        from ._yamux import DATA, FIN, HEADER, WINDOW  # noqa: PLC0415

        size = added = 0
        limit = min(most, self._send_credit)
        if self._outgoing and limit > 0:
            head = len(parts)
            parts.append(b"")
            while self._outgoing and size < limit:
                data = self._outgoing.popleft()
                if size + len(data) > limit:
                    view = memoryview(data)
                    self._outgoing.appendleft(view[limit - size :])
                    data = view[: limit - size]
                parts.append(data)
                size += len(data)
            parts[head] = HEADER.pack(0, DATA, 0, self.number, size)
            added = HEADER.size + size
            self._send_credit -= size
            self._sent(size)
        if self._fin_queued and not self._outgoing and not self.fin_sent:
            self.fin_sent = True
            parts.append(HEADER.pack(0, WINDOW, FIN, self.number, 0))
            added += HEADER.size
        return added

    def grow_credit(self, count: int) -> None:
        """The other side accepts `count` more bytes."""
        self._send_credit += count

    def finished(self) -> bool:
        """Both sides have sent FIN; ends the stream if so."""
        if self.fin_sent and self._remote_done and not self._over:
            self._over = True
            self._ended()
        return self._over

    def _sent(self, count: int, *, all_wake: bool = False) -> None:
        self.mux.outgoing.add(-count)
        with self._lock:
            self._queued -= count
            wake = None
            if self._writer is not None and (all_wake or self._queued <= self._writer[0]):
                wake, self._writer = self._writer[1], None
        if wake is not None:
            wake()

    def discard(self) -> None:
        """Drop what was received and what is still to come."""
        self._deaf = True
        with self._lock:
            dropped, self._available = self._available, 0
            self._chunks.clear()
        self.mux.budget.give(dropped)

    def _control(self, kind: int, flags: int, value: int) -> None:
        self.mux.control(kind, flags, self.number, value)

    def _ended(self) -> None:
        self.mux.growth.give(self._grown)
        self._grown = 0
        callback, self.on_end = self.on_end, None
        if callback is not None:
            callback(self)
