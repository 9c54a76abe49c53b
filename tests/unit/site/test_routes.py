"""The console's routes for files and pictures."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from goop2_core.events import Event, SiteChanged
from goop2_core.site import file_routes
from goop2_core.site.routes import routes
from goop2_core.web import error_middleware
from tests.support.wait import until
from tests.unit.site.peers import PNG, Peer, two_peers


@asynccontextmanager
async def console(folder: Path) -> AsyncIterator[tuple[TestClient, Peer, Peer, list[Event]]]:
    async with two_peers(folder) as (alice, bob):
        told: list[Event] = []
        app = web.Application(middlewares=[error_middleware])
        app.add_routes(
            routes(
                bob.content,
                bob.avatars,
                own_id=bob.id,
                avatar_hash=lambda peer_id: alice.avatar.hash if peer_id == alice.id else "",
                emit=told.append,
            )
        )
        async with TestClient(TestServer(app)) as client:
            yield client, alice, bob, told


async def listed(client: TestClient, path: str = "") -> list[str]:
    answer = await client.get("/api/files", params={"path": path})
    assert answer.status == 200
    return [entry["path"] for entry in (await answer.json())["entries"]]


async def test_files_are_put_seen_and_taken(tmp_path: Path) -> None:
    async with console(tmp_path) as (client, _alice, bob, told):
        data = os.urandom(3_000_000)
        answer = await client.put("/api/files/content", params={"path": "/a dir/ü.bin"}, data=io.BytesIO(data))
        put = await answer.json()
        assert (answer.status, put["path"], put["size"]) == (200, "a dir/ü.bin", 3_000_000)
        assert told == [SiteChanged("a dir/ü.bin")]
        [entry] = (await (await client.get("/api/files?path=a%20dir")).json())["entries"]
        assert entry["modified"] > 1_600_000_000_000
        del entry["modified"]
        assert entry == {"path": "a dir/ü.bin", "name": "ü.bin", "dir": False, "size": 3_000_000}
        answer = await client.get("/api/files/content", params={"path": "a dir/ü.bin"})
        assert await answer.read() == data
        assert answer.headers["ETag"] == f'"{put["etag"]}"'
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Disposition"].startswith(
            "attachment; filename=\"_.bin\"; filename*=UTF-8''%C3%BC"
        )
        assert bob.content.served("/a dir/ü.bin").size == 3_000_000


async def test_conflicts(tmp_path: Path) -> None:
    async with console(tmp_path) as (client, *_):
        first = await (
            await client.put("/api/files/content?path=a.txt", data=b"1", headers={"If-Match": "none"})
        ).json()
        for tag, status in (("none", 409), (f'"{first["etag"]}"', 200), (first["etag"], 409)):
            answer = await client.put("/api/files/content?path=a.txt", data=b"2", headers={"If-Match": tag})
            assert answer.status == status
        empty = await client.put("/api/files/content?path=empty", data=b"")
        assert (await empty.json())["size"] == 0
        assert await listed(client) == ["a.txt", "empty"]


async def test_folders_renames_and_deletes(tmp_path: Path) -> None:
    async with console(tmp_path) as (client, _alice, _bob, told):
        assert (await client.post("/api/files/mkdir", json={"path": "css"})).status == 200
        await client.put("/api/files/content?path=css/a.css", data=b"x")
        answer = await client.post("/api/files/rename", json={"path": "css/a.css", "to": "css/b.css"})
        assert (answer.status, await listed(client, "css")) == (200, ["css/b.css"])
        assert (await client.delete("/api/files?path=css")).status == 409
        assert (await client.delete("/api/files?path=css&recursive=1")).status == 200
        assert await listed(client) == []
        assert [event.path for event in told if isinstance(event, SiteChanged)] == [
            "css", "css/a.css", "css/a.css", "css/b.css", "css",
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/files?path=../..", None, 403),
        ("GET", "/api/files?path=missing", None, 404),
        ("GET", "/api/files/content", None, 400),
        ("GET", "/api/files/content?path=../avatar.png", None, 403),
        ("GET", "/api/files/content?path=missing", None, 404),
        ("GET", "/api/files/content?path=%00", None, 404),
        ("PUT", "/api/files/content?path=../x", {}, 403),
        ("PUT", "/api/files/content", {}, 400),
        ("POST", "/api/files/mkdir", {"path": ""}, 400),
        ("POST", "/api/files/mkdir", {"path": "../x"}, 403),
        ("POST", "/api/files/mkdir", {"path": "\ud800"}, 400),
        ("POST", "/api/files/mkdir", {"path": "x" * 300}, 400),
        ("POST", "/api/files/mkdir", {"path": "x" * 5000}, 400),
        ("POST", "/api/files/mkdir", [], 400),
        ("POST", "/api/files/rename", {"path": "missing", "to": "x"}, 404),
        ("POST", "/api/files/rename", {"path": "missing"}, 400),
        ("DELETE", "/api/files", None, 400),
        ("DELETE", "/api/files?path=/", None, 403),
        ("DELETE", "/api/files?path=missing", None, 404),
        ("GET", "/api/avatar/nobody", None, 404),
    ],
)
async def test_bad_requests(tmp_path: Path, method: str, path: str, body: object, status: int) -> None:
    async with console(tmp_path) as (client, _alice, _bob, told):
        answer = await client.request(method, path, json=body)
        assert answer.status == status
        assert (await answer.json())["error"]["title"]
        assert told == []


async def test_an_upload_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    async with console(tmp_path) as (client, _alice, bob, told):
        reader, writer = await asyncio.open_connection(client.host, client.port)
        head = "PUT /api/files/content?path=a.bin HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n"
        writer.write(head.encode() + b"x" * 2_500_000)
        await writer.drain()
        temporary = bob.content.root / ".goop2-tmp"
        await until(temporary.exists)
        writer.transport.abort()
        await until(lambda: not temporary.exists())
        assert await listed(client) == []
        assert told == []
        del reader


async def test_an_upload_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_routes, "MOST_UPLOAD", 1_500_000)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 100_000

    async with console(tmp_path) as (client, _alice, bob, _told):
        assert (await client.put("/api/files/content?path=a", data=io.BytesIO(b"x" * 1_500_001))).status == 413
        assert (await client.put("/api/files/content?path=a", data=pieces())).status == 413
        assert (await client.put("/api/files/content?path=b", data=io.BytesIO(b"x" * 1_500_000))).status == 200
        assert await listed(client) == ["b"]
        assert not await asyncio.to_thread((bob.content.root / ".goop2-tmp").exists)


async def test_pictures(tmp_path: Path) -> None:
    async with console(tmp_path) as (client, alice, bob, _told):
        for path in ("/api/avatar", f"/api/avatar/{alice.id}?mode=dark", f"/api/avatar/{bob.id}"):
            answer = await client.get(path)
            assert answer.headers["Content-Type"] == "image/svg+xml"
            assert (await answer.text()).startswith("<svg")
        answer = await client.put("/api/avatar", data=PNG, headers={"Content-Type": "application/octet-stream"})
        assert await answer.json() == {"hash": bob.avatar.hash, "mime": "image/png"}
        for path in ("/api/avatar", f"/api/avatar/{bob.id}?mode=light"):
            answer = await client.get(path)
            assert await answer.read() == PNG
            assert answer.headers["Content-Type"] == "image/png"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
        again = await client.get("/api/avatar", headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status == 304
        assert (await client.put("/api/avatar", data=b"<svg/>")).status == 415
        assert (await client.put("/api/avatar", data=PNG + bytes(300_000))).status == 413
        await alice.avatar.set(PNG + b"alice")
        await bob.node.connect(alice.id)
        assert await (await client.get(f"/api/avatar/{alice.id}")).read() == PNG + b"alice"
        assert (await client.delete("/api/avatar")).status == 200
        assert (await client.get("/api/avatar")).headers["Content-Type"] == "image/svg+xml"
