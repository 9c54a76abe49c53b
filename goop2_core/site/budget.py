"""How many bytes may be held at once, so that many bodies together stay small."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import Final

from goop2_core.errors import Refused

WAIT_SECONDS: Final = 30.0


class Budget:
    """`total` bytes that are lent. A loan that is larger than `total` is never given."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.lent = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @contextlib.contextmanager
    def at_once(self, count: int) -> Iterator[bool]:
        """Holds `count` bytes in the block if they are free now; says whether it does."""
        free = not self._waiting and self.lent + count <= self.total
        if free:
            self.lent += count
        try:
            yield free
        finally:
            if free:
                self._give_back(count)

    @contextlib.asynccontextmanager
    async def in_turn(self, count: int, seconds: float = WAIT_SECONDS) -> AsyncIterator[None]:
        """Holds `count` bytes in the block, waiting in turn. Raises `Refused` (413, or 503 after `seconds`)."""
        if count > self.total:
            raise Refused(
                "Too large", f"It has {count >> 20} MiB, at most {self.total >> 20} are accepted.", status=413
            )
        if self._waiting or self.lent + count > self.total:
            await self._wait(count, seconds)
        else:
            self.lent += count
        try:
            yield
        finally:
            self._give_back(count)

    async def _wait(self, count: int, seconds: float) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((count, turn))
        try:
            async with asyncio.timeout(seconds):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():  # given in the same moment
                self._give_back(count)
            else:
                self._waiting.remove((count, turn))
                self._give_back(0)
            if isinstance(error, TimeoutError):
                raise Refused("Busy", "Other large files are being decrypted.", "Try again soon.", status=503) from None
            raise

    def _give_back(self, count: int) -> None:
        self.lent -= count
        while self._waiting and self.lent + self._waiting[0][0] <= self.total:
            wanted, turn = self._waiting.popleft()
            if not turn.cancelled():
                self.lent += wanted
                turn.set_result(None)
