"""What happens when goop2 itself makes a mistake: it is logged, shown with details to copy, and the app goes on."""

from __future__ import annotations

import asyncio
import logging
import platform
import sys
import threading
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any

from PySide6 import __version__ as pyside_version
from PySide6.QtCore import qVersion

log = logging.getLogger("goop2.desktop")

MOST_SHOWN = 3  # dialogs in one run: a mistake that repeats itself must not bury the app

Show = Callable[[str, str, str], None]


class Bugs:
    """Catches what nobody else did: exceptions in slots (`sys.excepthook`), in tasks, and in other threads."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._show: Show | None = None
        self._shown = 0
        self._old_hooks = (sys.excepthook, threading.excepthook)

    def install(self, loop: asyncio.AbstractEventLoop, show: Show) -> None:
        """From now on show mistakes with `show(title, sentence, text)`."""
        self._show = show
        sys.excepthook = self._in_slot
        threading.excepthook = self._in_thread
        loop.set_exception_handler(self._in_loop)

    def remove(self) -> None:
        """Back to how it was."""
        sys.excepthook, threading.excepthook = self._old_hooks
        self._show = None

    def caught(self, error: BaseException) -> None:
        """Log and show a mistake."""
        log.error("a mistake of goop2", exc_info=error)
        if self._show is None or self._shown >= MOST_SHOWN:
            return
        self._shown += 1
        text = "".join(traceback.format_exception(error))
        facts = f"goop2 {self._version}, Qt {qVersion()}, PySide6 {pyside_version}, {platform.platform()}\n\n"
        self._show(
            "Something unexpected went wrong",
            "This is a mistake in goop2. It goes on, but what you just did may not have worked. "
            "The text below helps whoever repairs it; it names no secrets.",
            facts + text,
        )

    def _in_slot(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt | SystemExit):
            self._old_hooks[0](kind, error, trace)
        else:
            self.caught(error)

    def _in_thread(self, hook: threading.ExceptHookArgs) -> None:
        if hook.exc_value is not None:
            log.error("a mistake in thread %s", hook.thread.name if hook.thread else "?", exc_info=hook.exc_value)

    def _in_loop(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        del loop
        error = context.get("exception")
        if isinstance(error, Exception):
            self.caught(error)
        else:
            log.error("the loop says: %s", context.get("message"))
