"""Parsing of bus messages and the bookkeeping of inboxes."""

from __future__ import annotations

import contextlib
import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goop2_core.errors import Refused
from goop2_core.mq.inbox import IDS_KEPT, SENDERS_KEPT, WAITING_PER_SENDER, Budget, Inbox, Inboxes, Letter, cost_of
from goop2_core.mq.message import Wire, acknowledges, format_ack, format_message, parse_message, sealed_text

JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5)
FIELDS = st.dictionaries(st.sampled_from(["type", "id", "seq", "topic", "payload", "x"]), JSON)


@given(st.text(max_size=128), st.integers(0, 2**53), st.text(min_size=1, max_size=512), JSON)
def test_what_is_formatted_is_parsed(message_id, seq, topic, payload):
    wire = Wire(message_id.encode("utf-8", "ignore").decode(), seq, topic, payload)
    line = json.dumps({"id": wire.id, "seq": seq, "topic": topic, "payload": payload}).encode()
    assert parse_message(line).seq == seq
    assert acknowledges(format_ack(wire), wire.id)
    assert parse_message(format_message("an id", seq, "topic", b"[1]")) == Wire("an id", seq, "topic", [1])


@given(st.binary() | FIELDS.map(lambda fields: json.dumps(fields).encode()))
def test_garbage_is_refused_and_nothing_else(data):
    with contextlib.suppress(Refused):
        wire = parse_message(data)
        assert wire.topic
        format_ack(wire)
    acknowledges(data, "x")


def test_an_envelope_is_an_object_with_enc_alone():
    assert sealed_text({"enc": "x"}) == "x"
    for payload in (None, [], "enc", {}, {"enc": 1}, {"enc": "x", "more": 1}, {"ENC": "x"}):
        assert sealed_text(payload) is None


def test_a_budget_never_goes_over_and_gives_everything_back():
    whole = Budget(100)
    one, two = Budget(80, whole), Budget(80, whole)
    one.take(80)
    with pytest.raises(Refused):
        one.take(1)
    with pytest.raises(Refused):
        two.take(21)
    two.take(20)
    assert whole.held == 100
    one.give(80)
    two.give(20)
    assert (whole.held, one.held, two.held) == (0, 0, 0)


def test_an_overdrawn_budget_recovers():
    whole = Budget(100)
    one, two = Budget(80, whole), Budget(80, whole)
    one.take(60)
    one.force(50)
    assert one.overdrawn
    assert two.overdrawn
    with pytest.raises(Refused):
        two.take(1)
    one.give(110)
    assert not two.overdrawn
    two.take(1)


@pytest.mark.parametrize(
    "value",
    ["x" * 50_000, "é" * 50_000, "x" * 50_000 + "😀", [[] for _ in range(9000)], [{"a": {}} for _ in range(9000)]],
)
def test_a_message_costs_at_least_what_it_takes(value):
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False)):
        data = text.encode()
        tracemalloc.start()
        kept = parse_message(b'{"topic":"t","payload":%b}' % data)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert kept.payload == value
        assert peak <= cost_of(data) + 2 * len(data) + 20_000


async def test_the_pace_of_one_sender_is_limited():
    inbox = Inbox("x", Budget(10))
    inbox._tokens = -5000.0
    with pytest.raises(Refused):
        await inbox.pace()
    inbox._tokens = 5.0
    await inbox.pace()


def test_an_inbox_is_bounded():
    inbox = Inbox("x", Budget(10))
    letters = [Letter(Wire("", 0, "t", None), 0) for _ in range(WAITING_PER_SENDER)]
    for letter in letters:
        inbox.enter()
        inbox.hold(letter)
        inbox.leave()
    with pytest.raises(Refused):
        inbox.enter()
    inbox.release(letters[0])
    inbox.enter()
    for number in range(IDS_KEPT + 10):
        assert not inbox.is_repeat(str(number))
    assert inbox.is_repeat(str(IDS_KEPT))
    assert not inbox.is_repeat("0")
    assert not inbox.is_repeat("")
    assert not inbox.is_repeat("")


def test_idle_senders_make_room_and_busy_ones_do_not():
    inboxes = Inboxes()
    busy = inboxes.of("busy")
    busy.enter()
    for number in range(SENDERS_KEPT * 2):
        inboxes.of(str(number))
    assert len(inboxes._inboxes) == SENDERS_KEPT
    assert inboxes.of("busy") is busy
    for inbox in inboxes._inboxes.values():
        inbox.streams = 1
    with pytest.raises(Refused):
        inboxes.of("one more")
