"""Two hundred thousand malformed inputs and more: every parser by itself, then a whole peer over real sockets."""

from __future__ import annotations

import pytest

from tests.fuzz.engine import DEFAULT_SEED, Count, run, table
from tests.fuzz.live import attack, victim
from tests.fuzz.live.network import Plan
from tests.fuzz.targets import all_targets

INPUTS = 5000  # for a target of share 1
LEAST = 200_000

_done: list[Count] = []


def test_parsers(capsys: pytest.CaptureFixture[str]) -> None:
    with all_targets() as targets:
        counts = [run(target, int(INPUTS * target.share)) for target in targets]
    _done.extend(counts)
    with capsys.disabled():
        print(f"\nseed {DEFAULT_SEED}\n{table(counts)}")


@pytest.mark.timeout(400)
def test_a_whole_peer(capsys: pytest.CaptureFixture[str]) -> None:
    with victim.running() as peer:
        counts = attack(peer, Plan(DEFAULT_SEED))
        after = victim.check(peer)
        summary = f"before {peer.before}, at most {peer.peak() >> 20} MiB, after {after}"
    _done.extend(counts)
    with capsys.disabled():
        print(f"\nseed {DEFAULT_SEED}\n{table(counts)}\n{summary}")


def test_there_were_enough() -> None:
    if len({count.name for count in _done if count.name.startswith("live")}) < 10:
        pytest.skip("only a part of the suite ran")
    assert sum(count.inputs for count in _done) >= LEAST
