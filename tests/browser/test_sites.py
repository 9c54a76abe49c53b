"""Sites in a real browser: who it is there, what a page may do, and how it waits for a peer that is away."""

from __future__ import annotations

import contextlib
import socket

import pytest
from aiohttp import web

from goop2_core.errors import Unreachable
from goop2_core.events import Person
from goop2_core.tasks import TaskOwner
from goop2_core.viewer.console import ConsoleServer
from goop2_core.viewer.events import EventHub
from goop2_core.web import reply
from tests.browser.browser import chromium, page_of, shot
from tests.integration.viewer.support import BOB, ME, FakeClient, FakeRemote, config, one, sites

pytestmark = pytest.mark.browser

PAGE = b"""<!doctype html><title>Bob</title><h1>Bob's site</h1><p id="who"></p>
<script>document.title = "inline script ran"</script><script src="app.js"></script>"""
SCRIPT = b"""
async function reach(url, options) {
  try { const answer = await fetch(url, options); return answer.status; } catch { return "blocked"; }
}
(async () => {
  const self = await (await fetch("/api/self")).json();
  document.getElementById("who").textContent = self.guest ? "guest" : self.id;
})();
"""


def page(mime, data):
    return lambda: FakeRemote(mime, len(data), one(data))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "index.html").write_text("<h1>Own site</h1>")
    return tmp_path


def bobs_site():
    return FakeClient(
        {
            (BOB, "/index.html"): page("text/html; charset=utf-8", PAGE),
            (BOB, "/app.js"): page("text/javascript", SCRIPT),
        }
    )


async def test_the_owner_visits_and_the_site_stays_in_its_own_origin(folder):
    async with sites(folder, client=bobs_site()) as face, chromium() as browser:
        async with page_of(browser, bugs=False) as tab:
            await tab.goto(face.server.owner_url(BOB))
            assert tab.url == f"http://{face.host(BOB)}/"
            await tab.wait_for_function("document.getElementById('who').textContent")
            assert await tab.text_content("#who") == ME
            assert await tab.title() == "Bob"  # inline code does not run
            assert await tab.evaluate("document.cookie") == ""
            for url in (f"http://{face.host(ME)}/", f"http://127.0.0.1:{face.port}/healthz", "http://192.0.2.1/"):
                assert await tab.evaluate("url => reach(url)", url) == "blocked"
                assert await tab.evaluate("url => reach(url, {mode: 'no-cors'})", url) == "blocked"
            assert await tab.evaluate("() => reach('/api/peers')") == 200

            await tab.goto(f"http://{face.host(ME)}/")  # the session of one site is nothing on another one
            assert "guest-" in await tab.evaluate("async () => (await (await fetch('/api/self')).json()).id")
            await tab.goto(f"http://127.0.0.1:{face.port}/p/{BOB}/")
            assert tab.url == f"http://{face.host(BOB)}/"
            assert await tab.text_content("h1") == "Bob's site"
        async with page_of(browser, bugs=False) as tab:
            await tab.goto(f"http://{face.host(BOB)}/")
            assert "from goop2" in (await tab.text_content("h1") or "")


@pytest.mark.parametrize("mode", ["light", "dark"])
async def test_the_page_of_a_peer_that_is_away_opens_by_itself(folder, mode):
    client = bobs_site()
    there = client.sites[BOB, "/index.html"]
    client.sites[BOB, "/index.html"] = Unreachable("away")
    async with (
        sites(folder, client=client, people=(Person(BOB, "Bob"),)) as face,
        chromium() as browser,
        page_of(browser, mode=mode, bugs=False) as tab,
    ):
        answer = await tab.goto(face.server.owner_url(BOB))
        assert answer is not None
        assert answer.status == 502
        assert await tab.text_content("h1") == "Bob cannot be reached"
        colour = await tab.evaluate("getComputedStyle(document.body).backgroundColor")
        assert colour == {"light": "rgb(247, 247, 248)", "dark": "rgb(22, 24, 28)"}[mode]
        await shot(tab, f"away-{mode}")
        client.sites[BOB, "/index.html"] = there
        await tab.wait_for_selector("#who", timeout=15_000)
        assert await tab.text_content("h1") == "Bob's site"


async def test_another_page_cannot_use_the_console(folder):
    """The owner is in the console, and opens a page of another server on this computer, and one of a site."""
    changed = []

    async def change(request):
        changed.append(await request.text())
        return reply({})

    async def open_site(_):
        return ""

    tasks = TaskOwner("test")
    console = ConsoleServer(
        config(), lambda: {"secret": 1}, EventHub(), [web.route("*", "/api/thing", change)], open_site, tasks=tasks
    )
    await console.start()
    async with evil_server() as evil, chromium() as browser, page_of(browser, bugs=False) as tab:
        await tab.goto(console.url())
        assert await tab.evaluate("async () => (await fetch('/api/state')).status") == 200
        headers = "{'X-Goop2': '1', 'Content-Type': 'application/json'}"
        own = f"async () => (await fetch('/api/thing', {{method: 'POST', body: '{{}}', headers: {headers}}})).status"
        assert await tab.evaluate(own) == 200
        assert len(changed) == 1
        target = f"http://127.0.0.1:{console.port}"
        for origin in (evil, evil.replace("127.0.0.1", "localhost")):
            await tab.goto(origin)
            for options in ("{}", "{mode: 'no-cors', credentials: 'include'}", "{credentials: 'include'}"):
                script = f"async () => {{ try {{ const a = await fetch('{target}/api/state', {options}); "
                script += "return (await a.text()).includes('secret') } catch { return false } }"
                assert await tab.evaluate(script) is False
            send = (
                f"async () => {{ try {{ await fetch('{target}/api/thing', {{method: 'POST', mode: 'no-cors', "
                "credentials: 'include', body: '{}', headers: {'Content-Type': 'text/plain'}}) } catch {} }"
            )
            await tab.evaluate(send)
            await tab.evaluate(send.replace("'no-cors'", "'cors'").replace("text/plain", "application/json"))
            form = (
                "([target]) => { const form = document.createElement('form'); form.method = 'POST'; "
                "form.action = target + '/api/thing'; document.body.append(form); form.submit() }"
            )
            async with tab.expect_navigation():
                await tab.evaluate(form, [target])
            assert len(changed) == 1
    await console.stop()
    await tasks.stop()


@contextlib.asynccontextmanager
async def evil_server():
    """Another web server on this computer."""

    async def answer(_):
        return web.Response(text="<h1>Evil</h1>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    sock = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, sock).start()
    try:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}/"
    finally:
        await runner.cleanup()
