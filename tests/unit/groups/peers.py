"""Peers with groups and rooms on one network, and peers that behave as the existing program does (spec 5)."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nacl.public import PrivateKey

from goop2_core.chat.rooms import Rooms
from goop2_core.data.groups import GroupStore
from goop2_core.data.rooms import RoomStore
from goop2_core.data.store import Store
from goop2_core.encryption.box import Keys, PeerKey
from goop2_core.encryption.sealer import Sealer
from goop2_core.errors import Goop2Error
from goop2_core.events import Delivery, Event, Group, GroupState, Person, RoomMessage, RoomMessageChanged
from goop2_core.groups.manager import Groups
from goop2_core.mq.bus import Bus
from goop2_core.mq.message import Message
from goop2_core.p2p import Network
from goop2_core.p2p.api import Node, NodeOptions
from goop2_core.tasks import TaskOwner
from tests.support.memory_network import MemoryNetwork
from tests.support.wait import eventually, until

AnyNetwork = MemoryNetwork | Network


async def a_node(network: AnyNetwork, number: int) -> Node:
    options = NodeOptions(bytes([number]) * 32, listen=("/ip4/127.0.0.1/tcp/0",), mdns_tag="")
    return await network.open(options)


@dataclass
class Peer:
    """A peer of ours, with a presence that the test plays."""

    name: str
    number: int
    folder: Path
    network: AnyNetwork
    node: Node
    tasks: TaskOwner
    store: Store
    bus: Bus
    groups: Groups
    rooms: Rooms
    online: dict[str, Person]
    events: list[Event] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.node.peer_id

    def sees(self, other: Any, *, online: bool = True) -> None:
        """Presence tells that somebody came or went."""
        self.node.learn(other.id, other.node.listen_addresses())
        person = self.online[other.id] = Person(other.id, name=other.name, online=online)
        self.groups.on_person(person)

    def group(self, group_id: str) -> Group:
        return self.groups.group(group_id)

    def state(self, group_id: str) -> GroupState | None:
        return self.groups.state(group_id)

    def told(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    async def texts(self, group_id: str) -> list[str]:
        """What the room says, in order."""
        messages, _ = await self.rooms.history(group_id, limit=1000)
        return [message.content for message in messages]

    async def message(self, group_id: str, content: str) -> RoomMessage:
        messages, _ = await self.rooms.history(group_id, limit=1000)
        return next(message for message in messages if message.content == content)

    async def says(self, group_id: str, *texts: str) -> list[RoomMessage]:
        return [await self.rooms.send(group_id, text) for text in texts]

    async def delivered(self, message: RoomMessage, delivery: Delivery = Delivery.DELIVERED) -> RoomMessage:
        def find() -> RoomMessage | None:
            found = [e.message for e in self.told(RoomMessageChanged) if e.message.id == message.id]
            return next((one for one in found if one.delivery is delivery), None)

        if message.delivery is delivery:
            return message
        return await until(find)

    async def stop(self) -> None:
        await self.groups.stop()
        await self.rooms.stop()
        await self.tasks.stop()
        await self.store.close()

    async def vanish(self) -> None:
        """The process ends without a word."""
        if isinstance(self.network, MemoryNetwork):
            self.network.kill(self.node)
        else:
            await self.node.stop()
        await self.stop()


async def peer(network: AnyNetwork, folder: Path, number: int, name: str) -> Peer:
    node = await a_node(network, number)
    private = PrivateKey(bytes([number]) * 32)
    keys = Keys(base64.b64encode(bytes(private.public_key)).decode(), base64.b64encode(bytes(private)).decode())
    tasks = TaskOwner(name)
    online: dict[str, Person] = {}
    bus = Bus(node, Sealer(keys, lambda _: None), tasks)
    bus.start()
    store = Store(folder / f"{name}.db")
    await store.open()
    events: list[Event] = []
    groups = Groups(
        bus,
        GroupStore(store),
        node.peer_id,
        own_name=lambda: name,
        person=online.get,
        tasks=tasks,
        emit=events.append,
    )
    rooms = Rooms(bus, RoomStore(store, node.peer_id), groups, tasks, events.append)
    await rooms.start()
    await groups.start()
    await rooms.resume()
    return Peer(name, number, folder, network, node, tasks, store, bus, groups, rooms, online, events)


async def again(old: Peer, *others: Peer | RefPeer) -> Peer:
    """The same peer after a restart; `others` see it, and it them."""
    new = await peer(old.network, old.folder, old.number, old.name)
    meet(new, *others)
    return new


def meet(*peers: Peer | RefPeer) -> None:
    """Everybody comes online for everybody."""
    for one in peers:
        for other in peers:
            if one is not other:
                one.sees(other)


@asynccontextmanager
async def peers(folder: Path, *names: str, network: AnyNetwork | None = None) -> AsyncIterator[list[Peer]]:
    """Peers of ours who see each other. What the test starts besides, it must stop."""
    network = network or MemoryNetwork()
    await network.start()
    found = [await peer(network, folder, number, name) for number, name in enumerate(names, 1)]
    try:
        meet(*found)
        yield found
    finally:
        for one in found:
            await one.stop()
        await network.stop()


async def room_of(host: Peer, *members: Peer, name: str = "Reading club") -> str:
    """A room, with members who accepted the invitation."""
    group = await host.groups.create(name, "chat")
    if members:
        await host.groups.invite(group.id, [member.id for member in members])
    for member in members:
        await until(lambda member=member: member.groups.invitations())
        await member.groups.accept(group.id)
        await until(lambda member=member: member.state(group.id) is GroupState.CONNECTED)
    return group.id


async def converged(group_id: str, texts: list[str], *everyone: Peer, seconds: float = 15.0) -> None:
    """Everyone has exactly these messages, in whatever order the senders' are woven together."""
    for one in everyone:

        async def same(one: Peer = one) -> bool:
            return sorted(await one.texts(group_id)) == sorted(texts)

        try:
            await eventually(same, seconds)
        except AssertionError:
            raise AssertionError(f"{one.name} has {await one.texts(group_id)}") from None


