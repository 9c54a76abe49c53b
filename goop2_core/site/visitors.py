"""Who is on the site now: everyone who asked for something in the last minute."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from goop2_core.events import Event, VisitorsChanged

WINDOW_SECONDS: Final = 60.0
MOST_KEYS: Final = 4096


class Visitors:
    """Counts different visitors by key (`peer:<peer ID>`, `guest:<id>`) and tells when the number changes.

    At most 4096 are told apart; beyond that the longest silent one makes room. `now` gives seconds.
    """

    def __init__(
        self,
        emit: Callable[[Event], None],
        *,
        window: float = WINDOW_SECONDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._emit = emit
        self._window = window
        self._now = now
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._told = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def count(self) -> int:
        """How many visitors there are now."""
        self._expire()
        return len(self._seen)

    def saw(self, key: str) -> None:
        """A visitor asked for something."""
        self._seen[key] = self._now()
        self._seen.move_to_end(key)
        if len(self._seen) > MOST_KEYS:
            self._seen.popitem(last=False)
        self._tell()

    def stop(self) -> None:
        """Forget everyone, without a word."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._seen.clear()

    def _expire(self) -> None:
        limit = self._now() - self._window
        while self._seen and next(iter(self._seen.values())) <= limit:
            self._seen.popitem(last=False)

    def _tell(self) -> None:
        self._expire()
        if len(self._seen) != self._told:
            self._told = len(self._seen)
            self._emit(VisitorsChanged(self._told))
        if self._seen and self._timer is None:
            delay = next(iter(self._seen.values())) + self._window - self._now()
            self._timer = asyncio.get_running_loop().call_later(max(delay, 0.01), self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._tell()
