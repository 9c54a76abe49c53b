"""The tray, on both kinds that exist: an XEmbed tray with real clicks, and a StatusNotifier host on D-Bus."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.gui.app_process import AppProcess
from tests.support.needs import need

RIGHT, LEFT = "3", "1"


@contextmanager
def program(*command: str, env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A helper program, ended with the block."""
    running = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield running
    finally:
        running.terminate()
        running.wait(10)


@pytest.fixture
def desktop(tmp_path):
    """A display of its own with a window manager, as environment for programs."""
    for name in ("openbox", "trayer", "xdotool", "wmctrl"):
        need(None if shutil.which(name) else f"{name} is not installed")
    read_end, write_end = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write_end), "-screen", "0", "1400x900x24", "-nolisten", "tcp"],
        pass_fds=[write_end],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write_end)
    with os.fdopen(read_end) as numbers:
        env = {**os.environ, "DISPLAY": f":{numbers.readline().strip()}"}
    try:
        with program("openbox", env=env):
            wait(lambda: run(env, "wmctrl", "-m").returncode == 0)
            yield env
    finally:
        server.terminate()
        server.wait(10)


def run(env: dict[str, str], *command: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, env=env, capture_output=True, timeout=10, check=False)


def wait(condition, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def close_window(env: dict[str, str]) -> None:
    """As the user does with the button of the window's frame."""
    wait(lambda: b"goop2" in run(env, "wmctrl", "-l").stdout)
    run(env, "wmctrl", "-c", "goop2")


def icon_place(app: AppProcess) -> tuple[int, int]:
    """The middle of the tray icon."""
    while True:
        _, x, y, width, height = app.wait_for("geometry").split()
        if int(width) > 1:
            return int(x) + int(width) // 2, int(y) + int(height) // 2


def click(env: dict[str, str], place: tuple[int, int], button: str) -> None:
    run(env, "xdotool", "mousemove", str(place[0]), str(place[1]), "click", button)


def test_an_xembed_tray_keeps_shows_and_quits(tmp_path, desktop):
    with (
        program("trayer", "--edge", "bottom", "--align", "right", "--widthtype", "request", env=desktop),
        AppProcess(tmp_path, "Alice", env=desktop) as app,
    ):
        app.wait_for("ready")
        place = icon_place(app)
        close_window(desktop)
        app.wait_for("window hidden")
        assert app.process.poll() is None
        click(desktop, place, LEFT)
        app.wait_for("window shown")
        close_window(desktop)
        app.wait_for("window hidden")
        click(desktop, place, RIGHT)
        time.sleep(0.5)  # the menu grabs the keyboard at a moment that no one is told of
        run(desktop, "xdotool", "key", "--delay", "80", "Up", "Return")
        app.wait_for("host stopped")
        assert app.end() == 0


def test_a_tray_that_goes_away_brings_the_window_back(tmp_path, desktop):
    with AppProcess(tmp_path, "Alice", env=desktop) as app:
        with program("trayer", env=desktop):
            app.wait_for("ready")
            icon_place(app)
            close_window(desktop)
            app.wait_for("window hidden")
        app.wait_for("window shown")
        app.process.terminate()
        assert app.end() == 0


def test_without_a_tray_closing_asks(tmp_path, desktop):
    with AppProcess(tmp_path, "Alice", env=desktop) as app:
        app.wait_for("ready")
        close_window(desktop)
        app.wait_for("dialog confirm")
        run(desktop, "xdotool", "key", "Escape")
        app.wait_for("geometry")
        close_window(desktop)
        app.wait_for("dialog confirm")
        run(desktop, "xdotool", "key", "--delay", "80", "Tab", "space")
        app.wait_for("host stopped")
        assert app.end() == 0


def test_without_a_running_peer_closing_quits(tmp_path, desktop):
    with AppProcess(tmp_path, "Alice=stopped", env=desktop) as app:
        app.wait_for("ready")
        close_window(desktop)
        app.wait_for("host stopped")
        assert app.end() == 0


async def test_a_status_notifier_keeps_shows_and_quits(tmp_path, desktop):
    pytest.importorskip("dbus_fast")
    from tests.gui.notifier import Notifier, session_bus

    with session_bus(desktop) as address:
        notifier = await Notifier.connect(address)
        app = await asyncio.to_thread(
            AppProcess, tmp_path, "Alice", "Bob=stopped", env={**desktop, "DBUS_SESSION_BUS_ADDRESS": address}
        )
        try:
            await asyncio.to_thread(app.wait_for, "ready")
            item = await asyncio.wait_for(notifier.items.get(), 15)
            assert await notifier.get(item, "Id") == "goop2"
            await asyncio.to_thread(close_window, desktop)
            await asyncio.to_thread(app.wait_for, "window hidden")
            await notifier.activate(item)
            await asyncio.to_thread(app.wait_for, "window shown")
            entries = await notifier.entries(item)
            assert "Alice · Running" in entries
            assert "Bob · Stopped" in entries
            await notifier.click(item, "Quit")
            await asyncio.to_thread(app.wait_for, "host stopped")
            assert await asyncio.to_thread(app.end) == 0
        finally:
            await asyncio.to_thread(app.close)
            with suppress(Exception):
                notifier.bus.disconnect()


async def test_peers_are_started_and_stopped_from_the_tray(tmp_path, desktop):
    pytest.importorskip("dbus_fast")
    from tests.gui.notifier import Notifier, session_bus

    with session_bus(desktop) as address:
        notifier = await Notifier.connect(address)
        app = await asyncio.to_thread(
            AppProcess, tmp_path, "Alice", "Bob=stopped", env={**desktop, "DBUS_SESSION_BUS_ADDRESS": address}
        )
        try:
            await asyncio.to_thread(app.wait_for, "ready")
            item = await asyncio.wait_for(notifier.items.get(), 15)
            await notifier.click(item, "Bob · Stopped", "Start")
            await asyncio.to_thread(app.wait_for, "start Bob")
            await notifier.click(item, "Alice · Running", "Stop")
            await asyncio.to_thread(app.wait_for, "stop Alice")
            app.process.terminate()
            assert await asyncio.to_thread(app.end) == 0
        finally:
            await asyncio.to_thread(app.close)
            notifier.bus.disconnect()
