"""Fuzzing with ever fresh seeds: all parsers, and one peer that is attacked again and again and must stay well."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from tests.fuzz import engine
from tests.fuzz.engine import DEFAULT_SEED, Count, replay, table
from tests.fuzz.live import attack, victim
from tests.fuzz.live.network import Plan
from tests.fuzz.targets import all_targets
from tests.long.suite import Report

INPUTS = 20_000


def options(parser: argparse.ArgumentParser) -> None:
    """Only these parsers, or one input again."""
    parser.add_argument("--only", action="append", metavar="TARGET", help="this parser alone; may be given again")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="one kept input, whose name begins with its target")


def run(arguments: argparse.Namespace) -> Report:
    """Rounds until the time is up; each has a seed of its own, beginning with `--seed`."""
    if arguments.replay:
        return _again(arguments.replay)
    end = time.monotonic() + arguments.minutes * 60
    seed, rounds = arguments.seed or DEFAULT_SEED, 0
    totals: dict[str, Count] = {}
    lines: list[str] = []
    try:
        with victim.running() as peer:
            while rounds == 0 or time.monotonic() < end:
                _parsers(seed + rounds, arguments.only, totals)
                if not arguments.only:
                    _add(totals, attack(peer, Plan(seed + rounds)))
                    after = victim.check(peer)
                    held = f"before {peer.before}, peak {peer.peak() >> 20} MiB, after {after}"
                    lines.append(f"round {rounds + 1}, seed {seed + rounds}: {held}")
                    print(lines[-1], flush=True)
                rounds += 1
    except AssertionError as found:  # `Found`, or an honest visit that failed
        lines.append(f"in the round of seed {seed + rounds}: {found}")
        return Report(good=False, lines=[table(list(totals.values())), *lines])
    return Report(good=True, lines=[table(list(totals.values())), *lines, f"{rounds} rounds, nothing found"])


def _parsers(seed: int, only: list[str] | None, totals: dict[str, Count]) -> None:
    with all_targets() as targets:
        chosen = [target for target in targets if not only or target.name in only]
        _add(totals, [engine.run(target, int(INPUTS * target.share), seed) for target in chosen])


def _add(totals: dict[str, Count], counts: list[Count]) -> None:
    for count in counts:
        total = totals.setdefault(count.name, Count(count.name))
        total.inputs += count.inputs
        total.refused += count.refused
        total.seconds += count.seconds
        total.slowest = max(total.slowest, count.slowest)
        total.held = max(total.held, count.held)


def _again(file: Path) -> Report:
    name = file.name.rpartition("-")[0]
    with all_targets() as targets:
        target = next((target for target in targets if target.name == name), None)
        if target is None:
            return Report(good=False, lines=[f"there is no parser called “{name}”"])
        problem = replay(target, file.read_bytes())
    return Report(good=not problem, lines=[f"{name} {problem or 'takes this input as it should'}"])
