"""The network thread: one trio run in which every node of this process lives."""

from __future__ import annotations

import asyncio
import contextvars
import importlib
import logging
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from goop2_core.errors import Goop2Error

from ._crossing import Crossing, settle
from ._node import NetworkNode
from .api import NodeEvent, NodeOptions

if TYPE_CHECKING:
    from types import ModuleType

log = logging.getLogger("goop2.p2p")


class Network:
    """Opens nodes. Belongs to the asyncio loop that called `start`; trio and libp2p are imported in its thread."""

    def __init__(self) -> None:
        self._crossing: Crossing | None = None
        self._thread: threading.Thread | None = None
        self._done: asyncio.Future[None] | None = None
        self._run: Any = None
        self._nodes: list[NetworkNode] = []

    async def start(self) -> None:
        """Start the thread. Takes about 0.3 s the first time in a process."""
        if self._thread is not None:
            return
        loop = asyncio.get_running_loop()
        self._crossing = crossing = Crossing(loop)
        ready: asyncio.Future[Any] = loop.create_future()
        self._done = loop.create_future()
        self._thread = threading.Thread(
            target=_body, args=(crossing, ready, self._done), name="goop2-network", daemon=True
        )
        self._thread.start()
        self._run = await ready

    async def open(self, options: NodeOptions) -> NetworkNode:
        """A listening node. Its callbacks run in copies of the caller's context.

        Raises `PortInUse` (`errno` EADDRINUSE, `port`) or `CannotListen`, both `Goop2Error`.
        """
        if self._crossing is None or self._run is None:
            raise Goop2Error("The network is not running")
        crossing, context = self._crossing, contextvars.copy_context()
        node: NetworkNode | None = None
        early: list[NodeEvent] = []

        def deliver(event: NodeEvent) -> None:
            early.append(event) if node is None else node.emit(event)

        def emit(event: NodeEvent) -> None:
            crossing.to_asyncio(deliver, event)

        host = await crossing.call(self._run.open_host, options, crossing, emit, context)
        node = NetworkNode(host, crossing, context)
        self._nodes.append(node)
        context.copy().run(node.start, options.mdns_tag)
        return node

    async def stop(self) -> None:
        """Stop every node and the thread."""
        for node in self._nodes:
            await node.stop()
        self._nodes.clear()
        if self._thread is None or self._crossing is None or self._done is None:
            return
        if self._run is not None:
            self._crossing.to_trio(self._run.stop)
        with suppress(Exception):
            await self._done
        self._thread.join(1.0)
        self._thread = self._run = self._crossing = None


def _body(crossing: Crossing, ready: asyncio.Future[Any], done: asyncio.Future[None]) -> None:
    error: BaseException | None = None
    try:
        module: ModuleType = importlib.import_module("._run", __package__)
        module.main(crossing, ready)
    except BaseException as problem:
        log.exception("the network thread failed")
        error = problem
        crossing.to_asyncio(settle, ready, None, problem)
    crossing.to_asyncio(settle, done, None, error)
