"""People in the database."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from goop2_core.data import people as module
from goop2_core.data.people import PeopleStore, PersonRow
from goop2_core.data.store import Store
from tests.support.database import opened

BOB = PersonRow(
    "BOB", "Bob", "bob@example.org", "0123456789abcdef", True, "blog", True, ("/ip4/10.0.0.1/tcp/1",), 1767225600000,
    public_key="key",
)  # fmt: skip


@contextlib.asynccontextmanager
async def people_in(path: Path) -> AsyncIterator[tuple[PeopleStore, Store]]:
    async with opened(path / "data.db") as store:
        yield PeopleStore(store), store


async def test_what_is_stored_comes_back(tmp_path):
    async with people_in(tmp_path) as (people, _):
        await people.upsert(BOB)
        await people.upsert(PersonRow("CAROL"))
        await people.set_protocols("BOB", ["/goop/mq/1.0.0"])
    async with people_in(tmp_path) as (people, _):
        assert await people.load() == [replace(BOB, protocols=("/goop/mq/1.0.0",)), PersonRow("CAROL")]


async def test_an_update_replaces_all_but_addresses_key_and_protocols_that_it_lacks(tmp_path):
    async with people_in(tmp_path) as (people, _):
        await people.upsert(BOB)
        await people.set_protocols("BOB", ["/a"])
        await people.upsert(PersonRow("BOB", "Robert", last_seen=1767225601000))
        [row] = await people.load()
        assert row == PersonRow(
            "BOB", "Robert", addrs=BOB.addrs, public_key="key", protocols=("/a",), last_seen=1767225601000
        )
        await people.upsert(replace(BOB, addrs=("/ip4/1.2.3.4/tcp/5",), public_key="new"))
        [row] = await people.load()
        assert (row.addrs, row.public_key) == (("/ip4/1.2.3.4/tcp/5",), "new")


async def test_a_favourite_is_kept_up_to_date_and_outlives_being_forgotten(tmp_path):
    async with people_in(tmp_path) as (people, store):
        await people.upsert(BOB)
        await people.set_favorite("BOB", True)
        await people.upsert(replace(BOB, content="Robert", addrs=(), public_key=""))
        await people.set_protocols("BOB", ["/a"])
        await people.forget("BOB")
        [row] = await people.load()
        assert row == replace(BOB, content="Robert", favorite=True, protocols=("/a",))
        await people.upsert(replace(BOB, content="Rob"))
        [row] = await people.load()
        assert row.favorite
        assert row.content == "Rob"
        # REF empties the cached key when it hears of somebody on the LAN
        await store.write(lambda c: c.execute("UPDATE _peer_cache SET public_key = '', addrs = 'null'"))
        [row] = await people.load()
        assert (row.public_key, row.addrs) == ("key", BOB.addrs)
        await people.set_favorite("BOB", False)
        assert not (await people.load())[0].favorite
        await people.forget("BOB")
        assert await people.load() == []


async def test_somebody_unknown_can_be_a_favourite(tmp_path):
    async with people_in(tmp_path) as (people, _):
        await people.set_favorite("NEW", True)
        [row] = await people.load()
        assert (row.peer_id, row.favorite) == ("NEW", True)


async def test_those_not_seen_for_longest_are_dropped_but_no_favourite(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST_PEOPLE", 3)
    async with people_in(tmp_path) as (people, _):
        for n in range(6):
            await people.upsert(PersonRow(f"P{n}", last_seen=1767225600000 + n * 1000))
        await people.set_favorite("P0", True)
        assert [row.peer_id for row in await people.load()] == ["P5", "P4", "P3", "P0"]
        assert [row.peer_id for row in await people.load()] == ["P5", "P4", "P3", "P0"]


async def test_a_list_of_addresses_is_kept_short(tmp_path):
    async with people_in(tmp_path) as (people, _):
        await people.upsert(replace(BOB, addrs=tuple(f"/ip4/10.0.0.1/tcp/{n}" for n in range(500))))
        [row] = await people.load()
        assert len(row.addrs) == 20


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ("2026-01-01 00:00:00", 1767225600000),
        ("2026-01-01T00:00:00Z", 1767225600000),
        ("2026-01-01T01:00:00+01:00", 1767225600000),
        ("2026-01-01 00:00:00.25 +0000 UTC m=+0.1", 1767225600250),
        ("2026-01-01 00:00:00 +0000 UTC", 1767225600000),
        ("yesterday", 0), ("", 0), (None, 0), (b"x", 0), (5, 0), ("0001-01-01 00:00:00", 0), ("1e9", 0),
    ],
)  # fmt: skip
async def test_times_as_others_write_them(tmp_path, stored, expected):
    async with people_in(tmp_path) as (people, store):
        await store.write(
            lambda c: c.execute("INSERT INTO _peer_cache (peer_id, last_seen) VALUES ('B', ?)", (stored,))
        )
        assert [row.last_seen for row in await people.load()] == [expected]


@pytest.mark.parametrize(
    "garbage", ["", "null", "{}", "[1, null, {}]", "[" * 5000, "\0", "x" * 100_000, b"[]", 7, None]
)
async def test_garbage_in_the_database_reads_as_nothing(tmp_path, garbage):
    async with people_in(tmp_path) as (people, store):
        columns = ("content", "email", "addrs", "protocols", "public_key", "verified")
        await store.write(
            lambda c: c.execute(
                f"INSERT INTO _peer_cache (peer_id, {', '.join(columns)}) VALUES ('B', ?, ?, ?, ?, ?, ?)",
                [garbage] * len(columns),
            )
        )
        [row] = await people.load()
        assert (row.addrs, row.protocols) == ((), ())
        assert isinstance(row.content, str)
