"""Tasks in the network thread. Nothing that a stranger sends may reach a nursery as an exception; this is where."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import trio

from ._crossing import Crossing, settle

log = logging.getLogger("goop2.p2p")


class Job:
    """A trio coroutine that somebody on the asyncio side awaits."""

    def __init__(
        self,
        crossing: Crossing,
        future: asyncio.Future[Any],
        work: Callable[..., Awaitable[Any]],
        arguments: tuple[Any, ...],
        lost: Callable[[Any], object] | None,
    ) -> None:
        self._crossing = crossing
        self._future = future
        self._work = work
        self._arguments = arguments
        self._lost = lost
        self._scope = trio.CancelScope()

    def cancel(self) -> None:
        """The waiter has gone."""
        self._scope.cancel()

    async def run(self) -> None:
        """Do the work and hand over its outcome."""
        result: Any = None
        error: Exception | None = None
        try:
            with self._scope:
                result = await self._work(*self._arguments)
            if self._scope.cancelled_caught:
                error = ConnectionAbortedError("cancelled")
        except trio.Cancelled:
            self._crossing.to_asyncio(settle, self._future, None, ConnectionAbortedError("the network is stopping"))
            raise
        except Exception as problem:  # noqa: BLE001  it belongs to the waiter, not to the nursery
            error = problem
        self._crossing.to_asyncio(self._settle, result, error)

    def _settle(self, result: Any, error: Exception | None) -> None:
        if self._future.done() and error is None and self._lost is not None:
            self._crossing.to_trio(self._lost, result)
        settle(self._future, result, error)


async def contained(name: str, work: Callable[..., Awaitable[Any]], *arguments: Any) -> None:
    """Run `work` as a task of its own: whatever it raises is logged and ends here."""
    try:
        await work(*arguments)
    except (OSError, trio.TooSlowError, trio.ClosedResourceError, trio.BrokenResourceError) as error:
        log.debug("%s: %r", name, error)
    except Exception:
        log.exception("%s failed", name)
