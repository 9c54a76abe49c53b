"""What the user can do with a peer, from whichever place: list, header, tray or keyboard."""

from __future__ import annotations

import asyncio
import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from goop2_core.errors import Goop2Error
from goop2_desktop.desk import Desk
from goop2_desktop.dialogs.base import Details
from goop2_desktop.dialogs.new_peer import NewPeer, NewPeerDialog
from goop2_desktop.dialogs.preferences import Preferences
from goop2_desktop.dialogs.questions import DeletePeer
from goop2_desktop.look.menus import add_action
from goop2_desktop.states import EDIT_CONFIG, can_start, moving

if TYPE_CHECKING:
    from goop2_core.host import PeerSummary
    from goop2_desktop.window.guide import Guide


class Commands(QObject):
    """Carries out commands and asks what must be asked, above `window`."""

    made = Signal(str)  # directory of a peer that is new in the list
    deleting = Signal(str)  # a peer that is about to go: whoever shows it lets go of its files
    site_wanted = Signal(str)

    def __init__(self, desk: Desk, window: QWidget) -> None:
        super().__init__(window)
        self._desk = desk
        self._window = window
        self._guide: Guide | None = None

    # ---- running

    def start(self, directory: str) -> None:
        """Start it, now and at the next start of the app. Why it failed is shown by its own page."""
        self._desk.memory.want_running(directory, wanted=True)
        self._desk.jobs.run("start peer", self._desk.host.start_peer(directory), _shown_elsewhere)

    def stop(self, directory: str) -> None:
        """Stop it."""
        self._desk.memory.want_running(directory, wanted=False)
        self._desk.jobs.run("stop peer", self._desk.host.stop_peer(directory))

    def restart(self, directory: str) -> None:
        """Stop it and start it again, for settings that need it."""

        async def again() -> None:
            await self._desk.host.stop_peer(directory)
            await self._desk.host.start_peer(directory)

        self._desk.jobs.run("restart peer", again(), _shown_elsewhere)

    def remedy(self, directory: str, remedy: str) -> None:
        """Do what a failed start suggests, and start; what only the owner can do is shown to them."""
        if remedy == EDIT_CONFIG:
            self.open_config(directory)
            return
        self._desk.memory.want_running(directory, wanted=True)
        self._desk.jobs.run("remedy", self._desk.host.apply_remedy(directory, remedy))

    # ---- making and removing

    def new_peer(self) -> None:
        """Ask for a new peer and start it."""
        dialog = NewPeerDialog(self._window, self._desk.jobs, self._create)
        self._desk.jobs.run("new peer", dialog.ask())

    def add_existing(self) -> None:
        """Ask for a peer's folder and put it into the list."""
        folder = QFileDialog.getExistingDirectory(self._window, "Open a peer's folder", str(Path.home()))
        if folder:
            self.add(folder)

    def add(self, folder: str) -> None:
        """Put the peer in this folder into the list."""

        async def add() -> None:
            peer = await self._desk.host.add_peer(folder)
            self._desk.peers.listed.emit()
            self.made.emit(peer.directory)

        self._desk.jobs.run("add peer", add())

    def forget(self, directory: str) -> None:
        """Take it out of the list; its files stay."""
        self._desk.jobs.run("forget peer", self._forget(directory))

    def delete(self, directory: str) -> None:
        """Ask, and delete it with everything that it has."""
        self._desk.jobs.run("delete peer", self._delete(directory))

    # ---- small things

    def copy_link(self, directory: str) -> None:
        """Put its link on the clipboard."""
        peer = self._desk.peers.get(directory)
        if peer is not None:
            QGuiApplication.clipboard().setText(peer.link)

    def open_folder(self, directory: str) -> None:
        """Show its folder in the file manager."""
        QDesktopServices.openUrl(QUrl.fromLocalFile(directory))

    def open_config(self, directory: str) -> None:
        """Show its settings file in the program that the system has for such files."""
        from goop2_core.peerdir import PeerDir  # noqa: PLC0415 - nobody needs it at the start

        file = PeerDir(Path(directory)).config_file
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(file))):
            self._desk.jobs.failed(
                Goop2Error(f"{file.name} could not be opened", str(file), "Open it with a text editor of your choice.")
            )

    def preferences(self) -> None:
        """Show what concerns the app."""
        self._desk.jobs.run("preferences", Preferences(self._window, self._desk.memory).ask())

    def guide(self) -> None:
        """Show the user guide, where it was left."""
        if self._guide is None:
            from goop2_desktop.window.guide import Guide  # noqa: PLC0415 - nobody needs it at the start

            self._guide = Guide(self._window)
        self._guide.bring_up()

    def details(self, title: str, sentence: str, text: str) -> None:
        """Show something to read and copy."""
        self._desk.jobs.run("details", Details(self._window, title, sentence, text).ask())

    def menu(self, directory: str, parent: QWidget) -> QMenu:
        """Everything that can be done with this peer now."""
        menu = QMenu(parent)
        peer = self._desk.peers.get(directory)
        if peer is None:
            return menu
        stopped = can_start(peer)
        add = partial(add_action, menu)
        if stopped:
            add("Start", lambda: self.start(directory))
        else:
            add("Stop", lambda: self.stop(directory)).setEnabled(not moving(peer))
        add("Open site", lambda: self.site_wanted.emit(directory))
        add("Copy link", lambda: self.copy_link(directory)).setEnabled(bool(peer.link))
        add("Open folder", lambda: self.open_folder(directory))
        menu.addSeparator()
        if not self._desk.owns(directory):
            add("Remove from list", lambda: self.forget(directory)).setEnabled(stopped)
        add("Delete…", lambda: self.delete(directory)).setEnabled(not moving(peer))
        menu.setToolTipsVisible(True)
        return menu

    # ---- coroutines

    async def _create(self, wanted: NewPeer) -> None:
        peer = await self._desk.host.create_peer(
            wanted.name, label=wanted.label, site_folder=wanted.folder, copy=wanted.copy
        )
        self._desk.peers.listed.emit()
        self.made.emit(peer.directory)
        self.start(peer.directory)

    async def _forget(self, directory: str) -> None:
        peer = self._desk.host.peer(directory)
        await self._desk.host.forget_peer(directory)
        self._gone(peer)

    async def _delete(self, directory: str) -> None:
        peer = self._desk.host.peer(directory)
        facts = await self._desk.host.deletion_facts(directory)
        if not await DeletePeer(self._window, peer, facts).ask():
            return
        self._desk.memory.want_running(directory, wanted=False)
        await self._desk.host.stop_peer(directory)
        await self._desk.host.delete_peer(directory)
        self._gone(peer)
        await asyncio.to_thread(shutil.rmtree, self._desk.web_storage(peer.peer_id or "none"), ignore_errors=True)

    def _gone(self, peer: PeerSummary) -> None:
        self.deleting.emit(peer.directory)
        self._desk.memory.forget_peer(peer.directory, peer.peer_id)
        self._desk.peers.listed.emit()


def _shown_elsewhere(error: Goop2Error) -> None:
    """The peer's own page shows the trouble; a second message would only be in the way."""
    del error
