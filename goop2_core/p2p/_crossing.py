"""The one crossing between the engine's asyncio loop and the network's trio run.

Small calls go over in batches: a wake-up of the other side costs more than most of them.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

log = logging.getLogger("goop2.p2p")

T = TypeVar("T")
Call = tuple[Callable[..., object], tuple[Any, ...]]


class _Lane:
    """Calls waiting to run on one side."""

    def __init__(self, wake: Callable[[Callable[[], None]], object]) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._calls: deque[Call] = deque()
        self._awake = False
        self._closed = False

    def close(self) -> None:
        """The other side has ended; what it has not run yet is forgotten."""
        with self._lock:
            self._closed = True
            self._calls.clear()

    def post(self, function: Callable[..., object], *arguments: Any) -> bool:
        """Run `function` on the other side, soon and in order. False if that side has ended."""
        with self._lock:
            if self._closed:
                return False
            self._calls.append((function, arguments))
            if self._awake:
                return True
            self._awake = True
        try:
            self._wake(self._run)
        except RuntimeError:  # the loop is closed, or the trio run is over
            return False
        return True

    def _run(self) -> None:
        with self._lock:
            calls, self._calls = self._calls, deque()
            self._awake = False
        for function, arguments in calls:
            try:
                function(*arguments)
            except Exception:
                log.exception("a call between engine and network failed")


class Crossing:
    """Carries calls between the two sides. `to_asyncio` and `to_trio` may be used from any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._to_asyncio = _Lane(loop.call_soon_threadsafe)
        self._to_trio: _Lane | None = None
        self._start_soon: Callable[..., object] | None = None
        self._waiting: set[asyncio.Future[Any]] = set()

    def open_trio(self, run_sync_soon: Callable[..., object], start_soon: Callable[..., object]) -> None:
        """The trio run is up: from now on calls reach it. `start_soon` starts a task there."""
        self._to_trio = _Lane(run_sync_soon)
        self._start_soon = start_soon

    def close_trio(self) -> None:
        """The trio run is over: whoever still waits for it is told."""
        if self._to_trio is not None:
            self._to_trio.close()
        self.to_asyncio(self._abandon)

    def _abandon(self) -> None:
        for future in list(self._waiting):
            settle(future, None, ConnectionAbortedError("the network is stopped"))

    def to_asyncio(self, function: Callable[..., object], *arguments: Any) -> bool:
        """Run `function` on the engine's loop."""
        return self._to_asyncio.post(function, *arguments)

    def to_trio(self, function: Callable[..., object], *arguments: Any) -> bool:
        """Run `function` (not a coroutine) in the network thread."""
        return self._to_trio is not None and self._to_trio.post(function, *arguments)

    async def call(
        self, work: Callable[..., Awaitable[T]], *arguments: Any, lost: Callable[[T], object] | None = None
    ) -> T:
        """Await a trio coroutine function from asyncio. Cancelling the wait cancels the work.

        If the work was done just before that, `lost(result)` is called in the network thread: nobody else owns it.
        Raises what the work raises, `ConnectionAbortedError` if the network stops meanwhile.
        """
        from ._task import Job  # noqa: PLC0415  trio is imported in the network thread first

        future: asyncio.Future[T] = self.loop.create_future()
        job = Job(self, future, work, arguments, lost)
        if self._start_soon is None or not self.to_trio(self._start_soon, job.run):
            raise ConnectionAbortedError("the network is stopped")
        self._waiting.add(future)
        try:
            return await future
        except asyncio.CancelledError:
            if future.cancelled():
                self.to_trio(job.cancel)
            elif lost is not None and future.exception() is None:
                self.to_trio(lost, future.result())
            raise
        finally:
            self._waiting.discard(future)


def settle(future: asyncio.Future[T], result: T | None, error: BaseException | None) -> None:
    """Give a future its outcome, unless its waiter has gone."""
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)  # type: ignore[arg-type]
