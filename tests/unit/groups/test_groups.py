"""Groups between peers of ours: inviting, joining, roles, leaving, and coming back."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from goop2_core.errors import Refused
from goop2_core.events import GroupGone, GroupState, InvitationChanged, InvitationGone
from goop2_core.groups import host as host_module
from goop2_core.groups import lines, member
from goop2_core.identity import Identity
from tests.support.memory_network import MemoryNetwork
from tests.support.wait import until
from tests.unit.groups.peers import again, meet, peer, peers, room_of

NOBODY = Identity.from_seed(b"\xaa" * 32).peer_id


def names(one, group_id: str) -> list[tuple[str, str]]:
    return [(entry.name, entry.role) for entry in one.group(group_id).members]


async def test_an_invitation_is_a_question_and_joining_shows_everyone_to_everyone(tmp_path: Path) -> None:
    async with peers(tmp_path, "Alice", "Bob", "Carol") as [alice, bob, carol]:
        group = await alice.groups.create("  Reading\nclub ", "chat")
        assert (group.name, group.state, group.role) == ("Reading club", GroupState.HOSTING, "owner")
        assert await alice.groups.invite(group.id, [bob.id, carol.id]) == [(bob.id, "sent"), (carol.id, "sent")]
        await until(lambda: bob.told(InvitationChanged) and carol.told(InvitationChanged))
        [invitation] = bob.groups.invitations()
        assert (invitation.group_name, invitation.host_name, invitation.supported) == ("Reading club", "Alice", True)
        assert bob.groups.listed() == []
        assert alice.group(group.id).members[1:] == ()
        joined = await bob.groups.accept(group.id)
        assert joined.state is GroupState.JOINING
        await until(lambda: bob.state(group.id) is GroupState.CONNECTED)
        assert bob.told(InvitationGone)
        await carol.groups.decline(group.id)
        assert carol.groups.invitations() == carol.groups.listed() == []
        await carol.groups.join(alice.id, group.id)
        expected = [("Alice", "owner"), ("Bob", "viewer"), ("Carol", "viewer")]
        for one in (alice, bob, carol):
            await until(lambda one=one: names(one, group.id) == expected)
        assert bob.group(group.id).name == "Reading club"
        assert alice.group(group.id).invited == ()


async def test_roles_names_and_limits_reach_the_members_and_survive_rejoins_and_restarts(tmp_path: Path) -> None:
    async with peers(tmp_path, "Alice", "Bob") as found:
        alice, bob = found
        group_id = await room_of(alice, bob)
        await alice.groups.set_role(group_id, bob.id, "editor")
        await alice.groups.update(group_id, name="Writers", max_members=2)
        await until(lambda: bob.group(group_id).role == "editor" and bob.group(group_id).name == "Writers")
        bob.groups.retry(group_id)  # a rejoin of a full group
        await until(lambda: bob.state(group_id) is GroupState.CONNECTED)
        assert bob.group(group_id).role == "editor"
        joined_at = alice.group(group_id).members[1].joined_at
        await alice.vanish()
        bob.sees(alice, online=False)
        assert bob.state(group_id) is GroupState.WAITING
        assert "Alice is away" in bob.group(group_id).reason
        found[0] = alice = await again(alice, bob)
        bob.sees(alice)
        await until(lambda: bob.state(group_id) is GroupState.CONNECTED)
        assert names(alice, group_id) == [("Alice", "owner"), ("Bob", "editor")]
        assert alice.group(group_id).members[1].joined_at == joined_at
        await bob.vanish()
        found[1] = bob = await again(bob, alice)
        assert (bob.group(group_id).name, bob.group(group_id).role) == ("Writers", "editor")
        await until(lambda: bob.state(group_id) is GroupState.CONNECTED)
        assert bob.group(group_id).role == "editor"


async def test_a_full_group_says_so_and_lets_in_when_there_is_room(tmp_path: Path) -> None:
    async with peers(tmp_path, "Alice", "Bob", "Carol") as [alice, bob, carol]:
        group_id = await room_of(alice, bob)
        await alice.groups.update(group_id, max_members=2)
        await carol.groups.join(alice.id, group_id)
        await until(lambda: carol.state(group_id) is GroupState.FULL)
        assert carol.group(group_id).reason == "The group is full."
        await alice.groups.update(group_id, max_members=0)
        carol.groups.retry(group_id)
        await until(lambda: carol.state(group_id) is GroupState.CONNECTED)


async def test_leaving_kicking_and_closing(tmp_path: Path) -> None:
    async with peers(tmp_path, "Alice", "Bob", "Carol", "Dave") as [alice, bob, carol, dave]:
        group_id = await room_of(alice, bob, carol, dave)
        await bob.groups.leave(group_id)
        assert bob.told(GroupGone)
        assert bob.groups.listed() == []
        await until(lambda: names(carol, group_id) == [("Alice", "owner"), ("Carol", "viewer"), ("Dave", "viewer")])
        await alice.groups.kick(group_id, carol.id)
        await until(lambda: carol.state(group_id) is GroupState.REMOVED)
        with pytest.raises(Refused) as caught:
            carol.groups.retry(group_id)
        assert caught.value.status == 409
        await carol.groups.remove(group_id)
        await carol.groups.join(alice.id, group_id)  # they know the ID, but were removed
        await until(lambda: carol.state(group_id) is GroupState.REMOVED)
        await alice.groups.invite(group_id, [carol.id])
        await until(carol.groups.invitations)
        await carol.groups.accept(group_id)
        await until(lambda: carol.state(group_id) is GroupState.CONNECTED)
        await alice.groups.remove(group_id)
        for one in (carol, dave):
            await until(lambda one=one: one.state(group_id) is GroupState.CLOSED)
            assert one.group(group_id).reason == "The host closed this group."


async def test_who_was_away_when_a_group_was_closed_learns_it_later(tmp_path: Path) -> None:
    async with peers(tmp_path, "Alice", "Bob") as found:
        alice, bob = found
        group_id = await room_of(alice, bob)
        await bob.vanish()
        await alice.groups.remove(group_id)
        found[1] = bob = await again(bob, alice)
        await until(lambda: bob.state(group_id) is GroupState.CLOSED)
        await bob.groups.remove(group_id)
        assert bob.groups.listed() == []


async def test_an_invitation_to_somebody_away_waits_for_them(tmp_path: Path) -> None:
    async with peers(tmp_path, "Alice", "Bob") as found:
        alice, bob = found
        group = await alice.groups.create("Club", "chat")
        await bob.vanish()
        alice.sees(bob, online=False)
        assert await alice.groups.invite(group.id, [bob.id]) == [(bob.id, "waiting")]
        assert alice.group(group.id).invited == (bob.id,)
        found[1] = bob = await again(bob, alice)
        alice.sees(bob)
        await until(bob.groups.invitations)
        assert await alice.groups.invite(group.id, [bob.id]) == [(bob.id, "sent")]
        await alice.groups.uninvite(group.id, bob.id)
        assert alice.group(group.id).invited == ()


async def test_a_member_that_cannot_be_reached_is_away_and_not_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "LONGEST_PAUSE", 0.5)
    async with peers(tmp_path, "Alice", "Bob", "Carol") as found:
        alice, bob, carol = found
        group_id = await room_of(alice, bob, carol)
        await bob.vanish()
        await alice.groups.update(group_id, name="Other")
        for one in (alice, carol):
            await until(lambda one=one: [m.away for m in one.group(group_id).members] == [False, True, False])
        found[1] = bob = await again(bob, alice, carol)
        for one in (alice, carol):
            await until(lambda one=one: not any(m.away for m in one.group(group_id).members))
        await until(lambda: bob.group(group_id).name == "Other")


async def test_missed_pings_lead_to_a_rejoin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(member, "SILENCE_SECONDS", 0.3)
    monkeypatch.setattr(member, "TICK_SECONDS", 0.05)
    async with peers(tmp_path, "Alice", "Bob") as [alice, bob]:
        group_id = await room_of(alice, bob)
        joins = []
        alice.bus.subscribe(f"group:{group_id}:join", lambda message: _note(joins, message))
        await until(lambda: len(joins) >= 2)
        await until(lambda: bob.state(group_id) is GroupState.CONNECTED)


async def test_pings_are_answered_and_keep_silence_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "PING_SECONDS", 0.1)
    async with peers(tmp_path, "Alice", "Bob") as [alice, bob]:
        group_id = await room_of(alice, bob)
        pongs, pings = [], []
        alice.bus.subscribe(f"group:{group_id}:pong", lambda message: _note(pongs, message))
        bob.bus.subscribe(f"group:{group_id}:ping", lambda message: _note(pings, message))
        await until(lambda: len(pongs) >= 2 and len(pings) >= 2)
        assert pings[0].payload == {"type": "ping", "group": group_id}
        assert pongs[0].payload == {"type": "pong", "group": group_id}


async def _note(found: list, message: object) -> None:
    found.append(message)


async def test_types_that_are_not_known_are_listed_and_can_only_be_declined(tmp_path: Path) -> None:
    async with peers(tmp_path, "Alice", "Bob") as [alice, bob]:
        invite = {
            "group_id": "abc",
            "group_name": "Docs",
            "host_peer_id": bob.id,
            "group_type": "files",
            "volatile": False,
        }
        await alice.bus.send(bob.id, "group.invite", invite)
        await until(bob.groups.invitations)
        [invitation] = bob.groups.invitations()
        assert (invitation.host_id, invitation.type, invitation.supported) == (alice.id, "files", False)
        with pytest.raises(Refused) as caught:
            await bob.groups.accept("abc")
        assert caught.value.status == 409
        assert "newer version" in str(caught.value)
        await bob.groups.decline("abc")
        assert bob.groups.invitations() == []


async def test_fifty_groups_are_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "MOST_HOSTED", 3)
    async with peers(tmp_path, "Alice") as [alice]:
        for number in range(3):
            await alice.groups.create(f"Group {number}", "chat")
        with pytest.raises(Refused) as caught:
            await alice.groups.create("One more", "chat")
        assert caught.value.status == 409


async def test_what_may_not_be_done(tmp_path: Path) -> None:
    async with peers(tmp_path, "Alice", "Bob") as [alice, bob]:
        group_id = await room_of(alice, bob)
        for work, status in (
            (lambda: alice.groups.create(" \n", "chat"), 400),
            (lambda: alice.groups.create("x", "files"), 400),
            (lambda: alice.groups.update("none", name="x"), 404),
            (lambda: bob.groups.update(group_id, name="x"), 403),
            (lambda: bob.groups.kick(group_id, alice.id), 403),
            (lambda: alice.groups.kick(group_id, NOBODY), 404),
            (lambda: alice.groups.kick(group_id, alice.id), 409),
            (lambda: alice.groups.set_role(group_id, alice.id, "x"), 409),
            (lambda: alice.groups.set_role(group_id, bob.id, "\n"), 400),
            (lambda: alice.groups.invite(group_id, ["x"]), 400),
            (lambda: alice.groups.invite(group_id, [alice.id]), 400),
            (lambda: alice.groups.leave(group_id), 403),
            (lambda: bob.groups.join(alice.id, group_id), 409),
            (lambda: bob.groups.join(alice.id, "a:b"), 400),
            (lambda: bob.groups.join("x", "abc"), 400),
            (lambda: bob.groups.join(bob.id, "abc"), 400),
            (lambda: alice.groups.join(bob.id, group_id), 409),
            (lambda: bob.groups.accept("none"), 404),
            (lambda: bob.groups.decline("none"), 404),
            (lambda: bob.groups.leave("none"), 404),
        ):
            with pytest.raises(Refused) as caught:
                await work()
            assert caught.value.status == status, caught.value
        with pytest.raises(Refused):
            alice.groups.retry(group_id)


async def test_the_tables_are_those_of_the_existing_program(tmp_path: Path) -> None:
    network = MemoryNetwork()
    alice, bob = await peer(network, tmp_path, 1, "Alice"), await peer(network, tmp_path, 2, "Bob")
    meet(alice, bob)
    group_id = await room_of(alice, bob)
    await alice.groups.set_role(group_id, bob.id, "editor")
    await until(lambda: bob.group(group_id).role == "editor")
    for one in (alice, bob):
        await one.stop()
    with sqlite3.connect(tmp_path / "Alice.db") as database:
        rows = database.execute(
            "SELECT id, name, owner, group_type, group_context, max_members, host_joined, volatile, default_role, "
            "roles FROM _groups"
        ).fetchall()
        assert rows == [(group_id, "Reading club", alice.id, "chat", "", 0, 1, 0, "viewer", "[]")]
        assert database.execute("SELECT * FROM _group_members").fetchall() == [(group_id, bob.id, "editor")]
        # what REF does when a group is created, and when one is closed
        database.execute("INSERT INTO _groups (id, name, group_type) VALUES ('feed', 'By REF', 'chat')")
        database.execute("INSERT INTO _groups (id, name, group_type) VALUES ('docs', 'By REF', 'files')")
        database.execute("INSERT INTO _group_members (group_id, peer_id) VALUES ('feed', ?)", (bob.id,))
        database.execute("DELETE FROM _groups WHERE id = ?", (group_id,))
    database.close()
    with sqlite3.connect(tmp_path / "Bob.db") as database:
        rows = database.execute(
            "SELECT host_peer_id, group_id, group_name, group_type, role, max_members, volatile, host_name "
            "FROM _group_subscriptions"
        ).fetchall()
        assert rows == [(alice.id, group_id, "Reading club", "chat", "editor", 0, 0, "Alice")]
        database.execute("DELETE FROM _group_subscriptions")
        database.execute(
            "INSERT INTO _group_subscriptions (host_peer_id, group_id, group_name, group_type) "
            "VALUES (?, 'feed', 'By REF', 'chat'), (?, 'docs', 'By REF', 'files')",
            (alice.id, alice.id),
        )
    database.close()
    network.kill(alice.node)
    network.kill(bob.node)
    alice, bob = await again(alice), await again(bob)
    meet(alice, bob)
    assert [group.id for group in alice.groups.listed()] == ["feed"]
    assert [group.id for group in bob.groups.listed()] == ["feed"]
    assert [m.peer_id for m in alice.group("feed").members] == [alice.id, bob.id]
    await until(lambda: bob.state("feed") is GroupState.CONNECTED)
    with pytest.raises(Refused):
        await bob.groups.join(alice.id, "docs")
    for one in (alice, bob):
        await one.stop()
