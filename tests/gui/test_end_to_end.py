"""The main job in the real window, with real engines: make two peers, start them, and visit one from the other."""

from __future__ import annotations

import asyncio
import secrets
import socket
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QWidget

from goop2_core.config import ConfigFile
from goop2_core.events import PeerState
from goop2_core.host import EngineHost
from goop2_core.peerdir import PeerDir
from tests.gui.open_window import OpenWindow
from tests.gui.test_window import click, dialog_called, fill
from tests.support.wait import until

TAG = f"goop-test-{secrets.token_hex(4)}"


def settle(directory: str, **values) -> None:
    """Change settings of a peer that does not run."""
    file = ConfigFile(PeerDir(Path(directory)).config_file)
    file.load()
    file.update(values)


async def text_of(view) -> str:
    """What the page in a web view says."""
    found: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def answered(value: object) -> None:
        if not found.done():
            found.set_result(str(value))

    view.page().runJavaScript("document.body ? document.body.innerText : ''", answered)
    return await asyncio.wait_for(found, 10)


async def shows(view, words: str, seconds: float = 20) -> str:
    """Wait until the page in `view()` says `words`."""
    end = asyncio.get_running_loop().time() + seconds
    text = ""
    while asyncio.get_running_loop().time() < end:
        if (now := view()) is not None and words in (text := await text_of(now)):
            return text
        await asyncio.sleep(0.1)
    pytest.fail(f"the page does not say {words!r} but {text!r}")


@pytest.fixture
def app(qloop, tmp_path):
    """The main window on a real host, which is ended after the test."""
    host = EngineHost(tmp_path / "data")
    qloop.run_until_complete(host.start())
    opened = OpenWindow(host, tmp_path)
    yield opened
    qloop.run_until_complete(opened.close())
    qloop.run_until_complete(host.stop())


async def make_peer(app: OpenWindow, name: str, button: str) -> str:
    click(app.main, button)
    dialog = await dialog_called("new-peer")
    fill(dialog, "peer-name", name)
    before = {peer.directory for peer in app.host.peers()}
    click(dialog, "create-peer")
    await until(lambda: len(app.host.peers()) > len(before))
    new = next(peer.directory for peer in app.host.peers() if peer.directory not in before)
    await until(lambda: app.main.current is not None and app.main.current.directory == new)
    return new


async def start(app: OpenWindow, directory: str) -> None:
    app.main.choose(directory)
    state = app.host.peer(directory).state
    if state is PeerState.STOPPED:
        click(app.main.current, "start-stop")
    await until(lambda: app.host.peer(directory).state is PeerState.RUNNING, 20)


async def test_two_peers_are_made_started_and_visit_each_other(app, keep):
    app.make()
    alice = await make_peer(app, "Alice", "create-first")
    await until(lambda: app.host.peer(alice).state is PeerState.RUNNING, 20)
    await app.host.stop_peer(alice)
    bob = await make_peer(app, "Bob", "new-peer")
    await until(lambda: app.host.peer(bob).state is PeerState.RUNNING, 20)
    await app.host.stop_peer(bob)
    for directory, line in ((alice, "Alice grows tomatoes"), (bob, "Bob repairs radios")):
        settle(directory, **{"p2p.mdns_tag": TAG})
        (Path(directory) / "site" / "index.html").write_text(f"<!doctype html><title>{line}</title><h1>{line}</h1>")
        await start(app, directory)
    app.main.choose(alice)
    view = app.main.current
    own = lambda: view.findChild(QWidget, "site-view")
    await shows(own, "Alice grows tomatoes")
    await until(lambda: app.host.peer(alice).words == "reachable on LAN", 10)

    people = await app.host.people(alice)
    for _ in range(100):
        if any(person.online for person in people):
            break
        await asyncio.sleep(0.1)
        people = await app.host.people(alice)
    assert [person.name for person in people if person.online] == ["Bob"]

    click(view, "new-tab")
    address = view.findChild(QLineEdit, "address")
    await until(address.isVisible)
    fill(view, "address", "Bob")
    QTest.keyClick(address, Qt.Key.Key_Return)
    shown = lambda: next((v for v in view.findChildren(QWidget, "site-view") if v.isVisible()), None)
    await shows(shown, "Bob repairs radios")
    keep(app.main, "end-to-end-visit")
    await until(lambda: app.host.peer(bob).visitors == 1, 10)

    app.main.choose(bob)
    click(app.main.current, "start-stop")
    await until(lambda: app.host.peer(bob).state is PeerState.STOPPED, 6)
    app.main.choose(alice)
    click(view, "reload")
    await shows(shown, "Bob cannot be reached", 30)
    keep(app.main, "end-to-end-offline")
    await start(app, bob)
    app.main.choose(alice)
    await shows(shown, "Bob repairs radios", 45)


async def test_a_peer_whose_port_is_taken_says_so_and_its_remedy_helps(app, keep):
    app.make(web=False)
    directory = await make_peer(app, "Workshop", "create-first")
    await until(lambda: app.host.peer(directory).state is PeerState.RUNNING, 20)
    await app.host.stop_peer(directory)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settle(directory, **{"viewer.http_addr": f"127.0.0.1:{port}", "p2p.mdns_tag": TAG})
        app.main.choose(directory)
        click(app.main.current, "start-stop")
        await until(lambda: app.host.peer(directory).state is PeerState.FAILED, 20)
        await until(app.main.current.failure.isVisible)
        assert f"Port {port} is in use" in app.main.current.failure.words
        keep(app.main, "end-to-end-failing-start")
        click(app.main.current, "failure-remedy")
        await until(lambda: app.host.peer(directory).state is PeerState.RUNNING, 20)
    await until(lambda: not app.main.current.failure.isVisible())


async def test_people_write_to_each_other_in_the_embedded_page(app, keep):
    app.make()
    peers = []
    for name, button in (("Alice", "create-first"), ("Bob", "new-peer")):
        directory = await make_peer(app, name, button)
        await until(lambda d=directory: app.host.peer(d).state is PeerState.RUNNING, 20)
        await app.host.stop_peer(directory)
        settle(directory, **{"p2p.mdns_tag": TAG})
        peers.append(directory)
    for directory in peers:
        await start(app, directory)
    alice, bob = peers
    app.main.choose(alice)
    click(app.main.current, "tab-people")
    console = lambda: app.main.current.findChild(QWidget, "console-view")
    await shows(console, "Bob")
    await press(console(), "document.querySelector('a.person')")
    await shows(console, "direct")
    await press(console(), "document.querySelector('textarea')")
    console().page().runJavaScript("document.querySelector('textarea').focus()")
    console().setFocus()
    QTest.keyClicks(console().focusProxy(), "Are you there?")
    QTest.keyClick(console().focusProxy(), Qt.Key.Key_Return)
    await until(lambda: app.host.peer(bob).unread == 1, 15)
    keep(app.main, "end-to-end-people")
    app.main.choose(bob)
    click(app.main.current, "tab-people")
    await shows(console, "Are you there?")


async def press(view, expression: str) -> None:
    """Click what a JavaScript expression finds, once it is there."""
    for _ in range(100):
        found: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        view.page().runJavaScript(
            f"(() => {{ const found = {expression}; if (found) found.click(); return Boolean(found) }})()",
            lambda value, found=found: found.done() or found.set_result(bool(value)),
        )
        if await asyncio.wait_for(found, 10):
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"{expression} was not found; the page says {await text_of(view)!r}")
