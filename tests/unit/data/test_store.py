"""The database: durable, one transaction for each write, off the loop, and open to REF before and after."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from goop2_core.data.store import Store
from goop2_core.errors import Goop2Error
from tests.support.database import opened


def put(connection: sqlite3.Connection, key: str, value: str = "") -> None:
    connection.execute("INSERT INTO _meta (key, value) VALUES (?, ?)", (key, value))


def keys(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT key FROM _meta ORDER BY rowid")]


def held(path: Path) -> list[str]:
    """The files of the database that this process has open."""
    names = []
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            names.append(str(entry.readlink()))
    return [name for name in names if name.startswith(str(path))]


def data_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("goop2-data")]


async def test_settings_of_the_connections(tmp_path):
    async with opened(tmp_path / "data.db") as store:
        for run, synchronous in ((store.write, 2), (store.read, None)):
            pragma = {
                name: await run(lambda c, name=name: c.execute(f"PRAGMA {name}").fetchone()[0])
                for name in ("journal_mode", "foreign_keys", "busy_timeout", "synchronous")
            }
            assert pragma["journal_mode"] == "wal"
            assert pragma["foreign_keys"] == 1
            assert pragma["busy_timeout"] == 5000
            assert synchronous is None or pragma["synchronous"] == synchronous


async def test_both_threads_are_there_and_end_with_the_store(tmp_path):
    path = tmp_path / "deep" / "data.db"
    async with opened(path) as store:
        assert sorted(data_threads()) == ["goop2-data-read", "goop2-data-write"]
        assert not any(thread.daemon for thread in threading.enumerate() if thread.name in data_threads())
        assert path.stat().st_mode & 0o777 == 0o600
        await store.write(lambda c: put(c, "a"))
        assert {name.stat().st_mode & 0o777 for name in path.parent.iterdir()} == {0o600}
        assert path.parent.stat().st_mode & 0o777 == 0o700
    assert data_threads() == []
    assert list(path.parent.iterdir()) == [path]  # no journal is left: the file alone is a backup


async def test_reads_see_what_was_written_and_cannot_write(tmp_path):
    async with opened(tmp_path / "data.db") as store:
        assert await store.write(lambda c: c.execute("INSERT INTO _meta VALUES ('a', 'b')").rowcount) == 1
        assert await store.read(keys) == ["a"]
        with pytest.raises(Goop2Error, match="may not be written"):
            await store.read(lambda c: put(c, "b"))
        assert await store.read(keys) == ["a"]


async def test_a_write_that_raises_leaves_nothing_and_harms_no_other(tmp_path):
    def half(connection: sqlite3.Connection) -> None:
        put(connection, "half")
        raise ZeroDivisionError

    async with opened(tmp_path / "data.db") as store:
        works = [half if n % 3 == 0 else (lambda c, n=n: put(c, f"{n:03}")) for n in range(100)]
        results = await asyncio.gather(*map(store.write, works), return_exceptions=True)
        assert [type(result) for result in results[::3]] == [ZeroDivisionError] * 34
        assert await store.read(keys) == [f"{n:03}" for n in range(100) if n % 3]
        with pytest.raises(sqlite3.IntegrityError):
            await store.write(lambda c: put(c, "001"))
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            await store.write(lambda c: c.execute("SELECT * FROM nowhere"))


async def test_many_writes_share_a_commit_and_each_returns_after_its_own(tmp_path):
    async with opened(tmp_path / "data.db") as store:
        gate = threading.Event()
        first = asyncio.ensure_future(store.write(lambda _c: gate.wait(10)))
        rest = [asyncio.ensure_future(store.write(lambda c, n=n: put(c, str(n)))) for n in range(50)]
        await asyncio.sleep(0)
        gate.set()
        await first
        before = (tmp_path / "data.db-wal").stat().st_size
        await asyncio.gather(*rest)
        pages = ((tmp_path / "data.db-wal").stat().st_size - before) // 4096
        assert pages < 50  # 50 commits would write at least 50 pages
        with contextlib.closing(sqlite3.connect(tmp_path / "data.db")) as other:
            assert len(keys(other)) == 50


async def test_a_long_read_blocks_neither_the_loop_nor_writes(tmp_path):
    async with opened(tmp_path / "data.db") as store:
        gate = threading.Event()
        reading = asyncio.ensure_future(store.read(lambda _c: gate.wait(10)))
        await asyncio.wait_for(store.write(lambda c: put(c, "a")), 5)
        assert not reading.done()
        gate.set()
        assert await reading


async def test_a_cancelled_caller_gets_nothing_and_what_waited_is_not_done(tmp_path):
    async with opened(tmp_path / "data.db") as store:
        gate, begun = threading.Event(), threading.Event()

        def first(connection: sqlite3.Connection) -> None:
            put(connection, "begun")
            begun.set()
            gate.wait(10)

        running = asyncio.ensure_future(store.write(first))
        await asyncio.to_thread(begun.wait, 10)
        waiting = asyncio.ensure_future(store.write(lambda c: put(c, "waiting")))
        await asyncio.sleep(0)
        running.cancel()
        waiting.cancel()
        gate.set()
        for task in (running, waiting):
            with pytest.raises(asyncio.CancelledError):
                await task
        await store.write(lambda c: put(c, "later"))
        assert await store.read(keys) == ["begun", "later"]


async def test_close_finishes_what_is_queued_and_refuses_more(tmp_path):
    store = Store(tmp_path / "data.db")
    with pytest.raises(Goop2Error, match="closed"):
        await store.write(keys)
    await store.open()
    queued = [asyncio.ensure_future(store.write(lambda c, n=n: put(c, str(n)))) for n in range(200)]
    await asyncio.sleep(0)
    await asyncio.gather(store.close(), store.close())
    await asyncio.gather(*queued)
    for run in (store.write, store.read):
        with pytest.raises(Goop2Error, match="closed"):
            await run(keys)
    await store.close()
    async with opened(tmp_path / "data.db") as again:
        assert len(await again.read(keys)) == 200


@pytest.mark.parametrize("garbage", [b"x" * 5000, b"SQLite format 3\0" + b"\xff" * 5000])
async def test_a_damaged_database_is_refused_and_left_alone(tmp_path, garbage):
    path = tmp_path / "data.db"
    path.write_bytes(garbage)
    with pytest.raises(Goop2Error, match="damaged") as caught:
        await Store(path).open()
    assert "backup" in caught.value.hint
    assert path.read_bytes() == garbage
    assert data_threads() == []


async def test_flipped_bytes_never_bring_down_more_than_the_call(tmp_path):
    path = tmp_path / "data.db"
    async with opened(path) as store:
        await store.write(lambda c: [put(c, str(n), "x" * 100) for n in range(500)])
    whole = path.read_bytes()
    chance = random.Random(5)
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(20):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path.write_bytes(data[: chance.choice([len(data), chance.randrange(len(data))])])
        for name in ("data.db-wal", "data.db-shm"):
            (tmp_path / name).unlink(missing_ok=True)
        store = Store(path)
        with contextlib.suppress(Goop2Error, sqlite3.Error):
            await store.open()
            await store.read(keys)
            await store.write(lambda c: put(c, "new"))
        await store.close()
        assert data_threads() == []
        assert held(path) == []


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (b"id TEXT PRIMARY KEY", b"id \xff\xfeXT (((((((((("),  # SQLite quotes it, which then is no UTF-8
        (b"CREATE TABLE _cluster_jobs", b"CREATE TABEL _cluster_jobs"),
    ],
)
async def test_tables_that_make_no_sense_are_told_as_damage(tmp_path, good, bad):
    path = tmp_path / "data.db"
    async with opened(path):
        pass
    data = path.read_bytes()
    assert good in data
    path.write_bytes(data.replace(good, bad))
    with pytest.raises(Goop2Error, match="damaged"):
        await Store(path).open()


async def test_text_of_another_program_that_is_not_utf_8_can_be_read(tmp_path):
    async with opened(tmp_path / "data.db") as store:
        await store.write(lambda c: c.execute("INSERT INTO _meta (key) VALUES (CAST(x'61ff' AS TEXT))") and None)
        assert await store.read(keys) == ["a\ufffd"]


async def test_paths_that_cannot_be_opened(tmp_path):
    directory = tmp_path / "data.db"
    directory.mkdir()
    for path in (directory, directory / "x" / "\0", tmp_path / "file" / "data.db"):
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises((Goop2Error, ValueError)):
            await Store(path).open()
    assert data_threads() == []


async def test_a_name_with_odd_characters(tmp_path):
    path = tmp_path / "a?b#c%20ü &" / "data.db"
    async with opened(path) as store:
        await store.write(lambda c: put(c, "a"))
    assert path.is_file()


async def test_a_full_disk_is_said_in_words_and_loses_nothing(tmp_path):
    async with opened(tmp_path / "data.db") as store:
        await store.write(lambda c: put(c, "kept"))
        await store.write(lambda c: c.execute("PRAGMA max_page_count = 1"))
        with pytest.raises(Goop2Error, match="disk is full"):
            await store.write(lambda c: put(c, "big", "x" * 1_000_000))
        await store.write(lambda c: c.execute("PRAGMA max_page_count = 100000"))
        await store.write(lambda c: put(c, "after"))
        assert await store.read(keys) == ["kept", "after"]


WRITER = """
import asyncio, sys
from pathlib import Path
from goop2_core.data.store import Store
async def main():
    store = Store(Path(sys.argv[1])); await store.open()
    async def one(worker):
        n = 0
        while True:
            n += 1
            name = f"{worker}-{n}"
            await store.write(lambda c: c.execute("INSERT INTO _meta VALUES (?, ?)", (name, "x" * 200)))
            sys.stdout.write(name + "\\n"); sys.stdout.flush()
    await asyncio.gather(*(one(worker) for worker in range(8)))
