"""Strangers that break the rules at every layer: the node goes on serving, holds no more than it may, logs no error."""

from __future__ import annotations

import os
import random
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from goop2_core.p2p import Limits, Node, _addresses, patches
from goop2_core.p2p._connection import secure
from goop2_core.p2p._multistream import proposal
from goop2_core.p2p._noise import Channel, Keys
from goop2_core.p2p._signed import Signer
from goop2_core.p2p._transport import dial
from goop2_core.p2p._wire import encode_varint, prefixed
from goop2_core.p2p._yamux import DATA, FIN, HEADER, PING, RST, SYN, WINDOW
from tests.support.wait import until

from .nodes import ECHO, TCP, WS, Some, some, works

OPEN = Limits(
    connections=1000,
    connections_per_address=1000,
    connections_per_peer=1000,
    inbound_dials_per_second=10000,
    pending_inbound=1000,
)
SERVICES = [
    "/ipfs/id/1.0.0",
    "/ipfs/id/push/1.0.0",
    "/ipfs/ping/1.0.0",
    "/meshsub/1.1.0",
    "/meshsub/1.0.0",
    "/floodsub/1.0.0",
    ECHO,
]
TOPIC = "goop.presence.v1"
OPENING = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@asynccontextmanager
async def target(limits: Limits = OPEN, listen: tuple[str, ...] = (TCP,)) -> AsyncIterator[tuple[Some, Node]]:
    """A node that is attacked; at the end it must still serve."""
    async with some(2, limits=limits, listen=listen) as here:
        node, friend = here.nodes
        node.subscribe(TOPIC, lambda _author, _data: None)
        yield here, node
        await works(friend, node, 100_000)


async def attack(here: Some, work: Callable[[], Awaitable[None]]) -> None:
    """Run `work` under trio, in the network thread."""
    crossing = here.network._crossing
    assert crossing is not None
    await crossing.call(work)


async def connected(node: Node) -> Channel:
    """A proven connection to the node, for raw yamux frames."""
    endpoint = _addresses.parse(node.listen_addresses()[0])
    assert endpoint is not None
    keys = Keys.of(patches.load(), os.urandom(32))
    return await secure(patches.load(), await dial(endpoint), keys, initiator=True, expected=node.peer_id)


async def give(channel: Channel, data: bytes) -> None:
    """Send what the node may not take to the end."""
    try:
        await channel.send([data[at : at + 60000] for at in range(0, len(data), 60000)])
    except OSError:
        return


async def drain(channel: Channel, seconds: float = 0.05) -> None:
    with trio.move_on_after(seconds):
        try:
            while await channel.receive():
                pass
        except OSError:
            return


def frame(kind: int, flags: int, number: int, length: int, body: bytes = b"") -> bytes:
    return HEADER.pack(0, kind, flags, number, length) + body


def stream(number: int, data: bytes) -> bytes:
    return frame(DATA, SYN, number, len(data), data)


@pytest.mark.parametrize("listen", [(TCP,), (WS,)], ids=["tcp", "websocket"])
async def test_garbage_before_the_handshake(listen: tuple[str, ...]) -> None:
    chance = random.Random(1)
    beginnings = [
        b"",
        b"\x13/multistream/1.0.0\n",
        b"\x13/multistream/1.0.0\n\x07/noise\n",
        b"\x13/multistream/1.0.0\n\x05\xff\xfe\xfd\xfc\n",
        b"\x13/multistream/1.0.0\n\x11/plaintext/2.0.0\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
        OPENING,
    ]
    async with target(listen=listen) as (here, node):
        endpoint = _addresses.parse(node.listen_addresses()[0])
        assert endpoint is not None

        async def one(beginning: bytes) -> None:
            connection = await trio.open_tcp_stream(endpoint.host, endpoint.port)
            try:
                await connection.send_all(beginning + chance.randbytes(chance.choice((0, 1, 40, 700, 9000))))
                with trio.move_on_after(0.05):
                    await connection.receive_some(1000)
            except trio.BrokenResourceError:
                pass
            if chance.random() < 0.3:
                connection.socket.setsockopt(1, 13, struct.pack("ii", 1, 0))  # close with RST
            await trio.aclose_forcefully(connection)

        async def work() -> None:
            async with trio.open_nursery() as nursery:
                for _ in range(30):
                    for beginning in beginnings:
                        nursery.start_soon(one, beginning)

        await attack(here, work)


