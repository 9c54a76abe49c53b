"""How py-libp2p is used: which of its parts are loaded, how the rest of it is kept out, and what it must not change.

What comes from the library is what is cryptography and schema: keys and peer IDs, the Noise handshake payload with its
signature, and the protobuf messages of identify and GossipSub. Its swarm, yamux, stream negotiation and pubsub are
replaced by the modules beside this one. Why, measured with libp2p 0.8.1: a stranger's malformed bytes ended the whole
host, a cancelled write broke its connection, a reset read as a clean end, a slow reader failed its writer after 5 s,
connections died unnoticed, and a small request cost three round trips.

tests/unit/p2p/test_patches.py fails if the library changes under what is relied upon here.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
import threading
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Packages whose __init__ imports every transport the library knows (aioquic, aiortc, mDNS, DHT: 0.6 s and 45 MB):
# they are entered by path alone, so that their submodules load without them.
BARE_PACKAGES = (
    "libp2p",
    "libp2p.identity",
    "libp2p.identity.identify",
    "libp2p.pubsub",
    "libp2p.security",
    "libp2p.security.noise",
    "libp2p.peer",
)

_lock = threading.Lock()
_loaded: Library | None = None


@dataclass(frozen=True, slots=True)
class Library:
    """The parts of py-libp2p (and of the Noise state machine below it) that this package uses."""

    peer_id: Any  # libp2p.peer.id.ID
    create_ed25519: Any  # (seed=32 bytes) -> KeyPair
    create_x25519: Any  # () -> KeyPair
    x25519_public: Any  # X25519PublicKey
    read_public_key: Any  # (protobuf bytes) -> PublicKey
    noise_state: Any  # noise.connection.NoiseConnection
    noise_keypair: Any  # noise.connection.Keypair
    noise_payload: Any  # NoiseHandshakePayload
    noise_extensions: Any  # NoiseExtensions
    sign_noise: Any  # (private key, noise static public key) -> signature
    verify_noise: Any  # (payload, noise static public key) -> bool
    identify: Any  # protobuf Identify
    rpc: Any  # protobuf module of pubsub
    multiaddr: Any  # multiaddr.Multiaddr


def load() -> Library:
    """Import what is used of the library, once. Takes about 0.2 s, so it is called in the network thread."""
    global _loaded  # noqa: PLW0603  one process has one copy of the library
    with _lock:
        if _loaded is None:
            _quieten()
            added = _enter_bare()
            try:
                _loaded = _collect()
            finally:
                _leave_bare(added)
        return _loaded


def _quieten() -> None:
    """The library logs what strangers do wrong as errors, and may install handlers; that is ours to judge."""
    logger = logging.getLogger("libp2p")
    logger.addHandler(logging.NullHandler())
    logger.setLevel(logging.CRITICAL)
    logger.propagate = False
    logging.getLogger("multiaddr").setLevel(logging.WARNING)  # it traces every byte at debug level


def _enter_bare() -> list[str]:
    spec = importlib.util.find_spec("libp2p")
    if spec is None or spec.origin is None:
        raise ImportError("libp2p is not installed")
    base = Path(spec.origin).parent
    added = []
    for name in BARE_PACKAGES:
        if name not in sys.modules:
            package = types.ModuleType(name)
            package.__path__ = [str(base.joinpath(*name.split(".")[1:]))]
            sys.modules[name] = package
            added.append(name)
    return added


def _leave_bare(added: list[str]) -> None:
    """Whoever imports the whole library later gets the real packages."""
    for name in added:
        sys.modules.pop(name, None)


def _collect() -> Library:
    def module(name: str) -> Any:
        return importlib.import_module(name)

    messages = module("libp2p.security.noise.messages")
    noise = module("noise.connection")
    x25519 = module("libp2p.crypto.x25519")
    return Library(
        peer_id=module("libp2p.peer.id").ID,
        create_ed25519=module("libp2p.crypto.ed25519").create_new_key_pair,
        create_x25519=x25519.create_new_key_pair,
        x25519_public=x25519.X25519PublicKey,
        read_public_key=module("libp2p.crypto.serialization").deserialize_public_key,
        noise_state=noise.NoiseConnection,
        noise_keypair=noise.Keypair,
        noise_payload=messages.NoiseHandshakePayload,
        noise_extensions=messages.NoiseExtensions,
        sign_noise=messages.make_handshake_payload_sig,
        verify_noise=messages.verify_handshake_payload_sig,
        identify=module("libp2p.identity.identify.pb.identify_pb2").Identify,
        rpc=module("libp2p.pubsub.pb.rpc_pb2"),
        multiaddr=module("multiaddr").Multiaddr,
    )
