"""Noise XX as libp2p uses it: the handshake that proves who the other side is, and the channel that follows.

https://github.com/libp2p/specs/blob/master/noise/README.md. The state machine and the signed payload are the library's;
the channel calls ChaCha20-Poly1305 itself, one call for up to 65,519 bytes, and packs many messages into one write.
TLS is left out: the library's certificates are refused by js-libp2p in both directions, and go-libp2p speaks Noise.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from ._wire import WireError
from .patches import Library

PROTOCOL = "/noise"
NAME = b"Noise_XX_25519_ChaChaPoly_SHA256"
MOST_HANDSHAKE = 8192
MOST_KEY = 2048  # an RSA key of 8192 bits; a longer one costs more to check than it is worth
TAG = 16


class Raw(Protocol):
    """A connection that carries bytes: TCP or WebSocket. `host` is the other side's IP, `address` its multiaddr."""

    host: str
    address: str

    async def send(self, data: bytes) -> None:
        """Send all of `data`. Raises `OSError` once the connection is broken."""

    async def receive(self) -> bytes:
        """What came, `b""` at the end. Raises `OSError` if the connection breaks."""

    async def finish(self) -> None:
        """Say that nothing more will be sent."""

    async def close(self) -> None:
        """Close at once."""


class Inbox:
    """Reads exact amounts from a `Raw`."""

    def __init__(self, raw: Raw) -> None:
        self.raw = raw
        self.buffer = bytearray()

    async def more(self) -> None:
        """Wait for more bytes. Raises `WireError` at the end."""
        data = await self.raw.receive()
        if not data:
            raise WireError("the other side hung up")
        self.buffer += data

    async def exactly(self, count: int) -> bytes:
        """Exactly `count` bytes."""
        while len(self.buffer) < count:
            await self.more()
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data


@dataclass(frozen=True, slots=True)
class Keys:
    """This side's keys: the libp2p identity and the static Noise key, whose signature is made once."""

    identity: Any
    noise: Any

    @classmethod
    def of(cls, library: Library, seed: bytes) -> Keys:
        """Keys of the node with this Ed25519 seed."""
        return cls(library.create_ed25519(seed=seed), library.create_x25519())


class Channel:
    """An encrypted connection to a proven peer."""

    def __init__(self, raw: Raw, peer_id: str, state: Any, rest: bytes, muxers: tuple[str, ...]) -> None:
        self.raw = raw
        self.peer_id = peer_id
        self.muxers = muxers
        protocol = state.noise_protocol
        self._encrypt = ChaCha20Poly1305(bytes(protocol.cipher_state_encrypt.k)).encrypt
        self._decrypt = ChaCha20Poly1305(bytes(protocol.cipher_state_decrypt.k)).decrypt
        self._sent = 0
        self._received = 0
        self._rest = rest
        self._put_back = b""

    async def send(self, messages: list[bytes]) -> None:
        """Send messages of at most 65,519 bytes each."""
        out = []
        for message in messages:
            nonce = b"\0\0\0\0" + self._sent.to_bytes(8, "little")
            self._sent += 1
            sealed = self._encrypt(nonce, message, None)
            out.append(len(sealed).to_bytes(2, "big"))
            out.append(sealed)
        await self.raw.send(b"".join(out))

    async def receive(self) -> list[bytes]:
        """The messages that came, none at the end. Raises `WireError` for what was not sealed by the other side."""
        while True:
            messages = self._open()
            if messages:
                return messages
            data = await self.raw.receive()
            if not data:
                return []
            self._rest = self._rest + data if self._rest else data

    def put_back(self, message: bytes) -> None:
        """Let the next `receive` give `message` first."""
        self._put_back = message

    def _open(self) -> list[bytes]:
        messages = []
        if self._put_back:
            messages, self._put_back = [self._put_back], b""
        data, at = self._rest, 0
        view = memoryview(data)
        while len(data) - at >= 2:  # noqa: PLR2004  the length
            end = at + 2 + int.from_bytes(view[at : at + 2], "big")
            if end > len(data):
                break
            nonce = b"\0\0\0\0" + self._received.to_bytes(8, "little")
            self._received += 1
            try:
                messages.append(self._decrypt(nonce, view[at + 2 : end], None))
            except (InvalidTag, ValueError) as error:
                raise WireError("a message that was not sealed by this peer") from error
            at = end
        self._rest = data[at:]
        return messages


async def handshake(
    library: Library, inbox: Inbox, keys: Keys, muxers: tuple[str, ...], *, initiator: bool, expected: str = ""
) -> Channel:
    """Run the XX handshake. Raises `WireError` if the other side breaks its rules or is not the `expected` peer."""
    try:
        return await _handshake(library, inbox, keys, muxers, initiator=initiator, expected=expected)
    except (WireError, OSError):
        raise
    except Exception as error:  # the state machine, protobuf and key parsers each have exceptions of their own
        raise WireError(f"Noise handshake failed: {error!r}") from error


async def _handshake(
    library: Library, inbox: Inbox, keys: Keys, muxers: tuple[str, ...], *, initiator: bool, expected: str
) -> Channel:
    state = library.noise_state.from_name(NAME)
    state.set_keypair_from_private_bytes(library.noise_keypair.STATIC, keys.noise.private_key.to_bytes())
    (state.set_as_initiator if initiator else state.set_as_responder)()
    state.start_handshake()
    exchange = state.noise_protocol.handshake_state  # the state machine lets go of it with the last message
    signature = library.sign_noise(keys.identity.private_key, keys.noise.public_key)
    extensions = library.noise_extensions(stream_muxers=list(muxers))
    own = library.noise_payload(keys.identity.public_key, signature, extensions=extensions).serialize()
    if initiator:
        await _write(inbox, state, b"")
        theirs = await _read(inbox, state)
        peer_id, their_muxers = _verify(library, exchange, theirs)
        if expected and not hmac.compare_digest(peer_id, expected):
            raise WireError(f"another peer answered: {peer_id}")
        await _write(inbox, state, own)
    else:
        await _read(inbox, state)
        await _write(inbox, state, own)
        theirs = await _read(inbox, state)
        peer_id, their_muxers = _verify(library, exchange, theirs)
    if not state.handshake_finished:
        raise WireError("the handshake did not finish")
    rest = bytes(inbox.buffer)
    inbox.buffer.clear()
    return Channel(inbox.raw, peer_id, state, rest, their_muxers)


async def _write(inbox: Inbox, state: Any, payload: bytes) -> None:
    message = bytes(state.write_message(payload))
    await inbox.raw.send(len(message).to_bytes(2, "big") + message)


async def _read(inbox: Inbox, state: Any) -> bytes:
    length = int.from_bytes(await inbox.exactly(2), "big")
    if length > MOST_HANDSHAKE:
        raise WireError("a handshake message that is too long")
    return bytes(state.read_message(await inbox.exactly(length)))


def _verify(library: Library, exchange: Any, data: bytes) -> tuple[str, tuple[str, ...]]:
    """Who signed the other side's static key, and which muxers it offers."""
    payload = library.noise_payload.deserialize(data)
    if len(payload.id_pubkey.serialize()) > MOST_KEY:
        raise WireError("an identity key that is too long")
    static = library.x25519_public.from_bytes(exchange.rs.public_bytes)
    if not library.verify_noise(payload, static):
        raise WireError("the identity's signature is wrong")
    muxers = tuple(payload.extensions.stream_muxers[:8]) if payload.extensions is not None else ()
    return library.peer_id.from_pubkey(payload.id_pubkey).to_base58(), muxers
