"""What a connection between two processes on this machine does: time to connect, to answer, and bytes a second.

`python -m tests.bench.p2p` prints the figures; `measure()` gives them to others.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from goop2_core.p2p import Network, Node, NodeOptions
from tests.support.wait import until

from .p2p_child import CHUNK, ECHO, SINK, SOURCE


@asynccontextmanager
async def pair() -> AsyncIterator[tuple[Network, str, list[str]]]:
    """A running network here, and the ID and addresses of a node in a child process."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.p2p_child", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdin is not None
    assert child.stdout is not None
    network = Network()
    try:
        await network.start()
        other = json.loads(await asyncio.wait_for(child.stdout.readline(), 20))
        yield network, other["peer_id"], other["addresses"]
    finally:
        await network.stop()
        child.stdin.close()
        await child.wait()


def options() -> NodeOptions:
    return NodeOptions(seed=os.urandom(32), listen=("/ip4/127.0.0.1/tcp/0",), mdns_tag="")


async def connect_seconds(network: Network, peer_id: str, addresses: list[str], times: int = 10) -> list[float]:
    """Each from a fresh node."""
    found = []
    for _ in range(times):
        node = await network.open(options())
        node.learn(peer_id, addresses)
        start = time.perf_counter()
        await node.connect(peer_id)
        found.append(time.perf_counter() - start)
        await node.stop()
    return found


async def request_seconds(node: Node, peer_id: str, times: int = 300) -> list[float]:
    """A new stream, a request line and its answer, one after the other."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        stream = await node.open_stream(peer_id, ECHO)
        await stream.write(b'{"id":"00000000","topic":"bench"}\n')
        await stream.readline(100)
        found.append(time.perf_counter() - start)
        await stream.close()
    return found


async def upload_rate(node: Node, peer_id: str, size: int = 128 << 20) -> float:
    """Bytes a second to the other side, counted once it has them."""
    block = os.urandom(CHUNK)
    stream = await node.open_stream(peer_id, SINK)
    start = time.perf_counter()
    for _ in range(size // CHUNK):
        await stream.write(block)
    await stream.close_write()
    assert int(await stream.readline(32)) == size
    rate = size / (time.perf_counter() - start)
    await stream.close()
    return rate


async def download_rate(node: Node, peer_id: str, size: int = 128 << 20) -> float:
    """Bytes a second from the other side."""
    stream = await node.open_stream(peer_id, SOURCE)
    start = time.perf_counter()
    await stream.write(b"%d\n" % size)
    count = 0
    while data := await stream.read(CHUNK):
        count += len(data)
    assert count == size
    rate = size / (time.perf_counter() - start)
    await stream.close()
    return rate


async def measure() -> dict[str, float]:
    """Milliseconds, requests a second, and MB/s."""
    async with pair() as (network, peer_id, addresses):
        connects = await connect_seconds(network, peer_id, addresses)
        node = await network.open(options())
        node.learn(peer_id, addresses)
        await node.connect(peer_id)
        await until(lambda: node.protocols(peer_id))
        requests = await request_seconds(node, peer_id)
        return {
            "connect_ms_p50": statistics.median(connects) * 1e3,
            "connect_ms_max": max(connects) * 1e3,
            "first_byte_ms_p50": statistics.median(requests) * 1e3,
            "first_byte_ms_p99": sorted(requests)[int(len(requests) * 0.99)] * 1e3,
            "requests_a_second": len(requests) / sum(requests),
            "upload_mb_s": await upload_rate(node, peer_id) / 1e6,
            "download_mb_s": await download_rate(node, peer_id) / 1e6,
        }


if __name__ == "__main__":
    for name, value in asyncio.run(measure()).items():
        sys.stdout.write(f"{name:22} {value:9.2f}\n")
