"""Lending bytes."""

from __future__ import annotations

import asyncio

import pytest

from goop2_core.errors import Refused
from goop2_core.site.budget import Budget
from tests.support.wait import until


async def test_at_once_or_not_at_all() -> None:
    budget = Budget(10)
    with budget.at_once(6) as first, budget.at_once(5) as second, budget.at_once(4) as third:
        assert (first, second, third) == (True, False, True)
    assert budget.lent == 0


async def test_those_who_wait_come_in_turn() -> None:
    budget = Budget(10)
    order: list[int] = []
    go = asyncio.Event()

    async def work(number: int, count: int) -> None:
        async with budget.in_turn(count):
            order.append(number)
            await go.wait()

    tasks = [asyncio.create_task(work(number, count)) for number, count in enumerate((8, 8, 1, 1))]
    await until(lambda: order == [0])
    with budget.at_once(1) as free:
        assert not free  # nobody overtakes
    tasks[1].cancel()
    await until(lambda: order == [0, 2, 3])
    go.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert budget.lent == 0
    assert not budget._waiting


async def test_too_much_and_too_long() -> None:
    budget = Budget(10)
    with pytest.raises(Refused) as caught:
        async with budget.in_turn(11):
            pass
    assert caught.value.status == 413
    with budget.at_once(10):
        with pytest.raises(Refused) as caught:
            async with budget.in_turn(1, seconds=0.01):
                pass
        assert caught.value.status == 503
    assert budget.lent == 0
    async with budget.in_turn(10):
        assert budget.lent == 10
