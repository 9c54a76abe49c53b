"""The site protocol between two peers: plain and sealed, whole and broken off, asked well and badly."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from pathlib import Path

import pytest

from goop2_core.encryption.box import PeerKey, seal
from goop2_core.errors import Refused, StreamBroken, Unreachable
from goop2_core.events import VisitorsChanged
from goop2_core.p2p.api import Stream
from goop2_core.site import client, server
from goop2_core.site.wire import CONTENT, DIAG, SITE
from tests.fuzz.engine import status_bytes
from tests.support.wait import until
from tests.unit.site.peers import Peer, keys_of, two_peers


async def raw(asker: Peer, other: Peer, request: bytes) -> bytes:
    """What a request line is answered with, all of it."""
    stream = await asker.node.open_stream(other.id, SITE)
    await stream.write(request)
    if not request.endswith(b"\n"):
        await stream.close_write()
    answer = b""
    while part := await stream.read():
        answer += part
    return answer


async def reply(stream: Stream, *parts: bytes) -> None:
    await stream.readline(1000)
    for part in parts:
        await stream.write(part)


@pytest.mark.parametrize("alice_knows", [False, True])
@pytest.mark.parametrize("bob_knows", [False, True])
async def test_files_come_as_they_are_whoever_has_keys(tmp_path: Path, alice_knows: bool, bob_knows: bool) -> None:
    async with two_peers(tmp_path) as (alice, bob):
        if alice_knows:
            alice.knows(bob)
        if bob_knows:
            bob.knows(alice)
        dice = random.Random(1)
        for number, size in enumerate((0, 1, 39, 65_536, 300_000, 2_500_000)):
            data = dice.randbytes(size)
            alice.content.write(f"{number}.bin", data)
            # Alice seals only what Bob said he can open, and he can only if he knows her key.
            if alice_knows and not bob_knows:
                with pytest.raises(Refused) as caught:
                    await bob.fetch(alice, f"/{number}.bin")
                assert caught.value.status == 502
                continue
            file = await bob.client.fetch(alice.id, f"/{number}.bin")
            assert file.encrypted is alice_knows
            assert file.size == size
            assert await file.read() == data


async def test_a_peer_that_does_not_announce_it_gets_nothing_sealed(tmp_path: Path) -> None:
    async with two_peers(tmp_path) as (alice, bob):
        alice.knows(bob, accepts=False)
        alice.content.write("a.txt", b"hello")
        file = await bob.client.fetch(alice.id, "/a.txt")
        assert not file.encrypted
        assert await file.read() == b"hello"


async def test_a_sealed_request_that_is_not_understood_is_repeated_in_plain(tmp_path: Path) -> None:
    async with two_peers(tmp_path) as (alice, bob):
        bob.knows(alice)
        alice.content.write("a.txt", b"hello")
        assert await bob.fetch(alice, "/a.txt") == b"hello"
        alice.known[bob.id] = PeerKey(keys_of(9).public_b64, accepts=False)  # an old key of his
        assert await bob.fetch(alice, "/a.txt") == b"hello"


async def test_large_files_are_streamed_in_plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "SEALED_MOST", 100_000)
    async with two_peers(tmp_path) as (alice, bob):
        alice.knows(bob)
        bob.knows(alice)
        alice.content.write("small", b"s" * 100_000)
        alice.content.write("large", b"l" * 100_001)
        assert (await bob.client.fetch(alice.id, "/small")).encrypted
        file = await bob.client.fetch(alice.id, "/large")
        assert not file.encrypted
        assert await file.read() == b"l" * 100_001


async def test_sealing_is_limited_in_total(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "SEALED_SECONDS", 0.05)
    async with two_peers(tmp_path) as (alice, bob):
        alice.knows(bob)
        bob.knows(alice)
        alice.content.write("a", os.urandom(1000))
        with alice.server._sealed.at_once(server.SEALED_TOTAL):
            assert not (await bob.client.fetch(alice.id, "/a")).encrypted
        assert (await bob.client.fetch(alice.id, "/a")).encrypted


@pytest.mark.parametrize(
    ("request_line", "answer"),
    [
        (b"GET /a.txt\n", b"OK text/plain; charset=utf-8 5\nhello"),
        (b"  GET   a.txt \r\n", b"OK text/plain; charset=utf-8 5\nhello"),
        (b"GET /\n", b"OK text/html; charset=utf-8 5\n<html"),
        (b"GET /folder\n", b"OK text/html; charset=utf-8 2\nin"),
        (b"GET\n", b"ERR bad request\n"),
        (b"GET \n", b"ERR bad request\n"),
        (b"get /a.txt\n", b"ERR bad request\n"),
        (b"POST /a.txt\n", b"ERR bad request\n"),
        (b"\n", b"ERR bad request\n"),
        (b"ENC:\n", b"ERR bad request\n"),
        (b"ENC:AAAA\n", b"ERR bad request\n"),
        (b"ENC:\xff\xfe\n", b"ERR bad request\n"),
        (b"GET /missing\n", b"ERR not found\n"),
        (b"GET /empty\n", b"ERR not found\n"),
        (b"GET /\xff\xfe\n", b"ERR not found\n"),
        (b"GET ../a.txt\n", b"ERR forbidden\n"),
        (b"GET /lua/x.lua\n", b"ERR forbidden\n"),
        (b"GET /.env\n", b"ERR not found\n"),
        (b"GET /a.txt", b""),
        (b"", b""),
        (b"GET /" + b"a" * 9000 + b"\n", b"ERR bad request\n"),
    ],
)
async def test_answers_are_those_of_the_protocol(tmp_path: Path, request_line: bytes, answer: bytes) -> None:
    async with two_peers(tmp_path) as (alice, bob):
        for name, data in {"a.txt": b"hello", "index.html": b"<html", "folder/index.html": b"in", ".env": b"x"}.items():
            alice.content.write(name, data)
        alice.content.make_folder("empty")
        assert await raw(bob, alice, request_line) == answer


async def test_a_name_that_is_not_utf8_is_found(tmp_path: Path) -> None:
    async with two_peers(tmp_path) as (alice, bob):
        alice.content.write(os.fsdecode(b"caf\xe9"), b"latin")
        assert (await raw(bob, alice, b"GET /caf\xe9\n")).endswith(b"\nlatin")


async def test_the_spec_vector_of_a_sealed_request(tmp_path: Path) -> None:
    line = b"ENC:AAECAwQFBgcICQoLDA0ODxAREhMUFRYX2R10gV/hGrkYABqiG7lncxzJTbZx+pSsX9UbxKU8Hg=="
    async with two_peers(tmp_path) as (alice, bob):
        sender, receiver = keys_of(0x11), keys_of(0x22)
        alice.server._sealer = type(alice.sealer)(receiver, {bob.id: PeerKey(sender.public_b64, accepts=False)}.get)
        alice.content.write("index.html", b"hi")
        assert await raw(bob, alice, line + b"\n") == b"OK text/html; charset=utf-8 2\nhi"


async def test_only_a_sealed_get_without_a_path_asks_for_the_start_page(tmp_path: Path) -> None:
    async with two_peers(tmp_path) as (alice, bob):
        alice.knows(bob, accepts=False)
        alice.content.write("index.html", b"hi")
        sealed = seal(bob.keys, alice.keys.public_b64, b"GET ")
        assert (await raw(bob, alice, b"ENC:" + sealed.encode() + b"\n")).endswith(b"\nhi")


async def test_a_peer_without_a_site_says_so(tmp_path: Path) -> None:
    async with two_peers(tmp_path) as (alice, bob):
        alice.server._content = None
        assert await raw(bob, alice, b"GET /\n") == b"ERR site disabled\n"
        with pytest.raises(Refused) as caught:
            await bob.client.fetch(alice.id, "/")
        assert caught.value.status == 502


@pytest.mark.parametrize(("path", "status"), [("/missing", 404), ("../x", 403), ("/a\nGET /b", 400), ("/" * 5000, 400)])
async def test_refusals_have_the_status_that_says_the_same(tmp_path: Path, path: str, status: int) -> None:
    async with two_peers(tmp_path) as (alice, bob):
        with pytest.raises(Refused) as caught:
            await bob.client.fetch(alice.id, path)
        assert caught.value.status == status


async def test_a_peer_that_is_away_is_unreachable(tmp_path: Path) -> None:
    async with two_peers(tmp_path) as (alice, bob):
        alice.node.network.kill(alice.node)
        with pytest.raises(Unreachable):
            await bob.client.fetch(alice.id, "/")


async def test_labels(tmp_path: Path) -> None:
    async with two_peers(tmp_path) as (alice, bob):
        assert await bob.client.label(alice.id) == "peer 1"
        for label, shown in {"": "hello", " \n ": "hello", "a\nb\tc": "a b c", "x" * 500: "x" * 200}.items():
            alice.server._label = lambda label=label: label
            assert await bob.client.label(alice.id) == shown

        async def garbage(stream: Stream) -> None:
            await stream.write(b"\xff\x00\x1b[31mred\xe2\x80\xae" * 1000)

        alice.node.handle(CONTENT, garbage)
        with contextlib.suppress(StreamBroken):
            assert (await bob.client.label(alice.id)).isprintable()


@pytest.mark.parametrize("sealed", [False, True])
async def test_a_body_that_breaks_off_is_an_error(tmp_path: Path, sealed: bool) -> None:
    async with two_peers(tmp_path) as (alice, bob):
        head = b"EOK text/html 1000\n" if sealed else b"OK text/html 1000\n"
        bob.knows(alice)
        alice.node.handle(SITE, lambda stream: reply(stream, head, b"x" * 999))
        with pytest.raises(StreamBroken):
            await bob.fetch(alice, "/")


async def test_a_killed_peer_breaks_the_file_off(tmp_path: Path) -> None:
    async with two_peers(tmp_path) as (alice, bob):
        alice.content.write("big", os.urandom(5_000_000))
        file = await bob.client.fetch(alice.id, "/big")
        assert await anext(file.chunks)
        alice.node.network.kill(alice.node)
        with pytest.raises(StreamBroken):
            await file.read()


async def test_a_file_replaced_on_the_way_is_an_error_not_a_mixture(tmp_path: Path) -> None:
    async with two_peers(tmp_path) as (alice, bob):
        alice.content.write("big", b"a" * 5_000_000)
        file = await bob.client.fetch(alice.id, "/big")
        alice.content.write("big", b"b" * 5_000_000)
        with pytest.raises(StreamBroken):
            await file.read()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\n",
        b"OK\n",
        b"OK 5\nhello"[:3],
        b"OK text/html -1\n",
        b"OK text/html 1e3\n",
        b"OK text/html 99999999999999999999\n",
        "OK text/html ٣\n".encode(),
        b"OK text/html 5",
        b"YES text/html 5\nhello",
        b"NONE\n",
        b"x" * 5000 + b"\n",
        b"\xff\xfe\n",
        b"ERR \x1b[31mred\n",
        b"ERR\n",
        b"OK text/html 6442450944\n",
        b"EOK text/html 16777217\n",
        b"EOK text/html 5\nhello",
        b"EOK text/html 0\n",
    ],
)
async def test_answers_that_cannot_be_used(tmp_path: Path, answer: bytes) -> None:
    async with two_peers(tmp_path) as (alice, bob):
        bob.knows(alice)
        alice.node.handle(SITE, lambda stream: reply(stream, answer))
        with pytest.raises((StreamBroken, Refused)):
            await bob.client.fetch(alice.id, "/")
        assert bob.client._sealed.lent == 0


def peak_from_here() -> int:
    """What this process holds now, in bytes; its peak is counted anew."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pytest.skip("the peak of memory cannot be measured here")
    return status_bytes("self", "VmRSS")


