"""Who is let in, and how much may be held."""

from __future__ import annotations

import contextlib

import pytest

from goop2_core.p2p._limits import Bucket, Budget, DialLimit, Gate, Tally, network_of
from goop2_core.p2p.api import Limits


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_budget_counts_in_its_parent_too() -> None:
    whole = Budget(100)
    one, two = Budget(80, whole), Budget(80, whole)
    assert one.take(80)
    assert not one.take(1)
    assert not two.take(30)
    assert (two.used, whole.used) == (0, 80)
    one.give(60)
    assert two.take(30)
    assert whole.used == 50


def test_a_bucket_fills_with_time() -> None:
    clock = Clock()
    bucket = Bucket(10, 20, clock)
    assert all(bucket.take() for _ in range(20))
    assert not bucket.take()
    clock.now += 0.1
    assert bucket.take()
    assert not bucket.take()


def test_nobody_is_dialled_often_because_of_hearsay() -> None:
    clock = Clock()
    limit = DialLimit(clock)
    with contextlib.ExitStack() as under_way:
        for _ in range(10):
            under_way.enter_context(limit.dial("1.2.3.4"))
        with pytest.raises(OSError, match="too often"), limit.dial("1.2.3.4"):
            pass
        with limit.dial("1.2.3.5"):
            pass

    def dials(address: str) -> int:
        done = 0
        with contextlib.suppress(OSError):
            while done < 1000:
                with limit.dial(address):
                    done += 1
        return done

    assert dials("1.2.3.4") == 20
    assert dials("2001:db8::1") == 30
    assert dials("2001:db8::2") == 0
    clock.now += 20
    assert dials("1.2.3.4") == 10
    for number in range(5000):
        assert dials(f"10.0.{number >> 8}.{number & 255}") == 30
    assert len(limit._rates) == 4096
    assert not limit._under_way


def test_one_address_gets_half_of_the_handshakes() -> None:
    gate = Gate(Limits(pending_inbound=8, inbound_dials_per_second=1000))
    admitted = [gate.admit("10.0.0.1") for _ in range(8)].count("")
    assert admitted == 4
    assert gate.admit("10.0.0.2") == ""


def test_one_address_gets_half_of_the_dial_rate() -> None:
    clock = Clock()
    gate = Gate(Limits(inbound_dials_per_second=10, pending_inbound=1000), clock)
    assert [gate.admit("10.0.0.1") for _ in range(20)].count("") == 5
    assert gate.admit("10.0.0.2") == ""
    clock.now += 1
    assert gate.admit("10.0.0.1") == ""


def test_connections_from_one_address_end_at_the_limit_and_come_back() -> None:
    gate = Gate(Limits(connections_per_address=2, inbound_dials_per_second=1000))
    for _ in range(2):
        assert gate.admit("10.0.0.1") == ""
        gate.handshake_done("10.0.0.1")
    assert gate.admit("10.0.0.1") == "too many connections from this address"
    gate.leave("10.0.0.1")
    assert gate.admit("10.0.0.1") == ""


def test_peers_have_a_limit_each_and_together() -> None:
    gate = Gate(Limits(connections=3, connections_per_peer=2))
    assert gate.enter_peer("a") == ""
    assert gate.enter_peer("a") == ""
    assert gate.enter_peer("a") != ""
    assert gate.enter_peer("b") == ""
    assert gate.enter_peer("c") != ""
    assert gate.admit("10.0.0.1") == "too many connections"
    gate.leave_peer("a")
    assert gate.enter_peer("c") == ""


def test_an_ipv6_network_counts_as_one() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1")
    assert network_of("2001:db8::1") != network_of("2001:db8:0:1::1")
    assert network_of("10.0.0.1") == "10.0.0.1"


def test_a_tally_is_crowded_above_its_most() -> None:
    tally = Tally(100)
    seen = []
    for count in (100, 1, -101):
        tally.add(count)
        seen.append((tally.waiting, tally.crowded))
    assert seen == [(100, False), (101, True), (0, False)]


def test_strangers_leave_room_for_own_dials() -> None:
    clock = Clock()
    gate = Gate(Limits(connections=40, connections_per_address=10), clock)
    let_in = 0
    for number in range(60):
        clock.now += 1
        address = f"10.0.0.{number // 10}"
        if not gate.admit(address):
            gate.handshake_done(address)
            assert gate.enter_peer(f"stranger {number}") == ""
            let_in += 1
    assert let_in == 30
    assert [gate.enter_peer(f"friend {number}") for number in range(10)] == [""] * 10
    gate.leave("10.0.0.0")
    gate.leave_peer("stranger 0")
    clock.now += 1
    assert gate.admit("10.0.0.9") == ""
