"""A child of the `core` benchmark: a peer that connects to another, fetches from it, talks to it, and times it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from pathlib import Path
from typing import Any

from goop2_core.engine import Engine
from goop2_core.p2p import Network
from goop2_core.peerdir import PeerDir

TOPIC = "bench:echo"


async def main(directory: Path, peer_id: str, addresses: list[str], rounds: int) -> dict[str, Any]:
    """Milliseconds and MB/s as JSON-ready lists."""
    network = Network()
    await network.start()
    engine = Engine(PeerDir.ensure(directory), lambda _event: None)
    await engine.start(network)
    node = engine._node
    try:
        connects = []
        for _ in range(rounds):
            with contextlib.suppress(Exception):
                await node.disconnect(peer_id)
            node.learn(peer_id, addresses)
            begin = time.perf_counter()
            await node.connect(peer_id, timeout=5)
            connects.append((time.perf_counter() - begin) * 1000)
        await asyncio.sleep(1)  # identify and the exchange of keys are over
        return {
            "connect_ms": connects,
            "first_byte_ms": [await first_byte(engine, peer_id) for _ in range(rounds * 3)],
            "throughput": [await throughput(engine, peer_id) for _ in range(3)],
            "mq_per_second": await round_trips(engine, peer_id, rounds * 20),
        }
    finally:
        await engine.stop()
        await network.stop()


async def first_byte(engine: Engine, peer_id: str) -> float:
    """Milliseconds from asking for a small page to having its first bytes."""
    begin = time.perf_counter()
    file = await engine._client.fetch(peer_id, "/small.txt")
    async for _ in file.chunks:
        break
    taken = (time.perf_counter() - begin) * 1000
    await file.close()
    return taken


async def throughput(engine: Engine, peer_id: str) -> float:
    """MB/s of one large file."""
    begin = time.perf_counter()
    file = await engine._client.fetch(peer_id, "/large.bin")
    size = 0
    async for chunk in file.chunks:
        size += len(chunk)
    await file.close()
    return size / 1e6 / (time.perf_counter() - begin)


async def round_trips(engine: Engine, peer_id: str, count: int) -> float:
    """Sealed messages a second, one after the other, each acknowledged."""
    begin = time.perf_counter()
    for number in range(count):
        await engine._bus.send(peer_id, TOPIC, {"number": number})
    return count / (time.perf_counter() - begin)


if __name__ == "__main__":
    where, who, known, how_many = sys.argv[1:5]
    print(json.dumps(asyncio.run(main(Path(where), who, json.loads(known), int(how_many)))))
