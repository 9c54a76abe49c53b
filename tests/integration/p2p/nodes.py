"""Real nodes on loopback for these tests."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from goop2_core.p2p import Limits, Network, Node, NodeEvent, NodeOptions, Stream
from tests.support.wait import until

T = TypeVar("T")

TCP = "/ip4/127.0.0.1/tcp/0"
WS = "/ip4/127.0.0.1/tcp/0/ws"
ECHO = "/test/echo/1.0.0"


async def echo(stream: Stream) -> None:
    while data := await stream.read():
        await stream.write(data)


@dataclass
class Some:
    """A network with nodes, and the events that each node had."""

    network: Network
    nodes: list[Node] = field(default_factory=list)
    events: list[list[NodeEvent]] = field(default_factory=list)

    async def open(
        self,
        *,
        listen: tuple[str, ...] = (TCP,),
        limits: Limits | None = None,
        tag: str = "",
        seed: bytes = b"",
    ) -> Node:
        options = NodeOptions(
            seed=seed or os.urandom(32), listen=listen, mdns_tag=tag, limits=limits or Limits(), agent="goop2 test"
        )
        node = await self.network.open(options)
        seen: list[NodeEvent] = []
        node.listen(seen.append)
        node.handle(ECHO, echo)
        self.nodes.append(node)
        self.events.append(seen)
        return node

    async def event(self, index: int, wanted: type[T], where: Callable[[T], bool] = lambda _: True) -> T:
        """The first event of this kind that a node had, waited for."""

        def find() -> T | None:
            return next((event for event in self.events[index] if isinstance(event, wanted) and where(event)), None)

        found = await until(find, 20)
        assert found is not None
        return found


@asynccontextmanager
async def some(count: int = 2, *, linked: bool = True, **how: object) -> AsyncIterator[Some]:
    """`count` open nodes; the second and later ones know the first, and the first knows them, if `linked`."""
    network = Network()
    await network.start()
    here = Some(network)
    try:
        for _ in range(count):
            await here.open(**how)  # type: ignore[arg-type]
        if linked:
            for node in here.nodes[1:]:
                introduce(node, here.nodes[0])
                introduce(here.nodes[0], node)
        yield here
    finally:
        await network.stop()


def introduce(one: Node, other: Node) -> None:
    one.learn(other.peer_id, other.listen_addresses())


async def works(one: Node, other: Node, size: int = 3) -> None:
    """A small exchange between the two succeeds."""
    introduce(one, other)
    stream = await one.open_stream(other.peer_id, ECHO, timeout=10)
    payload = os.urandom(size)
    await stream.write(payload)
    await stream.close_write()
    assert await asyncio.wait_for(stream.readexactly(size), 10) == payload
    assert await asyncio.wait_for(stream.read(), 10) == b""
    await stream.close()


@dataclass
class Child:
    """A node in another process."""

    process: asyncio.subprocess.Process
    peer_id: str
    addresses: list[str]


@asynccontextmanager
async def child() -> AsyncIterator[Child]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.p2p_child", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        said = json.loads(await asyncio.wait_for(process.stdout.readline(), 20))
        yield Child(process, said["peer_id"], said["addresses"])
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
