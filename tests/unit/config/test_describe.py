"""The words about settings."""

from __future__ import annotations

from goop2_core.config import Config, describe, explain
from goop2_core.config.schema import KEYS
from goop2_core.errors import Problem

LIVE = {
    "profile.label", "profile.email", "viewer.theme", "viewer.video_disabled", "viewer.open_sites_external",
    "viewer.peer_offline_grace_min", "viewer.debug", "viewer.trusted_proxies", "viewer.gateway",
}  # fmt: skip


def test_every_key_has_title_help_and_a_default_of_its_kind():
    fields = [field for section in describe() for field in section.fields]
    assert [field.key for field in fields] == list(KEYS)
    for field in fields:
        assert field.title
        assert field.help.endswith(".")
        kind = {"string": str, "choice": str, "integer": int, "boolean": bool, "list": tuple}[field.type]
        assert type(field.default) is kind
        assert (field.type == "integer") == (field.min is not None)
        assert (field.type == "choice") == bool(field.choices)


def test_what_takes_effect_at_once():
    assert {field.key for section in describe() for field in section.fields if field.live} == LIVE


def test_the_explanation_names_what_matters_and_no_secret():
    config = Config.model_validate(
        {"profile": {"label": "Alice", "bridge_token": "t0ken"}, "p2p": {"nacl_private_key": "pr1vate"}}
    )
    text = explain(config, [Problem("profile.lable", "is unknown", "did you mean profile.label?")])
    assert "profile.label = 'Alice'\n" in text
    assert "presence.ttl_seconds = 20 (default)" in text
    assert "profile.bridge_token = set, not shown" in text
    assert "Not used by this version." in text
    assert "profile.lable: is unknown (did you mean profile.label?)" in text
    assert "lua.enabled" not in text  # not used, not set
    assert "t0ken" not in text
    assert "pr1vate" not in text
