"""Nothing is left of a network that was stopped."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from pathlib import Path

import pytest

from goop2_core.errors import Unreachable
from goop2_core.p2p import Network

from .nodes import ECHO, echo, some, works


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_ten_cycles_leave_no_thread_file_or_task() -> None:
    before: tuple[int, int, int] | None = None
    for _ in range(11):
        async with some(3, tag="leaktest") as here:
            one, two, three = here.nodes
            await works(one, two, 100_000)
            stream = await three.open_stream(one.peer_id, ECHO)
            await stream.write(b"left open")
            one.subscribe("topic", lambda _author, _data: None)
            await one.publish("topic", b"x")
            del stream
        gc.collect()
        await asyncio.sleep(0)
        now = (threading.active_count(), open_files(), len(asyncio.all_tasks()))
        before = before or now
        assert now == before


async def test_a_stop_is_quick_even_with_peers_that_do_not_answer() -> None:
    async with some(4) as here:
        hub = here.nodes[0]
        for node in here.nodes[1:]:
            stream = await node.open_stream(hub.peer_id, ECHO)
            await stream.write(b"x" * 100_000)
        start = time.monotonic()
        await hub.stop()
        assert time.monotonic() - start < 2
        await hub.stop()


async def test_a_network_can_be_stopped_twice_and_started_again() -> None:
    network = Network()
    await network.stop()
    for _ in range(2):
        await network.start()
        await network.start()
        await network.stop()
        await network.stop()


async def test_a_stopped_node_says_so_and_lets_nobody_wait() -> None:
    async with some() as here:
        one, two = here.nodes
        await one.stop()
        with pytest.raises(Unreachable):
            await one.connect(two.peer_id)
        waiting = asyncio.create_task(two.connect(one.peer_id, timeout=20))
        await asyncio.sleep(0)
        await here.network.stop()
        with pytest.raises(Unreachable):
            await asyncio.wait_for(waiting, 5)
        with pytest.raises(Unreachable):
            await two.open_stream(one.peer_id, ECHO)
        two.learn(one.peer_id, [])
        two.handle("/late", echo)
        assert two.connections() == []
