"""A hostile visitor, run as a process of its own: asks for files on as many streams as it gets and reads nothing.

`python -m tests.support.stalling_visitor PEER_ID ADDRESS` prints `ready` and the number of its streams, and then waits
to be killed. Its key is made from the seed `HOSTILE_SEED`.
"""

from __future__ import annotations

import asyncio
import sys

from goop2_core.errors import NetworkError
from goop2_core.p2p import Network, NodeOptions

HOSTILE_SEED = b"\x66" * 32
STREAMS = 64


async def main(peer_id: str, address: str) -> None:
    network = Network()
    await network.start()
    node = await network.open(NodeOptions(HOSTILE_SEED, listen=("/ip4/127.0.0.1/tcp/0",), mdns_tag=""))
    node.learn(peer_id, [address])
    streams = []
    for number in range(STREAMS):
        try:
            stream = await node.open_stream(peer_id, "/goop/site/1.0.0")
            await stream.write(b"GET /big\n" if number % 2 else b"GET /sealed\n")
        except NetworkError:
            break
        streams.append(stream)
    print("ready", len(streams), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
