"""JSON from strangers: what passes, what does not, and that nothing else ever comes out."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goop2_core.errors import Refused
from goop2_core.strict_json import MOST_DEPTH, MOST_VALUES, dumps, loads

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_json_can_say_comes_back(value):
    assert loads(dumps(value)) == value


@pytest.mark.parametrize(
    "data",
    [
        b"", b" ", b"{", b'{"a":}', b"NaN", b"[Infinity]", b"[-Infinity]", b"1e999", b"[" + b"9" * 400 + b"]",
        b"\xff\xfe", b'"\xed\xa0\x80"', b"'a'", b"[" * 100_000, b"[" * (MOST_DEPTH + 1) + b"]" * (MOST_DEPTH + 1),
        b'{"a":' * (MOST_DEPTH + 1) + b"1" + b"}" * (MOST_DEPTH + 1), b"[" + b"0," * MOST_VALUES + b"0]",
    ],
)  # fmt: skip
def test_what_is_refused(data):
    with pytest.raises(Refused) as caught:
        loads(data)
    assert caught.value.status == 400


def test_what_is_tolerated():
    assert loads(b'  {"a":1}\n{"b":2}') == {"a": 1}
    assert loads(b"[" * MOST_DEPTH + b"]" * MOST_DEPTH) is not None
    assert loads(b"123456789012345678901234") == pytest.approx(1.2345678901234568e23)
    assert loads(json.dumps("\U0001f600").encode()) == "\U0001f600"
    assert loads(b'{"a\\ud800":["x\\udfff"]}') == {"a?": ["x?"]}
    assert dumps("a\ud800") == b'"a?"'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, object(), b"x", [0] * 100_001])
def test_what_json_cannot_say(value):
    with pytest.raises(Refused):
        dumps(value)


@given(st.binary() | st.text(alphabet='[]{}",:0123456789.eE+-truefalsnNaIiy\\ud8 ').map(str.encode))
def test_garbage_never_raises_anything_else(data):
    with contextlib.suppress(Refused):
        dumps(loads(data)).decode()