@dataclass
class RefPeer:
    """A peer that does what REF does: joins by itself when invited, trusts everybody, and sends on what it gets."""

    name: str
    node: Node
    bus: Bus
    tasks: TaskOwner
    members: dict[str, list[str]] = field(default_factory=dict)
    rings: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    got: list[Message] = field(default_factory=list)
    hosts: dict[str, str] = field(default_factory=dict)
    sent_on: int = 0

    @property
    def id(self) -> str:
        return self.node.peer_id

    def sees(self, other: Any, *, online: bool = True) -> None:
        self.node.learn(other.id, other.node.listen_addresses())

    def kinds(self) -> list[str]:
        return [message.topic.rpartition(":")[2] for message in self.got]

    def texts(self, group_id: str) -> list[str]:
        return [message["text"] for message in self.rings.get(group_id, [])]

    async def handle(self, message: Message) -> None:
        self.got.append(message)
        topic, payload = message.topic, message.payload
        if topic == "group.invite":
            self.hosts[payload["group_id"]] = message.sender
            await self.join(message.sender, payload["group_id"])
        elif topic.startswith("group:"):
            _, group_id, kind = topic.split(":")
            if kind in {"welcome", "members"}:
                self.members[group_id] = [member["peer_id"] for member in payload["members"]]
            elif kind == "ping":
                await self.send(message.sender, f"group:{group_id}:pong", {"type": "pong", "group": group_id})
        elif topic.startswith("chat.room:") and topic.endswith(":msg"):
            group_id = topic.split(":")[1]
            if group_id in self.rings:
                self.rings[group_id].append(payload["message"])
                for peer_id in self.members.get(group_id, []):
                    if peer_id not in {self.id, message.sender}:
                        self.sent_on += 1
                        await self.send(peer_id, topic, payload)

    async def join(self, host_id: str, group_id: str) -> None:
        self.rings.setdefault(group_id, [])
        await self.send(host_id, f"group:{group_id}:join", {"type": "join", "group": group_id})

    async def says(self, group_id: str, text: str, number: int) -> None:
        said = {
            "id": f"{number}-{self.id[:8]}",
            "from": self.id,
            "from_name": self.name,
            "text": text,
            "timestamp": number,
        }
        self.rings[group_id].append(said)
        for peer_id in self.members[group_id]:
            if peer_id != self.id:
                await self.send(peer_id, f"chat.room:{group_id}:msg", {"action": "msg", "message": said})

    async def send(self, peer_id: str, topic: str, payload: Any) -> None:
        with contextlib.suppress(Goop2Error):
            async with asyncio.timeout(4):
                await self.bus.send(peer_id, topic, payload)


@asynccontextmanager
async def ref_peers(network: AnyNetwork, *names: str, first: int = 101) -> AsyncIterator[list[RefPeer]]:
    """Peers like REF's; the test introduces them with `meet`."""
    found = []
    for number, name in enumerate(names, first):
        node = await a_node(network, number)
        tasks = TaskOwner(name)
        keys = PrivateKey(bytes([number]) * 32)
        own = Keys(base64.b64encode(bytes(keys.public_key)).decode(), base64.b64encode(bytes(keys)).decode())
        known: dict[str, PeerKey] = {}
        bus = Bus(node, Sealer(own, known.get), tasks)
        bus.start()
        one = RefPeer(name, node, bus, tasks)
        bus.subscribe("", one.handle)
        found.append(one)
    try:
        yield found
    finally:
        for one in found:
            await one.tasks.stop()
