"""The other side of `tests.bench.p2p`: a node that echoes, drinks and pours. It ends when its stdin does.

`python -m tests.bench.p2p_child`
"""

from __future__ import annotations

import asyncio
import json
import os
import sys

from goop2_core.p2p import Network, NodeOptions, Stream

ECHO = "/bench/echo/1.0.0"
SINK = "/bench/sink/1.0.0"
SOURCE = "/bench/source/1.0.0"
CHUNK = 256 << 10


async def echo(stream: Stream) -> None:
    while data := await stream.read(CHUNK):
        await stream.write(data)


async def sink(stream: Stream) -> None:
    count = 0
    while data := await stream.read(CHUNK):
        count += len(data)
    await stream.write(b"%d\n" % count)


async def source(stream: Stream) -> None:
    left = int(await stream.readline(32))
    block = os.urandom(CHUNK)
    while left > 0:
        await stream.write(block[:left])
        left -= CHUNK


async def main() -> None:
    network = Network()
    await network.start()
    node = await network.open(NodeOptions(seed=os.urandom(32), listen=("/ip4/127.0.0.1/tcp/0",), mdns_tag=""))
    for protocol, handler in ((ECHO, echo), (SINK, sink), (SOURCE, source)):
        node.handle(protocol, handler)
    sys.stdout.write(json.dumps({"peer_id": node.peer_id, "addresses": node.listen_addresses()}) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await network.stop()


if __name__ == "__main__":
    asyncio.run(main())
