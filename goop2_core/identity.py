"""Who a peer is: Ed25519 key file, peer ID, the same ID as a DNS label, and NaCl pair (spec/network 1.1 to 1.3)."""

from __future__ import annotations

import base64
import binascii
import logging
import os
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import base58
from nacl.bindings import crypto_box_keypair, crypto_scalarmult_base, crypto_sign_seed_keypair

from goop2_core.atomic import write_atomically
from goop2_core.errors import Goop2Error

log = logging.getLogger("goop2.identity")

KEY_BYTES = 32
PEER_ID_LENGTH = 52
_PEER_ID_PREFIX = bytes.fromhex("002408011220")  # identity multihash of a protobuf PublicKey of type Ed25519
_CID_PREFIX = bytes.fromhex("0172")  # CID version 1, codec libp2p-key
_LABEL_LENGTH = 62
_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
_FILE_HEAD = bytes.fromhex("0801")  # protobuf PrivateKey: field 1 (Type) = 1 (Ed25519)
_LARGEST_FILE = 16384
_KEY_TYPES = {0: "RSA", 2: "Secp256k1", 3: "ECDSA"}


@dataclass(frozen=True, slots=True)
class Identity:
    """A peer's own key pair (`seed` is the 32-byte Ed25519 seed) and its peer ID in base58."""

    seed: bytes = field(repr=False)
    public_key: bytes
    peer_id: str

    @classmethod
    def from_seed(cls, seed: bytes) -> Identity:
        """The identity that a 32-byte seed makes."""
        public_key, _ = crypto_sign_seed_keypair(seed)
        return cls(seed, public_key, peer_id_of(public_key))


def load_or_create(path: Path) -> Identity:
    """The identity in the key file; a new one is made, and stored with mode 0600, only if there is no such file.

    Raises `Goop2Error` if the file cannot be read or does not hold an intact Ed25519 key. It is then left as it is.
    """
    try:
        data = _read(path)
        if data is None:
            return _create(path)
    except OSError as error:
        raise Goop2Error(
            "The identity key cannot be read",
            f"{path}: {error.strerror}.",
            "Make sure that the file belongs to you and that you may read it.",
        ) from error
    try:
        return parse_key(data)
    except ValueError as error:
        raise Goop2Error(
            "The identity key is damaged",
            f"{path} {error}.",
            "Put back the file from a backup. Without one, move it away: the peer then gets a new identity, "
            "and a new address under which others do not know it.",
        ) from error


def read_peer_id(path: Path) -> str:
    """The peer ID of the key file, for showing a peer that does not run; empty if there is no intact one."""
    try:
        with path.open("rb") as file:
            return parse_key(file.read(_LARGEST_FILE + 1)).peer_id
    except (OSError, ValueError):
        return ""


def _read(path: Path) -> bytes | None:
    if not os.path.lexists(path):
        return None
    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        if mode & 0o077 and os.fstat(file.fileno()).st_uid == os.geteuid():
            os.fchmod(file.fileno(), 0o600)
            log.warning("%s could be read by others on this computer; only you can now", path)
        return file.read(_LARGEST_FILE + 1)


def _create(path: Path) -> Identity:
    identity = Identity.from_seed(os.urandom(KEY_BYTES))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(path, dump_key(identity), replace=False)
    log.info("made the new identity %s", identity.peer_id)
    return identity


def parse_key(data: bytes) -> Identity:
    """The identity in a key file: 68 bytes, or the older 100-byte form, or the 36-byte form with the seed alone.

    Raises `ValueError` with words that follow the file's name.
    """
    if not data:
        raise ValueError("is empty")
    if len(data) > _LARGEST_FILE:
        raise ValueError("is too large to be a key")
    if data[:2] != _FILE_HEAD:
        kind = _KEY_TYPES.get(data[1]) if data[0] == _FILE_HEAD[0] and len(data) > 1 else None
        raise ValueError(f"holds a key of type {kind}; goop2 uses Ed25519" if kind else "is not a libp2p key")
    body = data[4:]
    if len(data) < 4 or data[2] != 0x12 or data[3] != len(body) or len(body) not in {32, 64, 96}:  # noqa: PLR2004 (the three forms)
        raise ValueError("is cut off or has bytes too many")
    identity = Identity.from_seed(body[:KEY_BYTES])
    if any(body[at : at + KEY_BYTES] != identity.public_key for at in range(KEY_BYTES, len(body), KEY_BYTES)):
        raise ValueError("holds two halves that do not belong together")
    return identity


