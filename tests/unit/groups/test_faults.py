"""Cuts and sudden ends at random, and a checker: no acknowledged message lost, none twice, each sender's order kept."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from pathlib import Path

import pytest

from goop2_core.chat import room_member
from goop2_core.events import Delivery, RoomMessage
from goop2_core.groups import lines
from tests.support.memory_network import MemoryNetwork
from tests.unit.groups.peers import Peer, again, converged, peers, room_of

TURNS = 40


class Ledger:
    """What was written, by author, in the order of writing."""

    def __init__(self) -> None:
        self.said: dict[str, list[str]] = defaultdict(list)

    def check(self, name: str, messages: list[RoomMessage]) -> list[str]:
        """What is wrong with what somebody sees."""
        found = []
        seen: dict[str, list[str]] = defaultdict(list)
        for message in messages:
            seen[message.from_id].append(message.content)
        for author, texts in self.said.items():
            got = seen.pop(author, [])
            if len(set(got)) != len(got):
                found.append(f"{name} sees something twice: {got}")
            if [text for text in texts if text in set(got)] != got:
                found.append(f"{name} sees another order: {got}")
            if missing := set(texts) - set(got):
                found.append(f"{name} misses {sorted(missing)}")
        if seen:
            found.append(f"{name} sees what nobody wrote: {dict(seen)}")
        return found


def line(number: int, author: str, text: str) -> RoomMessage:
    return RoomMessage(number, "g", author, author, text, 0, Delivery.RECEIVED)


def test_the_checker_notices() -> None:
    ledger = Ledger()
    ledger.said = defaultdict(list, {"a": ["1", "2"], "b": ["3"]})
    good = [line(1, "a", "1"), line(2, "b", "3"), line(3, "a", "2")]
    assert ledger.check("x", good) == []
    assert "misses" in ledger.check("x", good[:2])[0]
    assert "twice" in ledger.check("x", [*good, line(4, "b", "3")])[0]
    assert "another order" in ledger.check("x", [good[2], good[1], good[0]])[0]
    assert "nobody wrote" in ledger.check("x", [*good, line(4, "c", "5")])[0]


@pytest.mark.parametrize("seed", range(3))
async def test_nothing_is_lost_whatever_breaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    for name, value in (("OPEN_SECONDS", 0.2), ("ACK_SECONDS", 0.2), ("RETRY_PAUSE", 0.05)):
        monkeypatch.setattr(f"goop2_core.mq.bus.{name}", value)
    monkeypatch.setattr(room_member, "CONFIRM_SECONDS", 0.5)
    monkeypatch.setattr(lines, "FIRST_PAUSE", 0.1)
    monkeypatch.setattr(lines, "LONGEST_PAUSE_ONLINE", 1.0)
    rng = random.Random(seed)
    ledger = Ledger()
    network = MemoryNetwork()
    async with peers(tmp_path, "Alice", "Bob", "Carol", "Dave", "Eve", network=network) as found:
        group_id = await room_of(*found)
        for turn in range(TURNS):
            one = rng.choice(found)
            text = f"{one.name} {turn}"
            ledger.said[one.id].append(text)
            await one.rooms.send(group_id, text)
            await stir(rng, network, found)
            await asyncio.sleep(rng.uniform(0, 0.05))
        for one in found:
            network.heal(one.node)
        texts = [text for said in ledger.said.values() for text in said]
        await converged(group_id, texts, *found, seconds=20)
        for one in found:
            messages, _ = await one.rooms.history(group_id, limit=1000)
            assert ledger.check(one.name, messages) == []


async def stir(rng: random.Random, network: MemoryNetwork, found: list[Peer]) -> None:
    """Perhaps something breaks, or is mended."""
    number = rng.randrange(len(found))
    one = found[number]
    match rng.randrange(8):
        case 0 | 1:
            network.cut(one.node)
        case 2 | 3 | 4:
            network.heal(one.node)
        case 5:
            others = [other for other in found if other is not one]
            await one.vanish()
            for other in others:
                other.sees(one, online=False)
            found[number] = await again(one, *others)
            for other in others:
                other.sees(found[number])
        case _:
            pass
