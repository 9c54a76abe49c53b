"""Sites over the real network: everything arrives as it is, or it is an error."""

from __future__ import annotations

import asyncio
import random
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from goop2_core.encryption.box import Keys, PeerKey
from goop2_core.encryption.sealer import Sealer
from goop2_core.errors import NetworkError, Refused, StreamBroken
from goop2_core.identity import new_nacl_pair
from goop2_core.p2p import Network, Node, NodeOptions
from goop2_core.site import server
from goop2_core.site.avatar import Avatars, OwnAvatar
from goop2_core.site.client import SiteClient
from goop2_core.site.content import ContentStore
from goop2_core.site.server import SiteServer
from goop2_core.site.visitors import Visitors
from tests.unit.site.peers import PNG


class Peer:
    """One end: a node with a site server and a client on it."""

    def __init__(self, node: Node, folder: Path) -> None:
        self.node = node
        self.keys = Keys(*new_nacl_pair())
        self.known: dict[str, PeerKey] = {}
        sealer = Sealer(self.keys, self.known.get)
        self.content = ContentStore(folder)
        self.avatar = OwnAvatar(folder.parent / f"{folder.name}.png")
        self.visitors = Visitors(lambda _event: None)
        self.server = SiteServer(
            node, sealer, self.content, self.avatar, label=lambda: folder.name, visitors=self.visitors
        )
        self.server.start()
        self.client = SiteClient(node, sealer)
        self.avatars = Avatars(node, sealer, self.avatar, folder.parent / "cache")

    async def fetch(self, other: Peer, path: str) -> bytes:
        return await (await self.client.fetch(other.node.peer_id, path)).read()


@asynccontextmanager
async def two_peers(folder: Path) -> AsyncIterator[tuple[Peer, Peer]]:
    network = Network()
    await network.start()
    peers = []
    for number, name in enumerate(("alice", "bob"), 1):
        await asyncio.to_thread((folder / name).mkdir)
        options = NodeOptions(bytes([number]) * 32, listen=("/ip4/127.0.0.1/tcp/0",), mdns_tag="")
        peers.append(Peer(await network.open(options), folder / name))
    alice, bob = peers
    bob.node.learn(alice.node.peer_id, alice.node.listen_addresses())
    try:
        yield alice, bob
    finally:
        await network.stop()
        for peer in peers:
            await peer.server.stop()
            peer.visitors.stop()


@pytest.mark.parametrize("sealed", [False, True])
async def test_two_hundred_files_come_byte_by_byte_the_same(
    tmp_path: Path, sealed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "SEALED_SECONDS", 30.0)  # however busy this computer is
    async with two_peers(tmp_path) as (alice, bob):
        if sealed:
            alice.known[bob.node.peer_id] = PeerKey(bob.keys.public_b64, accepts=True)
            bob.known[alice.node.peer_id] = PeerKey(alice.keys.public_b64, accepts=True)
        dice = random.Random(3)
        sizes = [
            0,
            1,
            65_535,
            65_536,
            262_144,
            262_145,
            1 << 20,
            3_000_000,
            *(dice.randint(0, 60_000) for _ in range(192)),
        ]
        files = {f"d{number % 9}/{number}.bin": dice.randbytes(size) for number, size in enumerate(sizes)}
        await asyncio.to_thread(lambda: [alice.content.write(name, data) for name, data in files.items()])
        waiting = asyncio.Semaphore(8)

        async def fetch(name: str) -> bool:
            async with waiting:
                file = await bob.client.fetch(alice.node.peer_id, f"/{name}")
                return file.encrypted is sealed and await file.read() == files[name]

        assert all(await asyncio.gather(*map(fetch, files)))


async def test_a_large_file_streams_through(tmp_path: Path) -> None:
    async with two_peers(tmp_path) as (alice, bob):
        block = random.Random(4).randbytes(1 << 20)
        upload = alice.content.upload("large.bin")
        for _ in range(40):
            await asyncio.to_thread(upload.write, block)
        await asyncio.to_thread(upload.commit)
        file = await bob.client.fetch(alice.node.peer_id, "/large.bin")
        check, size = 0, 0
        async for chunk in file.chunks:
            check, size = zlib.crc32(chunk, check), size + len(chunk)
        assert size == file.size == 40 << 20
        assert check == zlib.crc32(block * 40)


async def test_a_transfer_that_is_interrupted_is_an_error(tmp_path: Path) -> None:
    async with two_peers(tmp_path) as (alice, bob):
        await asyncio.to_thread(alice.content.write, "large.bin", bytes(30 << 20))
        file = await bob.client.fetch(alice.node.peer_id, "/large.bin")
        assert await anext(file.chunks)
        await alice.node.stop()
        with pytest.raises(StreamBroken):
            await file.read()
        with pytest.raises(NetworkError):
            await bob.client.fetch(alice.node.peer_id, "/")


async def test_a_file_replaced_on_the_way_is_an_error(tmp_path: Path) -> None:
    async with two_peers(tmp_path) as (alice, bob):
        await asyncio.to_thread(alice.content.write, "large.bin", bytes(30 << 20))
        file = await bob.client.fetch(alice.node.peer_id, "/large.bin")
        await asyncio.to_thread(alice.content.write, "large.bin", b"\1" * (30 << 20))
        with pytest.raises(StreamBroken):
            await file.read()


async def test_labels_refusals_and_pictures(tmp_path: Path) -> None:
    async with two_peers(tmp_path) as (alice, bob):
        picture = await alice.avatar.set(PNG)
        assert await bob.client.label(alice.node.peer_id) == "alice"
        for path, status in (("/missing", 404), ("../x", 403), ("/lua/x.lua", 403)):
            with pytest.raises(Refused) as caught:
                await bob.fetch(alice, path)
            assert caught.value.status == status
        assert await bob.avatars.of(alice.node.peer_id, picture.hash) == picture
        assert alice.visitors.count == 1


async def test_fetches_that_are_given_up_leave_it_serving(tmp_path: Path) -> None:
    async with two_peers(tmp_path) as (alice, bob):
        await asyncio.to_thread(alice.content.write, "large.bin", bytes(5 << 20))
        for _ in range(30):
            file = await bob.client.fetch(alice.node.peer_id, "/large.bin")
            await anext(file.chunks)
            await file.close()
        assert len(await bob.fetch(alice, "/large.bin")) == 5 << 20
