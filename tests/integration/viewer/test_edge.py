"""Clients that cost more than they should: slow, half-open, too large, too many."""

import asyncio
import contextlib
import resource
import socket

import pytest
from aiohttp import web

from goop2_core.tasks import TaskOwner
from goop2_core.viewer.edge import Edge, EdgeLimits, GuardedHandler
from goop2_core.viewer.listener import Listener
from tests.integration.viewer.support import ME, sites
from tests.support.http import ask, read_answer, request_bytes
from tests.support.wait import until

QUICK = EdgeLimits(
    head_seconds=0.4,
    idle_seconds=0.5,
    body_grace_seconds=0.3,
    body_bytes_per_second=50_000,
    write_seconds=0.4,
    closing_seconds=0.3,
    sweep_seconds=0.05,
    connections=40,
    connections_per_address=40,
)


@contextlib.asynccontextmanager
async def server(limits=QUICK, exempt=lambda _: False):
    """A small application behind the edge: `/read` reads its body, `/idle` does not, `/flood` never ends."""
    seen = []

    async def read(request):
        try:
            data = await request.read()
        except BaseException as error:
            seen.append(type(error))
            raise
        seen.append(len(data))
        return web.Response(text=str(len(data)))

    async def idle(request):
        await asyncio.sleep(float(request.query.get("seconds", 0)))
        return web.Response(text="idle")

    async def flood(request):
        answer = web.StreamResponse()
        await answer.prepare(request)
        while True:
            await answer.write(bytes(1 << 16))

    async def fail(_):
        raise ConnectionResetError

    app = web.Application(client_max_size=1 << 20)
    app.add_routes(
        [web.post("/read", read), web.route("*", "/idle", idle), web.get("/flood", flood), web.get("/fail", fail)]
    )
    tasks = TaskOwner("test")
    edge = Edge(limits, exempt)
    listener = Listener(app, edge, tasks)
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    await listener.start(sock)
    try:
        yield sock.getsockname()[1], edge, seen
    finally:
        await listener.stop()
        assert len(edge) == 0
        assert not edge.tasks
        assert not edge._per_key


async def closed(reader, seconds=5.0):
    """What came before the other side closed the connection."""
    async with asyncio.timeout(seconds):
        with contextlib.suppress(ConnectionError):
            return await reader.read()
    return b""


def test_what_we_rely_on_in_aiohttp_is_there():
    """The private names of `RequestHandler` that `GuardedHandler` reads."""
    for name in ("_request_count", "_messages", "_reading_paused", "_task_handler", "_upgraded", "_loop"):
        assert hasattr(web.RequestHandler, name), name
    assert "keepalive_timeout" in web.RequestHandler.__init__.__kwdefaults__
    assert GuardedHandler.handle_error is not web.RequestHandler.handle_error


@pytest.mark.parametrize("start", [b"", b"G", b"GET /idle HTTP/1.1\r\n", b"GET /idle HTTP/1.1\r\nHost: x\r\nX: "])
async def test_a_head_that_does_not_come(start):
    async with server() as (port, edge, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(start)
        assert await closed(reader) == b""
        await until(lambda: len(edge) == 0)
        writer.close()


async def test_a_head_that_comes_a_byte_at_a_time():
    async with server() as (port, _, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /idle HTTP/1.1\r\nHost: x\r\nX-Long: ")

        async def drip():
            with contextlib.suppress(ConnectionError):
                while True:
                    writer.write(b"a")
                    await writer.drain()
                    await asyncio.sleep(0.02)

        dripping = asyncio.create_task(drip())
        assert await closed(reader) == b""
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)
        writer.transport.abort()


async def test_a_second_head_that_does_not_come_whole():
    async with server(EdgeLimits(head_seconds=0.4, idle_seconds=60, sweep_seconds=0.05)) as (port, _, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request_bytes("GET", "/idle", {"Host": "x"}))
        assert (await read_answer(reader)).text == "idle"
        writer.write(b"GET /id")
        assert await closed(reader) == b""
        writer.close()


async def test_an_idle_connection_ends():
    async with server() as (port, _, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            writer.write(request_bytes("GET", "/idle", {"Host": "x"}))
            assert (await read_answer(reader)).text == "idle"
        assert await closed(reader) == b""
        writer.close()


async def test_a_long_answer_is_not_taken_for_an_idle_client():
    async with server() as (port, _, _):
        assert (await ask(port, "/idle?seconds=1.2")).text == "idle"


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X%d: 1\r\n" % n for n in range(500)) + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\n bad: folded\r\n\r\n",
        b"\r\n" * 3000,
        b"\0" * 5000,
    ],
)
async def test_heads_that_are_no_heads(head, logged_errors):
    async with server() as (port, _, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head)
        answer = await closed(reader)
        assert answer == b"" or b" 400 " in answer.partition(b"\r\n")[0]
        assert b"Error" not in answer
        writer.close()
        assert (await ask(port, "/idle")).text == "idle"
    assert not logged_errors


