"""What strangers may cost a node: who is let in, how often, and how much of theirs is kept in memory."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable

from .api import Limits


class Budget:
    """Bytes that may be held at once, here and in the budget above. May be used from any thread."""

    def __init__(self, most: int, parent: Budget | None = None) -> None:
        self.most = most
        self.used = 0
        self._parent = parent
        self._lock = threading.Lock()

    def take(self, count: int) -> bool:
        """Claim `count` bytes; false, and nothing claimed, if that is too much."""
        with self._lock:
            if self.used + count > self.most:
                return False
            self.used += count
        if self._parent is not None and not self._parent.take(count):
            with self._lock:
                self.used -= count
            return False
        return True

    def give(self, count: int) -> None:
        """Give bytes back."""
        with self._lock:
            self.used -= count
        if self._parent is not None:
            self._parent.give(count)


class Bucket:
    """So many events a second, with as many saved up."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._level = burst
        self._at = clock()

    def take(self, count: float = 1.0) -> bool:
        """Whether another `count` events are within the rate."""
        now = self._clock()
        self._level = min(self._burst, self._level + (now - self._at) * self._rate)
        self._at = now
        if self._level < count:
            return False
        self._level -= count
        return True


class Gate:
    """Counts connections and decides on new ones. Used in the network thread only.

    Each `admit` that returns "" must be followed by one `leave` with the same address.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._dials = Bucket(limits.inbound_dials_per_second, limits.inbound_dials_per_second, clock)
        self._addresses: Counter[str] = Counter()
        self._peers: Counter[str] = Counter()
        self.pending = 0
        self.total = 0

    def admit(self, address: str) -> str:
        """Let an inbound connection from `address` (an IP) begin its handshake: "" or the reason why not."""
        if self.total + self.pending >= self._limits.connections:
            return "too many connections"
        if self.pending >= self._limits.pending_inbound:
            return "too many handshakes under way"
        if self._addresses[address] >= self._limits.connections_per_address:
            return "too many connections from this address"
        if not self._dials.take():
            return "too many connections a second"
        self._addresses[address] += 1
        self.pending += 1
        return ""

    def handshake_done(self) -> None:
        """An admitted connection's handshake ended, well or not."""
        self.pending -= 1

    def leave(self, address: str) -> None:
        """An admitted connection is gone."""
        self._addresses[address] -= 1
        if self._addresses[address] <= 0:
            del self._addresses[address]

    def enter_peer(self, peer_id: str) -> str:
        """Count an authenticated connection, either direction: "" or the reason why not."""
        if self.total >= self._limits.connections:
            return "too many connections"
        if self._peers[peer_id] >= self._limits.connections_per_peer:
            return "too many connections to this peer"
        self._peers[peer_id] += 1
        self.total += 1
        return ""

    def leave_peer(self, peer_id: str) -> None:
        """A counted connection is gone."""
        self.total -= 1
        self._peers[peer_id] -= 1
        if self._peers[peer_id] <= 0:
            del self._peers[peer_id]
