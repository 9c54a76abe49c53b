"""Streams between real nodes: data, ends, resets, cancellation, slow readers."""

from __future__ import annotations

import asyncio
import hashlib
import os

import pytest

from goop2_core.errors import Refused, StreamBroken, Unreachable, Unsupported
from goop2_core.p2p import Identified, Limits, Stream
from tests.support.wait import until

from .nodes import ECHO, TCP, WS, introduce, some, works

PROTOCOL = "/test/1.0.0"


@pytest.mark.parametrize("listen", [(TCP,), (WS,), ("/ip6/::1/tcp/0",)], ids=["tcp", "websocket", "ipv6"])
async def test_eight_megabytes_go_there_and_back_unchanged(listen: tuple[str, ...]) -> None:
    async with some(2, listen=listen) as here:
        one, two = here.nodes
        stream = await one.open_stream(two.peer_id, ECHO)
        sent, got = hashlib.sha256(), hashlib.sha256()

        async def write() -> None:
            for _ in range(64):
                block = os.urandom(131072)
                sent.update(block)
                await stream.write(memoryview(block))
            await stream.close_write()

        writing = asyncio.create_task(write())
        while data := await stream.read():
            got.update(data)
        await writing
        assert got.digest() == sent.digest()


async def test_requests_before_and_after_identify_work_both_ways() -> None:
    async with some() as here:
        one, two = here.nodes
        await works(one, two)
        await here.event(0, Identified)
        await here.event(1, Identified)
        assert ECHO in one.protocols(two.peer_id)
        await works(one, two)
        await works(two, one)


async def test_many_streams_at_once() -> None:
    async with some() as here:
        one, two = here.nodes
        await one.connect(two.peer_id)
        for _ in range(5):
            await asyncio.gather(*(works(one, two, 5000) for _ in range(40)))
        await until(lambda: one.connections()[0].streams <= 4)


async def test_what_was_written_before_close_arrives() -> None:
    got: list[int] = []

    async def count(stream: Stream) -> None:
        size = 0
        while data := await stream.read(4096):
            size += len(data)
            await asyncio.sleep(0.0001)
        got.append(size)

    async with some() as here:
        one, two = here.nodes
        two.handle(PROTOCOL, count)
        stream = await one.open_stream(two.peer_id, PROTOCOL)
        await stream.write(b"x" * 2_000_000)
        await stream.close()
        await until(lambda: got)
        assert got == [2_000_000]


async def test_a_reset_is_an_error_for_a_waiting_reader_and_never_an_end() -> None:
    async def reset(stream: Stream) -> None:
        await stream.write(b"some")
        await stream.read(1)
        await stream.reset()

    async with some() as here:
        one, two = here.nodes
        two.handle(PROTOCOL, reset)
        stream = await one.open_stream(two.peer_id, PROTOCOL)
        assert await stream.readexactly(4) == b"some"
        waiting = asyncio.create_task(stream.read())
        await stream.write(b"x")
        with pytest.raises(StreamBroken):
            await waiting
        with pytest.raises(StreamBroken):
            await stream.write(b"more")


async def test_a_handler_that_fails_resets_its_stream_and_is_logged(logged_errors: list[object]) -> None:
    async def fail(stream: Stream) -> None:
        await stream.read(1)
        raise RuntimeError("a bug")

    async with some() as here:
        one, two = here.nodes
        two.handle(PROTOCOL, fail)
        stream = await one.open_stream(two.peer_id, PROTOCOL)
        await stream.write(b"x")
        with pytest.raises(StreamBroken):
            await stream.read()
        await works(one, two)
        assert len(logged_errors) == 1
        logged_errors.clear()


async def test_a_handler_that_refuses_resets_its_stream_quietly() -> None:
    async def refuse(stream: Stream) -> None:
        await stream.readline(10)

    async with some() as here:
        one, two = here.nodes
        two.handle(PROTOCOL, refuse)
        stream = await one.open_stream(two.peer_id, PROTOCOL)
        await stream.write(b"x" * 100)
        with pytest.raises(StreamBroken):
            await stream.read()


async def test_lines_and_exact_reads_keep_what_follows() -> None:
    async with some() as here:
        one, two = here.nodes
        stream = await one.open_stream(two.peer_id, ECHO)
        await stream.write(b"first\nsecond\nthird")
        await stream.close_write()
        assert await stream.readline(100) == b"first\n"
        assert await stream.readexactly(3) == b"sec"
        assert await stream.readline(4) == b"ond\n"
        assert await stream.readline(100) == b"third"
        assert await stream.readline(100) == b""
        with pytest.raises(StreamBroken):
            await stream.readexactly(1)


async def test_a_line_past_its_limit_is_refused() -> None:
    async with some() as here:
        one, two = here.nodes
        stream = await one.open_stream(two.peer_id, ECHO)
        await stream.write(b"123456789\n")
        with pytest.raises(Refused) as caught:
            await stream.readline(9)
        assert caught.value.status == 413


