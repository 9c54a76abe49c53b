"""The log: on stderr for whoever started the program, and in a ring for each engine, which its console shows."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import PurePath

from goop2_core.events import LogWritten

LONGEST_LINE = 8000
_SECRETS = re.compile(r"((?:token|password|secret|private_key)[\"']?\s*[=:]\s*[\"']?)[^\s&\"',;]+", re.IGNORECASE)

current_engine: ContextVar[str] = ContextVar("goop2_engine", default="")
"""The directory of the engine on whose behalf the running code works; tasks and `to_thread` inherit it."""

Listener = Callable[[LogWritten], None]


class Ring:
    """The newest lines of one engine's log. May be written to and read from any thread."""

    def __init__(self, limit: int = 2000) -> None:
        self.verbose = False
        self._lines: deque[LogWritten] = deque(maxlen=limit)
        self._next = 1
        self._next_listener = 0
        self._listeners: dict[int, tuple[asyncio.AbstractEventLoop, Listener]] = {}
        self._lock = threading.Lock()

    def lines(self, after: int = 0, limit: int = 0) -> list[LogWritten]:
        """Lines with a number above `after`, oldest first; with a `limit` only that many, the oldest of them."""
        with self._lock:
            found = [line for line in self._lines if line.number > after]
        return found[:limit] if limit else found

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with each new line, on the loop that runs now; returns what ends that."""
        loop = asyncio.get_running_loop()
        with self._lock:
            self._next_listener += 1
            key = self._next_listener
            self._listeners[key] = (loop, listener)

        def unsubscribe() -> None:
            with self._lock:
                self._listeners.pop(key, None)

        return unsubscribe

    def write(self, timestamp: int, level: str, area: str, text: str) -> None:
        """Add a line (`timestamp` in Unix ms). Never blocks for long, never raises."""
        with self._lock:
            line = LogWritten(self._next, timestamp, level, area, text)
            self._next += 1
            self._lines.append(line)
            listeners = list(self._listeners.values())
        for loop, listener in listeners:
            with contextlib.suppress(RuntimeError):  # its loop has been closed
                loop.call_soon_threadsafe(listener, line)


class RingHandler(logging.Handler):
    """Writes one engine's records into its ring, and warnings that belong to no engine in particular."""

    def __init__(self, ring: Ring, engine: str) -> None:
        super().__init__()
        self._ring = ring
        self._engine = engine
        self.setFormatter(_Redacting("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Take the record if it is this engine's business."""
        engine = current_engine.get()
        if engine != self._engine and (engine or record.levelno < logging.WARNING):
            return
        if record.levelno < logging.INFO and not self._ring.verbose:
            return
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001 (a wrong format string must not break what it wanted to tell of)
            self.handleError(record)
            return
        self._ring.write(int(record.created * 1000), record.levelname, _area(record.name), text)


def attach(ring: Ring, engine: str) -> Callable[[], None]:
    """Let `ring` receive what is logged while `current_engine` is `engine`; returns what ends that."""
    handler = RingHandler(ring, engine)
    logging.getLogger("goop2").setLevel(logging.DEBUG)  # the handlers choose
    logging.getLogger().addHandler(handler)

    def detach() -> None:
        logging.getLogger().removeHandler(handler)
        handler.close()

    return detach


def setup_stderr(verbose: bool = False) -> Callable[[], None]:
    """Log to stderr, in detail if `verbose`, each line with its peer's directory; returns what ends that."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.DEBUG if verbose else logging.INFO)
    handler.setFormatter(_Redacting("%(asctime)s %(levelname)-7s %(peer)s%(area)s: %(message)s"))
    logging.getLogger("goop2").setLevel(logging.DEBUG)
    logging.getLogger().addHandler(handler)

    def remove() -> None:
        logging.getLogger().removeHandler(handler)

    return remove


class _Redacting(logging.Formatter):
    """Formats a record, keeps it to a sane length and blots out what looks like a secret."""

    def format(self, record: logging.LogRecord) -> str:
        engine = current_engine.get()
        record.peer = f"[{PurePath(engine).name}] " if engine else ""
        record.area = _area(record.name)
        text = _SECRETS.sub(r"\1…", super().format(record))
        return text if len(text) <= LONGEST_LINE else f"{text[:LONGEST_LINE]}…"


def _area(name: str) -> str:
    return name.removeprefix("goop2.")
