"""Files that are written whole."""

from __future__ import annotations

import os

import pytest

from goop2_core.atomic import write_atomically


def test_mode_and_content(tmp_path):
    path = tmp_path / "x"
    old = os.umask(0)
    try:
        write_atomically(path, b"a")
        assert path.stat().st_mode & 0o777 == 0o600
        os.umask(0o777)
        write_atomically(path, b"b", mode=0o640)
    finally:
        os.umask(old)
    assert path.read_bytes() == b"b"
    assert path.stat().st_mode & 0o777 == 0o640


def test_an_existing_file_can_be_spared(tmp_path, monkeypatch):
    path = tmp_path / "x"
    write_atomically(path, b"a", replace=False)

    def no_links(*_args):
        raise PermissionError(1, "Operation not permitted")  # as on FAT

    for patched in (False, True):
        if patched:
            monkeypatch.setattr(os, "link", no_links)
        with pytest.raises(FileExistsError):
            write_atomically(path, b"b", replace=False)
        assert path.read_bytes() == b"a"
    write_atomically(tmp_path / "y", b"c", replace=False)
    assert sorted(tmp_path.iterdir()) == [path, tmp_path / "y"]


def test_a_missing_directory_and_a_long_name(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "no" / "x", b"a")
    write_atomically(tmp_path / ("n" * 250), b"a")
    assert len(list(tmp_path.iterdir())) == 1
