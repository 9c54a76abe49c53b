"""Who owns which task. Every long-lived object owns its named tasks, in a tree, and stops them in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger("goop2.tasks")

STOP_TIMEOUT = 2.0


class TaskOwner:
    """A set of named tasks with one end.

    A task that fails is logged with its name and never takes its siblings along. After `stop()` no task of this owner
    or of its children runs, and new ones are refused: their coroutine is closed, `spawn` returns `None`.
    """

    def __init__(self, name: str, parent: TaskOwner | None = None) -> None:
        self.name: str = name if parent is None else f"{parent.name}/{name}"
        self._parent = parent
        self._tasks: set[asyncio.Task[Any]] = set()
        self._children: list[TaskOwner] = []
        self._stopping = False

    def child(self, name: str) -> TaskOwner:
        """A new owner below this one; it is stopped before this one's own tasks are."""
        owner = TaskOwner(name, self)
        self._children.append(owner)
        return owner

    def spawn(self, name: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any] | None:
        """Run `work` as a task named `<owner>/<name>`; `None` if this owner has been stopped."""
        if self._stopping:
            work.close()
            return None
        task = asyncio.get_running_loop().create_task(work, name=f"{self.name}/{name}")
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def __len__(self) -> int:
        """How many tasks run here and below."""
        return len(self._tasks) + sum(len(child) for child in self._children)

    @property
    def stopping(self) -> bool:
        """Whether `stop()` has begun."""
        return self._stopping

    async def stop(self, timeout: float = STOP_TIMEOUT) -> None:
        """Cancel everything below and here, and wait `timeout` seconds for it; what is late then is logged by name."""
        self._stopping = True
        for child in reversed(list(self._children)):
            await child.stop(timeout)
        current = asyncio.current_task()
        waiting = {task for task in self._tasks if task is not current}
        for task in waiting:
            task.cancel()
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=timeout)
            for task in late:
                log.error("task %s did not stop within %.0f s", task.get_name(), timeout)
        if self._parent is not None:
            self._parent.forget(self)

    def forget(self, child: TaskOwner) -> None:
        """Let go of a stopped child; it calls this itself."""
        if child in self._children:
            self._children.remove(child)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("task %s failed", task.get_name(), exc_info=error)
