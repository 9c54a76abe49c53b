"""Attacks on a whole peer in a process of its own, over real sockets."""

from __future__ import annotations

import trio

from tests.fuzz.engine import Count
from tests.fuzz.live import local, network
from tests.fuzz.live.network import Attack, Plan
from tests.fuzz.live.victim import Victim


def attack(victim: Victim, plan: Plan) -> list[Count]:
    """Everything at once, as a bad day on the Internet would be; returns when all of it is done."""
    counts: list[Count] = []

    async def one(work: Attack) -> None:
        done = await work()
        counts.extend(done if isinstance(done, list) else [done])

    async def all_at_once() -> None:
        async with trio.open_nursery() as nursery:
            for work in (*network.attacks(victim, plan), *local.attacks(victim, plan)):
                nursery.start_soon(one, work)

    trio.run(all_at_once)
    return sorted(counts, key=lambda count: count.name)
