import asyncio

import pytest

from goop2_core.errors import Refused, StreamBroken, Unreachable, Unsupported
from goop2_core.events import Person
from tests.integration.viewer.support import BOB, EVE, ME, FakeClient, FakeRemote, owner_cookie, sites
from tests.support.http import ask, read_answer, request_bytes
from tests.support.wait import until

HTML = {"Accept": "text/html"}


def endless(started):
    """A remote file of 100 MB that never ends by itself."""

    async def chunks():
        for _ in range(1600):
            started.append(1)
            yield bytes(1 << 16)

    return FakeRemote("video/webm", 1600 << 16, chunks())


async def test_the_owner_sees_a_remote_site_as_it_is(folder):
    page = b"<h1>Bob</h1>"
    client = FakeClient({(BOB, "/index.html"): page, (BOB, "/a b.html"): b"odd", (BOB, "/sub/index.html"): b"sub"})
    async with sites(folder, client=client) as face:
        headers = {"Cookie": await owner_cookie(face, BOB)}
        answer = await ask(face.port, "/", host=face.host(BOB), headers=headers)
        assert (answer.status, answer.body) == (200, page)
        assert answer.header("content-type") == "text/html; charset=utf-8"
        assert answer.header("content-length") == str(len(page))
        assert "default-src 'none'" in answer.header("content-security-policy")
        assert (await ask(face.port, "/a%20b.html?q=1", host=face.host(BOB), headers=headers)).body == b"odd"
        assert (await ask(face.port, "/sub/", host=face.host(BOB), headers=headers)).body == b"sub"
        head = await ask(face.port, "/", "HEAD", host=face.host(BOB), headers=headers)
        assert head.header("content-length") == str(len(page))
        assert client.asked[-1] == (BOB, "/index.html")
        assert all(remote.closed.is_set() for remote in client.sent)


@pytest.mark.parametrize(
    ("error", "status", "words", "again"),
    [
        (Unreachable("x"), 502, "Bob cannot be reached", True),
        (Unsupported("x"), 502, "Bob shows no site", True),
        (StreamBroken("x"), 502, "The connection to Bob broke", True),
        (TimeoutError(), 502, "Bob cannot be reached", True),
        (Refused("There is no such file", status=404), 404, "There is no such file", False),
        (Refused("This is not allowed", status=403), 403, "This is not allowed", False),
        (Refused("Too large", "It has 9 TB.", status=413), 502, "It has 9 TB.", True),
    ],
)
async def test_why_a_remote_page_did_not_come(folder, error, status, words, again):
    client = FakeClient({(BOB, "/index.html"): error})
    async with sites(folder, client=client, people=(Person(BOB, "Bob"),)) as face:
        headers = {"Cookie": await owner_cookie(face, BOB)}
        page = await ask(face.port, "/", host=face.host(BOB), headers={**headers, **HTML})
        assert page.status == status
        assert words in page.text
        assert ("retry.js" in page.text) is again
        assert "<style" not in page.text
        assert page.header("cache-control") == "no-store"
        text = await ask(face.port, "/", host=face.host(BOB), headers=headers)
        assert text.header("content-type").startswith("text/plain")


async def test_names_are_no_markup(folder):
    person = Person(BOB, "<script>alert(1)</script>")
    async with sites(folder, people=(person,)) as face:
        headers = {"Cookie": await owner_cookie(face, BOB), **HTML}
        page = await ask(face.port, "/", host=face.host(BOB), headers=headers)
        assert page.status == 502
        assert "<script>alert" not in page.text
        assert "&lt;script&gt;" in page.text


async def test_guests_reach_other_sites_only_through_a_gateway(folder):
    client = FakeClient({(BOB, "/index.html"): b"Bob"})
    for gateway, status in ((False, 403), (True, 200)):
        async with sites(folder, client=client, http_addr="0.0.0.0:0", gateway=gateway) as face:
            for host, path, headers in (
                (face.host(BOB), "/", {}),
                ("example.org", f"/p/{BOB}/", {}),
                ("example.org", f"/p/{BOB}/", {"X-Forwarded-For": "203.0.113.9"}),
            ):
                client.asked.clear()
                answer = await ask(face.port, path, host=host, headers=headers)
                assert answer.status == status
                assert bool(client.asked) is gateway
                assert (await ask(face.port, path, "POST", host=host, headers=headers)).status in (403, 405)
            assert (await ask(face.port, f"/p/{ME}/", host="example.org")).status == 200


