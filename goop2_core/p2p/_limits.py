"""What strangers may cost a node: who is let in, how often, and how much of theirs is kept in memory."""

from __future__ import annotations

import contextlib
import ipaddress
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator

from .api import Limits

ADDRESSES_KEPT = 1024
ADDRESSES_DIALLED_KEPT = 4096
DIALS_A_MINUTE = 30
DIALS_AT_ONCE = 10


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


class Tally:
    """Bytes of one node that wait to be sent. May be used from any thread.

    Nothing is refused for them; but while they are `crowded`, whoever writes waits until its own bytes are gone.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.waiting = 0
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        """So many bytes more, or less."""
        with self._lock:
            self.waiting += count

    @property
    def crowded(self) -> bool:
        """Whether there are more than there should be."""
        return self.waiting > self.most


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
        self._clock = clock
        self._dials = self._bucket(1.0)
        self._dials_from: OrderedDict[str, Bucket] = OrderedDict()
        self._addresses: Counter[str] = Counter()
        self._pending: Counter[str] = Counter()
        self._peers: Counter[str] = Counter()
        self._inbound = 0
        self.pending = 0
        self.total = 0

    def _bucket(self, share: float) -> Bucket:
        rate = self._limits.inbound_dials_per_second * share
        return Bucket(rate, max(rate, 1.0), self._clock)

    def admit(self, address: str) -> str:
        """Let an inbound connection from `address` (an IP) begin its handshake: "" or the reason why not.

        One address gets at most half of the handshakes and of the dial rate, so that others still come in; all together
        get three quarters of the connections, so that this side can still dial.
        """
        address = network_of(address)
        if self._inbound * 4 >= self._limits.connections * 3:
            return "too many connections"
        if self.total + self.pending >= self._limits.connections:
            return "too many connections"
        pending = self._limits.pending_inbound
        if self.pending >= pending or self._pending[address] * 2 >= max(pending, 2):
            return "too many handshakes under way"
        if self._addresses[address] >= self._limits.connections_per_address:
            return "too many connections from this address"
        if not self._dials_of(address).take() or not self._dials.take():
            return "too many connections a second"
        self._inbound += 1
        self._addresses[address] += 1
        self._pending[address] += 1
        self.pending += 1
        return ""

    def _dials_of(self, address: str) -> Bucket:
        bucket = self._dials_from.pop(address, None) or self._bucket(0.5)
        self._dials_from[address] = bucket
        while len(self._dials_from) > ADDRESSES_KEPT:
            self._dials_from.popitem(last=False)
        return bucket

    def handshake_done(self, address: str) -> None:
        """An admitted connection's handshake ended, well or not."""
        self.pending -= 1
        _decrease(self._pending, network_of(address))

    def leave(self, address: str) -> None:
        """An admitted connection is gone."""
        self._inbound -= 1
        _decrease(self._addresses, network_of(address))

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
        _decrease(self._peers, peer_id)


class DialLimit:
    """How often one IP is dialled because of what strangers say: 30 times a minute, 10 at once.

    So that nobody can use this node, and all the others that hear the same, to flood somebody. Network thread only.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._under_way: Counter[str] = Counter()
        self._rates: OrderedDict[str, Bucket] = OrderedDict()

    @contextlib.contextmanager
    def dial(self, address: str) -> Iterator[None]:
        """One dial to `address` (an IP). Raises `OSError` if that is one too many."""
        network = network_of(address)
        rate = self._rates.pop(network, None) or Bucket(DIALS_A_MINUTE / 60, DIALS_A_MINUTE, self._clock)
        self._rates[network] = rate
        if len(self._rates) > ADDRESSES_DIALLED_KEPT:
            self._rates.popitem(last=False)
        if self._under_way[network] >= DIALS_AT_ONCE or not rate.take():
            raise OSError(f"{address} was dialled too often")
        self._under_way[network] += 1
        try:
            yield
        finally:
            _decrease(self._under_way, network)


def network_of(address: str) -> str:
    """Who has this IP may have these too: the address itself, or the /64 network of an IPv6 address."""
    if ":" not in address:
        return address
    return str(ipaddress.IPv6Network((address, 64), strict=False))


def _decrease(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]
