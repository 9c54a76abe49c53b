"""Presence and bus over the real network: two peers meet by mDNS or by address, one is killed and returns."""

from __future__ import annotations

import asyncio

import pytest

from goop2_core.config import Config
from goop2_core.data.people import PeopleStore
from goop2_core.data.store import Store
from goop2_core.encryption.box import Keys, PeerKey
from goop2_core.encryption.sealer import Sealer
from goop2_core.events import Path
from goop2_core.identity import new_nacl_pair
from goop2_core.mq.bus import Bus
from goop2_core.p2p import Network, NodeOptions
from goop2_core.presence import Presence
from goop2_core.tasks import TaskOwner
from tests.support.wait import until


class Peer:
    """A real node with bus and presence."""

    def __init__(self, network: Network, folder, number: int) -> None:
        self.network = network
        self.seed = bytes([40 + number] * 32)
        self.path = folder / f"{number}.db"
        self.keys = Keys(*new_nacl_pair())
        self.config = Config.default(label=f"Peer {number}")
        self.got = []

    async def up(self, listen: str = "/ip4/127.0.0.1/tcp/0") -> Peer:
        self.tasks = TaskOwner("peer")
        self.store = Store(self.path)
        await self.store.open()
        self.node = await self.network.open(NodeOptions(seed=self.seed, listen=(listen,), mdns_tag=""))
        self.id = self.node.peer_id
        sealer = Sealer(self.keys, self.key_of)
        self.bus = Bus(self.node, sealer, self.tasks)
        self.presence = Presence(
            self.node,
            self.bus,
            public_key=sealer.public_key,
            store=PeopleStore(self.store),
            config=lambda: self.config,
            avatar_hash=str,
            tasks=self.tasks,
            emit=lambda _event: None,
        )
        self.node.handle("/goop/content/1.0.0", lambda stream: stream.write(b"label\n"))
        self.bus.subscribe("chat", self.keep)
        self.bus.start()
        await self.presence.start()
        return self

    def key_of(self, peer_id: str) -> PeerKey | None:
        return self.presence.key_of(peer_id)

    async def keep(self, message) -> None:
        self.got.append(message)

    async def down(self, *, goodbye: bool = True) -> None:
        if goodbye:
            await self.presence.stop()
        await self.tasks.stop()
        await self.node.stop()
        await self.store.close()

    def meet(self, other: Peer) -> None:
        self.node.learn(other.id, other.node.listen_addresses())

    def sees(self, other: Peer):
        return self.presence.person(other.id)

    def sees_online(self, other: Peer) -> bool:
        person = self.sees(other)
        return person is not None and person.online


@pytest.fixture
def peers(tmp_path):
    """`async with peers(2) as (network, one, two)`"""

    class Peers:
        def __init__(self, count: int) -> None:
            self.count = count

        async def __aenter__(self):
            self.network = Network()
            await self.network.start()
            self.all = [await Peer(self.network, tmp_path, number).up() for number in range(1, self.count + 1)]
            return self.all

        async def __aexit__(self, *_):
            for peer in self.all:
                await peer.down()
            await self.network.stop()

    return Peers


async def test_two_peers_meet_encrypted_and_part(peers):
    async with peers(2) as (one, two):
        one.meet(two)
        await one.node.connect(two.id)
        await until(lambda: one.sees_online(two) and two.sees_online(one), 3.0)
        await until(lambda: one.sees(two).encrypted and two.sees(one).encrypted)
        assert one.sees(two).path is Path.DIRECT
        await one.bus.send(two.id, "chat", {"content": "hi"})
        await until(lambda: two.got)
        assert (two.got[0].payload, two.got[0].encrypted) == ({"content": "hi"}, True)
        two.config = Config.default(label="Renamed")
        two.presence.announce()
        await until(lambda: one.sees(two).name == "Renamed", 3.0)
        await two.presence.stop()
        await until(lambda: not one.sees_online(two), 3.0)


async def test_a_killed_peer_is_missed_and_welcomed_back(peers):
    async with peers(2) as (one, two):
        one.meet(two)
        await one.node.connect(two.id)
        await until(lambda: one.sees_online(two) and two.sees_online(one), 3.0)
        port = two.node.listen_addresses()[0].rsplit("/", 1)[1]
        await two.down(goodbye=False)
        await until(lambda: not one.sees_online(two), 25.0)
        await two.up(f"/ip4/127.0.0.1/tcp/{port}")
        two.meet(one)
        await two.node.connect(one.id)
        await until(lambda: one.sees_online(two) and two.sees_online(one), 3.0)


async def test_gossip_reaches_a_third_peer_through_the_second(peers):
    async with peers(3) as (one, two, three):
        one.meet(two)
        three.meet(two)
        await asyncio.gather(one.node.connect(two.id), three.node.connect(two.id))
        await until(lambda: one.sees_online(three) and three.sees_online(one), 12.0)


async def test_large_and_many_messages_arrive_in_order(peers):
    async with peers(2) as (one, two):
        one.meet(two)
        await one.node.connect(two.id)
        await until(lambda: one.sees_online(two) and two.sees_online(one), 3.0)
        await until(lambda: one.sees(two).encrypted)
        big = "x" * (5 << 20)
        await one.bus.send(two.id, "chat", big)
        for number in range(100):
            await one.bus.send(two.id, "chat", number)
        await until(lambda: len(two.got) == 101)
        assert [message.payload for message in two.got] == [big, *range(100)]
