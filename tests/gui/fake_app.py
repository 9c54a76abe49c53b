"""The whole app on invented peers, in a process of its own: what happens is printed, one line each.

`python -m tests.gui.fake_app DATA_DIR [NAME[=failing]…] [-- ARGUMENT…]`; a line `geometry X Y W H` says where the tray
icon is.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication

from goop2_core.errors import Goop2Error
from goop2_core.events import PeerState
from goop2_desktop import app
from goop2_desktop.shell import Shell
from tests.gui.fake_host import FakeHost


def say(*words: object) -> None:
    print(*words, flush=True)


class Host(FakeHost):
    """Says what is asked of it. A peer called `slow` takes a second to stop."""

    async def start_peer(self, directory):
        say("start", self.peer(directory).name)
        await super().start_peer(directory)

    async def stop_peer(self, directory):
        say("stop", self.peer(directory).name)
        await super().stop_peer(directory)

    async def stop(self):
        if any(peer.name == "slow" and peer.state is PeerState.RUNNING for peer in self.peers()):
            await asyncio.sleep(1)
        say("host stopped")


class Watcher(QObject):
    """Says when the main window comes and goes."""

    def __init__(self, shell: Shell) -> None:
        super().__init__(shell)
        self._shell = shell
        shell.window.installEventFilter(self)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._look)
        self._timer.start(100)
        self._last = ""

    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Show:
            say("window shown")
        elif event.type() == QEvent.Type.Hide:
            say("window hidden")
        return False

    def _look(self) -> None:
        dialogs = [w.objectName() for w in QApplication.topLevelWidgets() if w.isActiveWindow() and w.isModal()]
        place = self._shell.tray.icon.geometry()
        line = f"geometry {place.x()} {place.y()} {place.width()} {place.height()}"
        line = f"dialog {dialogs[0]}" if dialogs else line
        if line != self._last:
            self._last = line
            say(line)


def main() -> int:
    data_dir = Path(sys.argv[1])
    rest = sys.argv[2:]
    cut = rest.index("--") if "--" in rest else len(rest)
    names, arguments = rest[:cut], rest[cut + 1 :]
    watchers = []
    begin = Shell.begin

    async def watched(shell: Shell, link: str = "") -> None:
        watchers.append(Watcher(shell))
        await begin(shell, link)
        say("ready", f"link={link}" if link else "")

    Shell.begin = watched

    def host(_data_dir: Path) -> Host:
        made = Host(data_dir)
        for name in names:
            bare, _, failing = name.partition("=")
            peer = made.put(bare, state=PeerState.RUNNING if not failing else PeerState.STOPPED)
            if failing == "failing":
                made.failing[peer.directory] = Goop2Error("Port in use", "8080")
        return made

    code = app.main(["--data-dir", str(data_dir), *arguments], host)
    say("exit", code)
    return code


if __name__ == "__main__":
    sys.exit(main())