async def test_garbage_instead_of_yamux() -> None:
    chance = random.Random(2)

    def nonsense() -> bytes:
        if chance.random() < 0.3:
            return chance.randbytes(chance.randint(1, 3000))
        out = b""
        for _ in range(chance.randint(1, 60)):
            length = chance.choice((0, 1, 5, 300, 2**31))
            body = chance.randbytes(min(length, 300))
            out += frame(chance.randrange(4), chance.randrange(16), chance.choice((0, 1, 1, 2, 3, 5)), length, body)
        return out

    async with target() as (here, node):

        async def one() -> None:
            channel = await connected(node)
            for _ in range(4):
                await give(channel, nonsense())
            await drain(channel, 0.02)
            await channel.raw.close()

        async def work() -> None:
            for _ in range(8):
                async with trio.open_nursery() as nursery:
                    for _ in range(10):
                        nursery.start_soon(one)

        await attack(here, work)


async def test_a_message_that_nobody_sealed() -> None:
    async with target() as (here, node):

        async def work() -> None:
            for _ in range(10):
                channel = await connected(node)
                await channel.raw.send(struct.pack("!H", 100) + os.urandom(100))
                await drain(channel)
                await channel.raw.close()

        await attack(here, work)
        await until(lambda: not node.connections())


async def test_garbage_in_every_protocol() -> None:
    chance = random.Random(3)
    library = patches.load()
    rpc = library.rpc.RPC()
    rpc.publish.add(from_id=os.urandom(38), data=b"x", seqno=os.urandom(8), topicIDs=[TOPIC], signature=os.urandom(64))
    rpc.control.ihave.add(topicID=TOPIC, messageIDs=[os.urandom(20)])
    rpc.control.graft.add(topicID=TOPIC)
    rpc.control.prune.add(topicID=TOPIC, backoff=2**63)
    good = rpc.SerializeToString()

    def changed() -> bytes:
        data = bytearray(good)
        for _ in range(chance.randint(0, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        return prefixed(bytes(data[: chance.randint(1, len(data))]))

    def payload() -> bytes:
        return chance.choice(
            (
                changed,
                changed,
                lambda: chance.randbytes(chance.randint(0, 400)),
                lambda: prefixed(chance.randbytes(chance.randint(0, 400))),
                lambda: encode_varint(2**31) + b"x",
                lambda: b"\xff" * 12,
                lambda: prefixed(b"\x0a\x04\x08\x01\x12\x00"),
            )
        )()

    async with target() as (here, node):

        async def one(count: int) -> None:
            channel = await connected(node)
            for index in range(count):
                name = chance.choice([*SERVICES, "/nobody", "\x00", "/meshsub/1.1.0"])
                begin = proposal(name) if chance.random() < 0.9 else b"\x13/multistream/1.0.0\n\x05\xff\xfe\xfd\xfc\n"
                await give(channel, stream(2 * index + 1, begin + payload()))
                end = chance.choice((FIN, RST, 0))
                if end:
                    await give(channel, frame(WINDOW, end, 2 * index + 1, 0))
            await drain(channel, 0.2)
            await channel.raw.close()

        async def work() -> None:
            async with trio.open_nursery() as nursery:
                for _ in range(12):
                    nursery.start_soon(one, 150)

        await attack(here, work)


async def test_a_flood_of_streams_pings_and_credit_is_bounded() -> None:
    limits = Limits(streams_in_per_peer=50)
    async with target(limits) as (here, node):
        most = 0

        async def work() -> None:
            nonlocal most
            channel = await connected(node)
            await give(channel, b"".join(frame(WINDOW, SYN, 2 * number + 1, 0) for number in range(3000)))
            await drain(channel, 0.2)
            most = max(connection.streams for connection in node.connections())
            await give(channel, frame(PING, SYN, 0, 5) * 3000 + frame(WINDOW, 0, 1, 2**31) * 3000)
            await drain(channel, 0.2)
            await channel.raw.close()

        await attack(here, work)
        assert most <= 50 + 3


async def test_streams_that_never_negotiate_and_connections_that_never_speak_are_dropped() -> None:
    async with target(Limits(handshake_seconds=0.3, idle_negotiation_seconds=0.3)) as (here, node):

        async def work() -> None:
            endpoint = _addresses.parse(node.listen_addresses()[0])
            assert endpoint is not None
            silent = await trio.open_tcp_stream(endpoint.host, endpoint.port)
            channel = await connected(node)
            await give(channel, b"".join(frame(WINDOW, SYN, 2 * number + 1, 0) for number in range(20)))
            with trio.fail_after(5):
                assert await silent.receive_some(1) == b""
                resets = 0
                while resets < 20:
                    data = b"".join(await channel.receive())
                    headers = [data[at : at + 12] for at in range(0, len(data), 12)]
                    resets += sum(HEADER.unpack(head)[2] & RST > 0 for head in headers if len(head) == 12)
            await channel.raw.close()
            await silent.aclose()

        await attack(here, work)


async def test_pubsub_keeps_no_more_than_its_caches() -> None:
    library = patches.load()
    async with target() as (here, node):
        gossip = node._host.gossip  # type: ignore[attr-defined]

        async def work() -> None:
            channel = await connected(node)
            rpcs = []
            for _ in range(10):
                rpc = library.rpc.RPC()
                for number in range(3000):
                    rpc.subscriptions.add(subscribe=True, topicid=f"{number}" * 20)
                rpcs.append(rpc)
                rpc = library.rpc.RPC()
                have = rpc.control.ihave.add(topicID=TOPIC)
                have.messageIDs.extend(os.urandom(30) for _ in range(5000))
                for number in range(1000):
                    rpc.control.graft.add(topicID=f"nothing {number}")
                    rpc.control.prune.add(topicID=f"nothing {number}", backoff=2**60)
                rpcs.append(rpc)
                author = Signer(library, Keys.of(library, os.urandom(32)))
                rpc = library.rpc.RPC()
                for _ in range(400):
                    rpc.publish.add().CopyFrom(author.make(TOPIC, os.urandom(500)))
                rpcs.append(rpc)
            data = proposal("/meshsub/1.1.0") + b"".join(prefixed(rpc.SerializeToString()) for rpc in rpcs)
            await give(channel, frame(WINDOW, SYN, 1, 0))
            for at in range(0, len(data), 16384):
                piece = data[at : at + 16384]
                await give(channel, frame(DATA, 0, 1, len(piece), piece))
                await drain(channel, 0.002)
            await drain(channel, 0.3)
            await channel.raw.close()

        await attack(here, work)
        assert len(gossip._seen) < 1000
        assert gossip._cache_bytes < 9 << 20
        assert len(gossip._backoff) <= 10
        assert all(len(mate.topics) <= 64 for mate in gossip._mates.values())


async def test_unread_uploads_are_held_within_the_budget() -> None:
    limits = Limits(buffered_bytes_per_peer=1 << 20, streams_in_per_peer=100, streams_in_per_protocol_per_peer=100)
    held: list[Any] = []

    async def hold(stream_: Any) -> None:
        held.append(stream_)
        await stream_.readexactly(10 << 20)

    async with target(limits) as (here, node):
        node.handle("/hold", hold)
        budget = node._host._budget  # type: ignore[attr-defined]
        seen = 0

        async def work() -> None:
            nonlocal seen
            channel = await connected(node)
            for number in range(50):
                await give(channel, stream(2 * number + 1, proposal("/hold")))
                await give(channel, frame(DATA, 0, 2 * number + 1, 50_000, bytes(50_000)) * 4)
                seen = max(seen, budget.used)
            await drain(channel, 0.2)
            await channel.raw.close()

        await attack(here, work)
        assert seen <= 1 << 20
        await until(lambda: budget.used == 0)
