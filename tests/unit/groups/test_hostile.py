"""What strangers, members and hosts may try: forging, flooding, huge and senseless messages."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goop2_core.chat import room_wire
from goop2_core.errors import Refused
from goop2_core.events import GroupState
from goop2_core.groups import invitations, wire
from goop2_core.mq.message import Message
from tests.support.memory_network import MemoryNetwork
from tests.support.wait import until
from tests.unit.groups.peers import Peer, RefPeer, converged, meet, peers, ref_peers, room_of

GROUP_KINDS = ("join", "welcome", "members", "meta", "msg", "state", "leave", "close", "ping", "pong", "error", "other")
ROOM_SUBS = ("msg", "history", "members", "edit", "sync", "refused", "typing", "other")

scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=20)
keys = st.sampled_from(
    [
        "type", "group", "payload", "members", "peer_id", "role", "joined_at", "name", "away", "goop2", "code",
        "message", "group_name", "group_type", "max_members", "action", "messages", "id", "from", "from_name", "text",
        "timestamp",
        "rev", "n", "edited", "deleted", "reply", "epoch", "after", "upto", "since", "reset", "reason",
    ]
)  # fmt: skip
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6), max_leaves=25
)


def said(author: Peer | RefPeer, text: str, number: int = 1) -> dict[str, Any]:
    return {"id": f"{number}-{author.id[:8]}", "from": author.id, "from_name": "x", "text": text, "timestamp": number}


async def settled(one: Peer, group_id: str, marker: str) -> list[str]:
    """What the room says once what was sent before has been looked at."""
    await one.rooms.send(group_id, marker)
    await asyncio.sleep(0.3)
    return [text for text in await one.texts(group_id) if text != marker]


async def test_forged_authors_and_outsiders_are_not_heard(tmp_path: Path) -> None:
    network = MemoryNetwork()
    async with (
        peers(tmp_path, "Alice", "Bob", network=network) as [alice, bob],
        ref_peers(network, "Member", "Outsider") as [member, outsider],
    ):
        meet(alice, bob, member, outsider)
        group_id = await room_of(alice, bob)
        await member.join(alice.id, group_id)
        await until(lambda: alice.groups.is_member(group_id, member.id))
        msg, edit = room_wire.topic(group_id, "msg"), room_wire.topic(group_id, "edit")
        [true] = await bob.says(group_id, "true")
        await converged(group_id, ["true"], alice, bob)
        row = await alice.rooms._store.get(group_id, (await alice.message(group_id, "true")).id)
        assert row is not None
        forged = room_wire.message_of(row, ours=True) | {"text": "false", "rev": 5}
        for payload in (
            said(alice, "forged host"),
            said(bob, "forged member"),
            forged,
            {**forged, "deleted": True},
        ):
            for topic in (msg, edit):
                await member.send(alice.id, topic, {"action": "msg", "message": payload})
                await member.send(bob.id, topic, {"action": "msg", "message": payload})
        history = {
            "action": "history",
            "epoch": "e",
            "after": 0,
            "upto": 9,
            "reset": True,
            "messages": [said(alice, "no")],
        }
        for sender in (member, outsider):
            await sender.send(bob.id, room_wire.topic(group_id, "history"), history)
            await sender.send(alice.id, room_wire.topic(group_id, "history"), history)
        await outsider.send(alice.id, msg, {"action": "msg", "message": said(outsider, "from outside")})
        await outsider.send(bob.id, msg, {"action": "msg", "message": said(outsider, "from outside")})
        await member.send(bob.id, msg, {"action": "msg", "message": said(member, "past the host")})
        assert await settled(alice, group_id, "marker") == ["true"]
        assert await settled(bob, group_id, "mark") == ["true", "marker"]
        assert (await bob.message(group_id, "true")).id == true.id
        got = len(outsider.got)
        await outsider.send(alice.id, wire.topic(group_id, "msg"), {"x": 1})
        await member.send(alice.id, wire.topic(group_id, "msg"), {"from": member.id, "x": 2})
        handed = []

        async def note(message: Message) -> None:
            handed.append(message.payload)

        bob.bus.subscribe(wire.topic(group_id, "msg"), note)
        await member.send(alice.id, wire.topic(group_id, "msg"), {"x": 3})
        await until(lambda: handed)
        assert {"x": 1} not in handed
        assert len(outsider.got) == got


async def test_only_the_host_says_how_the_group_is(tmp_path: Path) -> None:
    network = MemoryNetwork()
    async with (
        peers(tmp_path, "Alice", "Bob", network=network) as [alice, bob],
        ref_peers(network, "Mallory") as [mallory],
    ):
        meet(alice, bob, mallory)
        group_id = await room_of(alice, bob)
        await mallory.join(alice.id, group_id)
        await until(lambda: len(bob.group(group_id).members) == 3)
        before = bob.group(group_id)
        hosted = alice.group(group_id)
        for kind, payload in (
            ("close", {"type": "close", "group": group_id}),
            ("error", {"code": "closed", "message": "x"}),
            ("members", {"members": []}),
            ("meta", {"group_name": "Mine now", "max_members": 1}),
            ("welcome", {"group_name": "Mine now", "members": []}),
        ):
            for one in (alice, bob):
                await mallory.send(one.id, wire.topic(group_id, kind), payload)
        invite = {"group_id": group_id, "group_name": "Mine", "group_type": "chat", "host_peer_id": alice.id}
        for one in (alice, bob):
            await mallory.send(one.id, "group.invite", invite)
        await alice.groups.set_role(group_id, bob.id, "editor")
        await until(lambda: bob.group(group_id).role == "editor")
        assert (bob.group(group_id).name, bob.group(group_id).state) == (before.name, GroupState.CONNECTED)
        assert bob.group(group_id).host_id == alice.id
        assert bob.groups.invitations() == alice.groups.invitations() == []
        assert len(alice.group(group_id).members) == len(hosted.members)


async def test_a_member_of_a_host_that_was_not_asked_for_stays_out(tmp_path: Path) -> None:
    network = MemoryNetwork()
    async with peers(tmp_path, "Alice", network=network) as [alice], ref_peers(network, "Mallory") as [mallory]:
        meet(alice, mallory)
        await mallory.send(alice.id, "group:abc:welcome", {"group_name": "x", "members": []})
        await mallory.send(alice.id, room_wire.topic("abc", "msg"), {"action": "msg", "message": said(mallory, "hi")})
        invite = {"group_id": "abc", "group_name": "Sweets", "host_peer_id": alice.id, "group_type": "chat"}
        await mallory.send(alice.id, "group.invite", invite)
        await until(alice.groups.invitations)
        assert alice.groups.invitations()[0].host_id == mallory.id
        assert alice.groups.listed() == []
        assert "join" not in mallory.kinds()


async def test_a_group_that_turns_out_to_be_something_else_is_left(tmp_path: Path) -> None:
    network = MemoryNetwork()
    async with peers(tmp_path, "Alice", network=network) as [alice], ref_peers(network, "Rita") as [rita]:
        meet(alice, rita)
        await alice.groups.join(rita.id, "abc")
        await until(lambda: "join" in rita.kinds())
        await rita.send(alice.id, "group:abc:welcome", {"group_name": "Docs", "group_type": "files", "members": []})
        await until(lambda: alice.state("abc") is GroupState.REFUSED)
        assert "newer version" in alice.group("abc").reason
        await until(lambda: "leave" in rita.kinds())


async def test_joining_over_and_over_is_cut_off(tmp_path: Path) -> None:
    network = MemoryNetwork()
    async with peers(tmp_path, "Alice", network=network) as [alice], ref_peers(network, "Mallory") as [mallory]:
        meet(alice, mallory)
        group_id = await room_of(alice)
        for _ in range(150):
            await mallory.send(alice.id, wire.topic(group_id, "join"), {"type": "join", "group": group_id})
        await asyncio.sleep(0.2)
        assert mallory.kinds().count("welcome") <= 70
        assert len(alice.group(group_id).members) == 2


async def test_what_comes_for_a_room_that_is_gone_is_refused(tmp_path: Path) -> None:
    async with peers(tmp_path, "Alice", "Bob") as [alice, bob]:
        group_id = await room_of(alice, bob)
        await alice.rooms._store.forget(group_id)
        message = room_wire.parse_said(said(bob, "late"), 1000, by_host=False)
        for work in (
            alice.rooms._store.take(group_id, message),
            alice.rooms._store.receive(group_id, [message]),
            alice.rooms._store.say(group_id, message, "", hosted=True),
        ):
            with pytest.raises(Refused):
                await work


async def test_a_flood_of_invitations(tmp_path: Path) -> None:
    network = MemoryNetwork()
    async with peers(tmp_path, "Alice", network=network) as [alice], ref_peers(network, "Mallory") as [mallory]:
        meet(alice, mallory)
        for number in range(40):
            await mallory.send(alice.id, "group.invite", {"group_id": f"g{number}", "group_type": "chat"})
        await asyncio.sleep(0.2)
        assert len(alice.groups.invitations()) <= invitations.MOST_PER_HOST


async def test_a_flood_of_messages_is_cut_and_harms_nobody_else(tmp_path: Path) -> None:
    network = MemoryNetwork()
    async with (
        peers(tmp_path, "Alice", "Bob", network=network) as [alice, bob],
        ref_peers(network, "Mallory") as [mallory],
    ):
        meet(alice, bob, mallory)
        group_id = await room_of(alice, bob)
        await mallory.join(alice.id, group_id)
        await until(lambda: mallory.members.get(group_id))

        async def flood() -> None:
            for number in range(300):
                message = {"action": "msg", "message": said(mallory, f"spam {number}", number + 1)}
                await mallory.send(alice.id, room_wire.topic(group_id, "msg"), message)

        flooding = asyncio.create_task(flood())
        [sent] = await bob.says(group_id, "through")
        await bob.delivered(sent)
        await flooding
        spam = [text for text in await alice.texts(group_id) if text.startswith("spam")]
        assert 50 <= len(spam) < 200


async def test_giant_messages_are_shortened_or_refused(tmp_path: Path) -> None:
    network = MemoryNetwork()
    async with peers(tmp_path, "Alice", network=network) as [alice], ref_peers(network, "Mallory") as [mallory]:
        meet(alice, mallory)
        group_id = await room_of(alice)
        await mallory.join(alice.id, group_id)
        await until(lambda: mallory.members.get(group_id))
        big = said(mallory, "é" * 1_000_000) | {"from_name": "n" * 100_000, "more": ["x"] * 1000}
        await mallory.send(alice.id, room_wire.topic(group_id, "msg"), {"action": "msg", "message": big})
        await mallory.send(
            alice.id, room_wire.topic(group_id, "msg"), {"message": said(mallory, "x") | {"id": "i" * 500}}
        )
        await until(lambda: alice.rooms.unread == 1)
        [text] = await alice.texts(group_id)
        assert text.endswith("[…]")
        assert len(text.encode()) <= 16 << 10
        [shown] = (await alice.rooms.history(group_id))[0]
        assert len(shown.from_name) <= 100
        crowd = {"members": [{"peer_id": mallory.id, "role": "r" * 10_000}] * 20_000}
        with contextlib.suppress(Refused):
            assert len(wire.parse_members(crowd)) == 1


def test_a_list_with_short_peer_ids_never_reaches_anybody() -> None:
    members = wire.parse_members({"members": [{"peer_id": "short", "role": "x"}, {"peer_id": 5}, None, {"role": "x"}]})
    assert members == ()


@settings(max_examples=150, deadline=None)
@given(payload=values)
def test_any_json_is_read_or_refused(payload: object) -> None:
    for parse in (
        wire.parse_members,
        wire.parse_welcome,
        wire.parse_meta,
        wire.parse_invite,
        room_wire.parse_sync,
        room_wire.parse_refused,
        room_wire.parse_names,
        lambda value: room_wire.parse_message(value, 1000, by_host=True),
        lambda value: room_wire.parse_message(value, 1000, by_host=False),
        lambda value: room_wire.parse_history(value, 1000, ours=True),
        lambda value: room_wire.parse_history(value, 1000, ours=False),
    ):
        with contextlib.suppress(Refused):
            parse(payload)
    assert all(isinstance(text, str) for text in wire.parse_error(payload))
    assert wire.is_ours(payload) in {True, False}


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=60))
def test_any_topic_is_read_or_refused(text: str) -> None:
    for candidate in (text, "group:" + text, "group:g:" + text):
        try:
            group_id, kind = wire.parse_topic(candidate)
        except Refused:
            continue
        assert wire.is_group_id(group_id)
        assert kind.isascii()
        assert candidate == wire.topic(group_id, kind)


@pytest.mark.parametrize("role", ["host", "member"])
async def test_garbage_of_every_kind_changes_nothing(tmp_path: Path, role: str) -> None:
    network = MemoryNetwork()
    async with peers(tmp_path, "Alice", "Bob", network=network) as [alice, bob]:
        group_id = await room_of(alice, bob)
        await alice.says(group_id, "kept")
        await converged(group_id, ["kept"], bob)
        victim, sender = (alice, bob) if role == "host" else (bob, alice)
        victim.groups._throttle._rate = victim.rooms._throttle._rate = 1e9

        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(payload=values, kind=st.sampled_from(GROUP_KINDS), sub=st.sampled_from(ROOM_SUBS))
        def collect(payload: object, kind: str, sub: str) -> None:
            cases.append((wire.topic(group_id, kind), payload))
            cases.append((room_wire.topic(group_id, sub), payload))

        cases: list[tuple[str, object]] = []
        collect()
        for number, (topic, payload) in enumerate(cases):
            message = Message(f"garbage-{number}", number, topic, payload, sender.id)
            receive = victim.rooms._receive if topic.startswith("chat.room:") else victim.groups._receive
            with contextlib.suppress(Refused):
                await receive(message)
        assert "kept" in await victim.texts(group_id)
        # whatever its host made of it: after a rejoin all is well
        if role == "member":
            if victim.state(group_id) not in {GroupState.CLOSED, GroupState.REMOVED}:
                bob.groups.retry(group_id)
                await until(lambda: bob.state(group_id) is GroupState.CONNECTED)
                await alice.says(group_id, "after")
                await until(lambda: bob.rooms.unread >= 2)
        elif alice.groups.is_member(group_id, bob.id):
            [sent] = await bob.says(group_id, "after")
            await bob.delivered(sent)
