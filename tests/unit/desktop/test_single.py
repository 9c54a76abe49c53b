"""One app for each user and directory."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from goop2_desktop.single import _link_in, server_name


def test_the_socket_lies_where_no_other_user_can_make_it_first(monkeypatch):
    with tempfile.TemporaryDirectory(prefix="g") as short:
        data, runtime, shared = (Path(short) / name for name in ("data", "run", "shared"))
        for folder, mode in ((data, 0o700), (runtime, 0o700), (shared, 0o1777)):
            folder.mkdir()
            folder.chmod(mode)
        for given, wanted in ((str(runtime), runtime), (str(shared), data), ("", data), ("nowhere", data)):
            monkeypatch.setenv("XDG_RUNTIME_DIR", given)
            assert Path(server_name(data)).parent == wanted
        monkeypatch.setenv("XDG_RUNTIME_DIR", "")
        data.chmod(0o777)
        assert "/" not in server_name(data)


def test_names_differ_by_directory(tmp_path):
    assert server_name(tmp_path) == server_name(tmp_path / ".")
    assert server_name(tmp_path) != server_name(tmp_path / "other")


@pytest.mark.parametrize(
    ("line", "link"),
    [
        (b'{"open": "goop2:12D3KooW"}\n', "goop2:12D3KooW"),
        (b'{"open": ""}\n', ""),
        (b'{"open": "https://example.org"}', ""),
        (b'{"open": 7}', ""),
        (b"[]", ""),
        (b"garbage", ""),
        (b"\xff\xfe", ""),
        (b"[" * 8000, ""),
    ],
)
def test_only_links_of_ours_come_through(line, link):
    assert _link_in(line) == link
