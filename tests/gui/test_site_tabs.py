"""Site tabs: what they show, where they let a page go, and what they keep from it."""

from __future__ import annotations

from goop2_core.events import PeerState
from tests.gui.web_support import evaluate, has_text
from tests.support.wait import until


def running(host, name="Alice's desk"):
    return host.put(name, state=PeerState.RUNNING, words="reachable on LAN", visitors=2)


async def test_the_own_site_is_shown_and_read_back(qloop, host, window, sites, keep):
    running(host)
    main = window.make()
    web = await until(lambda: main.current.web)
    tab = web.site_tabs.current
    await has_text(tab.page, "Alice's garden")
    await until(lambda: not tab.loading)
    assert tab.title == "My site"
    assert tab.address == "goop2:own"
    keep(main, "main-site-light")
