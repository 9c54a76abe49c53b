"""NaCl boxes as goop2 peers exchange them: X25519, XSalsa20-Poly1305, base64 of nonce and box (spec 9.1)."""

from __future__ import annotations

import base64
import binascii
import io
from dataclasses import dataclass, field

from nacl.exceptions import CryptoError
from nacl.public import Box, PrivateKey, PublicKey

from goop2_core.errors import Refused

KEY_BYTES = 32
NONCE_BYTES = 24
SEALED_LEAST = 40


@dataclass(frozen=True, slots=True)
class Keys:
    """The own NaCl key pair as `goop.json` holds it: base64 of 32 bytes each (spec 1.3)."""

    public_b64: str
    private_b64: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PeerKey:
    """Another peer's public key in base64, and whether that peer said that it decrypts what is sealed for it."""

    public_b64: str
    accepts: bool


class SealedText:
    """Sealed text that arrives in parts and is decoded at once, so that a large one is never held in full as text.

    It holds three quarters of what was added; `opened` takes twice as much again for a moment.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._nonce = b""
        self._box = io.BytesIO()
        self._padded = False

    def add(self, text: bytes) -> None:
        """The next part. Raises `Refused` (400) if it is not base64."""
        text = self._rest + text
        whole = len(text) // 4 * 4
        try:
            if text and self._padded:
                raise ValueError("something after the end")
            raw = base64.b64decode(text[:whole], validate=True)
        except (binascii.Error, ValueError) as error:
            raise _unopened() from error
        self._rest = text[whole:]
        self._padded = text[:whole].endswith(b"=")
        if (missing := NONCE_BYTES - len(self._nonce)) > 0:
            self._nonce += raw[:missing]
            raw = raw[missing:]
        self._box.write(raw)

    def opened(self, box: Box) -> bytes:
        """What was sealed; afterwards nothing is held. Raises `Refused` (400) as `open_in` does."""
        sealed = self._box.getvalue()  # shares the memory
        self._box = io.BytesIO()
        try:
            if self._rest or len(sealed) < SEALED_LEAST - NONCE_BYTES:
                raise ValueError("too short")
            return box.decrypt(sealed, self._nonce)
        except (ValueError, CryptoError) as error:
            raise _unopened() from error


def is_key(text: str) -> bool:
    """Whether `text` is base64 of 32 bytes."""
    return _key_bytes(text) is not None


def public_of(private_b64: str) -> str:
    """The public key that belongs to a private one, both base64. Raises `ValueError` for anything but 32 bytes."""
    raw = _key_bytes(private_b64)
    if raw is None:
        raise ValueError("a private key is base64 of 32 bytes")
    return base64.b64encode(bytes(PrivateKey(raw).public_key)).decode()


def box_of(keys: Keys, their_public: str) -> Box:
    """The box between `keys` and another peer's public key. Raises `Refused` for keys that are not such."""
    private, public = _key_bytes(keys.private_b64), _key_bytes(their_public)
    if private is None or public is None:
        raise Refused("Cannot encrypt", "A key is not 32 bytes of base64")
    try:
        return Box(PrivateKey(private), PublicKey(public))
    except (CryptoError, RuntimeError) as error:  # a public key of low order: libsodium refuses the agreement
        raise Refused("Cannot encrypt", "The other peer's key is not a usable one") from error


def seal_in(box: Box, data: bytes, nonce: bytes | None = None) -> str:
    """`data` sealed: base64 of nonce (24 bytes, random unless given) and box."""
    return base64.b64encode(box.encrypt(data, nonce)).decode()


def open_in(box: Box, text: str | bytes) -> bytes:
    """What was sealed. Raises `Refused` (400) if it was not sealed with this box, or altered."""
    try:
        sealed = SealedText()
        sealed.add(text.encode("ascii") if isinstance(text, str) else text)
        return sealed.opened(box)
    except UnicodeEncodeError as error:
        raise _unopened() from error


def seal(keys: Keys, their_public: str, data: bytes) -> str:
    """`data` sealed for the owner of `their_public` (spec 9.1)."""
    return seal_in(box_of(keys, their_public), data)


def open_sealed(keys: Keys, their_public: str, text: str | bytes) -> bytes:
    """What the owner of `their_public` sealed for `keys`. Raises `Refused` (400) if it does not open."""
    return open_in(box_of(keys, their_public), text)


def _unopened() -> Refused:
    return Refused("Cannot decrypt", "It was sealed with other keys, or altered on the way", status=400)


def _key_bytes(text: str) -> bytes | None:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == KEY_BYTES else None
