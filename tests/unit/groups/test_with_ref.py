"""Rooms with members, and with a host, that behave as the existing program does: exact shapes, and never a storm."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from goop2_core.chat.room_wire import topic
from goop2_core.events import Delivery, GroupState
from tests.support.memory_network import MemoryNetwork
from tests.support.wait import until
from tests.unit.groups.peers import Peer, RefPeer, converged, meet, peers, ref_peers, room_of


async def let_in(host: Peer, group_id: str, *members: RefPeer) -> None:
    await host.groups.invite(group_id, [member.id for member in members])
    for member in members:
        await until(lambda member=member: host.groups.is_member(group_id, member.id))
        await until(lambda member=member: member.members.get(group_id))


def payload_of(one: RefPeer, kind: str) -> Any:
    return next(message.payload for message in one.got if message.topic.endswith(kind))


async def test_what_a_member_of_ref_gets_has_its_exact_shape(tmp_path: Path) -> None:
    network = MemoryNetwork()
    async with peers(tmp_path, "Alice", network=network) as [alice], ref_peers(network, "Rita") as [rita]:
        meet(alice, rita)
        group_id = await room_of(alice)
        await alice.says(group_id, "before")
        await let_in(alice, group_id, rita)
        await until(lambda: {"members", "history"} <= set(rita.kinds()))
        created, joined = (member.joined_at for member in alice.group(group_id).members)
        assert payload_of(rita, "group.invite") == {
            "group_id": group_id,
            "group_name": "Reading club",
            "host_peer_id": alice.id,
            "group_type": "chat",
            "volatile": False,
        }
        assert payload_of(rita, ":welcome") == {
            "group_name": "Reading club",
            "group_type": "chat",
            "max_members": 0,
            "volatile": False,
            "members": [
                {"peer_id": alice.id, "role": "owner", "joined_at": created},
                {"peer_id": rita.id, "role": "viewer", "joined_at": joined},
            ],
        }
        [sent] = await alice.says(group_id, "evening all")
        await until(lambda: rita.texts(group_id) == ["evening all"])
        [message] = rita.rings[group_id]
        assert set(message) == {"id", "from", "from_name", "text", "timestamp"}
        assert (message["from"], message["from_name"], message["timestamp"]) == (alice.id, "Alice", sent.timestamp)
        assert payload_of(rita, ":history")["action"] == "history"
        assert [one["text"] for one in payload_of(rita, ":history")["messages"]] == ["before"]
        assert payload_of(rita, f"chat.room:{group_id}:members")["members"][0] == {"peer_id": alice.id, "name": "Alice"}
        await alice.groups.update(group_id, name="Other", max_members=7)
        await until(lambda: "meta" in rita.kinds())
        assert payload_of(rita, ":meta") == {"group_name": "Other", "group_type": "chat", "max_members": 7}
        await alice.groups.remove(group_id)
        await until(lambda: "close" in rita.kinds())
        assert payload_of(rita, ":close").items() >= {"type": "close", "group": group_id}.items()


async def test_a_refusal_has_both_nestings(tmp_path: Path) -> None:
    network = MemoryNetwork()
    async with peers(tmp_path, "Alice", "Bob", network=network) as [alice, bob], ref_peers(network, "Rita") as [rita]:
        meet(alice, bob, rita)
        group_id = await room_of(alice, bob)
        await alice.groups.update(group_id, max_members=2)
        await rita.join(alice.id, group_id)
        await until(lambda: "error" in rita.kinds())
        words = {"code": "full", "message": "group is full"}
        assert payload_of(rita, ":error") == {"type": "error", "group": group_id, **words, "payload": words}


async def test_four_members_of_ref_never_storm_and_nobody_sees_anything_twice(tmp_path: Path) -> None:
    network = MemoryNetwork()
    async with (
        peers(tmp_path, "Alice", "Bob", network=network) as [alice, bob],
        ref_peers(network, "Rita", "Rolf", "Rosa", "Ruth") as refs,
    ):
        meet(alice, bob, *refs)
        group_id = await room_of(alice, bob)
        await let_in(alice, group_id, *refs)
        expected = []
        for number, one in enumerate(refs, 1):
            expected.append(f"of {one.name}")
            await one.says(group_id, expected[-1], number)
        for ours in (alice, bob):
            expected.append(f"of {ours.name}")
            await ours.says(group_id, expected[-1])
        await converged(group_id, expected, alice, bob)
        for one in refs:
            await until(lambda one=one: set(one.texts(group_id)) == set(expected))
        sent_on = [one.sent_on for one in refs]
        await asyncio.sleep(0.5)
        assert [one.sent_on for one in refs] == sent_on  # it is quiet
        for one in refs:
            assert sorted(one.texts(group_id)) == sorted(expected)
        assert {(await bob.message(group_id, f"of {one.name}")).from_id for one in refs} == {one.id for one in refs}


async def test_a_storm_among_others_is_shown_once(tmp_path: Path) -> None:
    """Three of REF's peers in a room of a host like REF's; whatever goes round among them is shown once here."""
    network = MemoryNetwork()
    async with (
        peers(tmp_path, "Alice", network=network) as [alice],
        ref_peers(network, "Rita", "Rolf", "Rosa") as refs,
    ):
        rita, rolf, rosa = refs
        meet(alice, *refs)
        await alice.groups.join(rita.id, "feed")
        await until(lambda: "join" in rita.kinds())
        everyone = [rita.id, rolf.id, rosa.id, alice.id]
        members = [{"peer_id": one, "role": "viewer", "joined_at": 1} for one in everyone]
        welcome = {
            "group_name": "Theirs",
            "group_type": "chat",
            "max_members": 0,
            "volatile": False,
            "members": members,
        }
        await rita.send(alice.id, "group:feed:welcome", welcome)
        await until(lambda: alice.state("feed") is GroupState.CONNECTED)
        for one in refs:
            one.rings["feed"], one.members["feed"] = [], everyone
        [sent] = await alice.says("feed", "hello")
        assert (await alice.delivered(sent)).delivery is Delivery.DELIVERED
        await rolf.says("feed", "first", 1)
        await rolf.says("feed", "second", 1)  # in the same millisecond: the same ID
        await until(lambda: all(one.sent_on > 20 for one in refs))
        for one in refs:
            one.rings.clear()  # or it would go round for ever
        await converged("feed", ["hello", "first", "second"], alice)
        assert set(rosa.got[-1].payload["message"]) == {"id", "from", "from_name", "text", "timestamp"}


async def test_a_room_of_a_ref_host(tmp_path: Path) -> None:
    network = MemoryNetwork()
    async with peers(tmp_path, "Alice", "Bob", network=network) as found, ref_peers(network, "Rita") as [rita]:
        alice, bob = found
        meet(alice, bob, rita)
        everyone = [rita.id, alice.id, bob.id]
        members = [{"peer_id": one, "role": "viewer", "joined_at": 1} for one in everyone]
        for one in found:
            await one.groups.join(rita.id, "feed")
        await until(lambda: rita.kinds().count("join") == 2)
        rita.rings["feed"], rita.members["feed"] = [], everyone
        for one in found:
            await rita.send(one.id, "group:feed:welcome", {"members": members, "max_members": 0})
            await until(lambda one=one: one.state("feed") is GroupState.CONNECTED)
        sent = await alice.says("feed", *[f"word {number}" for number in range(5)])
        for message in sent:
            await alice.delivered(message)
        await rita.says("feed", "of Rita", 7)
        await converged("feed", [*(f"word {number}" for number in range(5)), "of Rita"], alice, bob)
        old = {"id": "3-12D3KooW", "from": rita.id, "from_name": "Rita", "text": "long ago", "timestamp": 3}
        await rita.send(bob.id, topic("feed", "history"), {"action": "history", "messages": [old, old, {"id": 5}]})
        await until(lambda: any(one.message.content == "long ago" for one in bob.events if hasattr(one, "message")))
        heard = await bob.message("feed", "long ago")
        assert (heard.timestamp, heard.from_id) == (3, rita.id)
        await rita.send(alice.id, "group:feed:close", {"type": "close", "group": "feed"})
        await until(lambda: alice.state("feed") is GroupState.CLOSED)
        assert "or removed you" in alice.group("feed").reason
        await rita.send(bob.id, "group:feed:members", {"members": members[:2]})
        await until(lambda: rita.kinds().count("join") == 3)  # dropped without a word: so it joins again
