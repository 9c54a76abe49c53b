"""A child of the `core` benchmark: a whole peer in DIR, which tells where it is and serves until its input ends."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from goop2_core.engine import Engine
from goop2_core.p2p import Network
from goop2_core.peerdir import PeerDir


async def main(directory: Path) -> None:
    """Serve until standard input ends."""
    network = Network()
    await network.start()
    engine = Engine(PeerDir.ensure(directory), lambda _event: None)
    await engine.start(network)
    facts = {
        "peer_id": engine.identity.peer_id,
        "addresses": engine._node.listen_addresses(),
        "site": engine.site_link(),
    }
    print(json.dumps(facts), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await engine.stop()
    await network.stop()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
