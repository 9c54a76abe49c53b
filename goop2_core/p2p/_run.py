"""The trio run of the network thread. Importing this module imports trio and libp2p."""

from __future__ import annotations

import asyncio
import contextvars
import importlib
from collections.abc import Callable
from typing import Any

import trio

from . import patches
from ._crossing import Crossing, settle
from ._host import Host
from ._task import contained
from .api import NodeEvent, NodeOptions


class Run:
    """A running trio loop."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self._library = patches.load()
        self._stop = trio.Event()

    async def open_host(
        self,
        options: NodeOptions,
        crossing: Crossing,
        emit: Callable[[NodeEvent], object],
        context: contextvars.Context,
    ) -> Host:
        """Open a node; its tasks run in `context`."""
        if options.mdns_tag:
            importlib.import_module("zeroconf.asyncio")  # 0.1 s here, so that it does not block the engine's loop
        host = Host(self._library, options, crossing, emit)
        host.open()
        context.copy().run(self._nursery.start_soon, contained, "node", host.run)
        return host

    def stop(self) -> None:
        """End the run."""
        self._stop.set()

    async def wait(self) -> None:
        """Until `stop`."""
        await self._stop.wait()


def main(crossing: Crossing, ready: asyncio.Future[Any]) -> None:
    """Run trio until the run is stopped. `ready` gets the `Run`."""

    async def run() -> None:
        async with trio.open_nursery() as nursery:
            this = Run(nursery)
            crossing.open_trio(trio.lowlevel.current_trio_token().run_sync_soon, nursery.start_soon)
            crossing.to_asyncio(settle, ready, this, None)
            await this.wait()
            nursery.cancel_scope.cancel()

    try:
        trio.run(run, strict_exception_groups=True)
    finally:
        crossing.close_trio()
