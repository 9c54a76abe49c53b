"""What the app remembers: kept, private, and never lost silently."""

from __future__ import annotations

import json

import pytest

from goop2_desktop.remembered import Memory, Remembered, read


def test_nothing_is_there_at_first(tmp_path):
    assert read(tmp_path / "desktop.json") == Remembered()


def test_it_comes_back_and_is_private(tmp_path, qapp):
    memory = Memory(tmp_path / "deep" / "desktop.json")
    memory.want_running("/a", wanted=True)
    memory.want_running("/b", wanted=True)
    memory.want_running("/a", wanted=False)
    memory.now.zoom["/b"] = 1.25
    memory.now.permissions["12D3 http://x/ Notifications"] = True
    memory.save()
    kept = read(memory.file)
    assert kept.running == ["/b"]
    assert kept.zoom == {"/b": 1.25}
    assert memory.file.stat().st_mode & 0o777 == 0o600
    memory.forget_peer("/b", "12D3")
    assert memory.now.running == []
    assert memory.now.zoom == {}
    assert memory.now.permissions == {}


@pytest.mark.parametrize(
    "garbage", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'"' + b"x" * (5 << 20) + b'"', b"\x00" * 100]
)
def test_a_broken_file_is_put_aside(tmp_path, garbage, caplog):
    file = tmp_path / "desktop.json"
    file.write_bytes(garbage)
    assert read(file) == Remembered()
    assert (tmp_path / "desktop.json.broken").read_bytes() == garbage
    assert "is kept as desktop.json.broken" in caplog.text


def test_values_of_the_wrong_type_are_left_out(tmp_path):
    file = tmp_path / "desktop.json"
    file.write_text(
        json.dumps(
            {
                "geometry": 7,
                "running": ["/a", 3, None],
                "zoom": {"/a": "big", "/b": 2},
                "permissions": {"x": "yes", "y": False},
                "told_about_tray": 1,
                "open_outside": "example.org",
                "unknown": {},
            }
        )
    )
    kept = read(file)
    assert kept == Remembered(running=["/a"], zoom={"/b": 2.0}, permissions={"y": False})


def test_a_disk_that_refuses_is_no_catastrophe(tmp_path, qapp, caplog):
    (tmp_path / "file").write_text("")
    memory = Memory(tmp_path / "file" / "desktop.json")
    memory.save()
    assert "cannot be written" in caplog.text
