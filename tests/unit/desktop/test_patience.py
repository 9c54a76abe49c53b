"""How often a page's scripts may get at the user."""

from __future__ import annotations

from goop2_desktop.web.patience import Patience


def test_patience_ends_and_comes_back():
    now = 100.0
    patience = Patience(3, 60.0, lambda: now)
    assert [patience.lasts() for _ in range(5)] == [True, True, True, False, False]
    now = 130.0
    assert not patience.lasts()
    now = 160.0
    assert [patience.lasts() for _ in range(5)] == [True, True, True, False, False]