def dump_key(identity: Identity) -> bytes:
    """The 68 bytes of a key file."""
    return _FILE_HEAD + b"\x12\x40" + identity.seed + identity.public_key


def peer_id_of(public_key: bytes) -> str:
    """The base58 peer ID of a 32-byte Ed25519 public key."""
    text: bytes = base58.b58encode(_PEER_ID_PREFIX + public_key)
    return text.decode()


@lru_cache(maxsize=4096)
def public_key_of(peer_id: str) -> bytes:
    """The 32-byte Ed25519 public key that a base58 peer ID contains. Raises `ValueError` if it is none."""
    if len(peer_id) != PEER_ID_LENGTH or not peer_id.startswith("12D3KooW") or not peer_id.isalnum():
        raise ValueError("not a peer ID")
    data = base58.b58decode(peer_id)
    if not data.startswith(_PEER_ID_PREFIX) or len(data) != len(_PEER_ID_PREFIX) + KEY_BYTES:
        raise ValueError("not a peer ID")
    return bytes(data[len(_PEER_ID_PREFIX) :])


def is_peer_id(text: object) -> bool:
    """Whether `text` is an Ed25519 peer ID in its base58 form."""
    if not isinstance(text, str) or len(text) != PEER_ID_LENGTH:
        return False
    try:
        public_key_of(text)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=4096)
def to_base36(peer_id: str) -> str:
    """The peer ID as a CID in base36, `k51…`: 62 characters, fit to be a DNS label. Raises `ValueError`."""
    number = int.from_bytes(_CID_PREFIX + _PEER_ID_PREFIX + public_key_of(peer_id), "big")
    digits = []
    while number:
        number, digit = divmod(number, 36)
        digits.append(_BASE36[digit])
    return "k" + "".join(reversed(digits))


def from_base36(label: str) -> str:
    """The base58 peer ID of a DNS label made by `to_base36`, in whichever case. Raises `ValueError`."""
    if len(label) != _LABEL_LENGTH or not (label.isascii() and label.isalnum()) or label[0] not in "kK":
        raise ValueError("not a peer ID in base36")
    head = _CID_PREFIX + _PEER_ID_PREFIX
    number = int(label[1:], 36)
    data = number.to_bytes((number.bit_length() + 7) // 8, "big").rjust(len(head) + KEY_BYTES, b"\0")
    if not data.startswith(head) or len(data) != len(head) + KEY_BYTES:
        raise ValueError("not a peer ID in base36")
    return peer_id_of(data[len(head) :])


def short(peer_id: str) -> str:
    """The peer ID as people are shown it: `12D3…BfeSB`."""
    return f"{peer_id[:4]}…{peer_id[-5:]}"


def new_nacl_pair() -> tuple[str, str]:
    """A new X25519 pair as (public, private), both base64."""
    public_key, private_key = crypto_box_keypair()
    return base64.b64encode(public_key).decode(), base64.b64encode(private_key).decode()


def nacl_key(text: str) -> bytes:
    """The 32 bytes of a NaCl key in base64. Raises `ValueError`; its words do not quote the key."""
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is not base64") from None
    if len(key) != KEY_BYTES:
        raise ValueError(f"is not {KEY_BYTES} bytes long")
    return key


def nacl_pair_flaw(public_b64: str, private_b64: str) -> str:
    """What makes a stored NaCl pair unusable, in words; empty if it is fine, or lacks a half and so is due anew."""
    if not public_b64 or not private_b64:
        return ""
    try:
        if crypto_scalarmult_base(nacl_key(private_b64)) != nacl_key(public_b64):
            return "the public and the private key do not belong together"
    except ValueError as error:
        return f"one of the two keys {error}"
    return ""
