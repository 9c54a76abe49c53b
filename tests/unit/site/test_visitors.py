"""Counting visitors."""

from __future__ import annotations

from goop2_core.events import Event, VisitorsChanged
from goop2_core.site.visitors import MOST_KEYS, Visitors
from tests.support.wait import until


async def test_the_count_is_told_when_it_changes() -> None:
    told: list[Event] = []
    clock = [0.0]
    visitors = Visitors(told.append, now=lambda: clock[0])
    visitors.saw("peer:a")
    visitors.saw("peer:a")
    visitors.saw("guest:b")
    assert told == [VisitorsChanged(1), VisitorsChanged(2)]
    clock[0] = 59
    visitors.saw("guest:b")
    clock[0] = 61
    assert visitors.count == 1
    visitors.saw("guest:c")
    assert visitors.count == 2
    clock[0] = 200
    assert visitors.count == 0
    visitors.stop()


async def test_leaving_is_told_without_anyone_coming() -> None:
    told: list[Event] = []
    visitors = Visitors(told.append, window=0.05)
    visitors.saw("peer:a")
    await until(lambda: told[-1] == VisitorsChanged(0))
    assert told == [VisitorsChanged(1), VisitorsChanged(0)]
    visitors.saw("peer:b")
    visitors.stop()


async def test_many_keys_are_bounded() -> None:
    visitors = Visitors(lambda _event: None)
    for number in range(MOST_KEYS + 100):
        visitors.saw(f"guest:{number}")
    assert visitors.count == MOST_KEYS
    visitors.stop()