async def test_the_largest_sealed_body_costs_less_than_a_stranger_may(tmp_path: Path) -> None:
    async with two_peers(tmp_path) as (alice, bob):
        bob.knows(alice)
        size = client.MOST_SEALED // 4 * 3 - 40
        text = seal(alice.keys, bob.keys.public_b64, bytes(size)).encode()
        pieces = (text[at : at + (256 << 10)] for at in range(0, len(text), 256 << 10))

        async def answer(stream: Stream) -> None:
            await reply(stream, b"EOK text/html %d\n" % len(text), *pieces)

        alice.node.handle(SITE, answer)
        before = peak_from_here()
        file = await bob.client.fetch(alice.id, "/")
        held = sum([len(chunk) async for chunk in file.chunks])
        assert held == size
        assert status_bytes("self", "VmHWM") - before < 64 << 20


async def test_a_larger_sealed_body_is_refused_with_words(tmp_path: Path) -> None:
    async with two_peers(tmp_path) as (alice, bob):
        bob.knows(alice)
        alice.node.handle(SITE, lambda stream: reply(stream, b"EOK text/html %d\n" % (99 << 20)))
        with pytest.raises(Refused, match="99 MiB; at most 16 MiB can be decrypted") as caught:
            await bob.client.fetch(alice.id, "/")
        assert caught.value.status == 413


