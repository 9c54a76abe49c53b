"""From one site to the next in a tab: what names a site names the one whose page is there."""

from __future__ import annotations

import threading

from PySide6.QtWidgets import QWidget

from tests.gui.test_site_tabs import own_site, running
from tests.gui.test_window import click, dialog_called
from tests.gui.web_support import evaluate, has_text
from tests.support.wait import until


async def test_a_page_keeps_its_name_until_the_next_one_is_there(qloop, host, window, sites):
    running(host)
    main = window.make()
    tabs, _ = await own_site(main)
    tabs.open_address("bob")
    tab = tabs.current
    await has_text(tab.page, "garden")
    await until(lambda: not tab.loading)
    gate = sites.held["carol.localhost"] = threading.Event()
    tabs._entered("carol")
    await until(lambda: any(asked.startswith("carol.localhost") for asked in sites.asked))
    await evaluate(tab.page, "(document.title = 'Carol', 1)")  # Bob's page still runs
    await until(lambda: tab.title == "Carol")
    assert (tab.name, tab.page.site_name, tab.page.origin) == ("Bob", "Bob", sites.origin("bob"))
    assert tab.address == "goop2:bob"
    assert tabs.findChild(QWidget, "address").text() == "goop2:bob"
    await evaluate(tab.page, "(setTimeout(() => confirm('Your password?')), 1)")
    dialog = await dialog_called("confirm")
    assert dialog.windowTitle() == "Bob says"
    click(dialog, "cancel")
    gate.set()
    await until(lambda: tab.page.url().host() == "carol.localhost")
    assert (tab.name, tab.page.site_name, tab.page.origin) == ("Carol", "Carol", sites.origin("carol"))
    assert tab.address == "goop2:carol"
    await until(lambda: not tab.loading)


async def test_a_site_that_never_comes_can_be_tried_again(qloop, host, window, sites):
    running(host)
    main = window.make()
    tabs, _ = await own_site(main)
    tabs.open_address("bob")
    tab = tabs.current
    await has_text(tab.page, "garden")
    await until(lambda: not tab.loading)
    sites.broken.add("carol.localhost")
    tabs._entered("carol")
    await until(lambda: tab.currentWidget() is tab._failed)
    assert tab.address == "carol"
    assert tab.name == "Bob"
    sites.broken.clear()
    tab.reload()
    await until(lambda: tab.name == "Carol")
    assert tab.address == "goop2:carol"
    await until(lambda: not tab.loading)
