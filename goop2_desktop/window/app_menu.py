"""The menu behind the gear: what concerns the app and not one peer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtWidgets import QMenu, QWidget

from goop2_desktop.commands import Commands
from goop2_desktop.look.menus import add_action


def app_menu(commands: Commands, leave: Callable[[], object], parent: QWidget) -> QMenu:
    """A menu for one use. After a tab stands the key that does the same; the window has the shortcuts."""
    menu = QMenu(parent)
    add = partial(add_action, menu)
    add("New peer…\tCtrl+N", commands.new_peer)
    add("Open an existing folder…", commands.add_existing)
    menu.addSeparator()
    add("Preferences…\tCtrl+,", commands.preferences)
    add("Help\tF1", commands.guide)
    menu.addSeparator()
    add("Quit\tCtrl+Q", leave)
    return menu
