"""Which addresses to dial for whom. May be used from any thread."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

from ._addresses import Endpoint, parse

PEERS_MOST = 4096
ADDRESSES_MOST = 32
TTL_LEAST = 120.0


class AddressBook:
    """Addresses with an end. Strangers fill it, so it forgets whom it heard of longest ago."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._peers: OrderedDict[str, dict[Endpoint, float]] = OrderedDict()

    def learn(self, peer_id: str, addresses: Sequence[str], ttl: float) -> None:
        """Remember what parses for `ttl` seconds, two minutes at least (spec 2.2)."""
        now = self._clock()
        endpoints = [end for text in addresses[: 4 * ADDRESSES_MOST] if (end := parse(text, peer_id)) and end.dialable]
        if not endpoints:
            return
        with self._lock:
            known = self._peers.setdefault(peer_id, {})
            self._peers.move_to_end(peer_id)
            for endpoint in endpoints:
                known[endpoint] = max(now + max(ttl, TTL_LEAST), known.pop(endpoint, 0.0))
            while len(known) > ADDRESSES_MOST:
                del known[next(iter(known))]
            while len(self._peers) > PEERS_MOST:
                self._peers.popitem(last=False)

    def known(self, peer_id: str) -> list[Endpoint]:
        """The addresses that are still good, the latest heard of first."""
        now = self._clock()
        with self._lock:
            known = self._peers.get(peer_id)
            if known is None:
                return []
            for endpoint in [endpoint for endpoint, end in known.items() if end < now]:
                del known[endpoint]
            if not known:
                del self._peers[peer_id]
            return list(reversed(known))
