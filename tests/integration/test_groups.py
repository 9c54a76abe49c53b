"""Rooms over the real network: several peers, restarts without a word, and whole engines."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

from aiohttp import ClientSession, CookieJar

from goop2_core.events import Delivery, Event, GroupState, InvitationChanged, RoomMessageChanged
from goop2_core.p2p import Network
from tests.integration.test_engine import make, running
from tests.support.wait import until
from tests.unit.groups.peers import again, converged, peers, room_of


async def test_restarts_of_host_and_members_lose_and_repeat_nothing(tmp_path: Path) -> None:
    rng = random.Random(5)
    async with peers(tmp_path, "Alice", "Bob", "Carol", network=Network()) as found:
        group_id = await room_of(*found)
        said: dict[str, list[str]] = {one.name: [] for one in found}
        for turn in range(6):
            for one in found:
                text = f"{one.name} {turn}"
                said[one.name].append(text)
                await one.rooms.send(group_id, text)
            number = rng.randrange(len(found))
            await found[number].vanish()
            await asyncio.sleep(rng.uniform(0, 0.3))
            found[number] = await again(found[number], *[one for one in found if one is not found[number]])
            for one in found:
                if one is not found[number]:
                    one.sees(found[number], online=False)
                    one.sees(found[number])
        await converged(group_id, [text for texts in said.values() for text in texts], *found, seconds=20)
        for one in found:
            messages, _ = await one.rooms.history(group_id, limit=1000)
            for author in found:
                assert [m.content for m in messages if m.from_id == author.id] == said[author.name]
            assert {m.delivery for m in messages} <= {Delivery.DELIVERED, Delivery.RECEIVED}


async def test_two_engines_share_a_room_and_find_it_again(tmp_path: Path) -> None:
    alice, bob = make(tmp_path / "alice"), make(tmp_path / "bob")
    async with running(alice, bob) as [(one, _), (two, heard)]:
        await until(lambda: [p.name for p in one.people() if p.online] == ["bob"], 20)
        async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as browser:
            await browser.get(one.console_url())
            base = one.console_url().split("?")[0].rstrip("/")
            body = {"name": "Club", "type": "chat"}
            group = await (await browser.post(f"{base}/api/groups", json=body, headers={"X-Goop2": "1"})).json()
            invite = {"peer_ids": [two.identity.peer_id]}
            await browser.post(f"{base}/api/groups/{group['id']}/invite", json=invite, headers={"X-Goop2": "1"})
            await until(lambda: [event for event in heard if isinstance(event, InvitationChanged)])
            await two._groups.accept(group["id"])
            await until(lambda: two._groups.state(group["id"]) is GroupState.CONNECTED)
            await browser.post(f"{base}/api/rooms/{group['id']}", json={"content": "hello"}, headers={"X-Goop2": "1"})
        await until(lambda: two.unread == 1)
        assert [m.name for m in two._groups.group(group["id"]).members] == ["alice", "bob"]
    async with running(bob) as [(two, told)]:
        assert two.unread == 1
        sent = await two._rooms.send(group["id"], "are you there?")
        await until(lambda: deliveries(told, sent.id)[-1:] == [Delivery.WAITING])
    async with running(bob, alice) as [(two, told), (one, _)]:
        await until(lambda: one.unread == 1, 20)
        await until(lambda: deliveries(told, sent.id)[-1:] == [Delivery.DELIVERED], 20)
        messages, _ = await one._rooms.history(group["id"])
        assert [message.content for message in messages] == ["hello", "are you there?"]


def deliveries(events: list[Event], number: int) -> list[Delivery]:
    """What became of a message, step by step."""
    found = [event.message for event in events if isinstance(event, RoomMessageChanged)]
    return [message.delivery for message in found if message.id == number]
