"""The model of a cable, without a cable."""

from __future__ import annotations

import itertools
import random

import pytest

from tests.netns.cable import Direction, Link


def delivered(link: Link, frames: int, gap: float = 0.001, size: int = 1000) -> list[tuple[float, float]]:
    """When each frame that came through went in and out."""
    direction = Direction(link, random.Random(7))
    out = []
    for number in range(frames):
        entered = number * gap
        direction.put(str(entered).encode().ljust(size), entered)
        if (at := direction.next_at) is not None:
            out += [(float(frame), at) for frame in direction.take(at)]
    return out


@pytest.mark.parametrize(("loss", "burst"), [(0.02, 1), (0.1, 1), (0.1, 5)])
def test_loss_is_what_was_asked_for(loss, burst):
    lost = 1 - len(delivered(Link(loss=loss, burst=burst), 100_000)) / 100_000
    assert loss * 0.8 < lost < loss * 1.2


def test_a_burst_loses_frames_in_a_row():
    came = {entered for entered, _ in delivered(Link(loss=0.1, burst=5), 50_000)}
    losses = [number * 0.001 not in came for number in range(50_000)]
    runs = sum(now and not before for before, now in itertools.pairwise(losses))
    assert 4 < sum(losses) / runs < 6


def test_jitter_keeps_the_order_and_the_bounds():
    frames = delivered(Link(delay_ms=50, jitter_ms=20), 5_000, gap=0.01)
    assert len(frames) == 5_000
    assert all(0.0299 < left - entered < 0.0901 for entered, left in frames)
    assert [left for _, left in frames] == sorted(left for _, left in frames)


def test_a_rate_makes_frames_wait_and_drops_what_waits_too_long():
    frames = delivered(Link(rate_kbps=800, queue_ms=100), 1_000)  # 1,000 bytes each ms, a tenth of which fits
    assert 100 < len(frames) < 130
    assert max(left - entered for entered, left in frames) < 0.12


def test_nothing_passes_a_hole():
    assert delivered(Link(loss=1), 100) == []
