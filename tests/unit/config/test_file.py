"""The file itself: nothing in it is lost, it is always whole, and a broken one is left alone."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goop2_core.config import Config, ConfigFile, explain
from goop2_core.errors import ConfigError
from goop2_core.events import SettingsChanged
from goop2_core.identity import nacl_pair_flaw

BROKEN = [b"", b"{", b"[]", b'{"profile": {"label": 3}}', b"\xff", b'{"presence": {"heartbeat_seconds": 60}}']


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "goop.json"


def write(path: Path, text: str) -> ConfigFile:
    path.write_text(text, encoding="utf-8")
    file = ConfigFile(path)
    file.load()
    return file


def has_pair(config: Config) -> bool:
    public, private = config.p2p.nacl_public_key, config.p2p.nacl_private_key
    return bool(public and private) and not nacl_pair_flaw(public, private)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_create_says_only_what_is_not_the_default(path):
    file = ConfigFile.create(path, {"profile.label": "Alice", "viewer.theme": "auto"})
    document = json.loads(path.read_bytes())
    assert document["profile"] == {"label": "Alice"}
    assert document["viewer"] == {"theme": "auto"}
    assert set(document) == {"profile", "viewer", "p2p"}
    assert has_pair(file.config)
    assert mode(path) == 0o600
    assert not path.read_bytes().endswith(b"\n")


def test_create_overwrites_nothing_and_takes_nothing_wrong(path):
    path.write_bytes(b"precious")
    with pytest.raises(ConfigError):
        ConfigFile.create(path)
    assert path.read_bytes() == b"precious"
    path.unlink()
    with pytest.raises(ConfigError) as caught:
        ConfigFile.create(path, {"p2p.listen_port": -1, "profile.label": "a\nb"})
    assert {problem.key for problem in caught.value.problems} == {"p2p.listen_port", "profile.label"}
    assert list(path.parent.iterdir()) == []


def test_update_keeps_what_it_does_not_know_where_it_is(path):
    text = (
        '{\n  "zeta": [1, {"b": 1, "a": null}],\n  "profile": {\n    "later": 1.5,\n    "label": "Alice",\n'
        '    "\\ud800": "half"\n  },\n  "alpha": {"x": {"y": "ü"}}\n}'
    )
    file = write(path, text)
    before = json.loads(text)
    file.update({"profile.label": "Alicia", "viewer.debug": True})
    after = json.loads(path.read_bytes())
    assert list(after) == ["zeta", "profile", "alpha", "viewer"]
    assert list(after["profile"]) == list(before["profile"])
    before["profile"]["label"] = "Alicia"
    before["viewer"] = {"debug": True}
    assert after == before


def test_update_answers_what_changed_and_what_needs_a_restart(path):
    file = write(path, "{}")
    event = file.update({"profile.label": "A", "p2p.listen_port": 4001, "viewer.debug": False})
    assert event == SettingsChanged(("p2p.listen_port", "profile.label"), ("p2p.listen_port",))
    assert file.config.profile.label == "A"
    assert file.restart_needed == ("p2p.listen_port",)
    assert file.update({"p2p.listen_port": None}).keys == ("p2p.listen_port",)
    assert file.restart_needed == ()
    assert "listen_port" not in json.loads(path.read_bytes())["p2p"]


def test_update_refuses_all_if_one_is_wrong(path):
    file = write(path, '{"profile": {"label": "A"}}')
    before = path.read_bytes()
    with pytest.raises(ConfigError) as caught:
        file.update(
            {"profile.label": "B", "profile.lable": "C", "viewer.theme": "blue", "presence.heartbeat_seconds": 90}
        )
    assert {problem.key for problem in caught.value.problems} == {
        "profile.lable", "viewer.theme", "presence.heartbeat_seconds",
    }  # fmt: skip
    assert path.read_bytes() == before
    assert file.config.profile.label == "A"


def test_a_doubtful_value_that_is_there_already_hinders_no_other_change(path):
    file = write(path, '{"viewer": {"theme": "blue"}, "profle": {}}')
    assert file.update({"profile.label": "B"}).keys == ("profile.label",)
    assert json.loads(path.read_bytes())["viewer"]["theme"] == "blue"


def test_update_builds_on_what_somebody_edited_meanwhile(path):
    file = write(path, '{"profile": {"label": "A"}}')
    path.write_text('{"profile": {"label": "A", "email": "a@example.org"}, "mine": 1}')
    assert set(file.update({"profile.label": "B"}).keys) == {"profile.label", "profile.email"}
    assert json.loads(path.read_bytes()) == {"profile": {"label": "B", "email": "a@example.org"}, "mine": 1}


def test_update_writes_every_spelling_so_that_other_programs_read_the_same(path):
    file = write(path, '{"Profile": {"Label": "A", "label": "B"}}')
    file.update({"profile.label": "C"})
    assert json.loads(path.read_bytes()) == {"Profile": {"Label": "C", "label": "C"}}


@pytest.mark.parametrize("data", BROKEN)
def test_a_broken_file_is_neither_used_nor_touched(path, data):
    path.write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        ConfigFile(path).load()
    assert caught.value.problems
    assert str(path) in caught.value.hint
    assert path.read_bytes() == data

    path.write_bytes(b"{}")
    file = ConfigFile(path)
    file.load()
    path.write_bytes(data)
    with pytest.raises(ConfigError):
        file.update({"profile.label": "B"})
    assert path.read_bytes() == data
    assert file.config.profile.label == "hello"


def test_what_is_not_a_file(tmp_path):
    for make in (lambda p: p.mkdir(), os.mkfifo, lambda p: p.symlink_to(tmp_path / "nowhere"), lambda _: None):
        path = tmp_path / f"x{len(list(tmp_path.iterdir()))}"
        make(path)
        with pytest.raises(ConfigError):
            ConfigFile(path).load()


def test_ref_leaves_the_file_readable_to_all_and_loading_ends_that(path):
    path.write_bytes(b"{}")
    path.chmod(0o644)
    ConfigFile(path).load()
    assert mode(path) == 0o600


def test_update_of_a_linked_file_keeps_the_link(tmp_path):
    real = tmp_path / "real.json"
    link = tmp_path / "goop.json"
    link.symlink_to(real)
    real.write_bytes(b"{}")
    file = ConfigFile(link)
    file.load()
    file.update({"profile.label": "B"})
    assert link.is_symlink()
    assert json.loads(real.read_bytes()) == {"profile": {"label": "B"}}
    assert mode(real) == 0o600


def test_a_pair_of_keys_is_made_once(path):
    file = write(path, '{"p2p": {"nacl_public_key": "orphan", "mdns_tag": "t"}}')
    assert file.ensure_nacl_pair()
    assert has_pair(file.config)
    assert file.config.p2p.mdns_tag == "t"
    assert file.restart_needed == ()
    before = path.read_bytes()
    assert not file.ensure_nacl_pair()
    assert path.read_bytes() == before


def test_private_keys_are_not_logged(path, caplog):
    caplog.set_level(logging.DEBUG)
    file = write(path, "{}")
    file.ensure_nacl_pair()
    with pytest.raises(ConfigError) as caught:
        file.update({"p2p.nacl_private_key": "s3cret-but-wrong"})
    shown = caplog.text + str(caught.value) + repr(file.config) + explain(file.config, file.warnings)
    assert file.config.p2p.nacl_private_key not in shown
    assert "s3cret" not in shown


@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.replace", "os.fchmod"])
def test_a_disk_that_fails_leaves_the_old_file_and_no_other(path, monkeypatch, step):
    file = write(path, '{"profile": {"label": "A"}}')
    before = path.read_bytes()

    def fail(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(step, fail)
        with pytest.raises(ConfigError, match="No space left"):
            file.update({"profile.label": "B"})
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
    assert file.config.profile.label == "A"


WRITER = """
import sys
from pathlib import Path
from goop2_core.config import ConfigFile
file = ConfigFile(Path(sys.argv[1])); file.load()
n = 0
while True:
    n += 1
    file.update({"profile.email": str(n) * 50, "profile.label": f"n{n}"})
    print(n, flush=True)