@pytest.mark.parametrize(
    ("said", "name", "mime"),
    [
        (b"text/css", "x", "text/css"),
        (b"text/plain; charset=utf-8", "a.css", "text/css; charset=utf-8"),
        (b"application/octet-stream", "a.js", "application/javascript; charset=utf-8"),
        (b"", "a.html", "text/html; charset=utf-8"),
        (b"text/html\rX-Evil: 1", "a.txt", "text/plain; charset=utf-8"),
        (b"evil", "unknown", "text/plain; charset=utf-8"),
        (b"video/webm; codecs=vp8", "a.webm", "video/webm; codecs=vp8"),
    ],
)
async def test_types_from_elsewhere_are_valid(tmp_path: Path, said: bytes, name: str, mime: str) -> None:
    async with two_peers(tmp_path) as (alice, bob):
        alice.node.handle(SITE, lambda stream: reply(stream, b"OK " + said + b" 5\nhello"))
        assert (await bob.client.fetch(alice.id, f"/{name}")).mime == mime


async def test_a_silent_peer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "HEADER_SECONDS", 0.1)
    monkeypatch.setattr(client, "IDLE_SECONDS", 0.1)
    monkeypatch.setattr(client, "SEALED_LEAST_RATE", 1 << 30)
    async with two_peers(tmp_path) as (alice, bob):
        bob.knows(alice)
        for start in (b"", b"OK text/html 5\n", b"OK text/html 5\nhe", b"EOK text/html 500\nhe"):

            async def stall(stream: Stream, start: bytes = start) -> None:
                await reply(stream, start)
                await stream.read()

            alice.node.handle(SITE, stall)
            with pytest.raises(StreamBroken):
                await bob.fetch(alice, "/")
        assert bob.client._sealed.lent == 0