async def test_two_hundred_cancelled_writes_harm_nothing() -> None:
    async def drain(stream: Stream) -> None:
        while await stream.read():
            pass

    async with some() as here:
        one, two = here.nodes
        two.handle(PROTOCOL, drain)
        steady = await one.open_stream(two.peer_id, ECHO)
        for number in range(200):
            stream = await one.open_stream(two.peer_id, PROTOCOL)

            async def pour(stream: Stream = stream) -> None:
                while True:
                    await stream.write(b"x" * 300_000)

            task = asyncio.create_task(pour())
            await asyncio.sleep(0.0001 * (number % 17))
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await stream.reset()
            await steady.write(b"still here")
            assert await asyncio.wait_for(steady.readexactly(10), 10) == b"still here"
        assert len(one.connections(two.peer_id)) == 1


async def test_cancelled_reads_lose_nothing() -> None:
    count = 3000

    async def pour(stream: Stream) -> None:
        for number in range(count):
            await stream.write(number.to_bytes(4, "big") * 64)

    async with some() as here:
        one, two = here.nodes
        two.handle(PROTOCOL, pour)
        stream = await one.open_stream(two.peer_id, PROTOCOL)
        numbers = []
        cancelled = 0
        while len(numbers) < count:
            task = asyncio.create_task(stream.readexactly(256))
            for _ in range(len(numbers) % 4):
                await asyncio.sleep(0)
            if len(numbers) % 3 == 0 and task.cancel():
                cancelled += 1
            try:
                block = await task
            except asyncio.CancelledError:
                block = await stream.readexactly(256)
            numbers.append(int.from_bytes(block[:4], "big"))
        assert numbers == list(range(count))
        assert cancelled > 100


async def test_a_slow_reader_makes_the_writer_wait_and_breaks_nothing() -> None:
    go = asyncio.Event()

    async def slow(stream: Stream) -> None:
        await go.wait()
        size = 0
        while data := await stream.read():
            size += len(data)
        await stream.write(b"%d\n" % size)

    async with some() as here:
        one, two = here.nodes
        two.handle(PROTOCOL, slow)
        stream = await one.open_stream(two.peer_id, PROTOCOL)
        written = 0

        async def write() -> None:
            nonlocal written
            for _ in range(100):
                await stream.write(b"x" * 65536)
                written += 65536
            await stream.close_write()

        task = asyncio.create_task(write())
        await until(lambda: written > 300_000)
        for _ in range(20):
            await works(one, two)
        assert written < 1_000_000
        go.set()
        await task
        assert await stream.readline(20) == b"6553600\n"


async def test_many_streams_that_nobody_reads_hold_little_together() -> None:
    """Each may keep 256 KiB under way; a thousand of them may not."""
    limits = Limits(queued_bytes=1 << 20)
    piece, many = bytes(16 << 10), 60

    async def ignore(stream: Stream) -> None:
        await asyncio.Event().wait()

    async with some(2, limits=limits) as here:
        one, two = here.nodes
        two.handle(PROTOCOL, ignore)
        tally = one._host._outgoing  # type: ignore[attr-defined]
        most = 0

        async def pour(stream: Stream) -> None:
            nonlocal most
            while True:
                await stream.write(piece)
                most = max(most, tally.waiting)

        streams = [await one.open_stream(two.peer_id, PROTOCOL) for _ in range(many)]
        tasks = [asyncio.create_task(pour(stream)) for stream in streams]
        await until(lambda: tally.crowded and all(stream._stream.waiting for stream in streams))  # type: ignore[attr-defined]
        await works(one, two, 500_000)
        assert most < limits.queued_bytes + many * 2 * len(piece) + 600_000
        for task in tasks:
            task.cancel()
        for stream in streams:
            await stream.reset()
        await until(lambda: tally.waiting == 0)


async def test_an_unknown_protocol_is_unsupported_and_an_unknown_peer_unreachable() -> None:
    async with some() as here:
        one, two = here.nodes
        with pytest.raises(Unsupported):
            await one.open_stream(two.peer_id, "/nobody/speaks/this")
        with pytest.raises(Unreachable):
            await one.open_stream("12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB", ECHO)
        with pytest.raises(Unreachable):
            await one.connect(one.peer_id)


async def test_a_stream_that_is_dropped_unread_gives_its_memory_back() -> None:
    async def pour(stream: Stream) -> None:
        await stream.write(b"x" * 200_000)
        await stream.read()

    async with some() as here:
        one, two = here.nodes
        two.handle(PROTOCOL, pour)
        stream = await one.open_stream(two.peer_id, PROTOCOL)
        budget = one._host._budget  # type: ignore[attr-defined]
        await until(lambda: budget.used >= 200_000)
        del stream
        await until(lambda: budget.used == 0)


async def test_an_opening_that_is_cancelled_leaves_no_stream() -> None:
    async with some() as here:
        one, two = here.nodes
        await one.connect(two.peer_id)
        await here.event(0, Identified)
        await until(lambda: one.connections()[0].streams == 2)  # pubsub, both ways
        for number in range(50):
            task = asyncio.create_task(one.open_stream(two.peer_id, ECHO))
            for _ in range(number % 5):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            del task
        await until(lambda: one.connections()[0].streams == 2)


async def test_the_network_stopping_breaks_what_is_waiting() -> None:
    async with some() as here:
        one, two = here.nodes
        introduce(one, two)
        stream = await one.open_stream(two.peer_id, ECHO)
        waiting = asyncio.create_task(stream.read())
        await asyncio.sleep(0)
        await here.network.stop()
        with pytest.raises(StreamBroken):
            await waiting
        with pytest.raises(StreamBroken):
            await stream.write(b"x")