async def test_a_head_that_never_ends_is_cut_by_size():
    async with server(EdgeLimits(head_seconds=60, sweep_seconds=0.05)) as (port, _, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\n")
        with contextlib.suppress(ConnectionError):
            for number in range(60):
                writer.write(b"X-%d: " % number + b"a" * 4000 + b"\r\n")
                await writer.drain()
                await asyncio.sleep(0)
        await closed(reader)
        writer.close()


async def test_a_body_that_comes_too_slowly():
    async with server() as (port, _edge, seen):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc")
        assert await closed(reader) == b""
        writer.close()
        await until(lambda: seen)
        assert seen != [1000]


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_that_is_too_large(chunked):
    async with server() as (port, _, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        length = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 9000000"
        writer.write(b"POST /read HTTP/1.1\r\nHost: x\r\n" + length + b"\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            for _ in range(2000):
                writer.write(b"1000\r\n" + bytes(4096) + b"\r\n" if chunked else bytes(4096))
                await writer.drain()
        assert b" 413 " in (await closed(reader)).partition(b"\r\n")[0]
        writer.close()


async def test_a_body_that_waits_for_us_is_not_too_slow():
    async with server() as (port, _, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        body = bytes(3 << 20)
        writer.write(b"POST /idle?seconds=1.2 HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body))
        writer.write(body)
        assert (await asyncio.wait_for(read_answer(reader), 10)).text == "idle"
        writer.transport.abort()


async def test_a_compressed_bomb_stays_small():
    import gzip

    bomb = gzip.compress(bytes(50 << 20))
    async with server() as (port, _, seen):
        await ask(port, "/read", "POST", headers={"Content-Encoding": "gzip"}, body=bomb)
        assert seen == [len(bomb)]


async def test_a_client_that_does_not_read():
    async with server() as (port, edge, _):
        _reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(request_bytes("GET", "/flood", {"Host": "x"}))
        await until(lambda: len(edge) == 1)
        await until(lambda: len(edge) == 0)
        writer.transport.abort()


async def test_a_client_that_does_not_read_a_file(folder, monkeypatch):
    monkeypatch.setattr("goop2_core.viewer.files.PIECE_SECONDS", 0.3)
    (folder / "large.bin").write_bytes(bytes(64 << 20))
    async with sites(folder) as face:
        reader, writer = await asyncio.open_connection("127.0.0.1", face.port, limit=1024)
        writer.write(request_bytes("GET", "/large.bin", {"Host": face.host(ME)}))
        await reader.readuntil(b"\r\n\r\n")
        edge = face.server._listener._edge
        await until(lambda: len(edge) == 0)
        writer.transport.abort()
        assert (await ask(face.port, "/digits.bin", host=face.host(ME))).body == b"0123456789"


async def test_the_end_of_a_connection_in_the_middle_of_a_file_harms_no_other(folder):
    """The descriptor of the ended connection is used again at once; the next one must not feel the old `sendfile`."""
    (folder / "large.bin").write_bytes(bytes(64 << 20))
    async with sites(folder) as face:
        edge = face.server._listener._edge
        for _ in range(20):
            reader, writer = await asyncio.open_connection("127.0.0.1", face.port, limit=1024)
            writer.write(request_bytes("GET", "/large.bin", {"Host": face.host(ME)}))
            await reader.readuntil(b"\r\n\r\n")
            for handler in list(edge._open):
                handler.abort()
            assert (await ask(face.port, "/digits.bin", host=face.host(ME))).body == b"0123456789"
            writer.transport.abort()


async def test_half_open_connections():
    async with server() as (port, edge, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /idle HTTP/1.1\r\nHost: x\r\n")
        writer.write_eof()
        assert await closed(reader) == b""
        writer.close()
        await until(lambda: len(edge) == 0)


async def test_so_many_connections_for_each_address_and_in_all():
    limits = EdgeLimits(connections=6, connections_per_address=4)
    for exempt, room in ((False, 4), (True, 6)):
        async with server(limits, lambda _, exempt=exempt: exempt) as (port, edge, _):
            held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(room)]
            await until(lambda room=room, edge=edge: len(edge) == room)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            answer = await read_answer(reader)  # nothing was sent, so that no reset takes the answer away
            assert (answer.status, answer.header("retry-after")) == (503, "5")
            writer.close()
            held[0][1].close()
            await until(lambda room=room, edge=edge: len(edge) < room)
            assert (await ask(port, "/idle")).status == 200
            for _, writer in held:
                writer.close()


async def test_five_hundred_slow_clients_stop_nobody(folder):
    """Slowloris: they send a byte now and then. The owner is served all along, and all of them are gone in the end."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    limits = EdgeLimits(head_seconds=1.0, sweep_seconds=0.1, connections=256, connections_per_address=64)
    async with sites(folder, limits=limits) as face:
        clients = []
        for _ in range(500):
            reader, writer = await asyncio.open_connection("127.0.0.1", face.port)
            writer.write(b"GET / HTTP/1.1\r\nHost: ")
            clients.append((reader, writer))
        edge = face.server._listener._edge
        assert len(edge) <= 64

        async def one_more():
            try:
                return (await ask(face.port, "/digits.bin", host=face.host(ME))).status == 200
            except (ConnectionError, asyncio.IncompleteReadError):  # refused before the request was read
                return False

        for _ in range(100):
            for _, writer in clients[::7]:
                writer.write(b"x")
            if await one_more():
                break
            await asyncio.sleep(0.05)
        else:
            pytest.fail("the site did not answer any more")
        await until(lambda: len(edge) == 0)
        for _, writer in clients:
            writer.transport.abort()
        assert await one_more()


async def test_a_broken_connection_is_nobodys_bug(logged_errors):
    async with server() as (port, _, _):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await ask(port, "/fail")
    assert not logged_errors


async def test_pipelined_requests_are_answered_in_order():
    async with server() as (port, _, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        one = request_bytes("POST", "/read", {"Host": "x"}, b"abc")
        writer.write(one * 50)
        for _ in range(50):
            assert (await read_answer(reader)).text == "3"
        writer.close()
