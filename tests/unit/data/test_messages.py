"""Conversations in the database."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from goop2_core.data import messages as module
from goop2_core.data.messages import MessageStore
from goop2_core.data.people import PeopleStore
from goop2_core.events import ChatMessage, Delivery, to_json
from tests.support.database import opened


@contextlib.asynccontextmanager
async def messages_in(path: Path) -> AsyncIterator[MessageStore]:
    async with opened(path / "data.db") as store:
        yield MessageStore(store)


async def test_a_message_and_what_becomes_of_it(tmp_path):
    async with messages_in(tmp_path) as messages:
        sent = await messages.add("BOB", "ALICE", "hi\n\U0001f600", 5, Delivery.SENDING)
        assert sent == ChatMessage(sent.id, "BOB", "ALICE", "hi\n\U0001f600", 5, Delivery.SENDING)
        failed = await messages.set_delivery(sent.id, Delivery.FAILED, "not reachable")
        assert failed == await messages.get(sent.id)
        assert failed is not None
        assert (failed.delivery, failed.error) == (Delivery.FAILED, "not reachable")
        delivered = await messages.set_delivery(sent.id, Delivery.DELIVERED)
        assert delivered is not None
        assert (delivered.delivery, delivered.error) == (Delivery.DELIVERED, "")
        assert await messages.set_delivery(999, Delivery.DELIVERED) is None
        assert await messages.get(999) is None
    async with messages_in(tmp_path) as messages:
        assert await messages.history("BOB") == [delivered]


async def test_a_repeated_submit_stores_one_message(tmp_path):
    async with messages_in(tmp_path) as messages:
        results = await asyncio.gather(
            *(messages.add_once("BOB", "ALICE", "hi", n, Delivery.SENDING, "c1") for n in range(5))
        )
        assert [new for _, new in results].count(True) == 1
        assert len({message.id for message, _ in results}) == 1
        await messages.set_delivery(results[0][0].id, Delivery.DELIVERED)
        again = await messages.add("BOB", "ALICE", "hi", 9, Delivery.SENDING, "c1")
        assert again.delivery is Delivery.DELIVERED
        other = await messages.add("CAROL", "ALICE", "hi", 9, Delivery.SENDING, "c1")  # chosen by another page
        assert other.peer_id == "CAROL"
        assert [(await messages.add("BOB", "ALICE", "x", n, Delivery.SENDING)).id for n in (1, 2)] == [3, 4]


async def test_history_goes_back_page_by_page(tmp_path):
    async with messages_in(tmp_path) as messages:
        for n in range(1, 121):
            await messages.add("BOB" if n % 2 else "CAROL", "BOB", str(n), n, Delivery.RECEIVED)
        seen: list[int] = []
        before = 0
        while page := await messages.history("BOB", before, 25):
            assert [m.id for m in page] == sorted(m.id for m in page)
            seen = [m.id for m in page] + seen
            before = page[0].id
        assert seen == list(range(1, 121, 2))


async def test_unread(tmp_path):
    async with messages_in(tmp_path) as messages:
        for content in ("a", "b"):
            await messages.add("BOB", "BOB", content, 1, Delivery.RECEIVED)
        await messages.add("BOB", "ALICE", "own", 1, Delivery.DELIVERED)
        await messages.add("CAROL", "CAROL", "c", 1, Delivery.RECEIVED)
        assert [(who, last.content, unread) for who, last, unread in await messages.conversations()] == [
            ("CAROL", "c", 1), ("BOB", "own", 2),
        ]  # fmt: skip
        await messages.mark_read("BOB")
        await messages.mark_read("NOBODY")
        assert await messages.unread("BOB") == 0
        assert await messages.unread("CAROL") == 1
        await messages.add("BOB", "BOB", "d", 1, Delivery.RECEIVED)
        assert await messages.unread("BOB") == 1
        assert [who for who, _, _ in await messages.conversations()] == ["BOB", "CAROL"]


async def test_clearing(tmp_path):
    async with messages_in(tmp_path) as messages:
        for who in ("BOB", "CAROL", "BOB"):
            last = await messages.add(who, who, "x", 1, Delivery.RECEIVED, client_id=f"{who}1")
        await messages.mark_read("BOB")
        await messages.clear("BOB")
        assert await messages.history("BOB") == []
        assert [who for who, _, _ in await messages.conversations()] == ["CAROL"]
        new = await messages.add("BOB", "BOB", "y", 1, Delivery.RECEIVED, client_id="BOB1")
        assert new.id > last.id  # numbers are never given again
        assert await messages.unread("BOB") == 1


async def test_what_was_being_sent_has_failed_after_a_restart(tmp_path):
    async with messages_in(tmp_path) as messages:
        for delivery in Delivery:
            await messages.add("BOB", "ALICE", delivery.value, 1, delivery)
        assert await messages.fail_unsent("goop2 was closed") == 1
        assert [(m.delivery, m.error) for m in await messages.history("BOB")] == [
            (Delivery.FAILED, "goop2 was closed"), (Delivery.WAITING, ""), (Delivery.DELIVERED, ""),
            (Delivery.FAILED, ""), (Delivery.RECEIVED, ""),
        ]  # fmt: skip
        assert await messages.fail_unsent("again") == 0


async def test_what_waits_is_found_again_and_can_be_taken_back(tmp_path):
    async with messages_in(tmp_path) as messages:
        kept = [
            await messages.add("BOB", "ALICE", str(number), 1, delivery) for number, delivery in enumerate(Delivery)
        ]
        again = await messages.add("CAROL", "ALICE", "later", 1, Delivery.WAITING)
        waiting = next(message for message in kept if message.delivery is Delivery.WAITING)
        assert await messages.waiting() == [waiting, again]
        removed = [await messages.remove(message.id) for message in kept]
        assert removed == [message.delivery in {Delivery.WAITING, Delivery.FAILED} for message in kept]
        assert await messages.remove(waiting.id) is False
        assert await messages.waiting() == [again]


async def test_a_conversation_is_kept_to_its_length(tmp_path, monkeypatch):
    assert module.MOST_PER_PERSON == 20_000
    monkeypatch.setattr(module, "MOST_PER_PERSON", 10)
    async with messages_in(tmp_path) as messages:
        await messages.add("CAROL", "CAROL", "old", 0, Delivery.RECEIVED)
        for n in range(25):
            await messages.add("BOB", "BOB", str(n), n, Delivery.RECEIVED)
        assert [m.content for m in await messages.history("BOB", 0, 100)] == [str(n) for n in range(15, 25)]
        assert len(await messages.history("CAROL")) == 1


@pytest.mark.parametrize("content", ["", "\0", "'; DROP TABLE _chat_messages; --", "x" * 100_000, "\u202e"])
async def test_any_text_comes_back_as_it_was(tmp_path, content):
    async with messages_in(tmp_path) as messages:
        await messages.add(content, content, content, 1, Delivery.RECEIVED, content)
        assert [m.content for m in await messages.history(content)] == [content]


async def test_columns_in_which_another_program_has_put_anything(tmp_path):
    async with opened(tmp_path / "data.db") as store:
        odd = "INSERT INTO _chat_messages (peer_id, from_id, content, ts) VALUES ('BOB', x'00', x'ff', 'yesterday')"
        await store.write(lambda c: c.execute(odd) and None)
        messages = MessageStore(store)
        (found,) = await messages.history("BOB")
        assert (found.from_id, found.content, found.timestamp) == ("", "", 0)
        json.dumps(to_json(found))
        assert len(await messages.conversations()) == 1


async def test_strangers_do_not_fill_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST_OF_STRANGERS", 100_000)
    monkeypatch.setattr(module, "MOST_OF_ONE_STRANGER", 30_000)
    monkeypatch.setattr(module, "_KEPT_OF_STRANGERS", 80_000)
    async with opened(tmp_path / "data.db") as store:
        messages, people = MessageStore(store), PeopleStore(store)

        async def wrote(who: str, size: int = 9_800) -> list[str]:
            await messages.add(who, who, "é" * (size // 2), 1, Delivery.RECEIVED)
            return await messages.make_room("é" * (size // 2))

        await people.set_favorite("FAVORITE", favorite=True)
        for _ in range(12):  # more than all strangers together may
            assert await wrote("FAVORITE") == []
            await messages.add("ANSWERED", "ME", "hi", 1, Delivery.DELIVERED)
            assert await wrote("ANSWERED") == []
        assert [await wrote(f"NEW{number}") for number in range(10)] == [[]] * 10
        assert await wrote("NEW0") == ["NEW1", "NEW2", "NEW3"], "NEW0 wrote a moment ago"
        assert {who for who, _, _ in await messages.conversations()} == {
            *("FAVORITE", "ANSWERED", "NEW0"),
            *(f"NEW{number}" for number in range(4, 10)),
        }
        assert await messages.history("NEW1") == []
        assert await wrote("FLOOD", 34_000) == ["FLOOD"], "who writes most goes first"
        assert [await messages.knows(who) for who in ("FAVORITE", "NEW4", "NEW1", "NOBODY")] == [
            True,
            True,
            False,
            False,
        ]
    async with opened(tmp_path / "data.db") as store:  # it counts what is there already
        messages = MessageStore(store)
        await messages.add("LATE", "LATE", "x" * 90_000, 1, Delivery.RECEIVED)
        assert await messages.make_room("x" * 90_000) == ["LATE"]
