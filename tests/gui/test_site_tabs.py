"""Site tabs: what they show, where they let a page go, and what they keep from it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton, QWidget

from goop2_core.errors import Refused
from goop2_core.events import PeerState, Person
from tests.gui.test_window import click, dialog_called
from tests.gui.web_support import evaluate, has_text, text_of
from tests.support.wait import until


def running(host, name="Alice's desk"):
    return host.put(name, state=PeerState.RUNNING, words="reachable on LAN", visitors=2).directory


async def own_site(main):
    """The own site's tab, loaded."""
    await until(main.isActiveWindow)
    web = await until(lambda: main.current.web)
    tab = web.site_tabs.current
    await has_text(tab.page, "Alice's garden")
    await until(lambda: not tab.loading)
    return web.site_tabs, tab


async def restarted(main, host, peer: str) -> None:
    """The peer stops, the window shows it, and the peer runs again."""
    host.state(peer, PeerState.STOPPED)
    await until(lambda: not main.current.web.site_tabs.isVisible())
    host.state(peer, PeerState.RUNNING)
    await until(main.current.web.site_tabs.isVisible)


async def press(tab, selector: str) -> None:
    """A real click in the page."""
    box = await evaluate(
        tab.page,
        f"(r => [r.x + r.width / 2, r.y + r.height / 2])(document.querySelector('{selector}').getBoundingClientRect())",
    )
    await until(tab.view.focusProxy)
    box = [at * tab.page.zoomFactor() for at in box]
    QTest.mouseClick(
        tab.view.focusProxy(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(*map(int, box))
    )


def opened_outside(monkeypatch) -> list[str]:
    """What would have been opened in the system's browser."""
    opened: list[str] = []
    monkeypatch.setattr(
        QDesktopServices, "openUrl", staticmethod(lambda url: opened.append(QUrl(url).toString()) or True)
    )
    return opened


async def test_the_own_site_is_shown_and_read_back(qloop, host, window, sites, keep):
    running(host)
    main = window.make()
    tabs, tab = await own_site(main)
    assert tab.title == "My site"
    assert tab.address == "goop2:own"
    assert tabs.findChild(QWidget, "edit-site").isVisible()
    await press(tab, "a")
    await has_text(tab.page, "Second page")
    assert tab.address == "goop2:own/second.html"
    assert tabs.findChild(QWidget, "address").text() == "goop2:own/second.html"
    click(tabs, "back")
    await has_text(tab.page, "Alice's garden")
    click(tabs, "forward")
    await has_text(tab.page, "Second page")
    keep(main, "site-second-page")


async def test_another_site_opens_in_a_tab_of_its_own(qloop, host, window, sites):
    running(host)
    main = window.make()
    tabs, tab = await own_site(main)
    tabs.focus_address()
    address = tabs.findChild(QWidget, "address")
    address.clear()
    QTest.keyClicks(address, "bob")
    QTest.keyClick(address, Qt.Key.Key_Return)
    await until(lambda: len(tabs.tabs) == 2)
    other = tabs.current
    await has_text(other.page, "garden")
    assert other.target.name == "Bob"
    assert other.page.url().host() == "bob.localhost"
    assert "bob.localhost /?goop-token=once" in sites.asked
    assert not tabs.findChild(QWidget, "edit-site").isVisible()
    QTest.keyClick(tabs, Qt.Key.Key_W, Qt.KeyboardModifier.ControlModifier)
    await until(lambda: len(tabs.tabs) == 1)
    QTest.keyClick(tabs, Qt.Key.Key_W, Qt.KeyboardModifier.ControlModifier)
    assert tabs.tabs == [tab]


async def test_links_to_sites_open_tabs(qloop, host, window, sites):
    running(host)
    bob, port = sites.origin("bob"), sites.port
    sites.page(
        "/", "Alice's garden", "x", f'<a id="g" href="goop2:carol/second.html">c</a> <a id="o" href="{bob}/">b</a>'
    )
    main = window.make()
    tabs, tab = await own_site(main)
    await press(tab, "#g")
    await until(lambda: len(tabs.tabs) == 2)
    await has_text(tabs.current.page, "Second page")
    assert tabs.current.page.url().host() == "carol.localhost"
    tabs._choose(0)
    await press(tab, "#o")
    await until(lambda: len(tabs.tabs) == 3)
    await until(lambda: tabs.current.page.url().host() == "bob.localhost")
    assert tab.page.url().port() == port
    assert tab.page.url().host() == "own.localhost"


async def test_leaving_the_network_asks_each_time(qloop, host, window, sites, monkeypatch):
    opened = opened_outside(monkeypatch)
    running(host)
    sites.page("/", "Alice's garden", "x", '<a id="out" href="https://example.org/page">out</a>')
    main = window.make()
    _, tab = await own_site(main)
    await press(tab, "#out")
    dialog = await dialog_called("open-outside")
    assert dialog.findChild(QWidget, "outside-url").words == "https://example.org/page"
    click(dialog, "cancel")
    await until(lambda: not tab._way_out._asking)
    assert opened == []
    await evaluate(
        tab.page, "(location.href = 'https://example.org/script', location.href = 'https://example.org/2', 1)"
    )
    dialog = await dialog_called("open-outside")
    dialog.always.setChecked(True)
    click(dialog, "accept")
    await until(lambda: opened)
    assert opened[0].startswith("https://example.org/")
    assert window.memory.now.open_outside == ["example.org"]
    await press(tab, "#out")
    await until(lambda: len(opened) == 2)
    assert await text_of(tab.page), "the page is still there"


async def test_a_page_cannot_open_windows_or_other_schemes_by_itself(qloop, host, window, sites, monkeypatch):
    opened = opened_outside(monkeypatch)
    running(host)
    main = window.make()
    tabs, tab = await own_site(main)
    for wanted in (
        "file:///etc/passwd",
        "javascript:1",
        "chrome://version",
        "http://127.0.0.1:1/",
        "ftp://example.org/",
    ):
        await evaluate(tab.page, f"(window.open('{wanted}'), 1)")
        await evaluate(tab.page, f"(() => {{ try {{ location.href = '{wanted}' }} catch (e) {{}} return 1 }})()")
    await evaluate(tab.page, "(window.open('/second.html'), 1)")
    await asyncio.sleep(0.2)
    assert len(tabs.tabs) == 1
    assert tab.page.url().host() == "own.localhost"
    assert opened == []


async def test_a_click_may_open_another_page_of_the_site(qloop, host, window, sites):
    running(host)
    sites.page("/", "Alice's garden", "x", '<a id="new" target="_blank" href="/second.html">new</a>')
    main = window.make()
    tabs, tab = await own_site(main)
    await press(tab, "#new")
    await until(lambda: len(tabs.tabs) == 2)
    await has_text(tabs.current.page, "Second page")
    assert tabs.current.address == "goop2:own/second.html"


async def test_nothing_is_loaded_from_elsewhere(qloop, host, window, sites):
    running(host)
    other = sites.origin("bob")
    sites.page(
        "/",
        "Alice's garden",
        "x",
        f"""<img src="{other}/spy.png"><img src="http://127.0.0.1:{sites.port}/spy2.png">
        <iframe src="{other}/frame"></iframe>
        <img src="/own.png"><script>fetch("{other}/spy3").catch(() => said.textContent = "refused");
        navigator.sendBeacon("{other}/spy4"); new WebSocket("ws://bob.localhost:{sites.port}/spy5")</script>""",
    )
    main = window.make()
    _, tab = await own_site(main)
    await has_text(tab.page, "refused")
    await until(lambda: "own.localhost /own.png" in sites.asked)
    assert [line for line in sites.asked if "spy" in line or "frame" in line] == []


async def test_nobody_by_that_name(qloop, host, window, sites, keep):
    running(host)
    main = window.make()
    tabs, _ = await own_site(main)
    tabs.open_address("dave")
    failed = tabs.current.findChild(QWidget, "site-failed")
    await until(failed.isVisible)
    assert failed.words == "Nobody is called that “dave” is no name, link or peer ID. Check it."
    assert tabs.current.title == "dave"
    keep(main, "site-nobody")
    host_site = host.site
    host.site = lambda directory, address: host_site(directory, "bob")
    click(failed, "retry")
    await has_text(tabs.current.page, "garden")


async def test_a_viewer_that_does_not_answer(qloop, host, window, sites, keep):
    running(host)
    main = window.make()
    tabs, _ = await own_site(main)
    from goop2_core.host import SiteTarget

    host.site = lambda *_: SiteTarget("http://gone.localhost:9/", "http://gone.localhost:9", "gone", "Gone")
    tabs.open_address("gone")
    failed = tabs.current.findChild(QWidget, "site-failed")
    await until(failed.isVisible)
    assert "could not be loaded" in failed.words
    keep(main, "site-not-loaded")


async def test_a_text_file_is_called_by_its_name(qloop, host, window, sites):
    running(host)
    sites.pages["/notes.txt"] = (200, {"Content-Type": "text/plain"}, b"plums")
    main = window.make()
    tabs, _ = await own_site(main)
    tabs.open_address("goop2:bob/notes.txt")
    await has_text(tabs.current.page, "plums")
    await until(lambda: not tabs.current.loading)
    assert tabs.current.title == "notes.txt"


async def test_who_has_the_same_name_can_be_chosen(qloop, host, window, sites, keep):
    host.persons = [Person("carol", "Bob"), Person("bob", "Bob", online=True), Person("eve", "Eve", online=True)]
    running(host)
    main = window.make()
    tabs, _ = await own_site(main)
    usual = host.site

    def site(directory, address):
        if address == "BOB":
            raise Refused("2 people are called BOB", "", "Use the peer ID instead.", status=409)
        return usual(directory, address)

    host.site = site
    tabs.open_address("BOB")
    other = await until(lambda: tabs.current.findChild(QWidget, "visit:carol"))
    await until(other.isVisible)
    assert other.text() == "Bob · carol · offline"
    assert tabs.current.findChild(QWidget, "visit:eve") is None
    keep(main, "site-namesakes")
    click(tabs.current, "visit:bob")
    await has_text(tabs.current.page, "garden")
    assert tabs.current.target.peer_id == "bob"


async def test_the_keys_for_tabs_work_on_every_page(qloop, host, window, sites):
    running(host)
    main = window.make()
    tabs, _ = await own_site(main)
    await until(main.isActiveWindow)
    for key, number in ((Qt.Key.Key_L, 1), (Qt.Key.Key_T, 2)):
        click(main.current, "tab-log")
        await until(main.current.web.console.isVisible)
        QTest.keyClick(main, key, Qt.KeyboardModifier.ControlModifier)
        await until(tabs.isVisible)
        assert len(tabs.tabs) == number
        assert tabs.findChild(QWidget, "address").hasFocus()


async def test_esc_turns_a_permission_question_away_this_time(qloop, host, window, sites):
    running(host)
    main = window.make()
    _, tab = await own_site(main)
    await evaluate(tab.page, "(Notification.requestPermission().then(a => said.textContent = 'answer ' + a), 1)")
    QTest.keyClick(await dialog_called("permission"), Qt.Key.Key_Escape)
    await has_text(tab.page, "answer denied")
    assert window.memory.now.permissions == {}


async def test_not_found_is_the_sites_own_page(qloop, host, window, sites):
    running(host)
    sites.page("/missing", "Not here", "The site says so itself.", status=404)
    main = window.make()
    _, tab = await own_site(main)
    await evaluate(tab.page, "(location.href = '/missing', 1)")
    await has_text(tab.page, "The site says so itself.")
    await asyncio.sleep(0.1)
    assert tab.live


async def test_a_stopped_peer_and_its_return(qloop, host, window, sites, keep):
    peer = running(host)
    main = window.make()
    tabs, tab = await own_site(main)
    tabs.open_address("bob")
    await until(lambda: tabs.current.target and not tabs.current.loading)
    click(main.current, "start-stop")
    offline = await until(lambda: main.current.findChild(QWidget, "offline-site"))
    await until(lambda: offline.isVisible() and offline.words.startswith("The site is offline"))
    keep(main, "site-offline")
    sites.asked.clear()
    click(offline, "offline-start")
    await until(lambda: host.peer(peer).state is PeerState.RUNNING)
    await until(tabs.isVisible)
    await until(lambda: "own.localhost /?goop-token=once" in sites.asked)
    await until(lambda: "bob.localhost /?goop-token=once" in sites.asked)
    await has_text(tab.page, "garden")


async def test_coming_back_after_a_restart_is_no_step_in_the_history(qloop, host, window, sites):
    """Each session begins with another one-time token; what is behind and before the page stays as it was."""
    peer = running(host)
    usual, tokens = host.site, iter(range(1, 100))

    def site(directory, address):
        target = usual(directory, address)
        return replace(target, url=target.url.replace("token=once", f"token={next(tokens)}"))

    host.site = site
    main = window.make()
    tabs, tab = await own_site(main)
    back = tabs.findChild(QWidget, "back")

    async def restart() -> None:
        sites.asked.clear()
        await restarted(main, host, peer)
        await until(lambda: any("goop-token=" in line for line in sites.asked))
        await until(lambda: not tab.loading)

    await restart()
    assert tab.page.history().count() == 1
    assert not back.isEnabled()
    await press(tab, "a")
    await has_text(tab.page, "Second page")
    await restart()
    await has_text(tab.page, "Second page")
    assert tab.address == "goop2:own/second.html"
    assert tab.page.history().count() == 2
    click(tabs, "back")
    await has_text(tab.page, "Alice's garden")
    await until(lambda: not back.isEnabled())


async def test_a_page_that_runs_no_scripts_comes_back_after_a_restart_too(qloop, host, window, sites):
    peer = running(host)
    main = window.make()
    _, tab = await own_site(main)
    sites.pages["/"] = (200, {"Content-Type": "text/html", "Content-Security-Policy": "sandbox"}, b"<p>No scripts")
    tab.reload()
    await until(lambda: tab.page.title() != "Alice's garden" and not tab.loading)
    sites.asked.clear()
    await restarted(main, host, peer)
    await until(lambda: "own.localhost /?goop-token=once" in sites.asked)
    await until(lambda: not tab.loading)
    assert tab.live


async def test_downloads_never_write_over_a_file(qloop, host, window, sites, keep, tmp_path):  # noqa: PLR0917 - fixtures
    running(host)
    sites.file("/plan.pdf", b"x" * 300_000, "plan.pdf")
    sites.page("/", "Alice's garden", "x", '<a href="/plan.pdf">plan</a>')
    main = window.make()
    tabs, tab = await own_site(main)
    folder = tmp_path / "Downloads"
    folder.mkdir()
    (folder / "plan.pdf").write_text("mine")
    tabs.downloads._folder = folder
    await press(tab, "a")
    await until((folder / "plan (2).pdf").exists)
    line = tabs.downloads.findChild(QWidget, "download-facts")
    await until(lambda: line.words.startswith("Saved to Downloads"))
    assert (folder / "plan.pdf").read_text() == "mine"
    assert (folder / "plan (2).pdf").read_bytes() == b"x" * 300_000
    keep(main, "site-download")
    click(tabs.downloads, "download-dismiss")
    await until(lambda: not tabs.downloads.isVisible())


async def test_a_site_that_may_notify_does(qloop, host, window, sites):
    running(host)
    main = window.make()
    _, tab = await own_site(main)
    said: list[tuple[str, str, str]] = []
    window.desk.peers.site_said.connect(lambda *words: said.append(words))
    ask = "(Notification.requestPermission().then(() => new Notification('News', {body: 'A plum fell'})), 1)"
    await evaluate(tab.page, ask)
    click(await dialog_called("permission"), "accept")
    await until(lambda: said)
    [(directory, title, text)] = said
    assert (directory, title) == (main.current.directory, "News")
    assert text.startswith("A plum fell")


async def test_permissions_are_asked_and_remembered_for_the_site(qloop, host, window, sites):
    running(host)
    main = window.make()
    _, tab = await own_site(main)
    ask = "(Notification.requestPermission().then(a => said.textContent = 'answer ' + a), 1)"
    await evaluate(tab.page, ask)
    dialog = await dialog_called("permission")
    assert dialog.windowTitle() == "Let Own show notifications?"
    click(dialog, "accept")
    await has_text(tab.page, "answer granted")
    (key,) = window.memory.now.permissions
    assert key.endswith(f"http://own.localhost:{sites.port}/ Notifications")
    main.commands.preferences()
    preferences = await dialog_called("preferences")
    assert preferences.findChild(QWidget, "kept-answers").words == "Remembered: 1 permission."
    click(preferences, "forget-answers")
    click(preferences, "accept")
    await until(lambda: not window.memory.now.permissions)
    tab.reload()
    await has_text(tab.page, "small tools")
    await until(lambda: not tab.loading)
    await evaluate(tab.page, ask)
    click(await dialog_called("permission"), "cancel")
    await has_text(tab.page, "answer denied")
    assert list(window.memory.now.permissions.values()) == [False]


async def test_a_crashed_page_says_so_and_comes_back(qloop, host, window, sites, keep):
    running(host)
    main = window.make()
    _, tab = await own_site(main)
    import os
    import signal

    os.kill(tab.page.renderProcessPid(), signal.SIGKILL)
    failed = tab.findChild(QWidget, "site-failed")
    await until(failed.isVisible)
    assert failed.words.startswith("This page stopped working")
    keep(main, "site-crashed")
    click(failed, "retry")
    await until(lambda: tab.live)
    await has_text(tab.page, "garden")


async def test_zoom_is_kept_for_the_peer_and_shown(qloop, host, window, sites, keep):
    peer = running(host)
    main = window.make()
    tabs, tab = await own_site(main)
    control = Qt.KeyboardModifier.ControlModifier
    percent = tabs.findChild(QPushButton, "zoom")
    assert not percent.isVisible()
    QTest.keyClick(tabs, Qt.Key.Key_Plus, control)
    QTest.keyClick(tabs, Qt.Key.Key_Plus, control)
    assert tab.page.zoomFactor() == 1.25
    assert percent.text() == "125 %"
    assert window.memory.now.zoom == {peer: 1.25}
    await press(tab, "a")
    await has_text(tab.page, "Second page")
    await until(lambda: tab.page.zoomFactor() == 1.25)
    keep(main, "site-zoom")
    QTest.keyClick(tabs, Qt.Key.Key_0, control)
    assert tab.page.zoomFactor() == 1.0
    assert not percent.isVisible()
    QTest.keyClick(tabs, Qt.Key.Key_Minus, control)
    assert percent.text() == "90 %"
    click(tabs, "zoom")
    assert tab.page.zoomFactor() == 1.0
    assert not percent.isVisible()


async def test_a_new_tab_offers_who_is_online(qloop, host, window, sites, keep):
    host.persons = [Person("bob", "Bob", online=True), Person("dave", "Dave", online=False), Person("eve", online=True)]
    running(host)
    main = window.make()
    tabs, _ = await own_site(main)
    QTest.keyClick(tabs, Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier)
    await until(lambda: len(tabs.tabs) == 2)
    visit = await until(lambda: tabs.current.findChild(QWidget, "visit:bob"))
    assert tabs.current.findChild(QWidget, "visit:dave") is None
    assert tabs.findChild(QWidget, "address").hasFocus() or not main.isActiveWindow()
    await asyncio.sleep(0.05)
    keep(main, "site-new-tab")
    QTest.mouseClick(visit, Qt.MouseButton.LeftButton)
    await has_text(tabs.current.page, "garden")
    assert tabs.current.target.name == "Bob"


async def test_open_in_the_browser_gives_a_url_of_its_own(qloop, host, window, sites, monkeypatch):
    opened = opened_outside(monkeypatch)
    running(host)
    main = window.make()
    tabs, _ = await own_site(main)
    click(tabs, "open-in-browser")
    await until(lambda: opened)
    assert opened == [f"http://own.localhost:{sites.port}/?goop-token=once"]


async def test_questions_of_a_page_name_the_site(qloop, host, window, sites):
    running(host)
    main = window.make()
    _, tab = await own_site(main)
    tab.page.runJavaScript("said.textContent = 'it was ' + confirm('Really?')")
    dialog = await dialog_called("confirm")
    assert dialog.windowTitle() == "Own says"
    click(dialog, "accept")
    await has_text(tab.page, "it was true")


async def test_a_page_that_asks_without_end_is_no_longer_heard(qloop, host, window, sites):
    running(host)
    main = window.make()
    _, tab = await own_site(main)
    asked = []
    tab.page._window = lambda: asked.append(1) or main
    tab.page.runJavaScript("let n = 0; while (confirm('Again?')) n++; said.textContent = 'heard ' + n")
    for number in range(1, 6):
        await until(lambda: len(asked) == number)  # noqa: B023 (awaited at once)
        click(await dialog_called("confirm"), "accept")
    await has_text(tab.page, "heard 5")
    assert len(asked) == 5


async def test_peers_have_nothing_in_common(qloop, host, window, sites):
    """What a site stores for one peer, the same site does not find for another."""
    first, second = running(host, "Alice"), running(host, "Zoe")
    main = window.make()
    _, tab = await own_site(main)
    await evaluate(tab.page, "(localStorage.setItem('who', 'alice'), document.cookie = 'a=1', 1)")
    main.choose(second)
    _, other = await own_site(main)
    assert other is not tab
    assert other.page.url().host() == tab.page.url().host()
    assert await evaluate(other.page, "[localStorage.getItem('who'), document.cookie]") == [None, ""]
    assert (window.data_dir / "web" / host.peer(first).peer_id / "storage").is_dir()


async def test_sites_open_in_the_browser_if_the_settings_say_so(qloop, host, window, sites, monkeypatch):
    opened = opened_outside(monkeypatch)
    host.put("Alice", state=PeerState.RUNNING, open_sites_external=True)
    main = window.make()
    tabs, _ = await own_site(main)
    main.open_address("bob")
    await until(lambda: opened)
    bob = f"http://bob.localhost:{sites.port}/?goop-token=once"
    assert opened == [bob]
    address = tabs.findChild(QWidget, "address")
    tabs.focus_address()
    QTest.keyClicks(address, "bob")
    QTest.keyClick(address, Qt.Key.Key_Return)
    await until(lambda: len(opened) == 2)
    assert opened == [bob, bob]
    assert address.text() == "goop2:own"
    click(main.current, "tab-people")
    main.open_address("bob")
    await until(lambda: len(opened) == 3)
    assert main.current.page == "people"
    assert len(tabs.tabs) == 1
