"""Sealing for, and opening from, named peers: whether, with which key, and on which thread (spec 9.2)."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable

from nacl.public import Box

from goop2_core.encryption.box import Keys, PeerKey, SealedText, box_of, open_in, public_of, seal_in
from goop2_core.errors import Refused

log = logging.getLogger("goop2.encryption")

INLINE_BYTES = 64 << 10
BOXES_KEPT = 1024


class Sealer:
    """Seals for and opens from peers whose key `lookup` knows.

    With keys that are not usable (spec 1.3) it seals nothing, opens nothing, and `public_key` is empty.
    """

    def __init__(self, keys: Keys, lookup: Callable[[str], PeerKey | None]) -> None:
        self._keys = keys
        self._lookup = lookup
        self._boxes: OrderedDict[str, Box] = OrderedDict()
        self.public_key = ""
        try:
            self.public_key = public_of(keys.private_b64)
        except ValueError:
            log.warning("the NaCl key in goop.json is not usable: nothing is encrypted beyond libp2p")
        if self.public_key and keys.public_b64 != self.public_key:
            log.warning("the NaCl public key in goop.json does not belong to the private one: announcing the right one")

    def has_key(self, peer_id: str) -> bool:
        """Whether what this peer sealed could be opened."""
        return bool(self.public_key) and self._lookup(peer_id) is not None

    def seals_for(self, peer_id: str) -> bool:
        """Whether what goes to this peer is sealed: its key is known and it announced that it decrypts."""
        key = self._lookup(peer_id) if self.public_key else None
        return key is not None and key.accepts

    async def seal_for(self, peer_id: str, data: bytes) -> str | None:
        """`data` sealed for a peer, or `None` if that peer could not open it: then it goes in plain."""
        key = self._lookup(peer_id) if self.public_key else None
        if key is None or not key.accepts:
            return None
        try:
            box = self._box(key.public_b64)
        except Refused:
            return None
        if len(data) <= INLINE_BYTES:
            return seal_in(box, data)
        return await asyncio.to_thread(seal_in, box, data)

    async def open_from(self, peer_id: str, text: str | bytes) -> bytes:
        """What a peer sealed. Raises `Refused` if its key is unknown or does not fit."""
        box = self._their_box(peer_id)
        if len(text) <= INLINE_BYTES:
            return open_in(box, text)
        return await asyncio.to_thread(open_in, box, text)

    async def open_parts(self, peer_id: str, sealed: SealedText) -> bytes:
        """As `open_from`, for what came in parts."""
        return await asyncio.to_thread(sealed.opened, self._their_box(peer_id))

    def _their_box(self, peer_id: str) -> Box:
        key = self._lookup(peer_id) if self.public_key else None
        if key is None:
            raise Refused("Cannot decrypt", "The other peer's key is not known", status=400)
        return self._box(key.public_b64)

    def _box(self, their_public: str) -> Box:
        """The agreed key costs 0.1 ms to compute, which is why it is kept."""
        box = self._boxes.get(their_public)
        if box is None:
            box = self._boxes[their_public] = box_of(self._keys, their_public)
            if len(self._boxes) > BOXES_KEPT:
                self._boxes.popitem(last=False)
        else:
            self._boxes.move_to_end(their_public)
        return box
