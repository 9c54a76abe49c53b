"""Conversations over the real network."""

from __future__ import annotations

import asyncio
from pathlib import Path

from goop2_core.events import Delivery
from goop2_core.p2p import Network
from tests.support.wait import until
from tests.unit.chat.people import two_people


async def test_two_people_talk_and_one_goes_away(tmp_path: Path) -> None:
    async with two_people(tmp_path, Network()) as (alice, bob):
        words = [f"word {number}" for number in range(30)]
        for number, word in enumerate(words):
            last = await (alice.chat.send(bob.id, word) if number % 2 else alice.chat.send(bob.id, word, str(number)))
        assert (await alice.settled(last)).delivery is Delivery.DELIVERED
        await until(lambda: bob.chat.unread == 30)
        assert await bob.said(alice) == words
        answer = await bob.chat.send(alice.id, "answer")
        assert (await bob.settled(answer)).delivery is Delivery.DELIVERED
        assert (await alice.chat.conversations())[0][1].content == "answer"
        await bob.node.stop()
        lost = await asyncio.gather(*(alice.chat.send(bob.id, word) for word in ("one", "two")))
        for message in lost:
            end = await alice.settled(message)
            assert end.delivery is Delivery.WAITING
