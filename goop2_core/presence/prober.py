"""Finding out whether a peer can be reached (spec 2.7), without letting strangers make us dial without end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from goop2_core.errors import Goop2Error, NetworkError, Unsupported
from goop2_core.p2p.api import Node
from goop2_core.presence.table import PeerTable, Row
from goop2_core.tasks import TaskOwner

log = logging.getLogger("goop2.presence")

PROTOCOL = "/goop/content/1.0.0"
PROBE_SECONDS = 2.0
CONNECT_SECONDS = 3.0
AT_ONCE = 8
WAITING = 256
COOL_DOWN = 0.5
LONGEST_COOL_DOWN = 60.0
LABEL_BYTES = 8192


class Prober:
    """Connects to peers and probes them: one attempt a peer at a time, few at once, ever rarer after failures."""

    def __init__(self, node: Node, table: PeerTable, tasks: TaskOwner, changed: Callable[[Row], None]) -> None:
        self._node = node
        self._table = table
        self._tasks = tasks
        self._changed = changed
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._probes: dict[str, asyncio.Task[bool]] = {}
        self._connecting: set[str] = set()

    def connect_soon(self, peer_id: str) -> None:
        """Make sure of a connection, in the background."""
        if peer_id in self._connecting or len(self._connecting) >= WAITING or self._node.connections(peer_id):
            return
        self._connecting.add(peer_id)
        if self._tasks.spawn("connect", self._connect(peer_id)) is None:
            self._connecting.discard(peer_id)

    def probe_soon(self, peer_id: str) -> None:
        """Probe in the background, unless the peer failed a moment ago: 0.5 s, doubling with each failure to 60 s."""
        row = self._table.get(peer_id)
        if row is None or len(self._probes) >= WAITING:
            return
        if time.monotonic() - row.failed_at >= min(COOL_DOWN * 2.0 ** min(row.fail_streak, 16), LONGEST_COOL_DOWN):
            self._start(peer_id)

    async def probe(self, peer_id: str) -> bool:
        """Whether the peer answers within 2 s; a probe that is under way already is shared."""
        task = self._probes.get(peer_id) or self._start(peer_id)
        return False if task is None else await asyncio.shield(task)

    def _start(self, peer_id: str) -> asyncio.Task[bool] | None:
        running = self._probes.get(peer_id)
        if running is not None:
            return running
        task = self._tasks.spawn("probe", self._probe(peer_id))
        if task is not None:
            self._probes[peer_id] = task
            task.add_done_callback(lambda _: self._probes.pop(peer_id, None))
        return task

    async def _connect(self, peer_id: str) -> None:
        try:
            async with self._slots:
                await self._node.connect(peer_id, timeout=CONNECT_SECONDS)
        except NetworkError as error:
            log.debug("connecting to %s failed: %s", peer_id, error)
        finally:
            self._connecting.discard(peer_id)

    async def _probe(self, peer_id: str) -> bool:
        async with self._slots:
            reached = await self._reaches(peer_id)
        if reached:
            paths = {connection.relayed for connection in self._node.connections(peer_id)}
            if paths == {True, False}:
                await self._node.disconnect(peer_id, relayed_only=True)
        elif self._node.connections(peer_id):
            await self._node.disconnect(peer_id)  # it is dead, and would make the next attempt fail too
        row = self._table.get(peer_id)
        if row is not None and self._table.set_reachable(peer_id, reached):
            self._changed(row)
        return reached

    async def _reaches(self, peer_id: str) -> bool:
        """The label is read, not only asked for: an opened stream alone may prove nothing but an old connection."""
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                stream = await self._node.open_stream(peer_id, PROTOCOL, timeout=PROBE_SECONDS)
                try:
                    return bool(await stream.readline(LABEL_BYTES))
                finally:
                    self._tasks.spawn("close", stream.reset())
        except Unsupported:
            return True
        except (Goop2Error, TimeoutError) as error:
            log.debug("probing %s failed: %s", peer_id, error or "no answer")
            return False
