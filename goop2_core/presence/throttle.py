"""How much is listened to. Whoever floods with messages, or with new identities, is heard less."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, field

PEERS_KEPT = 8192


@dataclass(slots=True)
class Bucket:
    """`rate` a second, `burst` at once."""

    rate: float
    burst: float
    _tokens: float = field(init=False)
    _filled: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._tokens = self.burst

    def allows(self) -> bool:
        """Whether one more is within the rate; if so it is counted."""
        now = time.monotonic()
        self._tokens = min(self.burst, self._tokens + (now - self._filled) * self.rate)
        self._filled = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


class Throttle:
    """A bucket for each peer; those of peers that were quiet for longest are forgotten, as full ones say nothing."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def allows(self, peer_id: str) -> bool:
        """Whether one more of this peer is within the rate; if so it is counted."""
        bucket = self._buckets.get(peer_id)
        if bucket is None:
            bucket = self._buckets[peer_id] = Bucket(self._rate, self._burst)
            if len(self._buckets) > PEERS_KEPT:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(peer_id)
        return bucket.allows()
