"""Window, tray and host together: notifications, links from outside, and mistakes that are shown."""

from __future__ import annotations

import asyncio
import sys

import pytest
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QPlainTextEdit

from goop2_core.events import ChatChanged, ChatMessage, Delivery, PeerState, Person
from goop2_desktop import app as desktop_app
from goop2_desktop.bugs import Bugs
from goop2_desktop.remembered import Memory
from goop2_desktop.shell import Shell
from tests.gui.test_window import click, dialog_called
from tests.gui.web_support import evaluate, has_text
from tests.support.wait import until


@pytest.fixture
def shell(qloop, qapp, host, tmp_path):
    """The shell on invented peers; what the tray would say is in `said`."""
    qapp.setWindowIcon(desktop_app.app_icon())
    crashes: list[BaseException] = []
    made = Shell(qapp, host, Memory(tmp_path / "desktop.json"), tmp_path, crashes.append)
    made.said = []
    made.tray.say = lambda *words: made.said.append(words)
    yield made
    qloop.run_until_complete(asyncio.wait_for(made.end(), 10))
    assert host.stopped
    assert crashes == []
    qapp.setWindowIcon(QIcon())


def message(text: str, delivery: Delivery = Delivery.RECEIVED) -> ChatChanged:
    return ChatChanged(ChatMessage(1, "bob", "bob", text, 1, delivery), unread=1)


async def test_who_writes_is_announced_unless_one_reads(qloop, host, shell, sites):
    alice = host.put("Alice", state=PeerState.RUNNING).directory
    host.persons = [Person("bob", "Bob", online=True)]
    await shell.begin()
    shell.window.show()
    shell.window.activateWindow()
    await until(shell.window.isActiveWindow)
    host.emit(alice, message("Are you there?"), unread=1)
    await until(lambda: shell.said == [("Bob", "Are you there?", alice, "people/bob")])
    host.emit(alice, message("sent", Delivery.DELIVERED))
    await asyncio.sleep(0.05)
    assert len(shell.said) == 1
    shell.tray.message_clicked.emit(alice, "people/bob")
    await until(lambda: shell.window.is_reading(alice))
    host.emit(alice, message("And now?"))
    await asyncio.sleep(0.05)
    assert len(shell.said) == 1
    assert shell.window.current.tabs._tabs["people"].accessibleName() == "People, 1 unread"


async def test_a_click_on_a_notification_leads_to_what_it_told_of(qloop, host, shell, sites):
    """To the writer's conversation, also after the owner went elsewhere; to the site that said something."""
    alice = host.put("Alice", state=PeerState.RUNNING).directory
    host.put("Zoe", state=PeerState.RUNNING)
    await shell.begin()
    shell.window.show()
    web = await until(lambda: shell.window.view(alice).web)
    place = lambda: web.console.page.url().fragment()
    clicked = shell.tray.icon.messageClicked
    del shell.tray.say
    shell.window.choose(shell.window.sidebar.directories[1])
    host.persons = [Person("bob", "Bob", online=True)]
    host.emit(alice, message("Are you there?"), unread=1)
    await until(lambda: shell.tray._said_of == (alice, "people/bob"))
    clicked.emit()
    await until(web.console.isVisible)
    await until(lambda: place() == "/people/bob?embedded=1")
    await until(lambda: web.console._loaded)
    await evaluate(web.console.page, "(location.hash = '#/people/carol?embedded=1', 1)")
    await until(lambda: place() == "/people/carol?embedded=1")
    host.state(alice, PeerState.RUNNING, visitors=3)
    clicked.emit()
    await until(lambda: place() == "/people/bob?embedded=1")
    click(shell.window.current, "tab-files")
    await until(lambda: place() == "/files?embedded=1")
    shell.tray.say("Bob in Chess club", "Your move", alice, "groups/9f3c")
    clicked.emit()
    await until(lambda: place() == "/groups/9f3c?embedded=1")
    shell.desk.peers.site_said.emit(alice, "News", "A plum fell")
    clicked.emit()
    await until(web.site_tabs.isVisible)


