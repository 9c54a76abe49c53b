"""GUI tests run on one virtual display and one Qt loop for the whole session; a Qt warning fails its test."""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ARTEFACTS = Path(__file__).resolve().parents[1] / "artefacts"
TEST_SECONDS = 60.0

# What the environment says, and no fault of ours
HARMLESS = (
    r"vulkan|Vulkan",  # none under Xvfb
    r"GPU vendor|GPUInfo|GbmDevice|DRI3|libva|EGL",  # no graphics card
    r"Sandboxing disabled by user",  # Chromium refuses to run as root with it
    r"propagateSizeHints",  # the offscreen window system of a bare X server
    r"Release of profile requested but WebEnginePage still not deleted",  # said also when the page is about to go
    r"QDBus|D-Bus|dbus",  # no session bus
    r"QSystemTrayIcon::setVisible: No Icon set",
)


class _Display:
    process: subprocess.Popen[bytes] | None = None


def pytest_configure(config: pytest.Config) -> None:
    """Start the display before anything of Qt is used."""
    if os.environ.get("GOOP2_TEST_DISPLAY") or shutil.which("Xvfb") is None:
        return
    read_end, write_end = os.pipe()
    _Display.process = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write_end), "-screen", "0", "1600x1200x24", "-nolisten", "tcp"],
        pass_fds=[write_end],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write_end)
    with os.fdopen(read_end) as numbers:
        number = numbers.readline().strip()
    os.environ["DISPLAY"] = f":{number}"
    os.environ["QT_QPA_PLATFORM"] = "xcb"
    os.environ.pop("WAYLAND_DISPLAY", None)
    os.environ.pop("DBUS_SESSION_BUS_ADDRESS", None)
    if os.geteuid() == 0:
        os.environ["QTWEBENGINE_DISABLE_SANDBOX"] = "1"


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the display."""
    if _Display.process is not None:
        _Display.process.terminate()
        _Display.process.wait(10)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder needs a display, and fails when Qt warns."""
    for item in items:
        if Path(__file__).parent in Path(item.path).parents:
            item.add_marker(pytest.mark.gui)
            item.add_marker(pytest.mark.qt_log_level_fail("WARNING"))
            item.add_marker(pytest.mark.qt_log_ignore(*HARMLESS, extend=True))


@pytest.fixture(scope="session")
def qapp_cls():
    """The application as the app itself makes it."""
    from PySide6.QtCore import QCoreApplication, Qt
    from PySide6.QtWidgets import QApplication

    QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)
    return QApplication


@pytest.fixture(scope="session")
def dressed(qapp):
    """The application, with its look and focus rings.

    Garbage is collected as in the app: never automatically, for that may happen in an engine's thread and end Qt
    objects there.
    """
    from goop2_desktop.look.focus import FocusRings
    from goop2_desktop.look.look import Look, ModeChoice

    qapp.setApplicationName("goop2")
    qapp.setQuitOnLastWindowClosed(False)
    look = Look(qapp, ModeChoice.LIGHT)
    FocusRings(qapp)
    gc.disable()
    gc.freeze()
    yield look
    gc.enable()


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Garbage of the test ends with it, on this thread."""
    yield
    if not gc.isenabled():
        gc.collect()


@pytest.fixture
def look(dressed):
    """The look, back to light after the test."""
    from goop2_desktop.look.look import ModeChoice

    yield dressed
    dressed.choose(ModeChoice.LIGHT)


@pytest.fixture(scope="session")
def qloop_session(qapp):
    """One loop for all tests, which never runs `QApplication.exec`.

    Each return of `exec` emits `aboutToQuit`, and QtWebEngine takes that for the end.
    """
    import qasync
    from PySide6.QtCore import QEventLoop

    class TestLoop(qasync.QEventLoop):
        __test__ = False

        def run_until_complete(self, future):
            task = asyncio.ensure_future(future, loop=self)
            nested = QEventLoop()
            task.add_done_callback(lambda _done: nested.quit())
            before = asyncio._get_running_loop()
            asyncio._set_running_loop(self)
            try:
                if not task.done():
                    nested.exec()
            finally:
                asyncio._set_running_loop(before)
            return task.result()

    loop = TestLoop(qapp, already_running=True)
    asyncio._set_running_loop(None)
    asyncio.set_event_loop(loop)
    executor = ThreadPoolExecutor(2)
    loop.set_default_executor(executor)
    yield loop
    executor.shutdown()


@pytest.fixture
def qloop(qloop_session, dressed) -> Iterator[asyncio.AbstractEventLoop]:
    """The Qt loop for `async def` tests; what goes wrong in a callback or a forgotten task fails the test."""
    loop = qloop_session
    wrong: list[dict] = []
    loop.set_exception_handler(lambda _loop, context: wrong.append(context))
    asyncio.set_event_loop(loop)
    yield loop
    left = [task for task in asyncio.all_tasks(loop) if not task.done()]
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    assert not left, f"tasks left running: {[task.get_name() for task in left]}"
    assert not wrong, f"the loop caught: {wrong}"


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run `async def` tests that ask for `qloop` on it."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj) or "qloop" not in pyfuncitem.funcargs:
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}

    async def run() -> None:
        await asyncio.wait_for(pyfuncitem.obj(**arguments), TEST_SECONDS)

    pyfuncitem.funcargs["qloop"].run_until_complete(run())
    return True


@pytest.fixture
def host(tmp_path):
    """A host with invented peers."""
    from tests.gui.fake_host import FakeHost

    return FakeHost(tmp_path)


@pytest.fixture
def window(qloop, host, tmp_path):
    """Makes the main window on the host: `make()` shows it. Everything is let go of after the test."""
    from tests.gui.open_window import OpenWindow

    opened = OpenWindow(host, tmp_path)
    yield opened
    qloop.run_until_complete(asyncio.wait_for(opened.close(), 10))


@pytest.fixture
def keep(request):
    """Keeps a picture of a widget under tests/artefacts."""

    def keep_picture(widget, name: str) -> None:
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        widget.grab().save(str(ARTEFACTS / f"{name}.png"))

    return keep_picture


@pytest.fixture
def sites(host):
    """A server of sites; the host's `site_url` leads to them: `<label>.localhost`, the own one is `own`."""
    from goop2_core.errors import Goop2Error
    from goop2_core.host import SiteTarget
    from tests.gui.web_server import serving

    with serving() as server:
        names = {"": "own", "bob": "bob", "carol": "carol"}

        def target(_directory: str, address: str) -> SiteTarget:
            bare, _, path = address.removeprefix("goop2:").partition("/")
            label = names.get(bare, bare if bare in names.values() else "")
            if ".localhost" in address:
                label = address.split("//")[1].split(".", maxsplit=1)[0]
                path = address.split("/", 3)[3] if address.count("/") > 2 else ""
            if not label:
                raise Goop2Error("Nobody is called that", f"“{address}” is no name, link or peer ID.", "Check it.")
            origin = server.origin(label)
            return SiteTarget(f"{origin}/{path.split('?')[0]}?goop-token=once", origin, label, label.title())

        server.page("/", "Alice's garden", "Notes, seeds and small tools.", '<a href="/second.html">second</a>')
        server.page("/second.html", "Second page")
        host.site = target
        host.console = lambda _directory, page: f"http://127.0.0.1:{server.port}/console?token=once#/{page}"
        server.page(
            "/console", "Console", "the console", "<script>onhashchange=()=>said.textContent=location.hash</script>"
        )
        yield server
