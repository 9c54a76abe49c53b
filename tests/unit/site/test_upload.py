"""Uploads side by side: the folder of one is not taken away under another."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from goop2_core.errors import Refused
from goop2_core.site import upload
from goop2_core.site.content import ContentStore


def test_an_upload_that_begins_while_another_ends(tmp_path, monkeypatch):
    real, taken = io.FileIO, []

    def late(path: Path, mode: str) -> io.FileIO:
        if len(taken) < 3:
            taken.append(path)
            path.parent.rmdir()  # as the upload does that has just ended
        return real(path, mode)

    monkeypatch.setattr(upload.io, "FileIO", late)
    ContentStore(tmp_path).write("a/b.txt", b"here")
    assert len(taken) == 3
    assert (tmp_path / "a" / "b.txt").read_bytes() == b"here"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_file_where_the_folder_belongs_is_told(tmp_path):
    (tmp_path / ".goop2-tmp").write_text("in the way")
    with pytest.raises(Refused):
        ContentStore(tmp_path).write("a.txt", b"x")
    assert (tmp_path / ".goop2-tmp").read_text() == "in the way"
