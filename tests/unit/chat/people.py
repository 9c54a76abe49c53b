"""Two people who can write to each other: the real bus, sealer and database on the in-memory network."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from nacl.public import PrivateKey

from goop2_core.chat.direct import DirectChat
from goop2_core.data.messages import MessageStore
from goop2_core.data.store import Store
from goop2_core.encryption.box import Keys, PeerKey
from goop2_core.encryption.sealer import Sealer
from goop2_core.events import ChatChanged, ChatMessage, Delivery, Event
from goop2_core.identity import Identity
from goop2_core.mq.bus import Bus
from goop2_core.p2p import Network
from goop2_core.p2p.api import Node, NodeOptions
from goop2_core.tasks import TaskOwner
from tests.support.memory_network import MemoryNetwork
from tests.support.wait import until


@dataclass
class Person:
    node: Node
    keys: Keys
    known: dict[str, PeerKey]
    store: Store
    messages: MessageStore
    bus: Bus
    tasks: TaskOwner
    chat: DirectChat
    events: list[Event] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.node.peer_id

    def knows(self, other: Person) -> None:
        self.known[other.id] = PeerKey(other.keys.public_b64, accepts=True)
        self.node.learn(other.id, other.node.listen_addresses())

    async def said(self, other: Person) -> list[str]:
        """What the conversation with `other` says, in order."""
        return [message.content for message in await self.chat.history(other.id)]

    async def settled(self, message: ChatMessage) -> ChatMessage:
        """The message once it is delivered, has failed, or waits."""
        ends = (Delivery.DELIVERED, Delivery.FAILED, Delivery.WAITING)

        def end() -> ChatMessage | None:
            told = [event.message for event in self.events if isinstance(event, ChatChanged)]
            return next((one for one in told if one.id == message.id and one.delivery in ends), None)

        found = await until(end)
        assert found is not None
        return found


async def person(network: MemoryNetwork | Network, folder: Path, number: int) -> Person:
    seed = bytes([number]) * 32
    node = await network.open(NodeOptions(seed, listen=("/ip4/127.0.0.1/tcp/0",), mdns_tag=""))
    private = PrivateKey(bytes([number]) * 32)
    keys = Keys(base64.b64encode(bytes(private.public_key)).decode(), base64.b64encode(bytes(private)).decode())
    known: dict[str, PeerKey] = {}
    tasks = TaskOwner(f"person {number}")
    bus = Bus(node, Sealer(keys, known.get), tasks)
    bus.start()
    store = Store(folder / f"{number}.db")
    await store.open()
    messages = MessageStore(store)
    events: list[Event] = []
    chat = DirectChat(bus, messages, Identity.from_seed(seed), tasks, events.append)
    await chat.start()
    return Person(node, keys, known, store, messages, bus, tasks, chat, events)


async def leave(one: Person) -> None:
    await one.chat.stop()
    await one.tasks.stop()
    await one.store.close()


@asynccontextmanager
async def two_people(
    folder: Path, network: MemoryNetwork | Network | None = None
) -> AsyncIterator[tuple[Person, Person]]:
    network = network or MemoryNetwork()
    await network.start()
    alice, bob = await person(network, folder, 1), await person(network, folder, 2)
    alice.knows(bob)
    bob.knows(alice)
    try:
        yield alice, bob
    finally:
        await network.stop()
        await leave(alice)
        await leave(bob)
