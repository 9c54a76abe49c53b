"""How much gossip is listened to. Whoever floods with signed messages, or with new identities, is heard less."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, field

AUTHORS_KEPT = 8192


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
    """Each author 5 messages a second, all newcomers together 20."""

    def __init__(self) -> None:
        self._authors: OrderedDict[str, Bucket] = OrderedDict()
        self._newcomers = Bucket(rate=20.0, burst=200.0)

    def allows(self, author: str) -> bool:
        """Whether one more message of this author is heard."""
        bucket = self._authors.get(author)
        if bucket is None:
            bucket = self._authors[author] = Bucket(rate=5.0, burst=20.0)
            if len(self._authors) > AUTHORS_KEPT:
                self._authors.popitem(last=False)
        self._authors.move_to_end(author)
        return bucket.allows()

    def allows_newcomer(self) -> bool:
        """Whether one more peer that was never heard before is taken into the table."""
        return self._newcomers.allows()
