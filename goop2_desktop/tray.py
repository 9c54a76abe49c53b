"""The tray icon: it keeps the app within reach while the window is closed, and says when somebody writes."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from goop2_core.events import PeerState
from goop2_desktop.desk import Desk
from goop2_desktop.look.layout import restyle
from goop2_desktop.look.menus import add_action
from goop2_desktop.states import can_start, moving, sign_of

MOST_TEXT = 200


class Tray(QObject):
    """Shows, starts and stops each peer, opens the window, quits. Made whether or not a tray exists now."""

    open_wanted = Signal()
    quit_wanted = Signal()
    show_wanted = Signal(str)
    start_wanted = Signal(str)
    stop_wanted = Signal(str)
    message_clicked = Signal(str, str)  # directory and place, as they were given to `say`

    def __init__(self, desk: Desk, sign: QIcon) -> None:
        super().__init__()
        self._desk = desk
        self._menu = QMenu()
        self._shown: list[tuple[str, str, PeerState]] | None = None
        self._said_of = ("", "")  # directory and place of the last notification, the one that a click is told of
        self.icon = QSystemTrayIcon(sign, self)
        self.icon.setToolTip("goop2")
        self.icon.setContextMenu(self._menu)
        self.icon.activated.connect(self._activated)
        self.icon.messageClicked.connect(lambda: self.message_clicked.emit(*self._said_of))
        desk.peers.changed.connect(lambda _directory: self.refresh())
        desk.peers.listed.connect(self.refresh)
        self.refresh()
        self.icon.show()

    @staticmethod
    def there() -> bool:
        """Whether there is a tray at this moment."""
        return QSystemTrayIcon.isSystemTrayAvailable()

    def refresh(self) -> None:
        """Bring menu and tool tip up to date."""
        peers = self._desk.peers.all()
        shown = [(peer.directory, peer.name, peer.state) for peer in peers]
        if shown == self._shown:
            return  # an open menu must not change under the pointer without need
        self._shown = shown
        self._menu.clear()
        add_action(self._menu, "Open goop2", self.open_wanted.emit)
        self._menu.addSeparator()
        for peer in peers:
            sub = self._menu.addMenu(f"{peer.name} · {sign_of(peer).word}".replace("&", "&&"))
            directory = peer.directory
            add_action(sub, "Show", partial(self.show_wanted.emit, directory))
            if can_start(peer):
                add_action(sub, "Start", partial(self.start_wanted.emit, directory))
            else:
                add_action(sub, "Stop", partial(self.stop_wanted.emit, directory)).setEnabled(not moving(peer))
        if peers:
            self._menu.addSeparator()
        add_action(self._menu, "Quit", self.quit_wanted.emit)
        running = sum(peer.state is PeerState.RUNNING for peer in peers)
        self.icon.setToolTip(f"goop2: {running} of {len(peers)} running" if peers else "goop2")
        restyle(self._menu)

    def say(self, title: str, text: str, directory: str = "", place: str = "") -> None:
        """Show a notification, if there is a tray that can; a click on it leads to `place` of the peer."""
        self._said_of = (directory, place)
        if self.there() and QSystemTrayIcon.supportsMessages():
            self.icon.showMessage(title, text[:MOST_TEXT], self.icon.icon())

    def close(self) -> None:
        """Take the icon away."""
        self.icon.hide()
        self._menu.deleteLater()

    def _activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason is QSystemTrayIcon.ActivationReason.Trigger:
            self.open_wanted.emit()
