"""Presence messages and identities: what is said, what is believed, and that garbage is refused."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goop2_core.errors import Refused
from goop2_core.identity import new_nacl_pair
from goop2_core.presence.message import (
    Facts,
    clean_line,
    format_identity,
    format_presence,
    parse_identity,
    parse_presence,
)

KEY = new_nacl_pair()[0]
FACTS = Facts("Alice desk", "alice@example.net", "3f9a00c1d2e4b577", True, "blog", KEY, True, "0.9.1")
KEYS = [
    "type", "peerId", "content", "email", "avatarHash", "videoDisabled", "activeTemplate", "target", "addrs",
    "publicKey", "encryptionSupported", "goopClientVersion", "ts", "verified",
]  # fmt: skip
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5)


def test_what_is_announced_has_the_form_of_the_specification():
    said = json.loads(format_presence("update", "ALICE", FACTS, ["/ip4/192.168.50.21/tcp/41877"], 1767225600123))
    assert said == {
        "type": "update", "peerId": "ALICE", "content": "Alice desk", "email": "alice@example.net",
        "avatarHash": "3f9a00c1d2e4b577", "videoDisabled": True, "activeTemplate": "blog", "publicKey": KEY,
        "encryptionSupported": True, "goopClientVersion": "0.9.1", "addrs": ["/ip4/192.168.50.21/tcp/41877"],
        "ts": 1767225600123,
    }  # fmt: skip
    assert json.loads(format_presence("online", "A", Facts("x"), [], 1)) == {
        "type": "online", "peerId": "A", "content": "x", "ts": 1,
    }  # fmt: skip
    goodbye = json.loads(format_presence("offline", "A", FACTS, ["/ip4/1.2.3.4/tcp/1"], 2))
    assert goodbye == {"type": "offline", "peerId": "A", "ts": 2}
    assert format_identity("B", Facts("Bob")) == {"peerID": "B", "content": "Bob", "reachable": True}


def test_what_is_announced_is_understood():
    message = parse_presence(format_presence("online", "A", FACTS, ["/ip4/1.2.3.4/tcp/1"] * 30, 5))
    assert message.facts() == FACTS
    assert len(message.addrs) == 20
    assert parse_identity(format_identity("A", FACTS)) == FACTS


def test_the_existing_programs_messages_are_understood():
    text = b"""{"type":"update","peerId":"ALICE","content":"Alice \\u003cdesk\\u003e","email":null,
        "addrs":null,"encryptionSupported":true,"verified":true,"verificationToken":"x","ts":1767225600123,"new":{}}"""
    message = parse_presence(text)
    assert message.facts() == Facts(content="Alice <desk>", accepts=True)
    assert message.addrs == []
    punch = parse_presence(
        b'{"type":"punch","peerId":"BOB","target":"ALICE","addrs":["/ip4/10.8.0.4/tcp/4001"],"ts":1}'
    )
    assert (punch.type, punch.target) == ("punch", "ALICE")


@pytest.mark.parametrize(
    "changed",
    [
        {"type": "away"}, {"type": None}, {"peerId": ""}, {"peerId": "x" * 257}, {"peerId": 1}, {"content": "x" * 4097},
        {"email": "x" * 321}, {"addrs": ["/x"] * 21}, {"addrs": ["x" * 257]}, {"addrs": "x"}, {"addrs": [1]},
        {"ts": -1}, {"ts": "1"}, {"ts": 1.5}, {"videoDisabled": 1}, {"encryptionSupported": "true"}, {"content": {}},
    ],
)  # fmt: skip
def test_limits(changed):
    fine = {"type": "online", "peerId": "A", "content": "x", "ts": 1}
    parse_presence(json.dumps(fine).encode())
    with pytest.raises(Refused):
        parse_presence(json.dumps(fine | changed).encode())


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\xff", b'{"type":"online"}', b" " * 70_000])
def test_what_is_no_presence_message(data):
    with pytest.raises(Refused):
        parse_presence(data)


@given(st.binary() | st.dictionaries(st.sampled_from(KEYS), JSON).map(lambda value: json.dumps(value).encode()))
def test_garbage_is_refused_and_nothing_else(data):
    with contextlib.suppress(Refused):
        facts = parse_presence(data).facts()
        format_presence("update", "A", facts, [], 1)


@given(JSON | st.dictionaries(st.sampled_from(KEYS), JSON))
def test_garbage_is_no_identity(payload):
    with contextlib.suppress(Refused):
        assert parse_identity(payload).content


@pytest.mark.parametrize("payload", [None, [], "x", {}, {"content": ""}, {"content": " \n"}, {"content": 1}])
def test_an_identity_needs_a_name(payload):
    with pytest.raises(Refused):
        parse_identity(payload)


def test_what_is_not_valid_in_a_field_is_not_believed():
    facts = parse_identity({"content": "x", "publicKey": "-", "avatarHash": "../../etc/passwd"})
    assert (facts.public_key, facts.avatar_hash) == ("", "")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("  Ann \t\r\n of  Ghent ", "Ann of Ghent"), ("a\x00b\x1b[31m\x7f", "ab[31m"), ("\u202eevil\u2066", "evil"),
        ("\u200b\ufeff", ""), ("x" * 500, "x" * 200), ("\ud800", ""), ("👩\u200d💻", "👩\u200d💻"), ("<b>&", "<b>&"),
    ],
)  # fmt: skip
def test_names_become_one_line_that_can_be_shown(text, shown):
    assert clean_line(text) == shown


@given(st.text())
def test_a_clean_line_stays_as_it_is(text):
    line = clean_line(text)
    assert clean_line(line) == line
    assert len(line) <= 200
    line.encode()


def test_a_line_that_is_cut_between_words_has_no_space_at_its_end():
    assert clean_line("ab " * 100, 6) == "ab ab"
