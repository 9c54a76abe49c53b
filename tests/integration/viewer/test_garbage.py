"""Requests with bits flipped, cut off, doubled and mixed: both faces go on serving, and nothing is logged as a bug."""

from __future__ import annotations

import asyncio
import contextlib
import random

from tests.integration.viewer.support import BOB, ME, owner_cookie, sites
from tests.integration.viewer.test_console import console, session
from tests.support.http import ask, request_bytes

ROUNDS = 400


def spoilt(dice: random.Random, data: bytes) -> bytes:
    """`data` with something wrong in it."""
    out = bytearray(data)
    match dice.randrange(5):
        case 0:
            for _ in range(dice.randrange(1, 8)):
                out[dice.randrange(len(out))] ^= 1 << dice.randrange(8)
        case 1:
            del out[dice.randrange(len(out)) :]
        case 2:
            at = dice.randrange(len(out))
            out[at:at] = dice.randbytes(dice.randrange(1, 200))
        case 3:
            at = dice.randrange(len(out))
            out[at:at] = out[: dice.randrange(len(out))]
        case _:
            lines = bytes(out).split(b"\r\n")
            dice.shuffle(lines)
            out = bytearray(b"\r\n".join(lines))
    return bytes(out)


async def throw(port: int, data: bytes) -> None:
    with contextlib.suppress(ConnectionError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(data)
        writer.write_eof()
        async with asyncio.timeout(20):
            await reader.read(1 << 16)
        writer.transport.abort()


async def test_spoilt_requests(folder, logged_errors):
    dice = random.Random(20261123)
    async with sites(folder, gateway=True) as face, console() as (server, _, _):
        host = {
            "Host": face.host(ME),
            "Cookie": await owner_cookie(face, ME),
            "Range": "bytes=0-5",
            "If-None-Match": '"x"',
        }
        own = {"Host": f"127.0.0.1:{server.port}", "Cookie": await session(server), "X-Goop2": "1"}
        json = {**own, "Content-Type": "application/json"}
        forms = [
            (face.port, request_bytes("GET", "/index.html?goop-token=x", host)),
            (face.port, request_bytes("GET", f"/p/{BOB}/x", {"Host": "127.0.0.1", "X-Forwarded-For": "1.2.3.4, ::1"})),
            (face.port, request_bytes("HEAD", "/api/avatar/peer/" + BOB, {**host, "Origin": "http://x"})),
            (server.port, request_bytes("POST", "/api/open", json, b'{"address": "' + BOB.encode() + b'"}')),
            (server.port, request_bytes("GET", "/static/main.js", own)),
            (server.port, request_bytes("POST", "/api/thing", {**json, "Transfer-Encoding": "chunked"})),
        ]
        for _ in range(ROUNDS):
            port, data = dice.choice(forms)
            await throw(port, spoilt(dice, data))
        assert (await ask(face.port, "/", host=face.host(ME))).status == 200
        assert (await ask(server.port, "/api/state", headers=own)).status == 200
    assert not logged_errors