async def test_a_gateway_serves_so_many_guests_at_once(folder, monkeypatch):
    monkeypatch.setattr("goop2_core.viewer.remote.GUESTS_AT_ONCE", 2)
    blocked = asyncio.Event()

    async def chunks():
        await blocked.wait()
        yield b"x"

    client = FakeClient({(BOB, "/index.html"): lambda: FakeRemote("text/plain", 1, chunks()), (EVE, "/"): b""})
    async with sites(folder, client=client, gateway=True) as face:
        waiting = [asyncio.create_task(ask(face.port, "/", host=face.host(BOB))) for _ in range(2)]
        await until(lambda: len(client.sent) == 2)
        assert (await ask(face.port, "/", host=face.host(BOB))).status == 429
        blocked.set()
        assert [answer.status for answer in await asyncio.gather(*waiting)] == [200, 200]
        assert (await ask(face.port, "/", host=face.host(BOB))).status == 200


async def test_a_browser_that_leaves_ends_the_fetch_and_a_slow_one_slows_it(folder):
    started = []
    client = FakeClient({(BOB, "/film"): lambda: endless(started)})
    async with sites(folder, client=client) as face:
        cookie = await owner_cookie(face, BOB)
        reader, writer = await asyncio.open_connection("127.0.0.1", face.port, limit=1 << 12)
        writer.write(request_bytes("GET", "/film", {"Host": face.host(BOB), "Cookie": cookie}))
        await reader.readuntil(b"\r\n\r\n")
        before = -1
        while len(started) != before:  # until the buffers on the way are full
            before = len(started)
            await asyncio.sleep(0.1)
        assert before < 400
        writer.transport.abort()
        await asyncio.wait_for(client.sent[0].closed.wait(), 5)


async def test_what_breaks_off_does_not_look_whole(folder):
    async def chunks():
        yield b"half"
        raise StreamBroken("the peer left")

    client = FakeClient({(BOB, "/x"): lambda: FakeRemote("text/plain", 8, chunks())})
    async with sites(folder, client=client) as face:
        headers = {"Cookie": await owner_cookie(face, BOB)}
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await ask(face.port, "/x", host=face.host(BOB), headers=headers)
        assert client.sent[0].closed.is_set()
        assert (await ask(face.port, "/y", host=face.host(BOB), headers=headers)).status == 404


async def test_stopping_ends_what_is_under_way_within_a_second(folder):
    started = []
    client = FakeClient({(BOB, "/film"): lambda: endless(started)})
    (folder / "large.bin").write_bytes(bytes(32 << 20))
    loop = asyncio.get_running_loop()
    async with sites(folder, client=client) as face:
        cookie = await owner_cookie(face, BOB)
        writers = []
        for path, host, fields in (("/film", BOB, {"Cookie": cookie}), ("/large.bin", ME, {}), ("/large.bin", ME, {})):
            reader, writer = await asyncio.open_connection("127.0.0.1", face.port, limit=1 << 12)
            writer.write(request_bytes("GET", path, {"Host": face.host(host), **fields}))
            await reader.readuntil(b"\r\n\r\n")
            writers.append(writer)
        idle_reader, idle = await asyncio.open_connection("127.0.0.1", face.port)
        idle.write(request_bytes("GET", "/healthz", {"Host": "localhost"}))
        await read_answer(idle_reader)
        writers.append(idle)
        began = loop.time()
        await face.server.stop()
        assert loop.time() - began < 3  # a second by design; the machine may be busy
        assert len(face.tasks) == 0
        with pytest.raises(ConnectionError):
            await asyncio.open_connection("127.0.0.1", face.port)
        assert client.sent[0].closed.is_set()
        for writer in writers:
            writer.transport.abort()
