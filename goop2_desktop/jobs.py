"""Coroutines that windows start: each has an owner, an end, and somebody who hears of its failure."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from goop2_core.errors import Goop2Error

log = logging.getLogger("goop2.desktop")

Failed = Callable[[Goop2Error], None]


class Jobs:
    """The coroutines that run on behalf of the windows. After `stop()` none runs and none can be started.

    A `Goop2Error` goes to `failed` of its job; anything else is a bug and goes to `crashed`.
    """

    def __init__(self, failed: Failed, crashed: Callable[[BaseException], None]) -> None:
        self.failed = failed
        self.crashed = crashed
        self._tasks: set[asyncio.Task[Any]] = set()
        self._stopped = False

    def run(self, name: str, work: Coroutine[Any, Any, Any], failed: Failed | None = None) -> asyncio.Task[Any] | None:
        """Start `work` as a task called `name`; `None` if everything is coming to its end."""
        if self._stopped:
            work.close()
            return None
        task = asyncio.get_event_loop().create_task(work, name=f"desktop/{name}")
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._done(done, failed or self.failed))
        return task

    async def stop(self) -> None:
        """Cancel what runs and wait for it."""
        self._stopped = True
        current = asyncio.current_task()
        waiting = [task for task in self._tasks if task is not current]
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    def _done(self, task: asyncio.Task[Any], failed: Failed) -> None:
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        if isinstance(error, Goop2Error):
            log.info("%s: %s", task.get_name(), error)
            if not self._stopped:
                failed(error)
        else:
            self.crashed(error)
