"""What a goop.json may say: types, bounds, rules between keys, spelling, and garbage."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goop2_core.config import Config, read_document
from goop2_core.config.reading import LARGEST_FILE, Reading
from goop2_core.config.schema import KEYS, marks
from goop2_core.errors import Problem

PUBLIC = "e06Qm75//kTEZaIgA31gjuNYl9Me+XLwf3SJLLD3PxM="
PRIVATE = "ERERERERERERERERERERERERERERERERERERERERERE="


def read(document: Any) -> Reading:
    return read_document(json.dumps(document).encode())


def problem_keys(document: Any) -> list[str]:
    reading = read(document)
    assert (reading.config is None) == bool(reading.problems)
    return [problem.key for problem in reading.problems]


def test_nothing_said_is_the_default():
    reading = read_document(b"{}")
    assert reading.config == Config()
    assert not reading.problems
    assert not reading.warnings


# spec/network 1.5, the column of defaults
DEFAULTS = {
    "identity.key_file": "data/identity.key",
    "paths.site_root": "site",
    "paths.site_source": "site/src",
    "paths.site_stage": "site/stage",
    "p2p.listen_port": 0,
    "p2p.mdns_tag": "goop-mdns",
    "p2p.bridge_mode": False,
    "p2p.nacl_public_key": "",
    "p2p.nacl_private_key": "",
    "presence.topic": "goop.presence.v1",
    "presence.ttl_seconds": 20,
    "presence.heartbeat_seconds": 5,
    "presence.rendezvous_host": False,
    "presence.rendezvous_port": 8787,
    "presence.rendezvous_bind": "127.0.0.1",
    "presence.rendezvous_wan": "",
    "presence.rendezvous_only": False,
    "presence.admin_password": "",
    "presence.peer_db_path": "",
    "presence.external_url": "",
    "presence.relay_port": 0,
    "presence.relay_ws_port": 0,
    "presence.relay_key_file": "data/relay.key",
    "presence.relay_cleanup_delay_sec": 3,
    "presence.relay_poll_deadline_sec": 10,
    "presence.relay_connect_timeout_sec": 5,
    "presence.relay_refresh_interval_sec": 90,
    "presence.relay_recovery_grace_sec": 5,
    "presence.use_services": False,
    **{
        f"presence.{name}_url": "" for name in ("credits", "registration", "email", "templates", "bridge", "encryption")
    },
    "presence.templates_dir": "",
    **{f"presence.{name}_admin_token": "" for name in ("credits", "registration", "templates", "bridge", "encryption")},
    "profile.label": "hello",
    "profile.email": "",
    "profile.verification_token": "",
    "profile.bridge_token": "",
    "viewer.http_addr": "",
    "viewer.debug": False,
    "viewer.theme": "dark",
    "viewer.preferred_cam": "",
    "viewer.preferred_mic": "",
    "viewer.video_disabled": False,
    "viewer.hide_unverified": False,
    "viewer.open_sites_external": False,
    "viewer.active_template": "",
    "viewer.splash": "goop2-splash2.png",
    "viewer.peer_offline_grace_min": 15,
    "viewer.cluster_binary_path": "",
    "viewer.cluster_binary_mode": "",
    "lua.enabled": False,
    "lua.script_dir": "site/lua",
    "lua.timeout_seconds": 5,
    "lua.max_memory_mb": 10,
    "lua.rate_limit_per_peer": 30,
    "lua.rate_limit_global": 120,
    "lua.http_enabled": True,
    "lua.kv_enabled": True,
}
OURS = {
    "p2p.listen_ws": True,
    "p2p.mdns_enabled": True,
    "viewer.console_addr": "127.0.0.1:0",
    "viewer.trusted_proxies": (),
    "viewer.gateway": False,
    "viewer.public_url": "",
}


def test_keys_and_defaults_are_those_of_the_spec():
    config = Config()
    assert {key: config.value(key) for key in KEYS} == DEFAULTS | OURS


def test_a_file_that_ref_wrote_is_read_without_a_word():
    document: dict[str, dict[str, Any]] = {}
    for key, value in DEFAULTS.items():
        section, name = key.split(".")
        document.setdefault(section, {})[name] = value
    document["p2p"] |= {"nacl_public_key": PUBLIC, "nacl_private_key": PRIVATE}
    reading = read_document(json.dumps(document, indent=2).encode())
    assert reading.problems == reading.warnings == ()
    assert reading.config is not None
    assert reading.config.p2p.nacl_private_key == PRIVATE


def test_everything_wrong_is_said_at_once():
    reading = read(
        {
            "p2p": {"listen_port": "4001", "mdns_tag": " "},
            "presence": {"ttl_seconds": 5.5, "heartbeat_seconds": 0, "rendezvous_only": True},
            "profile": {"label": 7},
            "viewer": {"http_addr": "nowhere", "debug": "yes", "trusted_proxies": "10.0.0.1"},
            "lua": [],
        }
    )
    assert {problem.key for problem in reading.problems} == {
        "p2p.listen_port", "p2p.mdns_tag", "presence.ttl_seconds", "presence.heartbeat_seconds",
        "presence.rendezvous_host", "profile.label", "viewer.http_addr", "viewer.debug", "viewer.trusted_proxies",
        "lua",
    }  # fmt: skip
    assert all(problem.message.strip() for problem in reading.problems)


@pytest.mark.parametrize(
    ("key", "value", "message", "suggestion"),
    [
        ("p2p.listen_port", "4001", "must be a whole number, not text ('4001')", "write 4001 without quotes"),
        ("p2p.listen_port", 4001.0, "must be a whole number, not a number (4001.0)", "write 4001"),
        ("p2p.listen_port", True, "must be a whole number, not true or false", ""),
        ("p2p.listen_port", 70000, "must be from 0 to 65535, not 70000", ""),
        ("presence.ttl_seconds", 0, "must be at least 1, not 0", ""),
        ("viewer.debug", "Yes", "must be true or false, not text ('Yes')", "write true without quotes"),
        ("viewer.debug", 0, "must be true or false, not a number (0)", "write false without quotes"),
        ("profile.label", {"a": 1}, "must be text in quotes, not an object", ""),
        ("viewer.trusted_proxies", "10.0.0.1", "must be a list in [ ], not text ('10.0.0.1')", 'write ["10.0.0.1"]'),
        ("viewer.trusted_proxies", [1, 2], "must be a list of texts in quotes", ""),
        ("paths.site_root", " \t", "must not be empty", "leave the key out for the default"),
    ],
)
def test_a_wrong_value_is_named_with_what_would_be_right(key, value, message, suggestion):
    section, name = key.split(".")
    problems = [problem for problem in read({section: {name: value}}).problems if problem.key == key]
    assert problems == [Problem(key, message, suggestion)]


@pytest.mark.parametrize("section", ["identity", "paths", "p2p", "presence", "profile", "viewer", "lua"])
def test_a_section_that_is_no_object(section):
    assert problem_keys({section: 3}) == [section]
    assert problem_keys({section: None}) == []


@pytest.mark.parametrize("value", [1, -(2**70), "x", ["x"], {"x": 1}, 1.5, True])
def test_wrong_types_of_secrets_are_not_quoted(value):
    for key in (key for key in KEYS if marks(key)["secret"]):
        section, name = key.split(".")
        for problem in read({section: {name: value}}).problems:
            assert "2" not in problem.message + problem.suggestion
            assert "x" not in problem.message.replace("text", "") + problem.suggestion


CROSS = [
    ({"presence": {"heartbeat_seconds": 20, "ttl_seconds": 20}}, "presence.heartbeat_seconds"),
    ({"presence": {"heartbeat_seconds": 30}}, "presence.heartbeat_seconds"),
    ({"paths": {"site_source": "a/b", "site_stage": "a/./c/../b/"}}, "paths.site_stage"),
    ({"presence": {"rendezvous_only": True}}, "presence.rendezvous_host"),
    ({"presence": {"relay_port": 4001}}, "presence.relay_port"),
    ({"presence": {"rendezvous_host": True, "relay_port": 70000}}, "presence.relay_port"),
    ({"presence": {"rendezvous_host": True, "relay_port": 1, "relay_ws_port": 70000}}, "presence.relay_ws_port"),
    (
        {"presence": {"rendezvous_host": True, "relay_port": 1, "relay_cleanup_delay_sec": -1}},
        "presence.relay_cleanup_delay_sec",
    ),
    ({"presence": {"rendezvous_host": True, "rendezvous_port": 0}}, "presence.rendezvous_port"),
    ({"presence": {"rendezvous_host": True, "rendezvous_bind": "localhost"}}, "presence.rendezvous_bind"),
    ({"presence": {"rendezvous_wan": "ftp://example.org"}}, "presence.rendezvous_wan"),
    ({"presence": {"rendezvous_wan": "http://"}}, "presence.rendezvous_wan"),
    ({"presence": {"rendezvous_wan": "http://0.0.0.0:80"}}, "presence.rendezvous_wan"),
    ({"presence": {"rendezvous_wan": "http://[::]:80"}}, "presence.rendezvous_wan"),
    ({"presence": {"rendezvous_wan": "http://example.org:0"}}, "presence.rendezvous_wan"),
    ({"presence": {"rendezvous_wan": "http://example.org:70000"}}, "presence.rendezvous_wan"),
    ({"presence": {"rendezvous_wan": "http://[::1"}}, "presence.rendezvous_wan"),
    ({"lua": {"enabled": True, "script_dir": " "}}, "lua.script_dir"),
    ({"lua": {"enabled": True, "timeout_seconds": 61}}, "lua.timeout_seconds"),
    ({"lua": {"enabled": True, "max_memory_mb": 1025}}, "lua.max_memory_mb"),
    ({"lua": {"enabled": True, "rate_limit_per_peer": 0}}, "lua.rate_limit_per_peer"),
    ({"lua": {"enabled": True, "rate_limit_global": 0}}, "lua.rate_limit_global"),
    ({"viewer": {"console_addr": "0.0.0.0:8080"}}, "viewer.console_addr"),
    ({"viewer": {"console_addr": ":8080"}}, "viewer.console_addr"),
    ({"viewer": {"console_addr": ""}}, "viewer.console_addr"),
    ({"viewer": {"console_addr": "example.org:80"}}, "viewer.console_addr"),
    ({"viewer": {"http_addr": "127.0.0.1"}}, "viewer.http_addr"),
    ({"viewer": {"http_addr": "127.0.0.1:99999"}}, "viewer.http_addr"),
    ({"viewer": {"http_addr": "1.2.3:80"}}, "viewer.http_addr"),
    ({"viewer": {"http_addr": "[::g]:80"}}, "viewer.http_addr"),
    ({"viewer": {"public_url": "example.org"}}, "viewer.public_url"),
    ({"viewer": {"public_url": "https://u:p@example.org"}}, "viewer.public_url"),
    ({"viewer": {"trusted_proxies": ["10.0.0.1", "proxy"]}}, "viewer.trusted_proxies"),
]


@pytest.mark.parametrize(("document", "key"), CROSS)
def test_rules_between_keys(document, key):
    assert problem_keys(document) == [key]


@pytest.mark.parametrize(
    "document",
    [
        {"presence": {"rendezvous_port": 0, "rendezvous_bind": "x"}},  # no rendezvous server is run
        {"presence": {"relay_ws_port": 70000, "relay_cleanup_delay_sec": -1}},  # nor a relay
        {"presence": {"rendezvous_wan": "http://127.0.0.1:8787/"}},
        {"presence": {"rendezvous_wan": "  "}},
        {"presence": {"rendezvous_host": True, "rendezvous_only": True, "relay_port": 4001, "rendezvous_bind": ""}},
        {"lua": {"timeout_seconds": 0, "script_dir": "", "max_memory_mb": 9999}},  # scripts are off
        {"viewer": {"http_addr": " :8080 "}},
        {"viewer": {"http_addr": "0.0.0.0:8080", "console_addr": "[::1]:0", "public_url": "https://example.org/goop"}},
        {"viewer": {"http_addr": "my-host.lan:0", "console_addr": "localhost:9000", "trusted_proxies": ["10.0.0.0/8"]}},
        {"paths": {"site_root": "/srv/www"}},
    ],
)
def test_what_is_allowed(document):
    reading = read(document)
    assert reading.problems == reading.warnings == ()


def test_a_rule_is_not_applied_to_a_value_that_is_not_known():
    assert problem_keys({"presence": {"ttl_seconds": "long", "heartbeat_seconds": 30}}) == ["presence.ttl_seconds"]


@pytest.mark.parametrize(
    ("key", "given", "read_as"),
    [
        ("viewer.theme", "blue", "dark"),
        ("viewer.peer_offline_grace_min", 0, 15),
        ("viewer.peer_offline_grace_min", 61, 15),
        ("profile.label", "two\nlines", "two lines"),
        ("profile.label", "x" * 300, "x" * 200),
        ("profile.email", " a@example.org ", "a@example.org"),
    ],
)
def test_values_that_are_read_as_others_work_with_a_warning(key, given, read_as):
    section, name = key.split(".")
    reading = read({section: {name: given}})
    assert reading.config is not None
    assert reading.config.value(key) == read_as
    assert [warning.key for warning in reading.warnings] == [key]
    assert reading.warnings[0].suggestion


@pytest.mark.parametrize(
    ("public", "private", "words"),
    [
        (PUBLIC, "AAAA", "not 32 bytes long"),
        ("!", PRIVATE, "not base64"),
        (PRIVATE, PRIVATE, "do not belong together"),
    ],
)
def test_an_unusable_nacl_pair_is_a_warning_that_does_not_quote_it(public, private, words):
    reading = read({"p2p": {"nacl_public_key": public, "nacl_private_key": private}})
    assert reading.config is not None
    assert [warning.key for warning in reading.warnings] == ["p2p.nacl_private_key"]
    assert words in reading.warnings[0].message
    assert private not in str(reading.warnings)


def test_unknown_keys_are_warned_of_with_what_was_probably_meant():
    reading = read(
        {"profile": {"lable": "x", "zebra": 1}, "label": 1, "prescence": {}, "_note": "mine", "viewer": {"//": "x"}}
    )
    assert reading.config is not None
    assert {warning.key: warning.suggestion for warning in reading.warnings} == {
        "profile.lable": "did you mean profile.label?",
        "profile.zebra": "",
        "label": "did you mean profile.label?",
        "prescence": "did you mean presence?",
    }


def test_thousands_of_unknown_keys_cost_little():
    reading = read({"profile": {f"key{n}": n for n in range(40_000)}})
    assert reading.config is not None
    assert 0 < len(reading.warnings) <= 50


def test_keys_match_in_any_case_and_the_exact_one_wins():
    reading = read({"Profile": {"LABEL": "upper", "label": "exact"}, "VIEWER": {"Debug": True}})
    assert reading.config is not None
    assert reading.config.profile.label == "exact"
    assert reading.config.viewer.debug is True
    assert not reading.warnings


def test_a_byte_order_mark_and_null():
    reading = read_document(b'\xef\xbb\xbf{"profile": {"label": null, "email": "a@b"}, "viewer": null}')
    assert reading.config == Config.default().model_copy(
        update={"profile": Config().profile.model_copy(update={"email": "a@b"})}
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not valid JSON"),
        (b"[]", "must be an object in { }, not a list"),
        (b"null", "must be an object"),
        (b'{"a": 1,}', "line 1, column 9"),
        (b'{"a": 1} x', "not valid JSON"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": -Infinity}', "Infinity"),
        (b"\xff\xfe{\x00}\x00", "not UTF-8"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b'{"a":' + b"[" * 300 + b"]" * 300 + b"}", "nested too deeply"),
        (b'{"a":' + b"9" * 10_000 + b"}", "not valid JSON"),
        (b" " * (LARGEST_FILE + 1), "larger than 1 MiB"),
    ],
)
def test_a_file_that_is_no_json_object(data, words):
    reading = read_document(data)
    assert reading.config is None
    assert [problem.key for problem in reading.problems] == ["goop.json"]
    assert words in reading.problems[0].message


def test_secrets_are_in_no_repr():
    document: dict[str, Any] = {"p2p": {"nacl_public_key": PUBLIC, "nacl_private_key": PRIVATE}}
    for key in (key for key in KEYS if marks(key)["secret"] and key != "p2p.nacl_private_key"):
        section, name = key.split(".")
        document.setdefault(section, {})[name] = "hunter2"
    reading = read(document)
    assert reading.config is not None
    assert "hunter2" not in repr(reading) + str(reading.config)
    assert PRIVATE not in repr(reading) + str(reading.config)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=8
)
SECTION = st.sampled_from(["identity", "paths", "p2p", "presence", "profile", "viewer", "lua", "Viewer", "other"])
NAME = st.sampled_from([key.split(".")[1] for key in KEYS]) | st.text(max_size=8)


@settings(max_examples=600, deadline=None)
@given(st.dictionaries(SECTION, st.dictionaries(NAME, JSON, max_size=6) | JSON, max_size=5))
def test_any_json_gives_a_configuration_or_problems(document):
    reading = read(document)
    assert (reading.config is None) == bool(reading.problems)
    assert reading.document == json.loads(json.dumps(document))


@settings(max_examples=600, deadline=None)
@given(st.binary(max_size=200) | st.text(alphabet='{}[]":,0123456789truefalsn\\u ', max_size=80).map(str.encode))
def test_any_bytes_give_a_configuration_or_problems(data):
    reading = read_document(data)
    assert (reading.config is None) == bool(reading.problems)
