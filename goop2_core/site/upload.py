"""A file on its way to disk: written beside the site, moved into its place at once when it is whole and durable."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from goop2_core.errors import Goop2Error, Refused

_FORGOTTEN_SECONDS: Final = 86_400


class Upload:
    """One file being written; every method blocks. After `commit` or `abort` nothing temporary is left.

    `folder` takes the temporary file (it is made, and removed when it is empty again); `place` moves it to its target.
    Methods may be called from different threads, one after the other or at once.
    """

    def __init__(self, folder: Path, place: Callable[[Path], None]) -> None:
        self._folder = folder
        self._place = place
        self._lock = threading.Lock()
        self._digest = hashlib.sha256()
        self.size = 0
        try:
            _remove_forgotten(folder)
            folder.mkdir(parents=True, exist_ok=True)
            self._descriptor, name = tempfile.mkstemp(dir=folder)
        except OSError as error:
            raise Goop2Error("The file could not be written", error.strerror or str(error)) from error
        self._file: Path | None = Path(name)

    def write(self, data: bytes | bytearray) -> None:
        """Append `data`. Raises `Refused` (507) if the disk is full."""
        with self._lock:
            if self._file is None:
                return
            view = memoryview(data)
            try:
                while view:
                    view = view[os.write(self._descriptor, view) :]
            except OSError as error:
                full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
                message = "The disk is full." if full else error.strerror or str(error)
                raise Refused("The file could not be written", message, status=507 if full else 500) from error
            self._digest.update(data)
            self.size += len(data)

    def commit(self) -> str:
        """Make it durable, put it in its place and return its etag. Raises `Refused` (409) if the place was taken."""
        with self._lock:
            if self._file is None:
                raise Refused("The upload was given up", status=409)
            try:
                os.fsync(self._descriptor)
                self._file.chmod(0o644)
            except OSError as error:
                raise Goop2Error("The file could not be written", error.strerror or str(error)) from error
            self._place(self._file)
            self._end()
            return f"sha256:{self._digest.hexdigest()}"

    def abort(self) -> None:
        """Remove what was written; does nothing after `commit`."""
        with self._lock:
            if self._file is not None:
                self._end()

    def _end(self) -> None:
        os.close(self._descriptor)
        if self._file is not None:
            self._file.unlink(missing_ok=True)
            self._file = None
        with contextlib.suppress(OSError):  # another upload still uses it
            self._folder.rmdir()


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable, where the system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _remove_forgotten(folder: Path) -> None:
    """Uploads that a crash left behind a day ago or earlier."""
    with contextlib.suppress(OSError):
        for file in folder.iterdir():
            if file.stat().st_mtime < time.time() - _FORGOTTEN_SECONDS:
                file.unlink()
