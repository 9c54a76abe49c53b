"""Nothing is left of a network that was stopped."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from pathlib import Path

from goop2_core.p2p import Network

from .nodes import ECHO, some, works


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