async def test_a_conversation_waits_until_its_peer_runs(qloop, host, shell, sites):
    alice = host.put("Alice").directory
    await shell.begin()
    shell.window.show()
    shell.tray.message_clicked.emit(alice, "people/bob")
    assert shell.window.current.page == "people"
    host.state(alice, PeerState.RUNNING)
    web = await until(lambda: shell.window.current.web)
    await until(lambda: web.console.page.url().fragment() == "/people/bob?embedded=1")
    await until(lambda: web.console._loaded)


async def test_a_link_from_outside_is_opened(qloop, host, shell, sites):
    host.put("Alice", state=PeerState.RUNNING)
    shell.window.show()
    await shell.begin()
    web = await until(lambda: shell.window.current and shell.window.current.web)
    shell.called("goop2:bob/second.html")
    await until(lambda: len(web.site_tabs.tabs) == 2)
    await has_text(web.site_tabs.current.page, "Second page")


async def test_a_link_waits_for_the_first_peer(qloop, host, shell, sites):
    """A link given at the start is opened as soon as the peer that was shown last runs."""
    alice = host.put("Alice").directory
    shell.desk.memory.want_running(alice, wanted=True)
    shell.window.show()
    await shell.begin("goop2:bob")
    web = await until(lambda: shell.window.current.web)
    await until(lambda: len(web.site_tabs.tabs) == 2)
    await has_text(web.site_tabs.current.page, "garden")


async def test_mistakes_are_shown_with_details_a_few_times(qloop, host, shell, logged_errors):
    shell.window.show()
    await shell.begin()
    bugs = Bugs("0.0.1")
    before = sys.excepthook
    bugs.install(qloop, shell.window.commands.details)
    try:
        error = ValueError("what nobody expected")
        sys.excepthook(ValueError, error, None)
        dialog = await dialog_called("details")
        text = dialog.findChild(QPlainTextEdit, "details-text").toPlainText()
        assert text.startswith("goop2 0.0.1, Qt ")
        assert "ValueError: what nobody expected" in text
        click(dialog, "accept")
        qloop.call_soon(lambda: 1 / 0)
        dialog = await dialog_called("details")
        assert "ZeroDivisionError" in dialog.findChild(QPlainTextEdit, "details-text").toPlainText()
        click(dialog, "accept")
        for _ in range(10):
            bugs.caught(error)
        assert bugs._shown == 3
        click(await dialog_called("details"), "accept")
    finally:
        bugs.remove()
        assert sys.excepthook is before
    assert len(logged_errors) == 12
    logged_errors.clear()


async def test_the_menu_of_a_peer(qloop, host, shell):
    alice = host.put("Alice & co", state=PeerState.RUNNING).directory
    shell.window.show()
    await shell.begin()

    def words() -> list[tuple[str, bool]]:
        menu = shell.window.commands.menu(alice, shell.window)
        return [(action.text(), action.isEnabled()) for action in menu.actions() if action.text()]

    assert words() == [
        ("Stop", True),
        ("Open site", True),
        ("Copy link", True),
        ("Open folder", True),
        ("Delete…", True),
    ]
    host.state(alice, PeerState.STOPPED)
    assert words()[0] == ("Start", True)
    await until(lambda: shell.tray._menu.actions()[2].text() == "Alice && co · Stopped")
    outside = host.put("Elsewhere")
    host.summaries["/mnt/elsewhere"] = type(outside)(directory="/mnt/elsewhere", name="Elsewhere")
    menu = shell.window.commands.menu("/mnt/elsewhere", shell.window)
    assert "Remove from list" in [action.text() for action in menu.actions()]


def test_without_a_display_it_says_so(monkeypatch, capsys, tmp_path):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert desktop_app.main(["--data-dir", str(tmp_path)]) == 4
    assert "no display" in capsys.readouterr().err
