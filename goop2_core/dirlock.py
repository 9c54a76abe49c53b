"""The claim of one process on a peer's directory. It ends with the process, however that ends."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import time
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from goop2_core.errors import Goop2Error

_LARGEST_NOTE = 4096


class DirectoryLock:
    """A held lock; `release()`, or the end of a `with`, gives it back. What the file says is only for people."""

    def __init__(self, file: Path, name: str, holder: str) -> None:
        self._descriptor: int | None = None
        try:
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise _unusable(name, file, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            note = {"pid": os.getpid(), "holder": holder, "since": int(time.time() * 1000)}
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(note).encode(), 0)
        except OSError as error:
            words = _in_use(name, descriptor) if error.errno in {errno.EAGAIN, errno.EACCES} else None
            os.close(descriptor)
            raise words or _unusable(name, file, error) from error
        self._descriptor = descriptor

    def release(self) -> None:
        """Let others have the directory. May be called twice."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, 0)
                fcntl.flock(descriptor, fcntl.LOCK_UN)  # a forked child may hold a copy of the descriptor
            # not unlinked: somebody may just have opened it, and would then lock a file that nobody else sees
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _in_use(name: str, descriptor: int) -> Goop2Error:
    """Who has the directory, as far as the note tells."""
    pid, holder, since = 0, "", 0
    with contextlib.suppress(OSError, ValueError, AttributeError, RecursionError):
        note = json.loads(os.pread(descriptor, _LARGEST_NOTE, 0))
        pid, holder, since = (note.get(key) for key in ("pid", "holder", "since"))
    holder = holder[:100] if isinstance(holder, str) and holder.isprintable() else ""
    who = holder or "Another program"
    if isinstance(pid, int) and pid == os.getpid():
        return Goop2Error(f"{name} is already running", f"{who} has it open in this very program.")
    process = f" (process {pid})" if isinstance(pid, int) and pid > 0 else ""
    began = ""
    with contextlib.suppress(OverflowError, OSError, ValueError, TypeError):
        began = f" since {datetime.fromtimestamp(since / 1000).astimezone():%Y-%m-%d %H:%M}" if since else ""
    end = f", or end process {pid}" if process else ""
    return Goop2Error(f"{name} is in use", f"{who}{process} has been using it{began}.", f"Stop it there{end}.")


def _unusable(name: str, file: Path, error: OSError) -> Goop2Error:
    return Goop2Error(f"{name} cannot be opened", f"{file}: {error.strerror}.", "Make sure that you may write there.")
