"""The desktop app's beginning and end."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import qasync
from platformdirs import user_data_path
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from goop2_core.version import VERSION
from goop2_desktop.bugs import Bugs
from goop2_desktop.collect import Collector
from goop2_desktop.look.focus import FocusRings
from goop2_desktop.look.look import Look, ModeChoice
from goop2_desktop.remembered import Memory
from goop2_desktop.resources import resource
from goop2_desktop.shell import Shell
from goop2_desktop.single import FirstInstance, call_first, server_name

if TYPE_CHECKING:
    from goop2_core.host import EngineHost

WORKERS = 2
NOT_ANSWERING, NO_DISPLAY_CODE = 3, 4
NO_DISPLAY = """goop2: there is no display to open a window on.
Run a peer without one: goop2 peer DIR
"""


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog="goop2", description="The desktop app.")
    parser.add_argument("link", nargs="?", default="", help="a goop2: link to open")
    parser.add_argument("--data-dir", type=Path, help="keep everything in this folder instead of the user's own")
    return parser.parse_args(argv)


MakeHost = Callable[[Path], "EngineHost"]


def engine_host(data_dir: Path) -> EngineHost:
    """The real host. Loads the whole engine."""
    from goop2_core.host import EngineHost  # noqa: PLC0415 - half a second

    return EngineHost(data_dir)


def main(argv: Sequence[str] | None = None, make_host: MakeHost = engine_host) -> int:
    """Run the app until it is quit. Gives the process's exit code."""
    options = arguments(argv)
    data_dir = options.data_dir or user_data_path("goop2")
    data_dir = data_dir.expanduser().resolve()
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not has_display():
        sys.stderr.write(NO_DISPLAY)
        return NO_DISPLAY_CODE
    app = make_application()
    name = server_name(data_dir)
    answered = call_first(name, options.link)
    if answered is not None:
        if not answered:
            sys.stderr.write("goop2 is running already, but does not answer. End it, and start it again.\n")
        return 0 if answered else NOT_ANSWERING
    first = FirstInstance(name, app)
    loop = qasync.QEventLoop(app)
    loop.set_default_executor(ThreadPoolExecutor(WORKERS, "goop2-desktop"))  # qasync's own starts ten threads at once
    asyncio.set_event_loop(loop)
    with loop:
        loop.run_until_complete(run(app, make_host(data_dir), data_dir, first, options.link))
    return 0


def has_display() -> bool:
    """Whether there is something to open a window on. Qt itself would end the program without a word to the user."""
    if not sys.platform.startswith("linux") or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def make_application() -> QApplication:
    """The `QApplication`, prepared for a web engine that is loaded only after the window is shown."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        os.environ.setdefault("QTWEBENGINE_DISABLE_SANDBOX", "1")  # Chromium refuses to run as root with it
    QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)
    app = QApplication([sys.argv[0]])
    app.setApplicationName("goop2")
    app.setApplicationDisplayName("goop2")
    app.setApplicationVersion(VERSION)
    app.setDesktopFileName("goop2")
    app.setQuitOnLastWindowClosed(False)
    return app


def app_icon() -> QIcon:
    """The app's own icon."""
    return QIcon(str(resource("icons", "goop2.svg")))


async def run(app: QApplication, host: EngineHost, data_dir: Path, first: FirstInstance, link: str) -> None:
    """Show the window, run until something sets the stop event, and end in order."""
    loop = asyncio.get_running_loop()
    collector = Collector(app)
    memory = Memory(data_dir / "desktop.json")
    choices = {choice.value: choice for choice in ModeChoice}
    Look(app, choices.get(memory.now.mode, ModeChoice.SYSTEM))
    FocusRings(app)
    app.setWindowIcon(app_icon())
    bugs = Bugs(VERSION)
    shell = Shell(app, host, memory, data_dir, bugs.caught)
    bugs.install(loop, shell.window.commands.details)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as SIGHUP is under nohup
            loop.add_signal_handler(number, shell.quit)
    first.called.connect(shell.called)
    shell.window.show()
    try:
        await shell.begin(link)
        collector.freeze_loaded()
        await shell.stop.wait()
    finally:
        first.close()
        await shell.end()
        bugs.remove()
        collector.stop()
