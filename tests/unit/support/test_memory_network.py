"""The network that tests use keeps the promises of p2p/api.py that they rely on."""

from __future__ import annotations

import asyncio

import pytest

from goop2_core.errors import Refused, StreamBroken, Unreachable, Unsupported
from goop2_core.p2p.api import Connected, Disconnected, NodeOptions, PeerFound
from tests.support.memory_network import WINDOW, MemoryNetwork, MemoryNode
from tests.support.wait import until


async def pair() -> tuple[MemoryNetwork, MemoryNode, MemoryNode]:
    network = MemoryNetwork()
    one = await network.open(NodeOptions(seed=bytes([1] * 32)))
    two = await network.open(NodeOptions(seed=bytes([2] * 32)))
    one.learn(two.peer_id, two.addresses())
    return network, one, two


async def echo(stream) -> None:
    while data := await stream.read():
        await stream.write(data)


async def test_a_stream_carries_more_than_its_window_both_ways():
    network, one, two = await pair()
    two.handle("/echo", echo)
    stream = await one.open_stream(two.peer_id, "/echo")
    sent = bytes(range(256)) * 4096
    async with asyncio.TaskGroup() as group:
        group.create_task(stream.write(sent))
        got = await stream.readexactly(len(sent))
    assert got == sent
    assert len(sent) > WINDOW
    await stream.close_write()
    assert await stream.read() == b""
    await network.stop()


async def test_errors_are_those_of_the_contract():
    network, one, two = await pair()
    with pytest.raises(Unsupported):
        await one.open_stream(two.peer_id, "/nothing")
    two.handle("/lines", lambda stream: stream.write(b"short\nfar too long\n"))
    stream = await one.open_stream(two.peer_id, "/lines")
    assert await stream.readline(16) == b"short\n"
    with pytest.raises(Refused):
        await stream.readline(8)
    two.handle("/echo", echo)
    stream = await one.open_stream(two.peer_id, "/echo")
    network.kill(two)
    with pytest.raises(StreamBroken):
        await stream.read()
    with pytest.raises(Unreachable):
        await one.open_stream(two.peer_id, "/echo", timeout=0.2)
    await network.stop()


async def test_events_gossip_and_a_pulled_cable():
    network, one, two = await pair()
    seen, heard = [], []
    one.listen(seen.append)
    two.subscribe("t", lambda author, data: heard.append((author, data)))
    await until(lambda: seen == [PeerFound(two.peer_id, tuple(two.addresses()))])
    await one.connect(two.peer_id)
    await until(lambda: Connected(two.peer_id, relayed=False) in seen)
    network.cut(two)
    await one.publish("t", b"lost")
    with pytest.raises(Unreachable):
        await one.open_stream(two.peer_id, "/x", timeout=0.05)
    network.heal(two)
    await one.publish("t", b"heard")
    await until(lambda: heard == [(one.peer_id, b"heard")])
    network.kill(two)
    await until(lambda: Disconnected(two.peer_id) in seen)
    assert one.connections() == []
    await network.stop()