async def test_a_visitor_who_stalls_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "REQUEST_SECONDS", 0.1)
    monkeypatch.setattr(server, "PROGRESS_SECONDS", 0.1)
    async with two_peers(tmp_path) as (alice, bob):
        alice.content.write("big", b"x" * 5_000_000)
        silent = await bob.node.open_stream(alice.id, SITE)
        with pytest.raises(StreamBroken):
            await silent.read()
        lazy = await bob.node.open_stream(alice.id, SITE)
        await lazy.write(b"GET /big\n")
        await until(lambda: lazy._in.broken)
        await until(lambda: alice.server._blocks.lent == 0)


async def test_stalled_visitors_hold_little_and_stop_nobody(tmp_path: Path) -> None:
    async with two_peers(tmp_path) as (alice, bob):
        alice.content.write("big", b"x" * 3_000_000)
        stalled = [await bob.client.fetch(alice.id, "/big") for _ in range(100)]
        await asyncio.gather(*(anext(file.chunks) for file in stalled))
        assert len(await asyncio.wait_for(bob.fetch(alice, "/big"), 10)) == 3_000_000
        assert alice.server._blocks.lent <= server.BLOCKS_TOTAL
        for file in stalled:
            await file.chunks.aclose()
        await until(lambda: alice.server._blocks.lent == 0)


