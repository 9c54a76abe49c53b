"""Attacks on a whole peer in a process of its own, over real sockets."""

from __future__ import annotations

import trio

from tests.fuzz.engine import Count, Found
from tests.fuzz.live import local, network
from tests.fuzz.live.network import Attack, Plan
from tests.fuzz.live.victim import Victim


def attack(victim: Victim, plan: Plan) -> list[Count]:
    """Everything at once, as a bad day on the Internet would be; returns when all of it is done. Raises `Found`."""
    counts: list[Count] = []

    async def one(work: Attack) -> None:
        done = await work()
        counts.extend(done if isinstance(done, list) else [done])

    async def all_at_once() -> None:
        async with trio.open_nursery() as nursery:
            for work in (*network.attacks(victim, plan), *local.attacks(victim, plan)):
                nursery.start_soon(one, work)

    try:
        trio.run(all_at_once)
    except BaseExceptionGroup as group:
        if isinstance(found := _first(group), Found):
            raise Found(f"seed {plan.seed}: {found}") from group
        raise
    return sorted(counts, key=lambda count: count.name)


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error
