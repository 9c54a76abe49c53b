"""Which addresses to dial for whom. May be used from any thread.

What a peer only says of itself is hearsay: it may name somebody else's computers, to have them dialled by everyone who
hears it. So few such addresses are dialled at a time, and `DialLimit` counts them, until one has led to the peer.
"""

from __future__ import annotations

import random
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence

from ._addresses import Endpoint, parse

PEERS_MOST = 4096
ADDRESSES_MOST = 32
TTL_LEAST = 120.0
HEARSAY_MOST = 6


class AddressBook:
    """Addresses with an end. Strangers fill it, so it forgets whom it heard of longest ago."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._peers: OrderedDict[str, dict[Endpoint, tuple[float, bool]]] = OrderedDict()

    def learn(self, peer_id: str, addresses: Sequence[str], ttl: float, *, hearsay: bool = False) -> None:
        """Remember what parses for `ttl` seconds, two minutes at least (spec 2.2)."""
        now = self._clock()
        endpoints = [end for text in addresses[: 4 * ADDRESSES_MOST] if (end := parse(text, peer_id)) and end.dialable]
        if not endpoints:
            return
        with self._lock:
            known = self._peers.setdefault(peer_id, {})
            self._peers.move_to_end(peer_id)
            for endpoint in endpoints:
                good_until, was_hearsay = known.pop(endpoint, (0.0, True))
                known[endpoint] = (max(now + max(ttl, TTL_LEAST), good_until), hearsay and was_hearsay)
            while len(known) > ADDRESSES_MOST:
                del known[next(iter(known))]
            while len(self._peers) > PEERS_MOST:
                self._peers.popitem(last=False)

    def proven(self, peer_id: str, endpoint: Endpoint) -> None:
        """This address led to the peer, which nobody can make up."""
        with self._lock:
            known = self._peers.get(peer_id, {})
            if endpoint in known:
                known[endpoint] = (known[endpoint][0], False)

    def to_dial(self, peer_id: str, under_way: Collection[Endpoint] = ()) -> list[tuple[Endpoint, bool]]:
        """What to dial now, each with whether it is hearsay: of that 6 at most, near and far ones, others each time.

        What is being dialled already counts among the 6.
        """
        known = self._known(peer_id)
        hearsay = [endpoint for endpoint, (_, only_said) in known if only_said]
        if len(hearsay) > HEARSAY_MOST:
            begun = [endpoint for endpoint in hearsay if endpoint in under_way]
            hearsay = [endpoint for endpoint in hearsay if endpoint not in under_way]
            random.shuffle(hearsay)
            near = [endpoint for endpoint in hearsay if endpoint.ip is not None and endpoint.ip.is_private]
            far = [endpoint for endpoint in hearsay if endpoint not in near]
            half = HEARSAY_MOST // 2
            hearsay = (begun + near[:half] + far[:half] + near[half:] + far[half:])[:HEARSAY_MOST]
        return [(endpoint, said) for endpoint, (_, said) in known if not said or endpoint in hearsay]

    def known(self, peer_id: str) -> list[Endpoint]:
        """The addresses that are still good, the latest heard of first."""
        return [endpoint for endpoint, _ in self._known(peer_id)]

    def _known(self, peer_id: str) -> list[tuple[Endpoint, tuple[float, bool]]]:
        now = self._clock()
        with self._lock:
            known = self._peers.get(peer_id)
            if known is None:
                return []
            for endpoint in [endpoint for endpoint, (end, _) in known.items() if end < now]:
                del known[endpoint]
            if not known:
                del self._peers[peer_id]
            return list(reversed(known.items()))