async def test_a_fetch_that_nobody_reads_can_be_closed(tmp_path: Path) -> None:
    async with two_peers(tmp_path) as (alice, bob):
        alice.content.write("big", b"x" * 3_000_000)
        file = await bob.client.fetch(alice.id, "/big")
        await file.close()
        await file.close()
        await until(lambda: not bob.node.links[0].streams)


async def test_visitors_are_counted(tmp_path: Path) -> None:
    async with two_peers(tmp_path) as (alice, bob):
        alice.content.write("index.html", b"")
        await bob.client.label(alice.id)  # a probe is no visit
        assert alice.events == []
        await bob.fetch(alice, "/")
        await bob.fetch(alice, "/")
        assert alice.events == [VisitorsChanged(1)]


async def test_diagnosis_is_for_the_relay_alone(tmp_path: Path) -> None:
    allowed: set[str] = set()
    async with two_peers(tmp_path, diag_allowed=allowed.__contains__) as (alice, bob):
        stream = await bob.node.open_stream(alice.id, DIAG)
        with pytest.raises(StreamBroken):
            await stream.read()
        allowed.add(bob.id)
        stream = await bob.node.open_stream(alice.id, DIAG)
        line = await stream.readline(10_000)
        assert f'"peer_id": "{alice.id}"'.encode() in line


async def test_garbage_requests_leave_it_serving(tmp_path: Path) -> None:
    async with two_peers(tmp_path) as (alice, bob):
        alice.knows(bob, accepts=False)
        alice.content.write("a.txt", b"hello")
        good = b"ENC:" + seal(bob.keys, alice.keys.public_b64, b"GET /a.txt").encode()
        dice = random.Random(4)
        for _ in range(400):
            line = bytearray(dice.choice([good, b"GET /a.txt", dice.randbytes(dice.randint(0, 200))]))
            for _ in range(dice.randint(0, 3)):
                if line:
                    line[dice.randrange(len(line))] ^= 1 << dice.randrange(8)
            with contextlib.suppress(StreamBroken):
                answer = await raw(bob, alice, bytes(line[: dice.randint(0, 300)]) + dice.choice([b"\n", b""]))
                assert answer == b"" or answer.startswith((b"OK ", b"ERR "))
        assert await bob.fetch(alice, "/a.txt") == b"hello"


async def test_two_hundred_files_at_once(tmp_path: Path) -> None:
    async with two_peers(tmp_path) as (alice, bob):
        dice = random.Random(5)
        files = {f"d{n % 7}/{n}.bin": dice.randbytes(dice.randint(0, 100_000)) for n in range(200)}
        for name, data in files.items():
            alice.content.write(name, data)
        got = await asyncio.gather(*(bob.fetch(alice, f"/{name}") for name in files))
        assert got == list(files.values())


async def test_nothing_is_left_after_stop(tmp_path: Path) -> None:
    import threading

    async with two_peers(tmp_path) as (alice, bob):
        alice.content.write("a.txt", b"hello")
        await bob.fetch(alice, "/a.txt")
        assert any(thread.name.startswith("goop2-site") for thread in threading.enumerate())
    assert not any(thread.name.startswith("goop2-site") for thread in threading.enumerate())