asyncio.run(main())
"""


def write_until_killed(path: Path, count: int) -> set[str]:
    """Kill a writer after `count` acknowledged writes; all that it acknowledged."""
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(count)]
        child.send_signal(signal.SIGKILL)
        lines += child.stdout.readlines()
    return {line.strip() for line in lines if line.endswith("\n")}


FORGETFUL = """
import asyncio, sys
from pathlib import Path
from goop2_core.data.store import Store
async def main():
    store = Store(Path(sys.argv[1])); await store.open()
    await store.write(lambda c: c.execute("INSERT INTO _meta VALUES ('a', '')") and None)
    global kept; kept = store
asyncio.run(main())
"""


async def test_a_program_that_forgets_to_close_ends_all_the_same(tmp_path):
    run = [sys.executable, "-c", FORGETFUL, str(tmp_path / "data.db")]
    ended = await asyncio.to_thread(subprocess.run, run, timeout=30, check=False)
    assert ended.returncode == 0
    async with opened(tmp_path / "data.db") as store:
        assert await store.read(keys) == ["a"]


async def test_what_was_acknowledged_survives_a_kill(tmp_path):
    path = tmp_path / "data.db"
    for count in (1, 40, 300):
        path.unlink(missing_ok=True)
        names = write_until_killed(path, count)
        async with opened(path) as store:
            assert names <= set(await store.read(keys))
