"""The main window on a host of the test's, and its orderly end."""

from __future__ import annotations

import asyncio
from pathlib import Path

from goop2_core.errors import Goop2Error
from goop2_desktop.desk import Desk, Peers
from goop2_desktop.jobs import Jobs
from goop2_desktop.remembered import Memory
from goop2_desktop.window.main import MainWindow


class OpenWindow:
    """`failures` are the errors that no page showed, `crashes` the mistakes of the app's own."""

    def __init__(self, host, data_dir: Path) -> None:
        self.host = host
        self.failures: list[Goop2Error] = []
        self.crashes: list[BaseException] = []
        self.memory = Memory(data_dir / "desktop.json")
        self.data_dir = data_dir
        self.main: MainWindow | None = None

    def make(self, *, web: bool = True) -> MainWindow:
        """Show the window. Without `web`, no page of QtWebEngine is ever made."""
        jobs = Jobs(self._failed, self.crashes.append)
        self.desk = Desk(self.host, Peers(self.host), jobs, self.memory, self.data_dir)
        self.desk.peers.follow()
        self.main = MainWindow(self.desk)
        if not web:
            self.main._allow_web = lambda: None
        self.main.list_peers()
        self.main.show()
        self.main.activateWindow()
        return self.main

    def _failed(self, error: Goop2Error) -> None:
        self.failures.append(error)
        self.main.say(error)

    async def close(self) -> None:
        """Let go of everything, as the app does when it quits."""
        if self.main is None:
            return
        await self.desk.jobs.stop()
        self.main.close_web()
        self.main.allow_close()
        self.main.close()
        self.desk.peers.stop()
        self.main.deleteLater()
        await asyncio.sleep(0.15)
        assert not self.crashes, self.crashes
