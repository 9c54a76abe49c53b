"""Which messages are taken, and what becomes of their words."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goop2_core.chat.intake import BURST, MOST_SENDERS, Intake
from goop2_core.chat.text import CUT, MOST_BYTES, cleaned, fits, received, shortened

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
ANY_TEXT = st.text(st.characters(codec=None, categories=None), max_size=300)


def test_a_repetition_is_known_by_its_marks_alone() -> None:
    intake = Intake()
    assert intake.takes("a", {"cid": "1"}, "ok")
    assert not intake.takes("a", {"cid": "1"}, "ok")
    assert intake.takes("a", {"cid": "2"}, "ok")
    assert intake.takes("b", {"cid": "1"}, "ok")
    assert intake.takes("a", {"timestamp": 5}, "ok")
    assert not intake.takes("a", {"timestamp": 5}, "ok")
    assert intake.takes("a", {"timestamp": 5}, "other")
    assert intake.takes("a", {"timestamp": 6}, "ok")
    for _ in range(3):
        assert intake.takes("a", {}, "ok")
        assert intake.takes("a", {"timestamp": True, "cid": ""}, "ok")
        assert intake.takes("a", {"cid": "x" * 65}, "ok")


def test_the_rate_recovers() -> None:
    clock = [0.0]
    intake = Intake(lambda: clock[0])
    assert sum(intake.takes("a", {}, "x") for _ in range(200)) == BURST
    assert intake.takes("b", {}, "x")
    clock[0] = 1.0
    assert sum(intake.takes("a", {}, "x") for _ in range(200)) == 20
    clock[0] = 100.0
    assert sum(intake.takes("a", {}, "x") for _ in range(200)) == BURST


def test_new_senders_share_one_limit(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "goop2.chat")
    clock = [0.0]
    intake = Intake(lambda: clock[0])

    def heard(first: int) -> int:
        return sum(
            intake.takes(f"new {number}", {"cid": "1"}, "x", known=False) for number in range(first, first + 500)
        )

    assert heard(0) == 30
    assert intake.takes("friend", {"cid": "1"}, "x")
    assert intake.takes("friend", {"cid": "2"}, "x")
    clock[0] = 10.0
    assert heard(1000) == 10
    assert len(caplog.records) == 1
    clock[0] = 61.0
    assert heard(2000) == 30
    assert len(caplog.records) == 2
    clock[0] = 62.0
    assert intake.takes("new 1999", {"cid": "1"}, "x", known=False), "who was turned away may come back"


def test_many_senders_are_bounded() -> None:
    intake = Intake()
    for number in range(MOST_SENDERS + 50):
        intake.takes(f"sender {number}", {"cid": "1"}, "x")
    assert len(intake._senders) == MOST_SENDERS


@given(JSON)
@settings(max_examples=1500, deadline=None)
def test_any_json_is_a_message_or_none(payload: object) -> None:
    content = received(payload)
    assert fits(content)
    if isinstance(payload, dict):
        Intake().takes("a", payload, content)


@given(ANY_TEXT)
@settings(max_examples=1500, deadline=None)
def test_cleaned_text_can_be_kept_and_shown(text: str) -> None:
    kept = cleaned(text)
    kept.encode()
    assert cleaned(kept) == kept
    assert "\0" not in kept
    assert "\r" not in kept


def test_long_text_is_cut_between_characters() -> None:
    exact = "a" * MOST_BYTES
    assert shortened(exact) == exact
    for text in ("a" * (MOST_BYTES + 1), "é" * MOST_BYTES, "🙂" * MOST_BYTES):
        cut = shortened(text)
        assert cut.endswith(CUT)
        assert len(cut.encode()) <= MOST_BYTES
        assert len(cut.encode()) > MOST_BYTES - 8
