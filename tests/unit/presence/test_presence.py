"""Presence of several peers over the in-memory network, with a real database: meeting, leaving, vanishing, lying."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from pathlib import Path as FilePath
from typing import Self

import pytest

from goop2_core.config import Config
from goop2_core.data.people import PeopleStore
from goop2_core.data.store import Store
from goop2_core.encryption.box import Keys, PeerKey, seal
from goop2_core.encryption.sealer import Sealer
from goop2_core.errors import Refused
from goop2_core.events import Event, Path, Person, PersonChanged, PersonGone
from goop2_core.identity import new_nacl_pair
from goop2_core.link import format_link
from goop2_core.mq.bus import PROTOCOL, Bus
from goop2_core.mq.message import Message
from goop2_core.p2p.api import NodeOptions, PeerFound
from goop2_core.presence import Presence, service
from goop2_core.presence.announcer import TOPIC
from goop2_core.presence.message import Facts, format_presence
from goop2_core.tasks import TaskOwner
from tests.support.memory_network import MemoryNetwork, peer_id_of_seed
from tests.support.wait import until


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(service, "PRUNE_SECONDS", 0.05)
    monkeypatch.setattr(service, "FLUSH_SECONDS", 0.1)
    monkeypatch.setattr(service, "MESH_SECONDS", 0.05)
    monkeypatch.setattr(service, "LOSS_PAUSES", (0.05, 2.1))


class Peer:
    """A peer with everything that presence stands on. `up` starts it, `down` stops it, `kill` ends its process."""

    def __init__(self, number: int, folder: FilePath, network: MemoryNetwork, **presence: int) -> None:
        self.seed = bytes([number] * 32)
        self.id = peer_id_of_seed(self.seed)
        self.path = folder / f"{number}.db"
        self.network = network
        self.keys = Keys(*new_nacl_pair())
        self.set_config(label=f"Peer {number}", **presence)
        self.events: list[Event] = []
        self.got: list[Message] = []
        self.is_up = False

    def set_config(self, label: str, **presence: int) -> None:
        self.config = Config.model_validate({"profile": {"label": label}, "presence": presence})

    async def up(self, *, mdns: bool = True) -> Peer:
        self.tasks = TaskOwner(f"peer {self.id[-4:]}")
        self.store = Store(self.path)
        await self.store.open()
        self.is_up = True
        self.node = await self.network.open(NodeOptions(seed=self.seed, mdns_tag="lan" if mdns else ""))
        self.sealer = Sealer(self.keys, self.key_of)
        self.bus = Bus(self.node, self.sealer, self.tasks)
        self.presence = Presence(
            self.node,
            self.bus,
            public_key=self.sealer.public_key,
            store=PeopleStore(self.store),
            config=lambda: self.config,
            avatar_hash=lambda: "",
            tasks=self.tasks,
            emit=self.events.append,
        )
        self.node.handle("/goop/content/1.0.0", lambda stream: stream.write(b"label\n"))
        self.bus.subscribe("chat", self.keep)
        self.bus.start()
        await self.presence.start()
        return self

    def key_of(self, peer_id: str) -> PeerKey | None:
        return self.presence.key_of(peer_id)

    async def keep(self, message: Message) -> None:
        self.got.append(message)

    async def down(self) -> None:
        if self.is_up:
            self.is_up = False
            await self.presence.stop()
            await self.tasks.stop()
            await self.node.stop()
            await self.store.close()

    async def kill(self) -> None:
        self.network.kill(self.node)
        await self.down()

    def sees(self, other: Peer) -> Person | None:
        return self.presence.person(other.id)

    def sees_online(self, other: Peer) -> bool:
        person = self.sees(other)
        return person is not None and person.online


class World:
    """A network and its peers; everything is stopped at the end."""

    def __init__(self, folder: FilePath) -> None:
        self.folder = folder
        self.network = MemoryNetwork()
        self.peers: list[Peer] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for peer in self.peers:
            await peer.down()
        await self.network.stop()

    def peer(self, **presence: int) -> Peer:
        self.peers.append(Peer(len(self.peers) + 1, self.folder, self.network, **presence))
        return self.peers[-1]

    async def two(self, **presence: int) -> tuple[Peer, Peer]:
        one, two = await self.peer(**presence).up(), await self.peer(**presence).up()
        await until(lambda: one.sees_online(two) and two.sees_online(one))
        return one, two


async def test_two_peers_meet_and_are_encrypted_from_the_first_contact(tmp_path):
    async with World(tmp_path) as world:
        one, two = await world.two()
        await until(lambda: all(p is not None and p.reachable and p.encrypted for p in (one.sees(two), two.sees(one))))
        person = one.sees(two)
        assert (person.name, person.path, person.favorite) == ("Peer 2", Path.DIRECT, False)
        assert person.last_seen > 0
        assert one.presence.key_of(two.id).public_b64 == two.keys.public_b64
        assert one.presence.people() == [person]
        await one.bus.send(two.id, "chat", {"content": "hi"})
        await until(lambda: two.got)
        assert two.got[0].encrypted
        assert two.got[0].payload == {"content": "hi"}


async def test_goodbye_is_seen_at_once_and_remembered(tmp_path):
    async with World(tmp_path) as world:
        one, two = await world.two()
        await two.down()
        await until(lambda: not one.sees_online(two), 1.0)
        person = one.sees(two)
        assert (person.reachable, person.path) == (False, Path.NONE)
        await one.down()
        await one.up()
        assert one.sees(two).name == "Peer 2"
        assert not one.sees(two).online
        await two.up()
        await until(lambda: one.sees_online(two), 3.0)


async def test_a_killed_peer_goes_offline_and_comes_back(tmp_path):
    async with World(tmp_path) as world:
        one, two = await world.two()
        await two.kill()
        await until(lambda: one.sees(two).path is Path.NONE, 1.0)
        assert one.sees_online(two)
        await until(lambda: not one.sees_online(two), 5.0)
        await two.up()
        await until(lambda: one.sees_online(two) and two.sees_online(one), 3.0)
        await until(lambda: one.sees(two).reachable)


async def test_a_peer_that_returns_before_it_was_missed_stays_online(tmp_path):
    async with World(tmp_path) as world:
        one, two = await world.two()
        await two.kill()
        await two.up()
        await until(lambda: two.sees_online(one), 3.0)
        await until(lambda: one.sees(two).path is Path.DIRECT)
        assert all(event.person.online for event in one.events if isinstance(event, PersonChanged))


async def test_a_pulled_cable_means_offline_after_the_ttl_and_online_again_when_healed(tmp_path):
    async with World(tmp_path) as world:
        one, two = await world.two(heartbeat_seconds=1, ttl_seconds=2)
        world.network.cut(two.node)
        started = time.monotonic()
        await until(lambda: not one.sees_online(two), 6.0)
        assert time.monotonic() - started > 0.5
        world.network.heal(two.node)
        await until(lambda: one.sees_online(two) and two.sees_online(one), 4.0)


async def test_a_relayed_peer_stays_online_without_gossip(tmp_path):
    async with World(tmp_path) as world:
        one = await world.peer(heartbeat_seconds=1, ttl_seconds=2).up(mdns=False)
        two = await world.peer(heartbeat_seconds=1, ttl_seconds=2).up(mdns=False)
        world.network.relay(one.node, two.node)
        await until(lambda: one.sees_online(two))
        assert one.sees(two).path is Path.RELAYED
        one.events.clear()
        await asyncio.sleep(3.0)
        assert all(event.person.online for event in one.events if isinstance(event, PersonChanged))
        assert one.sees_online(two)


async def test_changes_reach_the_others_at_once(tmp_path):
    async with World(tmp_path) as world:
        one, two = await world.two()
        await asyncio.sleep(0.3)
        two.set_config("Another\u202e name\n")
        two.presence.announce()
        await until(lambda: one.sees(two).name == "Another name", 1.0)


async def test_announcements_are_held_together(tmp_path):
    async with World(tmp_path) as world:
        one, _ = await world.two()
        await asyncio.sleep(0.5)
        before = len(one.node.published)
        for _ in range(20):
            one.presence.announce()
            await asyncio.sleep(0.01)
        assert len(one.node.published) - before <= 3


async def test_nothing_is_told_when_nothing_changed(tmp_path):
    async with World(tmp_path) as world:
        one, two = await world.two(heartbeat_seconds=1)
        await until(lambda: one.sees(two).reachable and one.sees(two).path is Path.DIRECT)
        await asyncio.sleep(0.3)
        one.events.clear()
        beats = len(two.node.published)
        await until(lambda: len(two.node.published) >= beats + 2)
        assert one.events == []


def say(author: Peer, peer_id: str, name: str, ts: int, kind: str = "online", **facts: str) -> bytes:
    return format_presence(kind, peer_id, Facts(content=name, **facts), ["/ip4/10.9.9.9/tcp/1"], ts)


async def test_lies_old_news_and_garbage_are_not_believed(tmp_path):
    async with World(tmp_path) as world:
        one, two = await world.two()
        now = time.time_ns() // 1_000_000 + 10_000
        node = one.node
        node.hear(two.id, TOPIC, say(two, "12D3KooWSomebodyElse", "Forged", now))
        node.hear("12D3KooWMallory", TOPIC, say(two, two.id, "Forged", now))
        node.hear(two.id, TOPIC, say(two, two.id, "New", now))
        node.hear(two.id, TOPIC, say(two, two.id, "Old", now - 1))
        node.hear(two.id, TOPIC, b"\xff garbage {")
        node.hear(two.id, TOPIC, say(two, two.id, "", now + 1, "punch"))
        node.hear(one.id, TOPIC, say(one, one.id, "Myself", now))
        await until(lambda: one.sees(two).name == "New")
        await asyncio.sleep(0.05)
        assert [person.name for person in one.presence.people()] == ["New"]
        node.hear(two.id, TOPIC, say(two, two.id, "", now - 5, "offline"))
        await asyncio.sleep(0.05)
        assert one.sees_online(two)


async def test_a_peer_cannot_make_others_dial_their_own_machine(tmp_path):
    async with World(tmp_path) as world:
        one, two = await world.two()
        told = [
            "/ip4/10.9.9.9/tcp/1",
            "/ip4/127.0.0.1/tcp/631",
            "/ip6/::ffff:127.0.0.1/tcp/25",
            "/dns4/localhost/tcp/22",
        ]
        stranger = "12D3KooWStranger"
        one.node.hear(stranger, TOPIC, format_presence("online", stranger, Facts(content="Mallory"), told, 1))
        await until(lambda: one.presence.person(stranger))
        assert one.node.known_addresses(stranger) == told[:1]
        await two.down()


async def test_a_flood_of_new_identities_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(service.PeerTable, "__init__", _small_table(service.PeerTable.__init__, 50))
    async with World(tmp_path) as world:
        one, two = await world.two()
        await until(lambda: one.sees(two).reachable)
        await one.presence.set_favorite(two.id, True)
        for number in range(1000):
            one.node.hear(f"12D3KooW{number:044d}", TOPIC, say(two, f"12D3KooW{number:044d}", "Sybil", 1))
        await asyncio.sleep(0.2)
        people = one.presence.people()
        assert len(people) == 50
        assert people[0].peer_id == two.id
        gone = {event.peer_id for event in one.events if isinstance(event, PersonGone)}
        assert gone.isdisjoint({person.peer_id for person in people})
        assert len(gone) >= 100


def _small_table(original, most):
    return lambda self, *args: original(self, most=most)


async def test_favourites_survive_and_others_are_forgotten(tmp_path, monkeypatch):
    monkeypatch.setattr(service, "MINUTE", 0.001)
    async with World(tmp_path) as world:
        one, two = await world.two()
        three = await world.peer().up()
        await until(lambda: one.sees_online(three))
        person = await one.presence.set_favorite(two.id, True)
        assert person.favorite
        await two.down()
        await three.down()
        await until(lambda: PersonGone(three.id) in one.events)
        assert [other.peer_id for other in one.presence.people()] == [two.id]
        await one.down()
        await one.up()
        (person,) = one.presence.people()
        assert (person.name, person.favorite, person.online) == ("Peer 2", True, False)
        assert one.presence.key_of(two.id).public_b64 == two.keys.public_b64
        await one.presence.set_favorite(two.id, False)
        with pytest.raises(Refused):
            await one.presence.set_favorite("12D3KooWNobody", True)


async def test_a_name_a_link_and_a_peer_id_all_mean_somebody(tmp_path):
    async with World(tmp_path) as world:
        one, two = await world.two()
        for text in (two.id, format_link(two.id), f" {format_link(two.id, '/blog')} ", "peer 2", " PEER  2\n"):
            assert one.presence.resolve(text) == two.id
        for text in ("", "Peer", "nobody", "goop2:nonsense", "\x00"):
            with pytest.raises(Refused) as caught:
                one.presence.resolve(text)
            assert caught.value.status == 404
        three = world.peer()
        three.set_config("PEER 2")
        await three.up()
        await until(lambda: one.sees_online(three))
        with pytest.raises(Refused) as caught:
            one.presence.resolve("Peer 2")
        assert caught.value.status == 409


async def test_a_probe_tells_the_truth(tmp_path):
    async with World(tmp_path) as world:
        one, two = await world.two()
        assert (await one.presence.probe(two.id)).reachable
        with pytest.raises(Refused):
            await one.presence.probe("12D3KooWNobody")


async def test_a_peer_that_lost_our_key_is_asked_and_its_message_still_opens(tmp_path):
    async with World(tmp_path) as world:
        one, two = await world.two()
        await until(lambda: one.sees(two).encrypted)
        row = two.presence._table.get(one.id)
        row.facts = Facts(content="Peer 1")
        await one.bus.send(two.id, "chat", {"content": "hi"})
        await until(lambda: two.got, 4.0)
        assert (two.got[0].readable, two.got[0].payload) == (True, {"content": "hi"})


async def test_a_peer_that_seals_even_its_identity_is_asked_in_the_clear(tmp_path):
    """The existing program does that to a peer whose key it has, so one that lost its key would never learn it."""
    async with World(tmp_path) as world:
        one = await world.peer().up(mdns=False)
        keys = Keys(*new_nacl_pair())
        node = await world.network.open(NodeOptions(seed=bytes([9] * 32), mdns_tag=""))
        known = {one.id: one.presence._public_key}

        async def answer() -> None:
            payload = {
                "peerID": node.peer_id,
                "content": "Ref",
                "publicKey": keys.public_b64,
                "encryptionSupported": True,
            }
            with contextlib.suppress(Refused):
                payload = {"enc": seal(keys, known[one.id], json.dumps(payload).encode())}
            stream = await node.open_stream(one.id, PROTOCOL)
            line = {
                "type": "msg",
                "id": f"ref-{time.monotonic_ns()}",
                "seq": 1,
                "topic": "identity.response",
                "payload": payload,
            }
            await stream.write(json.dumps(line).encode() + b"\n")
            await stream.readline(4096)

        async def ref(stream):
            message = json.loads(await stream.readline(65536))
            await stream.write(json.dumps({"type": "ack", "id": message["id"], "seq": 1}).encode() + b"\n")
            if message["topic"] == "identity.response":
                known[one.id] = message["payload"].get("publicKey") or known[one.id]
            elif message["topic"] == "identity":
                await answer()

        node.handle(PROTOCOL, ref)
        node.learn(one.id, one.node.addresses())
        await node.connect(one.id)
        await until(lambda: (key := one.presence.key_of(node.peer_id)) and key.public_b64 == keys.public_b64, 5.0)
        await until(lambda: known[one.id] == one.keys.public_b64)
        assert one.presence.person(node.peer_id).name == "Ref"


async def test_peers_without_keys_do_not_ask_each_other_for_ever(tmp_path):
    async with World(tmp_path) as world:
        one, two = world.peer(), world.peer()
        one.keys = two.keys = Keys("", "")
        asked: list[Message] = []

        async def count(message):
            asked.append(message)

        await one.up()
        await two.up()
        for peer in (one, two):
            peer.bus.subscribe("identity", count)
        await until(lambda: one.sees_online(two) and two.sees_online(one))
        await asyncio.sleep(2.5)
        assert len(asked) <= 8
        assert not one.sees(two).encrypted


async def test_a_flood_of_identities_is_bounded(tmp_path):
    async with World(tmp_path) as world:
        one, two = await world.two()
        await until(lambda: one.sees(two).reachable)
        one.events.clear()
        for number in range(200):
            await two.bus.send(one.id, "identity.response", {"content": f"Name {number}"})
        await two.bus.send(one.id, "chat", None)
        await until(lambda: one.got)
        assert len(one.events) <= 25


async def test_strangers_found_on_the_lan_do_not_make_us_dial_without_end(tmp_path):
    async with World(tmp_path) as world:
        one = await world.peer().up()
        for number in range(2000):
            one.node.tell(PeerFound(f"12D3KooW{number:044d}", ("/ip4/10.1.1.1/tcp/1",)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(one.presence._prober._connecting) <= 256
        await until(lambda: not one.presence._prober._connecting)


async def test_a_stop_leaves_nothing_behind_and_can_be_repeated(tmp_path):
    async with World(tmp_path) as world:
        one, two = await world.two()
        await one.presence.stop()
        await one.presence.stop()
        assert len(one.presence._tasks) == 0
        await until(lambda: not two.sees_online(one))
        one.node.hear(two.id, TOPIC, say(two, two.id, "late", 2**50))
        await asyncio.sleep(0.02)
        assert one.sees(two).name == "Peer 2"
