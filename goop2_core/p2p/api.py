"""What the rest of the engine sees of the peer-to-peer network: plain asyncio, plain data, no trio, no libp2p.

`goop2_core.p2p.Network` is the implementation; tests may use any other that keeps these promises.
Peer IDs are base58 text (`12D3KooW…`), addresses are multiaddr text, times are seconds.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

MOST_MESSAGE: Final = 64 << 10
"""Bytes of one published message, unless a subscription allows more."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What strangers may cost one node, after go-libp2p's base table."""

    connections: int = 192
    connections_per_peer: int = 8
    connections_per_address: int = 64
    inbound_dials_per_second: int = 50
    pending_inbound: int = 64
    streams_in: int = 2048
    streams_in_per_peer: int = 256
    streams_in_per_protocol_per_peer: int = 64
    handshake_seconds: float = 10.0
    idle_negotiation_seconds: float = 10.0
    buffered_bytes: int = 64 << 20
    buffered_bytes_per_peer: int = 16 << 20
    queued_bytes: int = 8 << 20


@dataclass(frozen=True, slots=True)
class NodeOptions:
    """How to open a node. `seed` is the Ed25519 seed (32 bytes); `mdns_tag` empty means no LAN discovery."""

    seed: bytes = field(repr=False)
    listen: tuple[str, ...] = ("/ip4/0.0.0.0/tcp/0",)
    mdns_tag: str = "goop-mdns"
    agent: str = "goop2"
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection: the other side's address, whether through a relay, who dialled, its age and open streams."""

    peer_id: str
    address: str
    relayed: bool
    inbound: bool
    age: float
    streams: int


@dataclass(frozen=True, slots=True)
class PeerFound:
    """LAN discovery heard of a peer."""

    peer_id: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Connected:
    """The first connection to a peer is up, or the first direct one beside relayed ones."""

    peer_id: str
    relayed: bool


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The last connection to a peer is gone."""

    peer_id: str


@dataclass(frozen=True, slots=True)
class Identified:
    """A peer said which protocols it speaks."""

    peer_id: str
    protocols: tuple[str, ...]
    agent: str


@dataclass(frozen=True, slots=True)
class AddressesChanged:
    """This node listens on other addresses than before (a network came or went)."""

    addresses: tuple[str, ...]


NodeEvent = PeerFound | Connected | Disconnected | Identified | AddressesChanged


class Stream(Protocol):
    """A stream to one peer. All methods raise `StreamBroken` once the stream is reset or its connection is lost.

    Cancelling a read loses no data; cancelling a write never harms other streams.
    """

    peer_id: str
    protocol: str
    relayed: bool

    async def read(self, most: int = 65536) -> bytes:
        """The next bytes, at most `most`; `b""` once the other side has closed its end."""

    async def readexactly(self, count: int) -> bytes:
        """Exactly `count` bytes. Raises `StreamBroken` if the stream ends before."""

    async def readline(self, most: int) -> bytes:
        """Bytes up to and including a newline, or what there was before the end. Raises `Refused` (413) past `most`."""

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send `data`; returns once it is handed to the connection, which is what makes a fast writer wait."""

    async def close_write(self) -> None:
        """Say that nothing more will be written; reading goes on."""

    async def close(self) -> None:
        """End both directions in order: what was written still arrives."""

    async def reset(self) -> None:
        """End the stream at once; the other side gets an error."""


StreamHandler = Callable[[Stream], Awaitable[None]]


class Node(Protocol):
    """One peer's presence on the libp2p network."""

    peer_id: str

    def handle(self, protocol: str, handler: StreamHandler) -> None:
        """Serve `protocol`. The stream is closed when the handler returns and reset when it raises (which is logged).

        A handler runs in its own task; an exception of it, or anything a stranger sends, harms nothing else.
        """

    async def open_stream(self, peer_id: str, protocol: str, *, timeout: float = 2.0) -> Stream:
        """A new stream, dialling first if need be. Raises `Unreachable` or `Unsupported`."""

    async def connect(self, peer_id: str, *, timeout: float = 3.0) -> None:
        """Make sure there is a connection, trying every known address. Raises `Unreachable`."""

    async def disconnect(self, peer_id: str, *, relayed_only: bool = False) -> None:
        """Close the connections to a peer."""

    async def ping(self, peer_id: str, *, timeout: float = 5.0) -> float:
        """Seconds for a round trip by `/ipfs/ping/1.0.0`."""

    def learn(self, peer_id: str, addresses: Sequence[str], *, ttl: float = 120.0, hearsay: bool = False) -> None:
        """Remember addresses for dialling. What does not parse is skipped; earlier failures are forgiven.

        `hearsay` is what only the peer itself says: of that 6 at most are dialled for it at once, and one IP 30 times a
        minute for all peers together, until an address has proven to be the peer's.
        """

    def known_addresses(self, peer_id: str) -> list[str]:
        """The addresses that dials try."""

    def connections(self, peer_id: str = "") -> list[Connection]:
        """A snapshot of the open connections, of one peer or of all. Never blocks."""

    def protocols(self, peer_id: str) -> tuple[str, ...]:
        """What the peer said it speaks; empty before it identified itself."""

    def addresses(self) -> list[str]:
        """Addresses worth announcing: no loopback, no link-local, without `/p2p/`; circuit addresses included."""

    def listen_addresses(self) -> list[str]:
        """Every address it listens on, loopback included, without `/p2p/`."""

    async def publish(self, topic: str, data: bytes) -> None:
        """Send to everyone subscribed to `topic` (GossipSub)."""

    def subscribe(self, topic: str, handler: Callable[[str, bytes], None], most: int = MOST_MESSAGE) -> None:
        """Call `handler(author_peer_id, data)` for each verified message of up to `most` bytes on `topic`."""

    def listen(self, listener: Callable[[NodeEvent], None]) -> None:
        """Call `listener` for each `NodeEvent`, on the engine's loop."""

    async def stop(self) -> None:
        """Close every stream, connection and socket. Takes 2 s at most."""
