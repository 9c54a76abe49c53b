"""Strangers on the bus over the real network: cut, flipped and overlong messages leave the peer serving."""

from __future__ import annotations

import asyncio
import contextlib
import random

from goop2_core.encryption.box import Keys
from goop2_core.encryption.sealer import Sealer
from goop2_core.errors import Goop2Error
from goop2_core.mq.bus import PROTOCOL, Bus
from goop2_core.p2p import Network, NodeOptions
from goop2_core.tasks import TaskOwner
from tests.support.wait import until

SEEDS = (
    (
        b'{"type":"msg","id":"6f6c1d0e-2b57-4c43-9f3e-0c7d1a2b3c4d","seq":1767225600001,"topic":"chat",'
        b'"payload":{"content":"hi Bob"}}\n'
    ),
    (
        b'{"type":"msg","id":"6f6c1d0e-2b57-4c43-9f3e-0c7d1a2b3c4e","seq":1767225600002,"topic":"chat","payload":{"enc":'
        b'"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXpFKVCkPV1XQ9Cf/LCKxaiiCuevkw55+mTo8Pjrk4UMc="}}\n'
    ),
    b'{"type":"msg","id":"6f6c1d0e-2b57-4c43-9f3e-0c7d1a2b3c4f","seq":3,"topic":"identity","payload":null}\n',
)


def spoilt(chance: random.Random) -> bytes:
    """A captured message with some bits flipped, or cut, or repeated."""
    data = bytearray(chance.choice(SEEDS))
    for _ in range(chance.randrange(4)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    if chance.random() < 0.3:
        del data[chance.randrange(len(data)) :]
    if chance.random() < 0.1:
        data *= chance.randrange(1, 50)
    return bytes(data)


async def test_spoilt_messages_leave_the_peer_serving():
    network = Network()
    await network.start()
    tasks = TaskOwner("hostile")
    quiet, stranger = [
        await network.open(NodeOptions(seed=bytes([n] * 32), listen=("/ip4/127.0.0.1/tcp/0",), mdns_tag=""))
        for n in (71, 72)
    ]
    bus = Bus(quiet, Sealer(Keys("", ""), lambda _: None), tasks)
    got = []

    async def keep(message):
        got.append(message)

    bus.subscribe("", keep)
    bus.start()
    stranger.learn(quiet.peer_id, quiet.listen_addresses())
    chance = random.Random(2026)
    slots = asyncio.Semaphore(16)

    async def attack() -> None:
        data = spoilt(chance)
        async with slots:
            with contextlib.suppress(Goop2Error, TimeoutError):
                stream = await stranger.open_stream(quiet.peer_id, PROTOCOL)
                await stream.write(data)
                await stream.close_write()
                async with asyncio.timeout(5):
                    while await stream.read():
                        pass
                await stream.close()

    await asyncio.gather(*(attack() for _ in range(1500)))
    await until(lambda: bus._inboxes._budget.held == 0)
    sender = Bus(stranger, Sealer(Keys("", ""), lambda _: None), tasks)
    await sender.send(quiet.peer_id, "still there", None)
    await until(lambda: got and got[-1].topic == "still there")
    await tasks.stop()
    await network.stop()
