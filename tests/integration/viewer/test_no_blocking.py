"""Nothing that a browser asks for makes the engine's loop wait for a disk or a name server."""

from __future__ import annotations

from blockbuster import blockbuster_ctx

from goop2_core.viewer import pages, theme
from tests.integration.viewer.support import BOB, ME, FakeClient, owner_cookie, sites
from tests.integration.viewer.test_console import console, session
from tests.support.http import ask


async def test_the_loop_is_never_blocked(folder):
    theme.css.cache_clear()
    pages._assets.cache_clear()
    with blockbuster_ctx("goop2_core"):
        async with sites(folder, client=FakeClient({(BOB, "/index.html"): b"Bob"})) as face:
            headers = {"Cookie": await owner_cookie(face, BOB)}
            for path in (
                "/",
                "/digits.bin",
                "/sub",
                "/nothing",
                "/.goop2/page.css",
                "/api/self",
                f"/api/avatar/peer/{ME}",
            ):
                await ask(face.port, path, host=face.host(ME))
            for path in ("/", "/nothing"):
                await ask(face.port, path, host=face.host(BOB), headers=headers)
        async with console() as (server, _, _):
            headers = {"Cookie": await session(server)}
            for path in ("/", "/static/main.js", "/static/nothing", "/api/state", "/api/theme.css"):
                await ask(server.port, path, headers=headers)
