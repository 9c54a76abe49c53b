"""Chat rooms between peers of ours: what is said arrives once, in order, and nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx

from goop2_core.chat import room_member
from goop2_core.chat import rooms as rooms_module
from goop2_core.errors import Refused
from goop2_core.events import Delivery, GroupState, RoomMessageChanged, RoomMessageGone, RoomRead, Typing
from goop2_core.groups import lines
from tests.support.memory_network import MemoryNetwork
from tests.support.wait import eventually, until
from tests.unit.groups.peers import Peer, again, converged, peers, room_of


async def order_of(one: Peer, group_id: str, author: Peer) -> list[str]:
    messages, _ = await one.rooms.history(group_id, limit=1000)
    return [message.content for message in messages if message.from_id == author.id]


async def test_what_is_said_reaches_everyone_in_order_and_is_delivered(tmp_path: Path) -> None:
    async with peers(tmp_path, "Alice", "Bob", "Carol") as everyone:
        alice, bob, carol = everyone
        group_id = await room_of(*everyone)
        said = {one.name: [f"{one.name} {number}" for number in range(20)] for one in everyone}
        sent = await asyncio.gather(*(one.says(group_id, *said[one.name]) for one in everyone))
        assert sent[0][0].delivery is Delivery.DELIVERED
        assert sent[1][0].delivery is Delivery.SENDING
        await converged(group_id, [text for texts in said.values() for text in texts], *everyone)
        for one in everyone:
            for author in everyone:
                assert await order_of(one, group_id, author) == said[author.name]
        for message in sent[1]:
            await bob.delivered(message)
        heard = await carol.message(group_id, "Bob 3")
        assert (heard.from_id, heard.from_name, heard.delivery) == (bob.id, "Bob", Delivery.RECEIVED)
        assert alice.rooms.unread == 40


async def test_a_joiner_gets_the_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("goop2_core.chat.room_host.FOR_JOINERS", 30)
    monkeypatch.setattr("goop2_core.chat.room_host.MOST_IN_BATCH", 8)
    async with peers(tmp_path, "Alice", "Bob", "Carol") as [alice, bob, carol]:
        group_id = await room_of(alice, bob)
        words = [f"word {number}" for number in range(50)]
        await alice.says(group_id, *words)
        await converged(group_id, words, alice, bob)
        await alice.groups.invite(group_id, [carol.id])
        await until(carol.groups.invitations)
        await carol.groups.accept(group_id)
        await converged(group_id, words[-30:], carol)
        await bob.says(group_id, "welcome")
        await converged(group_id, [*words[-30:], "welcome"], carol)


async def test_without_the_host_messages_wait_and_are_sent_in_order(tmp_path: Path) -> None:
    async with peers(tmp_path, "Alice", "Bob", "Carol") as found:
        alice, bob, carol = found
        group_id = await room_of(*found)
        await alice.vanish()
        sent = await bob.says(group_id, "one", "two", "three", "four")
        for message in sent:
            await bob.delivered(message, Delivery.WAITING)
        await bob.rooms.delete(group_id, sent[1].id)
        assert bob.told(RoomMessageGone)[0].message_id == sent[1].id
        await bob.vanish()
        found[1] = bob = await again(bob, carol)
        await bob.rooms.send(group_id, "five")
        found[0] = alice = await again(alice, bob, carol)
        words = ["one", "three", "four", "five"]
        await converged(group_id, words, alice, bob, carol)
        for one in found:
            assert await order_of(one, group_id, bob) == words
        messages, _ = await bob.rooms.history(group_id)
        assert {message.delivery for message in messages} == {Delivery.DELIVERED}


async def test_who_was_away_gets_what_was_missed(tmp_path: Path) -> None:
    async with peers(tmp_path, "Alice", "Bob", "Carol") as found:
        alice, bob, carol = found
        group_id = await room_of(*found)
        await alice.says(group_id, "before")
        await converged(group_id, ["before"], bob, carol)
        await bob.vanish()
        await alice.says(group_id, "meanwhile 1")
        await carol.says(group_id, "meanwhile 2")
        await converged(group_id, ["before", "meanwhile 1", "meanwhile 2"], alice, carol)
        found[1] = bob = await again(bob, alice, carol)
        await converged(group_id, ["before", "meanwhile 1", "meanwhile 2"], bob)
        assert bob.rooms.unread == 3


async def test_a_cut_cable_costs_nothing_but_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("goop2_core.mq.bus.OPEN_SECONDS", 0.3)
    monkeypatch.setattr("goop2_core.mq.bus.ACK_SECONDS", 0.3)
    monkeypatch.setattr("goop2_core.mq.bus.RETRY_PAUSE", 0.05)
    monkeypatch.setattr(room_member, "CONFIRM_SECONDS", 0.5)
    monkeypatch.setattr(lines, "FIRST_PAUSE", 0.2)
    async with peers(tmp_path, "Alice", "Bob", "Carol") as [alice, bob, carol]:
        group_id = await room_of(alice, bob, carol)
        network = bob.network
        assert isinstance(network, MemoryNetwork)
        words = []
        for number in range(4):
            network.cut(bob.node)
            for one in (alice, bob, carol):
                words.append(f"{one.name} {number}")
                await one.rooms.send(group_id, words[-1])
            await converged(group_id, [word for word in words if word != f"Bob {number}"], alice, carol)
            network.heal(bob.node)  # and presence noticed nothing
            await converged(group_id, words, alice, bob, carol)
        for one in (alice, bob, carol):
            assert await order_of(one, group_id, bob) == [f"Bob {number}" for number in range(4)]


async def test_a_silent_member_gets_what_was_said_while_it_was_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("goop2_core.mq.bus.OPEN_SECONDS", 0.2)
    monkeypatch.setattr("goop2_core.mq.bus.ACK_SECONDS", 0.2)
    monkeypatch.setattr(lines, "FIRST_PAUSE", 0.2)
    async with peers(tmp_path, "Alice", "Bob") as [alice, bob]:
        group_id = await room_of(alice, bob)
        assert isinstance(bob.network, MemoryNetwork)
        bob.network.cut(bob.node)
        await alice.says(group_id, "one", "two")
        await until(lambda: alice.group(group_id).members[1].away)
        bob.network.heal(bob.node)
        await converged(group_id, ["one", "two"], bob)
        await until(lambda: not alice.group(group_id).members[1].away)


async def test_a_lost_confirmation_shows_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room_member, "CONFIRM_SECONDS", 0.2)
    monkeypatch.setattr(room_member, "FIRST_PAUSE", 0.05)
    async with peers(tmp_path, "Alice", "Bob", "Carol") as [alice, bob, carol]:
        group_id = await room_of(alice, bob, carol)
        send_owed, deaf = alice.rooms.send_owed, True

        async def lossy(group: str, peer_id: str) -> bool:
            if deaf and peer_id == bob.id:
                alice.rooms._host._rooms[group].cursors[peer_id] = alice.rooms._host._rooms[group].state.last_n
                return False
            return await send_owed(group, peer_id)

        monkeypatch.setattr(alice.rooms, "send_owed", lossy)
        [sent] = await bob.says(group_id, "hello")
        await bob.delivered(sent, Delivery.WAITING)
        await converged(group_id, ["hello"], alice, carol)
        deaf = False
        await bob.delivered(sent)
        await converged(group_id, ["hello"], alice, bob, carol)
        assert len(carol.told(RoomMessageChanged)) == 1


async def test_a_host_with_another_history_starts_its_members_anew(tmp_path: Path) -> None:
    async with peers(tmp_path, "Alice", "Bob") as found:
        alice, bob = found
        group_id = await room_of(*found)
        await alice.says(group_id, "one", "two", "three")
        await converged(group_id, ["one", "two", "three"], bob)
        await alice.vanish()
        found[0] = alice = await again(alice)
        await alice.rooms._store.forget(group_id)  # as after a backup was put back
        alice.rooms._host.forget(group_id)
        await alice.says(group_id, "four")
        alice.sees(bob)
        bob.sees(alice, online=False)
        bob.sees(alice)
        await converged(group_id, ["one", "two", "three", "four"], bob)
        await bob.says(group_id, "five")
        await converged(group_id, ["four", "five"], alice)


async def test_edits_and_deletions_reach_everyone_also_who_was_away(tmp_path: Path) -> None:
    async with peers(tmp_path, "Alice", "Bob", "Carol") as found:
        alice, bob, carol = found
        group_id = await room_of(*found)
        [mine] = await alice.says(group_id, "of Alice")
        first, second = await bob.says(group_id, "of Bob", "to delete")
        await bob.delivered(second)
        await converged(group_id, ["of Alice", "of Bob", "to delete"], *found)
        await carol.vanish()
        edited = await bob.rooms.edit(group_id, first.id, "of Bob, changed")
        assert (edited.content, edited.delivery) == ("of Bob, changed", Delivery.SENDING)
        await bob.rooms.delete(group_id, second.id)
        assert (await alice.rooms.edit(group_id, mine.id, "of Alice, changed")).delivery is Delivery.DELIVERED
        expected = ["of Alice, changed", "of Bob, changed", ""]
        await converged(group_id, expected, alice, bob)
        found[2] = carol = await again(carol, alice, bob)
        await converged(group_id, expected, carol)
        for one in found:
            heard = await one.message(group_id, "of Bob, changed")
            assert heard.edited_at > 0
            assert (await one.message(group_id, "")).deleted
        changes = [(e.message.deleted, e.message.delivery) for e in bob.told(RoomMessageChanged)]
        assert (True, Delivery.DELIVERED) in changes


async def test_an_edit_waits_for_the_host(tmp_path: Path) -> None:
    async with peers(tmp_path, "Alice", "Bob") as found:
        alice, bob = found
        group_id = await room_of(*found)
        [sent] = await bob.says(group_id, "first")
        await bob.delivered(sent)
        await alice.vanish()
        await bob.rooms.edit(group_id, sent.id, "second")
        await bob.rooms.edit(group_id, sent.id, "third")
        await until(lambda: bob.told(RoomMessageChanged)[-1].message.delivery is Delivery.WAITING)
        found[0] = alice = await again(alice, bob)
        await converged(group_id, ["third"], alice, bob)


async def test_only_ones_own_can_be_changed(tmp_path: Path) -> None:
    async with peers(tmp_path, "Alice", "Bob") as [alice, bob]:
        group_id = await room_of(alice, bob)
        [mine] = await alice.says(group_id, "of Alice")
        await converged(group_id, ["of Alice"], bob)
        heard = await bob.message(group_id, "of Alice")
        await alice.rooms.delete(group_id, mine.id)
        for work, status in (
            (lambda: bob.rooms.edit(group_id, heard.id, "x"), 403),
            (lambda: bob.rooms.delete(group_id, heard.id), 403),
            (lambda: bob.rooms.edit(group_id, 999, "x"), 404),
            (lambda: bob.rooms.edit("none", heard.id, "x"), 404),
            (lambda: alice.rooms.edit(group_id, mine.id, "x"), 409),
            (lambda: alice.rooms.retry(group_id, mine.id), 409),
            (lambda: bob.rooms.send(group_id, " \n"), 400),
            (lambda: bob.rooms.send(group_id, "x" * 20_000), 413),
            (lambda: bob.rooms.send("none", "x"), 404),
            (lambda: bob.rooms.search(group_id, ""), 400),
            (lambda: bob.rooms.search(group_id, "x" * 201), 400),
        ):
            with pytest.raises(Refused) as caught:
                await work()
            assert caught.value.status == status


async def test_replies_point_to_what_they_answer(tmp_path: Path) -> None:
    async with peers(tmp_path, "Alice", "Bob", "Carol") as everyone:
        alice, bob, carol = everyone
        group_id = await room_of(*everyone)
        [question] = await alice.says(group_id, "who is there?")
        await converged(group_id, ["who is there?"], bob, carol)
        heard = await bob.message(group_id, "who is there?")
        answer = await bob.rooms.send(group_id, "I am", reply_to=heard.id)
        assert answer.reply_to == heard.id
        await converged(group_id, ["who is there?", "I am"], *everyone)
        assert (await alice.message(group_id, "I am")).reply_to == question.id
        assert (await carol.message(group_id, "I am")).reply_to == (await carol.message(group_id, "who is there?")).id


async def test_unread_reading_and_the_list_of_rooms(tmp_path: Path) -> None:
    async with peers(tmp_path, "Alice", "Bob") as found:
        alice, bob = found
        quiet = await room_of(alice, bob, name="Quiet")
        group_id = await room_of(alice, bob)
        await alice.says(group_id, "one", "two")
        await converged(group_id, ["one", "two"], bob)
        await until(lambda: bob.rooms.unread == 2)
        [first, second] = await bob.rooms.listed()
        assert (first[0], first[1], first[2] and first[2].content) == (group_id, 2, "two")
        assert second == (quiet, 0, None)
        assert bob.told(RoomMessageChanged)[-1].unread == 2
        await bob.rooms.mark_read(group_id)
        assert bob.told(RoomRead) == [RoomRead(group_id)]
        assert bob.rooms.unread == 0
        await bob.says(group_id, "mine")
        await alice.says(group_id, "three")
        await converged(group_id, ["one", "two", "mine", "three"], alice, bob)
        await until(lambda: bob.rooms.unread == 1)
        await bob.vanish()
        found[1] = bob = await again(bob, alice)
        assert bob.rooms.unread == 1


async def test_the_same_submit_twice_is_one_message(tmp_path: Path) -> None:
    async with peers(tmp_path, "Alice", "Bob") as [alice, bob]:
        group_id = await room_of(alice, bob)
        for one in (alice, bob):
            first, second = [await one.rooms.send(group_id, f"of {one.name}", "c1") for _ in range(2)]
            assert first.id == second.id
        await converged(group_id, ["of Alice", "of Bob"], alice, bob)


async def test_searching_does_not_mind_case(tmp_path: Path) -> None:
    async with peers(tmp_path, "Alice") as [alice]:
        group_id = await room_of(alice)
        await alice.says(group_id, "Grüße", "100 % sure", "GRÜSSE an alle", "nothing")
        assert [m.content for m in await alice.rooms.search(group_id, "grüsse")] == ["GRÜSSE an alle", "Grüße"]
        assert [m.content for m in await alice.rooms.search(group_id, "0 %")] == ["100 % sure"]
        assert await alice.rooms.search(group_id, "_") == []


async def test_typing_is_told_and_not_too_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with peers(tmp_path, "Alice", "Bob", "Carol") as everyone:
        alice, bob, carol = everyone
        group_id = await room_of(*everyone)
        for _ in range(5):
            await bob.rooms.typing(group_id)
        for one in (alice, carol):
            await until(lambda one=one: one.told(Typing))
            assert one.told(Typing) == [Typing(group_id, bob.id, "Bob")]
        assert bob.told(Typing) == []
        await alice.rooms.typing(group_id)
        await until(lambda: bob.told(Typing) == [Typing(group_id, alice.id, "Alice")])
        monkeypatch.setattr(rooms_module, "TYPING_SECONDS", 0.0)
        for _ in range(20):
            await bob.rooms.typing(group_id)
        await bob.says(group_id, "done")
        await converged(group_id, ["done"], carol)
        assert len(carol.told(Typing)) <= 6


async def test_a_room_that_was_left_or_closed(tmp_path: Path) -> None:
    async with peers(tmp_path, "Alice", "Bob", "Carol") as [alice, bob, carol]:
        group_id = await room_of(alice, bob, carol)
        await alice.says(group_id, "one")
        await converged(group_id, ["one"], bob, carol)
        await bob.groups.leave(group_id)
        assert await bob.rooms._store.history(group_id) == []
        await alice.groups.kick(group_id, carol.id)
        await until(lambda: carol.state(group_id) is GroupState.REMOVED)
        assert await carol.texts(group_id) == ["one"]
        with pytest.raises(Refused) as caught:
            await carol.rooms.send(group_id, "but")
        assert caught.value.status == 409
        await alice.says(group_id, "among us")
        await asyncio.sleep(0.2)
        assert await carol.texts(group_id) == ["one"]
        await alice.groups.remove(group_id)
        assert await alice.rooms._store.history(group_id) == []
        assert alice.rooms.unread == 0


async def test_writing_faster_than_allowed_loses_and_reorders_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("goop2_core.chat.room_host.RATE", 50.0)
    async with peers(tmp_path, "Alice", "Bob") as [alice, bob]:
        group_id = await room_of(alice, bob)
        alice.rooms._host._throttle._burst = 10
        monkeypatch.setattr(room_member, "CONFIRM_SECONDS", 0.5)
        words = [f"word {number}" for number in range(40)]
        await bob.says(group_id, *words)

        async def there() -> bool:
            return await alice.texts(group_id) == words

        await eventually(there, 20)


async def test_nothing_blocks_the_loop(tmp_path: Path) -> None:
    async with peers(tmp_path, "Alice", "Bob") as [alice, bob]:
        with blockbuster_ctx():
            group_id = await room_of(alice, bob)
            [sent] = await bob.says(group_id, "hello")
            await bob.delivered(sent)
            await alice.says(group_id, "hi")
            await converged(group_id, ["hello", "hi"], alice, bob)
            await bob.rooms.edit(group_id, sent.id, "hello all")
            await bob.rooms.search(group_id, "all")
            await bob.rooms.mark_read(group_id)
            await alice.groups.remove(group_id)
            await until(lambda: bob.state(group_id) is GroupState.CLOSED)
