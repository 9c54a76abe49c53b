"""Direct conversations between two people."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx

from goop2_core.chat import direct, intake
from goop2_core.data import messages as module
from goop2_core.encryption.box import PeerKey
from goop2_core.errors import Refused
from goop2_core.events import ChatChanged, ChatRead, ChatRemoved, Delivery, Person
from goop2_core.identity import Identity
from goop2_core.mq import bus as bus_module
from goop2_core.p2p.api import Stream
from goop2_core.tasks import TaskOwner
from tests.support.wait import until
from tests.unit.chat import people
from tests.unit.chat.people import leave, person, two_people

NOBODY = Identity.from_seed(b"\x09" * 32).peer_id


async def test_a_message_is_delivered_and_kept_on_both_sides(tmp_path: Path) -> None:
    async with two_people(tmp_path) as (alice, bob):
        sent = await alice.chat.send(bob.id, "  hi Bob \r\n", "c1")
        assert (sent.delivery, sent.content, sent.from_id) == (Delivery.SENDING, "hi Bob", alice.id)
        assert (await alice.settled(sent)).delivery is Delivery.DELIVERED
        await until(lambda: bob.events)
        got = bob.events[0]
        assert isinstance(got, ChatChanged)
        assert (got.message.content, got.message.from_id, got.unread) == ("hi Bob", alice.id, 1)
        assert got.message.delivery is Delivery.RECEIVED
        assert (await alice.chat.history(bob.id))[0].delivery is Delivery.DELIVERED
        assert bob.chat.unread == 1
        [(peer_id, last, unread)] = await bob.chat.conversations()
        assert (peer_id, last.content, unread) == (alice.id, "hi Bob", 1)


async def test_messages_arrive_in_the_order_of_writing(tmp_path: Path) -> None:
    async with two_people(tmp_path) as (alice, bob):
        words = [f"word {number}" for number in range(40)]
        for word in words:
            last = await alice.chat.send(bob.id, word)
        assert (await alice.settled(last)).delivery is Delivery.DELIVERED
        await until(lambda: len(bob.events) == 40)
        assert await bob.said(alice) == words == await alice.said(bob)


async def test_reading_and_clearing(tmp_path: Path) -> None:
    async with two_people(tmp_path) as (alice, bob):
        for word in ("one", "two"):
            await alice.chat.send(bob.id, word)
        await until(lambda: bob.chat.unread == 2)
        await bob.chat.mark_read(alice.id)
        assert bob.chat.unread == 0
        assert bob.events[-1] == ChatRead(alice.id)
        await alice.chat.send(bob.id, "three")
        await until(lambda: bob.chat.unread == 1)
        await bob.chat.clear(alice.id)
        assert bob.events[-1] == ChatRead(alice.id, cleared=True)
        assert await bob.said(alice) == []
        assert bob.chat.unread == 0


async def test_the_same_submit_twice_is_one_message(tmp_path: Path) -> None:
    async with two_people(tmp_path) as (alice, bob):
        arrived: list[bus_module.Message] = []

        async def count(message: bus_module.Message) -> None:
            arrived.append(message)

        bob.bus.subscribe("chat", count)
        alice.known[NOBODY] = PeerKey(bob.keys.public_b64, accepts=True)
        first, second = await asyncio.gather(*(alice.chat.send(bob.id, "hi", "same") for _ in range(2)))
        assert first.id == second.id
        other = await alice.chat.send(NOBODY, "hi", "same")
        assert other.id != first.id
        await alice.settled(first)
        assert (await alice.chat.send(bob.id, "hi", "same")).delivery is Delivery.DELIVERED
        await alice.settled(await alice.chat.send(bob.id, "last"))
        await until(lambda: len(bob.events) == 2)
        assert await bob.said(alice) == ["hi", "last"]
        assert [message.payload["content"] for message in arrived] == ["hi", "last"]
        await alice.settled(other)


async def test_saying_the_same_twice_is_two_messages(tmp_path: Path) -> None:
    async with two_people(tmp_path) as (alice, bob):
        for client_id in ("", "", "a", "b"):
            await alice.chat.send(bob.id, "ok", client_id)
        await until(lambda: len(bob.events) == 4)
        assert await bob.said(alice) == ["ok"] * 4


async def test_a_lost_acknowledgement_shows_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_module, "ACK_SECONDS", 0.1)
    monkeypatch.setattr(bus_module, "RETRY_PAUSE", 0.01)
    async with two_people(tmp_path) as (alice, bob):
        serve = bob.bus._serve
        deaf = True

        class Deaf:
            """A stream on which nothing that is written arrives."""

            def __init__(self, stream: Stream) -> None:
                self._stream = stream

            def __getattr__(self, name: str) -> object:
                return getattr(self._stream, name)

            async def write(self, data: bytes) -> None:
                pass

        async def lossy(stream: Stream) -> None:
            await serve(Deaf(stream) if deaf else stream)  # type: ignore[arg-type]
            if deaf:
                await stream.read()

        bob.node.handle(bus_module.PROTOCOL, lossy)
        sent = await alice.chat.send(bob.id, "hello")
        failed = await alice.settled(sent)
        assert failed.delivery is Delivery.FAILED
        assert "confirm" in failed.error
        deaf = False
        alice.events.clear()
        again = await alice.chat.retry(bob.id, sent.id)
        assert again.delivery is Delivery.SENDING
        assert (await alice.settled(sent)).delivery is Delivery.DELIVERED
        assert await bob.said(alice) == ["hello"]


async def test_messages_to_someone_away_wait_and_arrive_in_order_when_they_are_back(tmp_path: Path) -> None:
    async with two_people(tmp_path) as (alice, bob):
        network = bob.node.network
        addresses = bob.node.own_addresses
        network.kill(bob.node)
        sent = [await alice.chat.send(bob.id, word) for word in ("one", "two", "three")]
        for message in sent:
            assert (await alice.settled(message)).delivery is Delivery.WAITING
        kept = await alice.chat.history(bob.id)
        assert [(message.delivery, message.error) for message in kept] == [(Delivery.WAITING, "")] * 3
        bob.node.up, bob.node.own_addresses = True, addresses
        network.nodes[bob.id] = bob.node
        alice.events.clear()
        alice.chat.on_person(Person(bob.id, online=True))
        await until(lambda: len(bob.events) == 3)
        assert await bob.said(alice) == ["one", "two", "three"]
        for message in sent:
            assert (await alice.settled(message)).delivery is Delivery.DELIVERED
        assert alice.chat._held == {}


async def test_what_is_written_meanwhile_goes_behind_what_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct, "FIRST_PAUSE", 0.1)
    monkeypatch.setattr(direct, "TICK_SECONDS", 0.05)
    async with two_people(tmp_path) as (alice, bob):
        network = bob.node.network
        network.kill(bob.node)
        for word in ("one", "two"):
            await alice.settled(await alice.chat.send(bob.id, word))
        bob.node.up = True
        network.nodes[bob.id] = bob.node
        await alice.chat.send(bob.id, "three")  # and without a word of presence
        await until(lambda: len(bob.events) == 3)
        assert await bob.said(alice) == ["one", "two", "three"]


async def test_what_waits_survives_a_restart_and_can_be_taken_back(tmp_path: Path) -> None:
    async with two_people(tmp_path) as (alice, bob):
        network = bob.node.network
        network.kill(bob.node)
        sent = [await alice.chat.send(bob.id, word) for word in ("one", "two", "three")]
        for message in sent:
            await alice.settled(message)
        await alice.chat.stop()
        events: list[object] = []
        identity = Identity.from_seed(b"\x01" * 32)
        again = direct.DirectChat(alice.bus, alice.messages, identity, TaskOwner("again"), events.append)
        await again.start()
        await again.remove(bob.id, sent[1].id)
        assert events == [ChatRemoved(bob.id, sent[1].id)]
        with pytest.raises(Refused) as caught:
            await again.remove(bob.id, sent[1].id)
        assert caught.value.status == 404
        bob.node.up = True
        network.nodes[bob.id] = bob.node
        assert (await again.retry(bob.id, sent[0].id)).id == sent[0].id
        await until(lambda: len(bob.events) == 2)
        assert await bob.said(alice) == ["one", "three"]
        await until(lambda: not again._waiting)
        with pytest.raises(Refused) as caught:
            await again.remove(bob.id, sent[0].id)
        assert caught.value.status == 409
        await again.stop()


async def test_clearing_forgets_what_waits(tmp_path: Path) -> None:
    async with two_people(tmp_path) as (alice, bob):
        network = bob.node.network
        network.kill(bob.node)
        await alice.settled(await alice.chat.send(bob.id, "one"))
        await alice.chat.clear(bob.id)
        bob.node.up = True
        network.nodes[bob.id] = bob.node
        await alice.settled(await alice.chat.send(bob.id, "two"))
        await until(lambda: bob.events)
        assert await bob.said(alice) == ["two"]


async def test_retry_is_for_what_failed(tmp_path: Path) -> None:
    async with two_people(tmp_path) as (alice, bob):
        sent = await alice.chat.send(bob.id, "one")
        await alice.settled(sent)
        await until(lambda: bob.events)
        got = bob.events[0]
        assert isinstance(got, ChatChanged)
        for chat, who, number, status in (
            (alice.chat, bob.id, sent.id, 409),
            (alice.chat, bob.id, 999, 404),
            (alice.chat, NOBODY, sent.id, 404),
            (bob.chat, alice.id, got.message.id, 404),
        ):
            with pytest.raises(Refused) as caught:
                await chat.retry(who, number)
            assert caught.value.status == status


async def test_what_was_being_sent_at_the_end_has_failed_at_the_next_start(tmp_path: Path) -> None:
    async with two_people(tmp_path) as (alice, bob):
        alice.node.network.cut(bob.node)
        sent = await alice.chat.send(bob.id, "one")
        await alice.chat.stop()
        again = direct.DirectChat(alice.bus, alice.messages, Identity.from_seed(b"\x01" * 32), alice.tasks, print)
        await again.start()
        [kept] = await again.history(bob.id)
        assert (kept.id, kept.delivery, kept.error) == (sent.id, Delivery.FAILED, direct.CLOSED)
        await again.stop()


async def test_unread_is_known_after_a_restart(tmp_path: Path) -> None:
    async with two_people(tmp_path) as (alice, bob):
        await alice.chat.send(bob.id, "one")
        await until(lambda: bob.chat.unread == 1)
        await leave(bob)
        network = bob.node.network
        network.kill(bob.node)
        again = await person(network, tmp_path, 2)
        assert again.chat.unread == 1
        await leave(again)


async def test_clearing_while_sending(tmp_path: Path) -> None:
    async with two_people(tmp_path) as (alice, bob):
        alice.node.network.cut(bob.node)
        for word in ("one", "two", "three"):
            await alice.chat.send(bob.id, word)
        await alice.chat.clear(bob.id)
        alice.node.network.heal(bob.node)
        await until(lambda: not alice.chat._waiting)
        assert await alice.said(bob) == []
        assert isinstance(alice.events[-1], ChatRead)


@pytest.mark.parametrize(
    ("who", "content", "status"),
    [
        ("", "x", 400),
        ("bob", "x", 400),
        ("self", "x", 400),
        (NOBODY, "", 400),
        (NOBODY, " \n\0\x07 ", 400),
        (NOBODY, "\ud800", 400),
        (NOBODY, "é" * 8193, 413),
    ],
)
async def test_what_cannot_be_sent(tmp_path: Path, who: str, content: str, status: int) -> None:
    async with two_people(tmp_path) as (alice, _bob):
        with pytest.raises(Refused) as caught:
            await alice.chat.send(alice.id if who == "self" else who, content)
        assert caught.value.status == status
        assert await alice.chat.conversations() == []


async def test_too_many_waiting_messages_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(direct, "MOST_WAITING", 3)
    async with two_people(tmp_path) as (alice, bob):
        alice.node.network.cut(bob.node)
        for number in range(4):  # the first is under way already
            await alice.chat.send(bob.id, str(number))
        with pytest.raises(Refused) as caught:
            await alice.chat.send(bob.id, "one more")
        assert caught.value.status == 429


@pytest.mark.parametrize(
    "payload",
    [
        None,
        7,
        "text",
        [],
        ["content"],
        {},
        {"content": None},
        {"content": 5},
        {"content": ""},
        {"content": " \t\n"},
        {"content": "\x00\x01"},
        {"content": ["x"]},
        {"text": "x"},
    ],
)
async def test_payloads_that_are_no_message(tmp_path: Path, payload: object) -> None:
    async with two_people(tmp_path) as (alice, bob):
        await alice.bus.send(bob.id, "chat", payload)
        await alice.bus.send(bob.id, "chat", {"content": "after"})
        await until(lambda: bob.events)
        assert await bob.said(alice) == ["after"]


async def test_other_topics_with_the_same_beginning_are_not_ours(tmp_path: Path) -> None:
    async with two_people(tmp_path) as (alice, bob):
        for topic in ("chat.broadcast", "chat.room:g:msg", "chatter"):
            await alice.bus.send(bob.id, topic, {"content": "no"})
        await alice.bus.send(bob.id, "chat", {"content": "yes"})
        await until(lambda: bob.events)
        assert await bob.said(alice) == ["yes"]


async def test_what_cannot_be_decrypted_is_ignored(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with two_people(tmp_path) as (alice, bob):
        del bob.known[alice.id]
        with caplog.at_level(logging.INFO, "goop2.chat"):
            await alice.bus.send(bob.id, "chat", {"content": "secret"})
            await until(lambda: "could not be decrypted" in caplog.text)
        assert await bob.said(alice) == []


async def test_dirt_in_a_message_is_cleaned(tmp_path: Path) -> None:
    async with two_people(tmp_path) as (alice, bob):
        await alice.bus.send(bob.id, "chat", {"content": "a\x00\x1b[31mb\r\nc\td\ud800", "timestamp": "x", "cid": 5})
        await alice.bus.send(bob.id, "chat", {"content": "é" * 100_000})
        await until(lambda: len(bob.events) == 2)
        first, second = await bob.said(alice)
        assert first.rstrip("?�") == "a[31mb\nc\td"
        assert second.startswith("éé")
        assert second.endswith("[…]")
        assert 16_000 < len(second.encode()) <= 16 << 10


async def test_a_flood_is_cut_off(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with two_people(tmp_path) as (alice, bob):
        with caplog.at_level(logging.INFO, "goop2.chat"):
            for number in range(150):
                message = bus_module.Message("x" * 8, number, "chat", {"content": str(number)}, alice.id)
                await bob.chat._receive(message)
        assert 50 <= len(await bob.chat.history(alice.id, limit=500)) < 80
        assert caplog.text.count("writes too fast") == 1


async def test_nothing_blocks_the_loop(tmp_path: Path) -> None:
    async with two_people(tmp_path) as (alice, bob):
        with blockbuster_ctx():
            sent = await alice.chat.send(bob.id, "hi")
            assert (await alice.settled(sent)).delivery is Delivery.DELIVERED
            await until(lambda: bob.chat.unread == 1)
            await bob.chat.mark_read(alice.id)
            await bob.chat.clear(alice.id)


async def test_the_own_payload_is_what_the_known_program_reads(tmp_path: Path) -> None:
    async with two_people(tmp_path) as (alice, bob):
        got: list[object] = []

        async def keep(message: bus_module.Message) -> None:
            got.append(message.payload)

        bob.bus.subscribe("chat", keep)
        sent = await alice.chat.send(bob.id, "hi")
        await alice.settled(sent)
        await until(lambda: got)
        [payload] = got
        assert isinstance(payload, dict)
        assert payload.pop("cid")
        assert payload == {"content": "hi", "to": bob.id, "timestamp": sent.timestamp}


async def test_strangers_do_not_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_OF_STRANGERS", 5000)
    monkeypatch.setattr(module, "MOST_OF_ONE_STRANGER", 0)
    async with two_people(tmp_path) as (alice, bob):
        for number in range(3):
            await bob.settled(await bob.chat.send(alice.id, f"{number} " + "x" * 1900))
        cleared = ChatRead(bob.id, cleared=True)
        await until(lambda: cleared in alice.events)
        await until(lambda: alice.chat.unread == 0)
        assert await alice.chat.history(bob.id) == []
        await alice.settled(await alice.chat.send(bob.id, "do I know you?"))
        for number in range(5):
            await bob.settled(await bob.chat.send(alice.id, f"{number} " + "x" * 1900))
        await until(lambda: received_by(alice) == 8)
        assert len(await alice.said(bob)) == 6
        assert alice.events.count(cleared) == 1


def received_by(one: people.Person) -> int:
    events = [event for event in one.events if isinstance(event, ChatChanged)]
    return sum(event.message.delivery is Delivery.RECEIVED for event in events)


async def test_new_people_share_one_limit_that_others_do_not_feel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "NEWCOMER_BURST", 0.0)
    async with two_people(tmp_path) as (alice, bob):
        sent = await bob.settled(await bob.chat.send(alice.id, "hello?"))
        assert sent.delivery is Delivery.DELIVERED, "nobody is told that they are not heard"
        await alice.settled(await alice.chat.send(bob.id, "hi Bob"))
        await bob.settled(await bob.chat.send(alice.id, "there you are"))
        await until(lambda: received_by(alice) == 1)
        assert await alice.said(bob) == ["hi Bob", "there you are"]
