"""Entries of menus."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu


def add_action(menu: QMenu, words: str, do: Callable[[], object]) -> QAction:
    """An entry that does something."""
    action = menu.addAction(words)
    action.triggered.connect(lambda _checked=False: do())
    return action
