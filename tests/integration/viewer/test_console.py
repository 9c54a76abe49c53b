import asyncio
import contextlib
import json
import threading

import pytest
from aiohttp import web

from goop2_core.errors import Goop2Error, Refused
from goop2_core.events import PeerChanged, PeerState, VisitorsChanged
from goop2_core.tasks import TaskOwner
from goop2_core.viewer import events
from goop2_core.viewer.console import ConsoleServer
from goop2_core.viewer.events import EventHub
from goop2_core.web import reply
from tests.integration.viewer.support import BOB, config
from tests.support.http import ask, read_answer, request_bytes
from tests.support.wait import until


@contextlib.asynccontextmanager
async def console(console_addr="127.0.0.1:0"):
    """A console with one feature route, `/api/thing`; gives (server, hub, what was changed)."""
    changed = []

    async def change(request):
        changed.append(await request.read())
        return reply({"changed": len(changed)})

    async def broken(_):
        raise RuntimeError("a secret detail")

    async def open_site(address):
        if address != BOB:
            raise Refused("Nobody is called that", status=404)
        return "http://x.localhost/?goop-token=1"

    hub = EventHub()
    tasks = TaskOwner("test")
    routes = [web.route("*", "/api/thing", change), web.get("/api/broken", broken)]
    server = ConsoleServer(
        config(console_addr=console_addr), lambda: {"peer_id": BOB}, hub, routes, open_site, tasks=tasks
    )
    await server.start()
    try:
        yield server, hub, changed
    finally:
        await server.stop()
        await tasks.stop()
        assert len(tasks) == 0
        assert len(hub) == 0


async def session(server):
    url = server.url()
    answer = await ask(server.port, url.partition(str(server.port))[2].partition("#")[0])
    assert answer.status == 303
    ((name, value),) = answer.cookies().items()
    return f"{name}={value}"


async def test_a_link_lets_in_once():
    async with console() as (server, _, _):
        url = server.url("settings")
        assert url.startswith(f"http://127.0.0.1:{server.port}/?token=")
        assert url.endswith("#/settings")
        path = url.partition(str(server.port))[2].partition("#")[0]
        answer = await ask(server.port, path)
        assert (answer.status, answer.header("location")) == (303, "/")
        cookie = answer.header("set-cookie")
        for part in ("HttpOnly", "SameSite=Strict", "Path=/"):
            assert part in cookie
        assert "Domain" not in cookie
        page = await ask(server.port, "/", headers={"Cookie": cookie.partition(";")[0]})
        assert page.status == 200
        assert "main.js" in page.text
        again = await ask(server.port, path, headers={"Accept": "text/html"})
        assert again.status == 401
        assert not again.cookies()
        assert "used up" in again.text


async def test_a_further_link_keeps_the_session():
    async with console() as (server, _, _):
        cookie = await session(server)
        path = server.url().partition(str(server.port))[2].partition("#")[0]
        answer = await ask(server.port, path, headers={"Cookie": cookie})
        assert answer.status == 303
        assert not answer.cookies()
        assert (await ask(server.port, path)).status == 401


@pytest.mark.parametrize(
    "path", ["/", "/static/main.js", "/api/state", "/api/events", "/api/theme.css", "/api/thing", "/nothing"]
)
async def test_without_a_session_there_is_only_a_way_in(path):
    async with console() as (server, _, changed):
        for cookie in ("", f"goop2_console_{server.port}=x", f"goop2_console_{server.port}={'A' * 43}"):
            answer = await ask(server.port, path, headers={"Cookie": cookie, "Accept": "text/html"})
            assert answer.status == 401
            assert "goop2 console DIR" in answer.text
        post = {"X-Goop2": "1", "Content-Type": "application/json"}
        assert (await ask(server.port, path, "POST", headers=post, body=b"{}")).status == 401
        assert changed == []
        assert (await ask(server.port, "/.goop2/page.css")).status == 200


