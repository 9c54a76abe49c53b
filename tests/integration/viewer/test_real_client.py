"""The site face in front of the real site protocol: Bob's browser, Bob's viewer, Alice's site."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.integration.viewer.support import owner_cookie, sites
from tests.support.http import ask, request_bytes
from tests.support.wait import until
from tests.unit.site.peers import two_peers


@pytest.mark.parametrize("sealed", [False, True])
async def test_a_site_comes_through_unchanged(tmp_path, folder, sealed):
    async with two_peers(tmp_path / "peers") as (alice, bob):
        if sealed:
            alice.knows(bob)
            bob.knows(alice)
        dice = random.Random(3)
        files = {f"{n}.bin": dice.randbytes(size) for n, size in enumerate((0, 1, 70_000, 3_000_000))}
        files["index.html"] = b"<h1>Alice</h1>"
        files["sub/index.html"] = b"sub"
        for name, data in files.items():
            alice.content.write(name, data)
        async with sites(folder, client=bob.client) as face:
            headers = {"Cookie": await owner_cookie(face, alice.id)}
            for name, data in files.items():
                answer = await ask(face.port, f"/{name}", host=face.host(alice.id), headers=headers)
                assert (answer.status, answer.body) == (200, data)
            for path, name in (("/", "index.html"), ("/sub/", "sub/index.html")):
                answer = await ask(face.port, path, host=face.host(alice.id), headers=headers)
                assert answer.body == files[name]
            assert answer.header("content-type") == "text/html; charset=utf-8"
            assert (await ask(face.port, "/none", host=face.host(alice.id), headers=headers)).status == 404
            assert (await ask(face.port, "/lua/x", host=face.host(alice.id), headers=headers)).status == 403
            assert (await ask(face.port, "/%0d%0aGET%20/", host=face.host(alice.id), headers=headers)).status == 404


async def test_a_peer_that_is_away(tmp_path, folder):
    async with two_peers(tmp_path / "peers") as (alice, bob):
        alice.content.write("index.html", b"Alice")
        async with sites(folder, client=bob.client) as face:
            headers = {"Cookie": await owner_cookie(face, alice.id)}
            await alice.node.stop()
            page = await ask(face.port, "/", host=face.host(alice.id), headers={**headers, "Accept": "text/html"})
            assert page.status == 502
            assert "cannot be reached" in page.text


async def test_a_browser_that_leaves_lets_go_of_the_stream(tmp_path, folder):
    async with two_peers(tmp_path / "peers") as (alice, bob):
        alice.content.write("film.webm", bytes(64 << 20))
        async with sites(folder, client=bob.client) as face:
            cookie = await owner_cookie(face, alice.id)
            reader, writer = await asyncio.open_connection("127.0.0.1", face.port, limit=1 << 12)
            writer.write(request_bytes("GET", "/film.webm", {"Host": face.host(alice.id), "Cookie": cookie}))
            await reader.readuntil(b"\r\n\r\n")
            await until(lambda: sum(c.streams for c in bob.node.connections(alice.id)) == 1)
            writer.transport.abort()
            await until(lambda: sum(c.streams for c in bob.node.connections(alice.id)) == 0)
