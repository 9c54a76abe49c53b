"""The console's pages in the window: embedded, in the mode that is worn, and with a way out to sites."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from goop2_core.events import RoomRead
from goop2_desktop.look.look import ModeChoice
from tests.gui.test_site_tabs import own_site, running
from tests.gui.test_window import click
from tests.gui.web_support import evaluate, has_text
from tests.support.wait import until


async def people_page(main):
    click(main.current, "tab-people")
    console = main.current.web.console
    await has_text(console.page, "the console")
    await until(lambda: console._loaded)
    return console


async def test_a_page_is_embedded_and_changes_its_route(qloop, host, window, sites, look, keep):  # noqa: PLR0917 - fixtures
    running(host)
    main = window.make()
    await own_site(main)
    console = await people_page(main)
    assert console.page.url().fragment() == "/people?embedded=1"
    asked = sites.asked.count("127.0.0.1 /console?token=once")
    click(main.current, "tab-files")
    await has_text(console.page, "#/files?embedded=1")
    assert sites.asked.count("127.0.0.1 /console?token=once") == asked
    assert not main.current.web.site_tabs.isVisible()


async def test_the_groups_tab_shows_the_groups_page_and_what_is_unread_there(qloop, host, window, sites, look):
    alice = running(host)
    main = window.make()
    await own_site(main)
    console = await people_page(main)
    click(main.current, "tab-groups")
    await has_text(console.page, "#/groups?embedded=1")
    assert main.current.page == "groups"
    host.emit(alice, RoomRead("club"), unread=5, unread_rooms=2)
    tabs = main.current.tabs._tabs
    await until(lambda: tabs["groups"].accessibleName() == "Groups, 2 unread")
    assert tabs["people"].accessibleName() == "People, 3 unread"
    host.emit(alice, RoomRead("club"), unread=3, unread_rooms=0)
    await until(lambda: tabs["groups"].accessibleName() == "Groups")
    assert tabs["people"].accessibleName() == "People, 3 unread"


async def test_the_mode_is_told_before_and_while_the_page_is_open(qloop, host, window, sites, look):
    running(host)
    sites.page("/console", "Console", "the console", "<script>first = document.documentElement.className</script>")
    main = window.make()
    await own_site(main)
    look.choose(ModeChoice.DARK)
    console = await people_page(main)
    assert await evaluate(console.page, "first") == "dark"
    assert console.page.backgroundColor().name().upper() == "#1D2025"
    look.choose(ModeChoice.LIGHT)
    await until(lambda: console.page.backgroundColor().name().upper() == "#FFFFFF")
    assert await evaluate(console.page, "document.documentElement.className") == "light"


async def test_search_goes_to_people(qloop, host, window, sites, look):
    running(host)
    script = "<script>addEventListener('keydown', e => said.textContent = (e.ctrlKey ? 'ctrl ' : '') + e.key)</script>"
    sites.page("/console", "Console", "the console", script)
    main = window.make()
    await own_site(main)
    QTest.keyClick(main, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    console = main.current.web.console
    await has_text(console.page, "ctrl k")
    assert main.current.page == "people"


async def test_a_visit_from_the_console_opens_a_tab(qloop, host, window, sites, look):
    running(host)
    main = window.make()
    tabs, _ = await own_site(main)
    console = await people_page(main)
    await evaluate(console.page, f"(window.open('{sites.origin('bob')}/?goop-token=x', '_blank', 'noopener'), 1)")
    await until(lambda: len(tabs.tabs) == 2)
    await until(lambda: tabs.current.target is not None)
    assert tabs.current.target.name == "Bob"
    assert tabs.isVisible()
    assert main.current.page == "site"


async def test_sites_do_not_share_cookies_with_the_console(qloop, host, window, sites, look):
    running(host)
    main = window.make()
    await own_site(main)
    console = await people_page(main)
    assert console.page.profile() is not main.current.web.site_tabs.current.page.profile()
    assert console.page.profile().isOffTheRecord()


async def test_a_viewers_own_page_wears_the_mode_and_a_site_does_not(qloop, host, window, sites, look):
    running(host)
    link = '<link rel="stylesheet" href="/.goop2/page.css">'
    sites.page("/offline", "Bob cannot be reached", "", link)
    look.choose(ModeChoice.DARK)
    main = window.make()
    _, tab = await own_site(main)
    assert await evaluate(tab.page, "document.documentElement.className") == ""
    await evaluate(tab.page, "(location.href = '/offline', 1)")
    await has_text(tab.page, "Bob cannot be reached")
    classes = "document.documentElement.className"
    await until(lambda: not tab.loading)
    assert await evaluate(tab.page, classes) == "dark"
    look.choose(ModeChoice.LIGHT)
    assert await evaluate(tab.page, classes) == "light"
