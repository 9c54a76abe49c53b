"""What each member of a hosted group is still owed, and sending it until it has arrived.

What is owed is a state, not a queue: however often the member list changes while somebody is away, they get the latest
one when they are back. So nothing grows, nobody is removed because a message failed, and nobody waits for another.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from goop2_core.errors import Goop2Error, NetworkError
from goop2_core.tasks import TaskOwner

log = logging.getLogger("goop2.groups")

INVITE: Final = "invite"
WELCOME: Final = "welcome"
MEMBERS: Final = "members"
META: Final = "meta"
OWN: Final = "own"
PING: Final = "ping"
_ORDER: Final = (INVITE, WELCOME, MEMBERS, META, OWN, PING)
AT_ONCE: Final = 64
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE_ONLINE: Final = 8.0
LONGEST_PAUSE: Final = 60.0
TICK_SECONDS: Final = 0.5

Source = Callable[[str, str], Awaitable[bool]]


@dataclass(slots=True, eq=False)
class _Line:
    group_id: str
    peer_id: str
    owed: set[str] = field(default_factory=set)
    running: bool = False
    away: bool = False
    failures: int = 0
    retry_at: float = 0.0


class Lines:
    """A line to each member of each hosted group.

    `sources` sends one thing of a kind and says whether there is more; it raises `NetworkError` if that failed.
    `online` asks presence; `changed` is told when somebody becomes away, or no longer is.
    """

    def __init__(
        self,
        tasks: TaskOwner,
        sources: Mapping[str, Source],
        online: Callable[[str], bool],
        changed: Callable[[str, str], None],
    ) -> None:
        self._tasks = tasks
        self._sources = sources
        self._online = online
        self._changed = changed
        self._lines: dict[tuple[str, str], _Line] = {}
        self._at_once = asyncio.Semaphore(AT_ONCE)

    def start(self) -> None:
        """Begin to try again what failed."""
        self._tasks.spawn("retry", self._tick())

    def owe(self, group_id: str, peer_id: str, kind: str) -> None:
        """The peer is to get something of this kind."""
        line = self._lines.get((group_id, peer_id))
        if line is None:
            line = self._lines[group_id, peer_id] = _Line(group_id, peer_id)
        line.owed.add(kind)
        if not line.failures:
            self._run(line)

    def heard(self, group_id: str, peer_id: str) -> None:
        """The peer gave a sign of life: what it is owed is tried at once, and it is no longer away."""
        line = self._lines.get((group_id, peer_id))
        if line is not None:
            self._reached(line)
            self._run(line)

    def back(self, peer_id: str) -> None:
        """The peer came online: what it is owed is tried at once."""
        for line in [line for line in self._lines.values() if line.peer_id == peer_id]:
            line.failures = 0
            self._run(line)

    def away(self, group_id: str, peer_id: str) -> bool:
        """Whether the last attempt to reach the peer failed."""
        line = self._lines.get((group_id, peer_id))
        return line is not None and line.away

    def drop(self, group_id: str, peer_id: str) -> None:
        """Owe the peer nothing any more."""
        line = self._lines.pop((group_id, peer_id), None)
        if line is not None:
            line.owed.clear()

    def drop_group(self, group_id: str) -> None:
        """Owe nobody of this group anything any more."""
        for key in [key for key in self._lines if key[0] == group_id]:
            self.drop(*key)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = time.monotonic()
            for line in list(self._lines.values()):
                if line.owed and not line.running and line.retry_at <= now:
                    self._run(line)

    def _run(self, line: _Line) -> None:
        if line.owed and not line.running:
            line.running = True
            if self._tasks.spawn(f"send to {line.peer_id}", self._send(line)) is None:
                line.running = False

    async def _send(self, line: _Line) -> None:
        try:
            while line.owed:
                kind = next(kind for kind in _ORDER if kind in line.owed)
                line.owed.discard(kind)
                try:
                    async with self._at_once:
                        more = await self._sources[kind](line.group_id, line.peer_id)
                except NetworkError as error:
                    self._failed(line, kind, error)
                    return
                except Goop2Error as error:  # it cannot be sent, now or later
                    log.warning("%s of group %s cannot be sent: %s", kind, line.group_id, error)
                    continue
                self._reached(line)
                if more and self._lines.get((line.group_id, line.peer_id)) is line:
                    line.owed.add(kind)
        finally:
            line.running = False

    def _failed(self, line: _Line, kind: str, error: Goop2Error) -> None:
        if self._lines.get((line.group_id, line.peer_id)) is not line:
            return
        log.debug("%s of group %s did not reach %s: %s", kind, line.group_id, line.peer_id, error)
        line.owed.add(kind)
        line.failures += 1
        longest = LONGEST_PAUSE_ONLINE if self._online(line.peer_id) else LONGEST_PAUSE
        pause = min(longest, FIRST_PAUSE * 2 ** min(line.failures - 1, 10))
        line.retry_at = time.monotonic() + pause * random.uniform(0.7, 1.0)  # noqa: S311 (only spreads the load)
        if not line.away:
            line.away = True
            self._changed(line.group_id, line.peer_id)

    def _reached(self, line: _Line) -> None:
        line.failures = 0
        if line.away:
            line.away = False
            self._changed(line.group_id, line.peer_id)
