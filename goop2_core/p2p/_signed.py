"""Pubsub messages under StrictSign: made here, or checked (spec 2.5).

https://github.com/libp2p/specs/tree/master/pubsub
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from ._noise import Keys
from ._wire import WireError
from .patches import Library

PREFIX = b"libp2p-pubsub:"
SEQNO_BYTES = 8
MOST_ID = 64
MOST_TOPIC = 256
MOST_KEY = 2048
KEYS_KEPT = 512


@dataclass(frozen=True, slots=True)
class Checked:
    """A message whose signature is right. `identity` is what the network knows it by."""

    identity: bytes
    author: str
    topic: str
    data: bytes


def identity_of(message: Any) -> bytes:
    """The message ID: author and sequence number."""
    return bytes(message.from_id) + bytes(message.seqno)


class Signer:
    """Makes and checks messages."""

    def __init__(self, library: Library, keys: Keys) -> None:
        self._library = library
        self._private = keys.identity.private_key
        self._own = library.peer_id.from_pubkey(keys.identity.public_key).to_bytes()
        self._number = time.time_ns()
        self._keys: dict[bytes, tuple[str, Any]] = {}

    def make(self, topic: str, data: bytes) -> Any:
        """A signed message of this node."""
        self._number += 1
        message = self._library.rpc.Message(
            from_id=self._own, data=data, seqno=self._number.to_bytes(SEQNO_BYTES, "big"), topicIDs=[topic]
        )
        message.signature = self._private.sign(PREFIX + message.SerializeToString())
        return message

    def check(self, message: Any) -> Checked:
        """The message's contents. Raises `WireError` if anything about it is wrong."""
        if len(message.seqno) != SEQNO_BYTES or len(message.topicIDs) != 1 or not message.signature:
            raise WireError("a message without sequence number, topic or signature")
        author, key = self._author(bytes(message.from_id), bytes(message.key))
        signed = self._library.rpc.Message()
        signed.CopyFrom(message)
        signed.ClearField("signature")
        signed.ClearField("key")
        try:
            right = key.verify(PREFIX + signed.SerializeToString(), bytes(message.signature))
        except Exception as error:
            raise WireError("a signature that cannot be checked") from error
        if not right:
            raise WireError("a wrong signature")
        return Checked(identity_of(message), author, str(message.topicIDs[0]), bytes(message.data))

    def _author(self, raw: bytes, named: bytes) -> tuple[str, Any]:
        """Who wrote it, and with which key: inside the peer ID, or given and matching it."""
        known = self._keys.get(raw)
        if known is not None:
            return known
        if not raw or len(raw) > MOST_ID or len(named) > MOST_KEY:
            raise WireError("a message without author")
        try:
            inlined = raw[:1] == b"\x00" and raw[1] == len(raw) - 2
            key = self._library.read_public_key(raw[2:] if inlined else named)
            if self._library.peer_id.from_pubkey(key).to_bytes() != raw:
                raise WireError("a key that is not the author's")
            author = self._library.peer_id(raw).to_base58()
        except WireError:
            raise
        except Exception as error:
            raise WireError("an author without a key") from error
        if len(self._keys) >= KEYS_KEPT:
            self._keys.pop(next(iter(self._keys)))
        self._keys[raw] = (author, key)
        return author, key
