"""Two peers with a site each, on the in-memory network and with the real sealer."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from nacl.public import PrivateKey

from goop2_core.encryption.box import Keys, PeerKey
from goop2_core.encryption.sealer import Sealer
from goop2_core.events import Event
from goop2_core.p2p.api import NodeOptions
from goop2_core.site.avatar import Avatars, OwnAvatar
from goop2_core.site.client import SiteClient
from goop2_core.site.content import ContentStore
from goop2_core.site.server import SiteServer
from goop2_core.site.visitors import Visitors
from tests.support.memory_network import MemoryNetwork, MemoryNode

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x10" + b"\x08\x02\0\0\0" + bytes(range(200))


def keys_of(number: int) -> Keys:
    private = PrivateKey(bytes([number]) * 32)
    return Keys(base64.b64encode(bytes(private.public_key)).decode(), base64.b64encode(bytes(private)).decode())


@dataclass
class Peer:
    node: MemoryNode
    keys: Keys
    sealer: Sealer
    known: dict[str, PeerKey]
    content: ContentStore
    avatar: OwnAvatar
    avatars: Avatars
    visitors: Visitors
    server: SiteServer
    client: SiteClient
    events: list[Event]

    @property
    def id(self) -> str:
        return self.node.peer_id

    def knows(self, other: Peer, *, accepts: bool = True) -> None:
        self.known[other.id] = PeerKey(other.keys.public_b64, accepts)

    async def fetch(self, other: Peer, path: str) -> bytes:
        return await (await self.client.fetch(other.id, path)).read()


async def peer(network: MemoryNetwork, folder: Path, number: int, **options: object) -> Peer:
    node = await network.open(NodeOptions(bytes([number]) * 32, mdns_tag=""))
    keys = keys_of(number)
    known: dict[str, PeerKey] = {}
    sealer = Sealer(keys, known.get)
    (folder / "site").mkdir(parents=True)
    content = ContentStore(folder / "site")
    avatar = OwnAvatar(folder / "avatar.png")
    events: list[Event] = []
    visitors = Visitors(events.append)
    server = SiteServer(node, sealer, content, avatar, label=lambda: f"peer {number}", visitors=visitors, **options)  # type: ignore[arg-type]
    server.start()
    avatars = Avatars(node, sealer, avatar, folder / "cache")
    return Peer(node, keys, sealer, known, content, avatar, avatars, visitors, server, SiteClient(node, sealer), events)


@asynccontextmanager
async def two_peers(folder: Path, **options: object) -> AsyncIterator[tuple[Peer, Peer]]:
    """Alice, who has a site, and Bob, who knows her address."""
    network = MemoryNetwork()
    alice = await peer(network, folder / "alice", 1, **options)
    bob = await peer(network, folder / "bob", 2)
    bob.node.learn(alice.id, alice.node.own_addresses)
    try:
        yield alice, bob
    finally:
        await network.stop()
        for one in (alice, bob):
            await one.server.stop()
            one.visitors.stop()
