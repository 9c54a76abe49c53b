"""When Python looks for garbage: on the GUI thread, on a timer, and never elsewhere.

Automatic collection runs in whichever thread happens to allocate. In the engine's or the network's thread it would
destroy Qt objects there, and Qt objects must end in the thread that made them.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

EVERY_MS = 1000
FULL_EVERY = 30  # turns of the timer
YOUNG, MIDDLE, OLD = 0, 1, 2
MANY_YOUNG = 2000


class Collector(QObject):
    """Turns automatic collection off and collects a little each second, and everything twice a minute."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._turns = 0
        gc.disable()
        gc.freeze()  # what was imported so far stays: looking through it each time would cost tens of milliseconds
        self._timer = QTimer(self)
        self._timer.setInterval(EVERY_MS)
        self._timer.timeout.connect(self.collect)
        self._timer.start()

    def collect(self) -> None:
        """One turn."""
        self._turns += 1
        if self._turns % FULL_EVERY == 0:
            gc.collect(OLD)
        elif gc.get_count()[YOUNG] > MANY_YOUNG:
            gc.collect(MIDDLE)

    def freeze_loaded(self) -> None:
        """Take what has been imported since as permanent, too."""
        gc.collect(OLD)
        gc.freeze()

    def stop(self) -> None:
        """Back to Python's own way, for what comes after the windows."""
        self._timer.stop()
        gc.enable()
