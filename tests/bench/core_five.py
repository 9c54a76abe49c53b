"""A child of the `core` benchmark: five peers in one process, without a window, until its input ends."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from goop2_core.host import EngineHost


async def main(data_dir: Path, count: int) -> None:
    """Start the peers, say `ready`, and stop at the end of the input."""
    host = EngineHost(data_dir)
    await host.start()
    for number in range(count):
        await host.start_peer((await host.create_peer(f"Peer {number + 1}")).directory)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await host.stop()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