"""


def test_killed_at_any_moment_the_file_is_whole_and_holds_what_was_acknowledged(path):
    """Kill a writer that does nothing but write, again and again, at moments that are nowhere in particular."""
    write(path, json.dumps({"unknown": "x" * 5000}))
    for lines in (1, 7, 30):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            for _ in range(lines):
                acknowledged = int(child.stdout.readline())
            child.send_signal(signal.SIGKILL)
        config = ConfigFile(path).load()
        number = int(config.profile.label[1:])
        assert number >= acknowledged
        assert config.profile.email == (str(number) * 50)[:254]
        assert json.loads(path.read_bytes())["unknown"] == "x" * 5000


async def test_updates_from_many_threads_lose_nothing(path):
    file = write(path, "{}")
    keys = ["profile.label", "profile.email", "p2p.mdns_tag", "presence.topic", "viewer.public_url"]
    await asyncio.gather(*(asyncio.to_thread(file.update, {key: f"https://{key}"}) for key in keys))
    config = ConfigFile(path).load()
    assert [config.value(key) for key in keys] == [f"https://{key}" for key in keys]


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=10
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.text().map(lambda key: f"x{key}"), VALUES, max_size=5),
    st.dictionaries(st.text().map(lambda key: f"x{key}"), VALUES, max_size=5),
)
def test_unknown_keys_survive_at_every_level(path, outer, inner):
    document = {**outer, "profile": {**inner, "label": "A"}}
    file = write(path, json.dumps(document))
    file.update({"profile.label": "B"})
    document["profile"]["label"] = "B"
    assert json.dumps(json.loads(path.read_bytes())) == json.dumps(document)  # the order too
