"""Where our own files lie."""

from __future__ import annotations

import sys

import pytest

from goop2_core import resources
from goop2_core.errors import Goop2Error
from goop2_core.resources import resource


@pytest.fixture(autouse=True)
def fresh():
    resources._root.cache_clear()
    yield
    resources._root.cache_clear()


def test_in_a_checkout():
    assert resource("theme.json").is_file()
    assert resource("new-site", "index.html").is_file()


def test_in_a_bundle(tmp_path, monkeypatch):
    (tmp_path / "resources").mkdir()
    (tmp_path / "resources" / "theme.json").touch()
    monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path), raising=False)
    assert resource("x", "y") == tmp_path / "resources" / "x" / "y"


def test_nowhere(tmp_path, monkeypatch):
    monkeypatch.setattr(resources, "__file__", str(tmp_path / "a" / "resources.py"))
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    with pytest.raises(Goop2Error, match="not installed completely"):
        resource("theme.json")
