"""The database of one peer, `data.db`: SQL runs in two threads of its own, never on a loop.

Writes are durable when they return. Writes that queue up meanwhile share one commit, so that many small ones do not
wait for the disk one after the other.
"""

from __future__ import annotations

import asyncio
import os
import queue
import sqlite3
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from goop2_core.data.schema import prepare
from goop2_core.errors import Goop2Error

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]

_COMMIT_TOGETHER = 64
_BUSY_MS = 5000
_EXIT_CHECK_SECONDS = 2.0


@dataclass(slots=True)
class _Job:
    work: Work
    done: Future[Any] = field(default_factory=Future)


class Store:
    """A peer's database. `open()` first; after `close()` reads and writes are refused."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer: _Worker | None = None
        self._reader: _Worker | None = None

    async def open(self) -> None:
        """Open the database, making it if there is none, and bring its system tables up to date.

        Raises `Goop2Error` if the file is damaged, is not a database, or cannot be written. It is then left as it is.
        """
        writer = _Worker("goop2-data-write", self.path, read_only=False)
        try:
            await writer.start()
            reader = _Worker("goop2-data-read", self.path, read_only=True)
            try:
                await reader.start()
            except BaseException:
                await reader.close()
                raise
        except BaseException:
            await writer.close()
            raise
        self._writer, self._reader = writer, reader

    async def close(self) -> None:
        """Finish what is queued and let go of the file; both threads have ended then. May be called twice."""
        reader, writer, self._reader, self._writer = self._reader, self._writer, None, None
        if reader is not None:
            await reader.close()
        if writer is not None:
            await writer.close()  # the last to close folds the write-ahead log into the file

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in a transaction and return its result once that is safely on disk.

        If `work` raises, nothing of it is kept and its exception comes out here. It must not begin, commit or roll
        back, nor return a cursor. Raises `Goop2Error` if the disk or the database fails, or the store is closed. When
        the caller is cancelled, work that has begun is still finished.
        """
        return await self._run(self._writer, work)

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on a connection that cannot write, in one consistent view. Raises as `write` does."""
        return await self._run(self._reader, work)

    async def _run(self, worker: _Worker | None, work: Callable[[sqlite3.Connection], T]) -> T:
        if worker is None:
            raise Goop2Error("The database is closed", "The peer is stopping.")
        try:
            result: T = await asyncio.wrap_future(worker.submit(work))
        except sqlite3.Error as error:
            raise in_words(error, self.path) from error
        return result


class _Worker:
    """One thread with one connection, doing what is queued in order."""

    def __init__(self, name: str, path: Path, *, read_only: bool) -> None:
        self._path = path
        self._read_only = read_only
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
        self._lock = threading.Lock()
        self._opened: Future[None] = Future()
        self._ended: Future[None] = Future()
        self._thread = threading.Thread(target=self._main, name=name)

    async def start(self) -> None:
        """Start the thread; raises what opening raised."""
        self._thread.start()
        try:
            await asyncio.shield(asyncio.wrap_future(self._opened))
        except OSError as error:
            raise Goop2Error("The database cannot be opened", f"{self._path}: {error.strerror}.") from error
        except (sqlite3.Error, UnicodeDecodeError) as error:  # SQLite quotes a damaged schema in its message
            words = in_words(error, self._path) if isinstance(error, sqlite3.Error) else error
            if not isinstance(words, Goop2Error):
                words = _damaged(self._path, "its tables are not as they must be")
            raise words from error

    def submit(self, work: Work) -> Future[Any]:
        """Queue `work`. Raises `Goop2Error` once the worker is closing."""
        job = _Job(work)
        with self._lock:
            if self._closed:
                raise Goop2Error("The database is closed", "The peer is stopping.")
            self._jobs.put(job)
        return job.done

    async def close(self) -> None:
        """Do what is queued, then end the thread."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._jobs.put(None)
        if self._thread.ident is not None:
            await asyncio.shield(asyncio.wrap_future(self._ended))
            self._thread.join()  # its last act was to set `_ended`

    def _main(self) -> None:
        try:
            self._serve()
        finally:
            self._ended.set_result(None)

    def _serve(self) -> None:
        try:
            connection = connect(self._path, read_only=self._read_only)
        except BaseException as error:  # noqa: BLE001 (whoever awaits `start` gets it)
            self._opened.set_exception(error)
            return
        self._opened.set_result(None)
        try:
            while (jobs := self._next()) is not None:
                _run_together(connection, jobs, write=not self._read_only)
        finally:
            connection.close()

    def _next(self) -> list[_Job] | None:
        """The next job, with those queued behind it; `None` at the end."""
        first = self._wait()
        if first is None:
            return None
        jobs = [first]
        while len(jobs) < _COMMIT_TOGETHER and not self._read_only:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                self._jobs.put(None)  # after closing nothing is queued behind it
                break
            jobs.append(job)
        return jobs

    def _wait(self) -> _Job | None:
        """The next job. Without a `close()` it ends with the program, which would otherwise wait for this thread."""
        while True:
            try:
                return self._jobs.get(timeout=_EXIT_CHECK_SECONDS)
            except queue.Empty:
                if not threading.main_thread().is_alive():
                    return None


def connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """A connection as goop2 uses it (spec/application 1.1). The one that may write makes and updates the tables."""
    if not read_only:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # its journals get the same mode
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}", uri=True, isolation_level=None
    )
    connection.text_factory = _text  # other programs may have stored text that is not UTF-8
    try:
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        connection.execute("PRAGMA foreign_keys = ON")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
            return connection
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        prepare(connection)
        connection.execute("COMMIT")
    except BaseException as error:
        _let_go(error)
        connection.close()
        if isinstance(error, UnicodeDecodeError):  # SQLite complains of a name that is no text, by that name
            raise _damaged(path, "the names of its tables are no text") from error
        if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode == sqlite3.SQLITE_ERROR:
            raise _damaged(path, str(error)) from error  # our own SQL is right: the tables are not what they should be
        raise
    return connection


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _let_go(error: BaseException) -> None:
    """Drop the variables in an error's frames: a half-read cursor among them keeps its locks, even past `close()`."""
    traceback.clear_frames(error.__traceback__)


def _run_together(connection: sqlite3.Connection, jobs: list[_Job], *, write: bool) -> None:
    """Run jobs in one transaction, each kept apart from the others; tell the callers once it is committed."""
    jobs = [job for job in jobs if job.done.set_running_or_notify_cancel()]
    outcomes: list[tuple[_Job, Any, BaseException | None]] = []
    try:
        connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
        outcomes = [(job, *_attempt(connection, job.work)) for job in jobs]
        connection.execute("COMMIT")
    except BaseException as error:  # noqa: BLE001 (it belongs to the callers)
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        outcomes = [(job, None, error) for job in jobs]
    for job, result, failure in outcomes:
        if failure is None:
            job.done.set_result(result)
        else:
            job.done.set_exception(failure)


def _attempt(connection: sqlite3.Connection, work: Work) -> tuple[Any, BaseException | None]:
    """The result of `work`, or its exception after everything that it did has been undone."""
    connection.execute("SAVEPOINT job")
    try:
        result = work(connection)
    except BaseException as error:
        _let_go(error)
        if not connection.in_transaction:  # SQLite itself rolled back, as it does when the disk is full
            raise
        connection.execute("ROLLBACK TO job")
        connection.execute("RELEASE job")
        return None, error
    connection.execute("RELEASE job")
    return result, None


def _damaged(path: Path, reason: str) -> Goop2Error:
    return Goop2Error(
        "The database is damaged",
        f"{path}: {reason}. goop2 left it as it is.",
        "Put back the file from a backup, or move it away together with the files beside it that end in -wal and "
        "-shm: the peer then starts with an empty database. Its identity and its site are not in there.",
    )


def in_words(error: sqlite3.Error, path: Path) -> Exception:
    """What a failure of the database means for a person; an error in our own SQL comes back as it is."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return _damaged(path, str(error))
    reasons = {
        sqlite3.SQLITE_FULL: "The disk is full.",
        sqlite3.SQLITE_IOERR: "The disk reported an error.",
        sqlite3.SQLITE_READONLY: "It may not be written to.",
        sqlite3.SQLITE_CANTOPEN: "It cannot be opened.",
        sqlite3.SQLITE_BUSY: "Another program has been holding it for more than 5 seconds.",
    }
    if code in reasons:
        return Goop2Error("The database cannot be used", f"{path}: {reasons[code]}", "Nothing that was stored is lost.")
    return error
