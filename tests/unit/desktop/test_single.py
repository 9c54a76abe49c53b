"""One app for each user and directory."""

from __future__ import annotations

import pytest

from goop2_desktop.single import _link_in, server_name


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
