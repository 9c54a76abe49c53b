"""How often scripts of a page may get at the user: asked without end, nobody could do anything else with the window."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

DIALOGS = (5, 60.0)
WAYS_OUT = (10, 60.0)
DOWNLOADS = (20, 60.0)


class Patience:
    """At most `most` times within `seconds`."""

    def __init__(self, most: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._times: deque[float] = deque(maxlen=most)
        self._most = most

    def lasts(self) -> bool:
        """Whether it may happen once more; if so it counts as happening now."""
        now = self._clock()
        if len(self._times) == self._most and now - self._times[0] < self._seconds:
            return False
        self._times.append(now)
        return True