JSON = {"X-Goop2": "1", "Content-Type": "application/json"}
CROSS = {"Sec-Fetch-Site": "cross-site"}
CASES = [
    # method, Host, other headers, status; {} is the port
    ("GET", "127.0.0.1:{}", {}, 200),
    ("GET", "localhost:{}", {}, 200),
    ("GET", "[::1]:{}", {}, 200),
    ("GET", "LOCALHOST:{}", {}, 200),
    ("GET", "127.0.0.1", {}, 421),
    ("GET", "127.0.0.1:1", {}, 421),
    ("GET", "evil.example:{}", {}, 421),
    ("GET", "evil.example", {}, 421),
    ("GET", "127.0.0.1.nip.io:{}", {}, 421),
    ("GET", "x.localhost:{}", {}, 421),
    ("GET", "0.0.0.0:{}", {}, 421),
    ("GET", "[::ffff:127.0.0.1]:{}", {}, 421),
    ("GET", "", {}, 400),
    ("GET", "127.0.0.1:{}, evil.example", {}, 400),
    ("GET", "127.0.0.1:{}", {"Sec-Fetch-Site": "same-origin"}, 200),
    ("GET", "127.0.0.1:{}", {"Sec-Fetch-Site": "none"}, 200),
    ("GET", "127.0.0.1:{}", {"Sec-Fetch-Site": "same-site"}, 403),
    ("GET", "127.0.0.1:{}", CROSS, 403),
    ("GET", "127.0.0.1:{}", {**CROSS, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"}, 403),
    ("GET", "127.0.0.1:{}", {**CROSS, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, 403),
    ("GET", "127.0.0.1:{}", {"Origin": "http://127.0.0.1:{}"}, 200),
    ("GET", "127.0.0.1:{}", {"Origin": "http://evil.example"}, 403),
    ("POST", "127.0.0.1:{}", JSON, 200),
    ("PUT", "127.0.0.1:{}", JSON, 200),
    ("DELETE", "127.0.0.1:{}", {"X-Goop2": "1"}, 200),
    ("POST", "127.0.0.1:{}", {**JSON, "Origin": "http://127.0.0.1:{}"}, 200),
    ("POST", "localhost:{}", {**JSON, "Origin": "http://localhost:{}"}, 200),
    ("POST", "localhost:{}", {**JSON, "Origin": "http://127.0.0.1:{}"}, 403),
    ("POST", "127.0.0.1:{}", {**JSON, "Origin": "http://127.0.0.1:1"}, 403),
    ("POST", "127.0.0.1:{}", {**JSON, "Origin": "https://127.0.0.1:{}"}, 403),
    ("POST", "127.0.0.1:{}", {**JSON, "Origin": "null"}, 403),
    ("POST", "127.0.0.1:{}", {**JSON, "Origin": "http://evil.example"}, 403),
    ("POST", "127.0.0.1:{}", {**JSON, "Origin": ""}, 403),
    ("POST", "127.0.0.1:{}", {**JSON, "Sec-Fetch-Site": "same-origin"}, 200),
    ("POST", "127.0.0.1:{}", {**JSON, "Sec-Fetch-Site": "none"}, 403),
    ("POST", "127.0.0.1:{}", {**JSON, "Sec-Fetch-Site": "same-site"}, 403),
    ("POST", "127.0.0.1:{}", {**JSON, **CROSS}, 403),
    ("POST", "127.0.0.1:{}", {**JSON, **CROSS, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 403),
    ("POST", "127.0.0.1:{}", {"Content-Type": "application/json"}, 403),
    ("POST", "127.0.0.1:{}", {**JSON, "X-Goop2": "yes"}, 403),
    ("POST", "127.0.0.1:{}", {**JSON, "Content-Type": "text/plain"}, 415),
    ("POST", "127.0.0.1:{}", {**JSON, "Content-Type": "application/x-www-form-urlencoded"}, 415),
    ("POST", "127.0.0.1:{}", {"X-Goop2": "1"}, 415),
    ("POST", "127.0.0.1:{}", {**JSON, "Content-Type": "application/octet-stream"}, 200),
    ("POST", "127.0.0.1:{}", {**JSON, "Content-Type": "multipart/form-data; boundary=x"}, 200),
    ("POST", "127.0.0.1:{}", {**JSON, "Content-Encoding": "gzip"}, 415),
    ("POST", "evil.example:{}", JSON, 421),
    ("PATCH", "127.0.0.1:{}", {"Content-Type": "application/json"}, 403),
    ("OPTIONS", "127.0.0.1:{}", {"Origin": "http://evil.example"}, 403),
]


async def test_who_may_do_what_to_the_console():
    async with console() as (server, _, changed):
        cookie = await session(server)
        for method, host, headers, expected in CASES:
            fields = {name: value.replace("{}", str(server.port)) for name, value in headers.items()}
            before = len(changed)
            body = b"" if method in ("GET", "DELETE", "OPTIONS") else b"{}"
            answer = await ask(
                server.port,
                "/api/thing",
                method,
                host=host.format(server.port),
                headers={"Cookie": cookie, **fields},
                body=body,
            )
            assert answer.status == expected, (method, host, headers)
            assert (len(changed) > before) is (expected == 200), (method, host, headers)
            if expected != 200:
                assert json.loads(answer.text)["error"]["title"]


async def test_a_consoles_cookie_is_not_another_ones():
    async with console() as (first, _, _), console() as (second, _, _):
        cookie = await session(first)
        assert (await ask(second.port, "/api/state", headers={"Cookie": cookie})).status == 401
        moved = cookie.replace(str(first.port), str(second.port))
        assert (await ask(second.port, "/api/state", headers={"Cookie": moved})).status == 401


async def test_what_it_answers():
    async with console() as (server, _, _):
        headers = {"Cookie": await session(server)}
        state = await ask(server.port, "/api/state", headers=headers)
        assert json.loads(state.text) == {"peer_id": BOB}
        assert state.header("cache-control") == "no-store"
        assert "frame-ancestors 'none'" in state.header("content-security-policy")
        assert "unsafe-inline" not in state.header("content-security-policy")
        style = await ask(server.port, "/api/theme.css", headers=headers)
        assert style.header("content-type").startswith("text/css")
        main = await ask(server.port, "/static/main.js", headers=headers)
        assert main.status == 200
        assert "javascript" in main.header("content-type")
        tag = {"If-None-Match": main.header("etag")}
        assert (await ask(server.port, "/static/main.js", headers={**headers, **tag})).status == 304
        font = await ask(server.port, "/static/fonts/inter-400.ttf", headers=headers)
        assert font.header("content-type") == "font/ttf"
        for path in ("/static/../theme.json", "/static/%2e%2e/theme.json", "/static/..%2ftheme.json", "/static/no"):
            assert (await ask(server.port, path, headers=headers)).status in (403, 404)


async def test_opening_a_site():
    async with console() as (server, _, _):
        headers = {"Cookie": await session(server), **JSON}
        answer = await ask(
            server.port, "/api/open", "POST", headers=headers, body=json.dumps({"address": BOB}).encode()
        )
        assert json.loads(answer.text) == {"url": "http://x.localhost/?goop-token=1"}
        for body, status in (
            (b'{"address": "nobody"}', 404),
            (b"{}", 400),
            (b"", 400),
            (b'{"address": 5}', 400),
            (b"[", 400),
            (json.dumps({"address": "x" * 5000}).encode(), 400),
            (b" " * (2 << 20), 413),
        ):
            answer = await ask(server.port, "/api/open", "POST", headers=headers, body=body)
            assert answer.status == status
            assert json.loads(answer.text)["error"]["title"]


async def test_a_bug_is_logged_and_not_shown(logged_errors):
    async with console() as (server, _, _):
        answer = await ask(server.port, "/api/broken", headers={"Cookie": await session(server)})
        assert answer.status == 500
        assert "secret" not in answer.text
    assert len(logged_errors) == 1
    logged_errors.clear()


@pytest.mark.parametrize("address", [":0", "0.0.0.0:0", "[::]:0", "192.168.1.2:0"])
async def test_it_never_listens_for_others(address):
    with pytest.raises(Goop2Error, match="others could reach it"):
        async with console(address):
            pass


# ---- events


async def listen(server, cookie):
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1 << 22)
    writer.write(request_bytes("GET", "/api/events", {"Host": f"127.0.0.1:{server.port}", "Cookie": cookie}))
    head = await reader.readuntil(b"\r\n\r\n")
    assert b"200 OK" in head
    assert b"text/event-stream" in head
    await reader.readuntil(b"event: hello")
    return reader, writer


async def test_events_come_in_order():
    async with console() as (server, hub, _):
        reader, writer = await listen(server, await session(server))
        for count in range(300):
            hub.publish(VisitorsChanged(count))
        hub.publish(PeerChanged(PeerState.RUNNING))
        text = (await reader.readuntil(b"event: peer-changed")).decode()
        counts = [json.loads(line[6:])["count"] for line in text.splitlines() if line.startswith('data: {"count"')]
        assert counts == list(range(300))
        assert b'"state":"running"' in await reader.readuntil(b"\n\n")
        writer.close()


async def test_events_come_from_any_thread():
    async with console() as (server, hub, _):
        reader, writer = await listen(server, await session(server))
        thread = threading.Thread(target=lambda: hub.publish(VisitorsChanged(7)))
        thread.start()
        thread.join()
        assert b"event: visitors-changed" in await reader.readuntil(b'{"count":7}')
        writer.close()


async def test_a_page_that_does_not_keep_up_is_let_go():
    async with console() as (server, hub, _):
        cookie = await session(server)
        slow, fast = await listen(server, cookie), await listen(server, cookie)
        assert len(hub) == 2
        for number in range(events.MOST_WAITING + 10):  # without a pause: nobody can read
            hub.publish(VisitorsChanged(number))
        assert len(hub) == 0
        for reader, writer in (slow, fast):
            await asyncio.wait_for(reader.read(), 5)  # to the end: the page comes again and reloads
            writer.close()
        reader, writer = await listen(server, cookie)
        hub.publish(VisitorsChanged(1))
        await reader.readuntil(b'{"count":1}')
        writer.close()


async def test_so_many_pages_for_each_session(monkeypatch):
    monkeypatch.setattr(events, "MOST_PER_SESSION", 3)
    async with console() as (server, hub, _):
        cookie = await session(server)
        other = await listen(server, await session(server))
        pages = [await listen(server, cookie) for _ in range(5)]
        assert len(hub) == 4
        await asyncio.wait_for(pages[0][0].read(), 5)
        hub.publish(VisitorsChanged(1))
        for reader, _ in [*pages[2:], other]:
            await reader.readuntil(b'{"count":1}')
        for _, writer in [*pages, other]:
            writer.close()


async def test_a_page_that_left_is_noticed_by_the_ping(monkeypatch):
    monkeypatch.setattr(events, "PING_SECONDS", 0.05)
    async with console() as (server, hub, _):
        reader, writer = await listen(server, await session(server))
        await reader.readuntil(b": ping\n\n")
        writer.transport.abort()
        await until(lambda: len(hub) == 0)


async def test_stopping_lets_every_page_go():
    loop = asyncio.get_running_loop()
    async with console() as (server, _hub, _):
        cookie = await session(server)
        pages = [await listen(server, cookie) for _ in range(3)]
        idle_reader, idle = await asyncio.open_connection("127.0.0.1", server.port)
        idle.write(request_bytes("GET", "/api/state", {"Host": f"127.0.0.1:{server.port}", "Cookie": cookie}))
        await read_answer(idle_reader)
        began = loop.time()
        await server.stop()
        assert loop.time() - began < 3  # a second by design; the machine may be busy
        for reader, writer in [*pages, (idle_reader, idle)]:
            await asyncio.wait_for(reader.read(), 5)
            writer.close()
        with pytest.raises(ConnectionError):
            await asyncio.open_connection("127.0.0.1", server.port)
