"""A file on its way to disk: written beside the site, moved into its place at once when it is whole and durable."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from goop2_core.errors import Refused

_FORGOTTEN_SECONDS: Final = 86_400
_TRIES: Final = 20
_PART: Final = re.compile(r"[0-9a-f]{16}\.part")


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
        self._file: io.FileIO | None = None
        self._ended = False
        self.size = 0

    def write(self, data: bytes | bytearray) -> None:
        """Append `data`; nothing after `abort`. Raises `Refused` (507) if the disk is full."""
        with self._lock, _words():
            if self._ended:
                return
            file, view = self._open(), memoryview(data)
            while view:
                view = view[file.write(view) :]
            self._digest.update(data)
            self.size += len(data)

    def commit(self) -> str:
        """Make it durable, put it in its place and return its etag. Raises `Refused` (409) if the place was taken."""
        with self._lock, _words():
            if self._ended:
                raise Refused("The upload was given up", status=409)
            file = self._open()
            os.fsync(file.fileno())
            name = Path(str(file.name))
            name.chmod(0o644)
            self._place(name)
            self._end()
            return f"sha256:{self._digest.hexdigest()}"

    def abort(self) -> None:
        """Remove what was written; does nothing after `commit`."""
        with self._lock:
            self._end()

    def _open(self) -> io.FileIO:
        if self._file is None:
            if self._folder.is_symlink():  # a site may come from others: what it points to is not ours to change
                message = f"{self._folder.name}, where uploads are kept, is a link to another folder."
                raise Refused("The file could not be written", message, "Delete that link.", status=409)
            _remove_forgotten(self._folder)
            self._file = _new_file(self._folder)
        return self._file

    def _end(self) -> None:
        self._ended = True
        if self._file is None:
            return
        file, self._file = self._file, None
        file.close()
        with contextlib.suppress(OSError):  # moved to its place; or another upload still uses the folder
            Path(str(file.name)).unlink(missing_ok=True)
            self._folder.rmdir()


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable, where the system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _new_file(folder: Path) -> io.FileIO:
    """A new file in `folder`, which is made for it, and made again if another upload ends and takes it away."""
    for _ in range(_TRIES):
        with contextlib.suppress(FileNotFoundError, FileExistsError):
            folder.mkdir(parents=True, exist_ok=True)
            return io.FileIO(folder / f"{secrets.token_hex(8)}.part", "xb")
    folder.mkdir(parents=True, exist_ok=True)
    return io.FileIO(folder / f"{secrets.token_hex(8)}.part", "xb")


def _remove_forgotten(folder: Path) -> None:
    """Uploads that a crash left behind a day ago or earlier."""
    with contextlib.suppress(OSError):
        for file in folder.iterdir():
            if _PART.fullmatch(file.name) and file.lstat().st_mtime < time.time() - _FORGOTTEN_SECONDS:
                file.unlink()


@contextlib.contextmanager
def _words() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        message = "The disk is full." if full else error.strerror or str(error)
        raise Refused("The file could not be written", message, status=507 if full else 500) from error
