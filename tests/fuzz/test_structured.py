"""Documents of every shape, drawn by hypothesis: it also finds the smallest one that breaks something."""

from __future__ import annotations

import contextlib
import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goop2_core import strict_json
from goop2_core.config.reading import check_document
from goop2_core.errors import Refused
from goop2_core.mq.message import format_ack, parse_message
from goop2_core.presence.message import parse_identity, parse_presence
from tests.fuzz.targets.files import CONFIG
from tests.fuzz.targets.words import IDENTITY, PRESENCE

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)
many = settings(max_examples=800, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def like(document):
    """Documents with some of the keys of this one, their usual values or any other."""
    usual = {key: st.just(value) | VALUES for key, value in document.items()}
    return st.fixed_dictionaries({}, optional=usual) | VALUES


def text(value) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


@many
@given(like(PRESENCE))
def test_presence(value):
    with contextlib.suppress(Refused):
        parse_presence(text(value)).facts()


@many
@given(like(IDENTITY))
def test_identity(value):
    with contextlib.suppress(Refused):
        parse_identity(strict_json.loads(text(value)))


@many
@given(like({"type": "msg", "id": "1", "seq": 1, "topic": "chat", "payload": {"enc": "x"}}))
def test_messages(value):
    with contextlib.suppress(Refused):
        wire = parse_message(text(value))
        assert strict_json.loads(format_ack(wire))["id"] == wire.id


@many
@given(
    st.fixed_dictionaries({}, optional={name: like(section) for name, section in CONFIG.items() if name != "unknown"})
)
def test_settings(document):
    reading = check_document(document)
    assert (reading.config is None) == bool(reading.problems)
