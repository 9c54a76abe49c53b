"""Waiting for something to become true, instead of sleeping and hoping."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def until(condition: Callable[[], T], seconds: float = 10.0, every: float = 0.02) -> T:
    """The first true value of `condition`; fails the test, saying what it was last, after `seconds`."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not (value := condition()):
        if loop.time() > end:
            message = f"not within {seconds} s: {condition!r} is {value!r}"
            raise AssertionError(message)
        await asyncio.sleep(every)
    return value


async def eventually(condition: Callable[[], Awaitable[T]], seconds: float = 10.0, every: float = 0.05) -> T:
    """`until` for a condition that has to be awaited."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not (value := await condition()):
        if loop.time() > end:
            message = f"not within {seconds} s: {condition!r} is {value!r}"
            raise AssertionError(message)
        await asyncio.sleep(every)
    return value
