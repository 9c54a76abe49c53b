"""The rules of the peer table (spec 2.7), by a clock that the test turns."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from goop2_core.presence.message import Facts
from goop2_core.presence.table import PeerTable, Row

TTL = 20.0
GRACE = 900.0


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def new(most: int = 100) -> tuple[PeerTable, Clock]:
    clock = Clock()
    return PeerTable(clock, most), clock


def test_a_new_row_is_online_and_not_reachable():
    table, _ = new()
    row = table.upsert("a", Facts("Ann"), ("/x",), 5)
    assert row is table.get("a")
    assert (row.online, row.reachable, row.facts.content, row.addresses, row.ts) == (True, False, "Ann", ("/x",), 5)


def test_what_outlives_a_message_that_does_not_mention_it():
    table, _ = new()
    table.upsert("a", Facts("Ann", "e", "0" * 16, True, "t", "KEY", True, "1"), ("/x",), 5)
    table.set_reachable("a", True)
    table.get("a").favorite = table.get("a").verified = True
    row = table.upsert("a", Facts("Bea"), (), 0)
    assert row.facts == Facts("Bea", "", "", False, "", "KEY", True, "1")
    assert (row.addresses, row.ts, row.reachable, row.favorite, row.verified) == (("/x",), 5, True, True, True)


def test_seeds_are_offline_and_never_replace():
    table, _ = new()
    assert table.seed(Row("a", Facts("Ann"), online=True, reachable=True))
    assert (table.get("a").online, table.get("a").reachable) == (False, False)
    assert not table.seed(Row("a", Facts("other")))
    assert table.get("a").facts.content == "Ann"


def test_two_failures_more_than_two_seconds_apart_make_unreachable():
    table, clock = new()
    table.upsert("a", Facts("Ann"))
    assert table.set_reachable("a", True)
    assert not table.set_reachable("a", True)
    assert not table.set_reachable("a", False)
    clock.now += 1.9
    assert not table.set_reachable("a", False)
    assert table.get("a").reachable
    clock.now += 0.2
    assert table.set_reachable("a", False)
    assert not table.get("a").reachable
    assert not table.set_reachable("b", False)


def test_a_success_forgives():
    table, clock = new()
    table.upsert("a", Facts("Ann"))
    for _ in range(3):
        table.set_reachable("a", True)
        table.set_reachable("a", False)
        clock.now += 3
    assert table.get("a").reachable


def test_silence_means_offline_then_gone_but_favourites_stay():
    table, clock = new()
    table.upsert("a", Facts("Ann"))
    table.upsert("f", Facts("Fay")).favorite = True
    clock.now += TTL
    assert table.prune(TTL, GRACE) == ([], [])
    clock.now += 0.1
    assert table.prune(TTL, GRACE) == (["a", "f"], [])
    assert table.prune(TTL, GRACE) == ([], [])
    clock.now += GRACE + 0.1
    assert table.prune(TTL, GRACE) == ([], ["a"])
    assert list(table.rows) == ["f"]
    assert not table.get("f").online


def test_goodbye_and_return():
    table, _ = new()
    table.upsert("a", Facts("Ann"))
    table.set_reachable("a", True)
    assert table.mark_offline("a", 7)
    assert (table.get("a").online, table.get("a").reachable, table.get("a").ts) == (False, False, 7)
    assert not table.mark_offline("a")
    assert not table.mark_offline("nobody")
    assert table.upsert("a", Facts("Ann")).online


def test_older_messages_are_old_news_unless_the_peer_was_silent():
    table, clock = new()
    assert not table.is_old_news("a", 1, TTL)
    table.upsert("a", Facts("Ann"), (), 1000)
    assert table.is_old_news("a", 999, TTL)
    assert not table.is_old_news("a", 1000, TTL)
    assert not table.is_old_news("a", 0, TTL)
    clock.now += TTL + 1
    assert not table.is_old_news("a", 999, TTL)


def test_a_full_table_gives_up_who_is_missed_least():
    table, clock = new(most=4)
    table.seed(Row("favourite", favorite=True))
    table.upsert("online", Facts())
    table.set_reachable("online", True)
    clock.now += 1
    table.upsert("unreachable", Facts())
    table.seed(Row("offline"))
    for newcomer, loser in (("n1", "offline"), ("n2", "unreachable"), ("n3", "n1")):
        clock.now += 1
        assert table.upsert(newcomer, Facts()) is not None
        assert table.evicted.pop() == loser
    table.set_reachable("n2", True)
    table.set_reachable("n3", True)
    assert table.upsert("n4", Facts()) is None
    assert not table.seed(Row("n4"))
    assert table.upsert("n3", Facts("known")) is not None
    assert len(table.rows) == 4


@given(st.lists(st.tuples(st.sampled_from(["up", "seed", "ok", "fail", "bye", "prune", "tick"]), st.integers(0, 9))))
def test_no_order_of_events_breaks_the_table(events):
    table, clock = new(most=5)
    for name, number in events:
        peer = str(number)
        match name:
            case "up":
                table.upsert(peer, Facts(peer), (), number)
            case "seed":
                table.seed(Row(peer, favorite=number % 2 == 0))
            case "ok" | "fail":
                table.set_reachable(peer, name == "ok")
            case "bye":
                table.mark_offline(peer, number)
            case "prune":
                table.prune(5.0, 10.0)
            case "tick":
                clock.now += number
        assert len(table.rows) <= 5
        assert all(row.favorite or not row.facts.content or row.facts.content == key for key, row in table.rows.items())
