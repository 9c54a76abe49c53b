"""The fuzzer itself: the same seed gives the same inputs, and what goes wrong is found, kept and told."""

from __future__ import annotations

import logging
import random
import time

import pytest

from tests.fuzz import engine
from tests.fuzz.engine import Found, Target, replay, run
from tests.fuzz.live import victim
from tests.fuzz.live.victim import Holdings
from tests.fuzz.mutate import json_text, mutated, protobuf
from tests.fuzz.targets.words import MESSAGES, of_bytes

CAPTURES = (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x00\x01\x02" * 30)


@pytest.fixture(autouse=True)
def artefacts(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "ARTEFACTS", tmp_path / "fuzz")
    return tmp_path / "fuzz"


@pytest.mark.parametrize(
    "make",
    [
        lambda dice: mutated(dice, CAPTURES),
        lambda dice: json_text(dice, MESSAGES),
        lambda dice: protobuf(dice, b"\x0a\x03abc\x10\x05\x1a\x02\x08\x01"),
    ],
)
def test_a_seed_gives_the_same_inputs_again(make):
    one, two, other = ([make(random.Random(f"{seed} {n}")) for n in range(300)] for seed in (1, 1, 2))
    assert one == two
    assert one != other
    assert len(set(one)) > 200


def failing(take, **how):
    return Target("thing", of_bytes(b"abc"), take, **how)


def boom(data: bytes) -> None:
    if b"\xff" in data:
        raise KeyError("bug")


def test_what_is_not_documented_is_found_kept_and_can_be_replayed(artefacts):
    with pytest.raises(Found, match=r"thing raised KeyError(.|\n)*seed 5"):
        run(failing(boom), 10_000, 5)
    (kept,) = artefacts.iterdir()
    assert b"\xff" in kept.read_bytes()
    assert "KeyError" in replay(failing(boom), kept.read_bytes())
    assert replay(failing(boom), b"x") == ""


def test_what_is_documented_is_counted():
    count = run(failing(boom, refuses=(KeyError,)), 5000, 5)
    assert count.inputs == 5000
    assert 0 < count.refused < 5000


def test_logged_errors_slowness_and_memory_are_found(logged_errors):
    with pytest.raises(Found, match="logged the error"):
        run(failing(lambda _: logging.getLogger("goop2.x").error("oh")), 5)
    logged_errors.clear()

    def slow(_data: bytes) -> None:
        end = time.thread_time() + engine.INPUT_SECONDS * 1.1
        while time.thread_time() < end:
            pass

    with pytest.raises(Found, match=r"took 1\.\d s"):
        run(failing(slow), 1)
    held = []
    with pytest.raises(Found, match="MiB more"):
        run(failing(lambda _: held.append(b"\x01" * (1 << 20))), 100)


def test_what_a_peer_may_not_keep_after_an_attack():
    before = Holdings(80 << 20, 25, 8)
    assert victim.excess(before, before) == []
    assert victim.excess(Holdings(145 << 20, 25, 8), before) == ["memory"]
    assert victim.excess(Holdings(80 << 20, 29, 20), before) == ["files", "threads"]
