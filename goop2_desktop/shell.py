"""The running app: window, tray and engine host together; how it begins, what closing means, and how it ends."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication

from goop2_core.errors import Goop2Error
from goop2_core.events import ChatChanged, Delivery, PeerState
from goop2_desktop.desk import Desk, Peers
from goop2_desktop.dialogs.questions import CloseApp
from goop2_desktop.dialogs.stopping import Stopping
from goop2_desktop.jobs import Jobs
from goop2_desktop.remembered import Memory
from goop2_desktop.tray import Tray
from goop2_desktop.window.main import MainWindow

if TYPE_CHECKING:
    from collections.abc import Callable

    from goop2_core.host import EngineHost

log = logging.getLogger("goop2.desktop")

LOOK_FOR_TRAY_MS = 2000
SHOW_STOPPING_AFTER = 0.3
WEB_ENDS_SECONDS = 0.15


class Shell(QObject):
    """Everything that is on the screen. `stop` is the one event that ends the app, whoever sets it."""

    def __init__(
        self,
        app: QApplication,
        host: EngineHost,
        memory: Memory,
        data_dir: Path,
        crashed: Callable[[BaseException], None],
    ) -> None:
        super().__init__()
        self.stop = asyncio.Event()
        self._app = app
        self._memory = memory
        jobs = Jobs(self._say, crashed)
        self.desk = Desk(host, Peers(host), jobs, memory, data_dir)
        self.window = MainWindow(self.desk)
        self.tray = Tray(self.desk, app.windowIcon())
        self._asking = False
        self._tray_watch = QTimer(self)
        self._tray_watch.setInterval(LOOK_FOR_TRAY_MS)
        self._tray_watch.timeout.connect(self._tray_gone)
        self._connect()

    def _connect(self) -> None:
        commands = self.window.commands
        self.window.close_asked.connect(self._close_asked)
        self.window.quit_asked.connect(self.quit)
        self.tray.open_wanted.connect(self.open_window)
        self.tray.quit_wanted.connect(self.quit)
        self.tray.show_wanted.connect(self._show_peer)
        self.tray.start_wanted.connect(commands.start)
        self.tray.stop_wanted.connect(commands.stop)
        self.tray.message_clicked.connect(self._show_place)
        self.desk.peers.site_said.connect(self._site_said)
        self.desk.peers.message_came.connect(self._message_came)
        self._app.commitDataRequest.connect(lambda _manager: self.quit())

    # ---- begin

    async def begin(self, link: str = "") -> None:
        """Start the engine thread, list the peers, and start those that ran when the app was quit."""
        self.desk.peers.follow()
        await self.desk.host.start()
        self.desk.peers.listed.emit()
        for directory in list(self._memory.now.running):
            if self.desk.peers.get(directory) is None:
                self._memory.want_running(directory, wanted=False)
            else:
                self.window.commands.start(directory)
        if link:
            self.called(link)

    def called(self, link: str) -> None:
        """A later start of the app: show the window, and open the link that it was given."""
        self.open_window()
        if link:
            self.window.open_address(link)

    # ---- the window's coming and going

    def open_window(self) -> None:
        """Show the window above the others."""
        self._tray_watch.stop()
        self.window.bring_up()

    def quit(self) -> None:
        """End the app, in order."""
        self.stop.set()

    def _close_asked(self) -> None:
        running = [peer for peer in self.desk.peers.all() if peer.state in (PeerState.RUNNING, PeerState.STARTING)]
        if not running:
            self.quit()
        elif self.tray.there():
            self.window.hide()
            self._tray_watch.start()
            self._tell_about_tray(len(running))
        elif not self._asking:
            self._asking = True
            self.desk.jobs.run("quit?", self._ask_to_quit(len(running)))

    async def _ask_to_quit(self, running: int) -> None:
        try:
            if await CloseApp(self.window, running).ask():
                self.quit()
        finally:
            self._asking = False

    def _tell_about_tray(self, running: int) -> None:
        if not self._memory.now.told_about_tray:
            self._memory.now.told_about_tray = True
            self._memory.changed()
            words = "Your peer keeps running." if running == 1 else "Your peers keep running."
            self.tray.say("goop2 is in the tray", f"{words} Quit from the menu of this icon.")

    def _tray_gone(self) -> None:
        """Nothing is only in the tray: when it goes away, the window comes back."""
        if not self.tray.there():
            self.open_window()

    # ---- what comes in

    def _show_peer(self, directory: str) -> None:
        self.window.choose(directory)
        self.open_window()

    def _show_place(self, directory: str, place: str) -> None:
        if directory:
            self.window.show_place(directory, place)

    def _site_said(self, directory: str, title: str, text: str) -> None:
        self.tray.say(title, text, directory, "site")

    def _message_came(self, directory: str, event: object) -> None:
        if not isinstance(event, ChatChanged) or event.message.delivery is not Delivery.RECEIVED:
            return
        if event.unread and not self.window.is_reading(directory):
            self.desk.jobs.run("notify", self._notify(directory, event))

    async def _notify(self, directory: str, event: ChatChanged) -> None:
        people = {person.peer_id: person for person in await self.desk.host.people(directory)}
        who = people.get(event.message.peer_id)
        name = who.name if who is not None and who.name else f"{event.message.peer_id[:4]}…"
        self.tray.say(name, event.message.content, directory, f"people/{event.message.peer_id}")
        self._app.alert(self.window)

    def _say(self, error: Goop2Error) -> None:
        self.window.say(error)

    # ---- end

    async def end(self) -> None:
        """Let go of everything, in order: jobs, pages, engines, window. Takes 6 s at most."""
        self._tray_watch.stop()
        self._memory.now.geometry = self.window.saveGeometry().toBase64().toStdString()
        self._memory.save()
        await self.desk.jobs.stop()
        self.window.close_web()
        self.window.allow_close()
        self.window.close()
        await self._stop_host()
        self.desk.peers.stop()
        self.tray.close()
        self._memory.save()
        self.window.deleteLater()
        await asyncio.sleep(WEB_ENDS_SECONDS)  # QtWebEngine lets go of its pages and profiles in the next turns

    async def _stop_host(self) -> None:
        stopping = asyncio.ensure_future(self.desk.host.stop())
        done, _ = await asyncio.wait([stopping], timeout=SHOW_STOPPING_AFTER)
        if not done:
            window = Stopping()
            window.show()
            await asyncio.wait([stopping])
            window.close()
            window.deleteLater()
        if (error := stopping.exception()) is not None:
            log.warning("the engines did not stop in order: %s", error)
