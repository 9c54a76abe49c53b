"""The console's routes for conversations."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from goop2_core.chat.routes import routes
from goop2_core.web import error_middleware
from tests.support.wait import until
from tests.unit.chat.people import Person, two_people


@asynccontextmanager
async def console(folder: Path) -> AsyncIterator[tuple[TestClient, Person, Person]]:
    async with two_people(folder) as (alice, bob):
        app = web.Application(middlewares=[error_middleware])
        app.add_routes(routes(alice.chat))
        async with TestClient(TestServer(app)) as client:
            yield client, alice, bob


async def test_writing_and_reading(tmp_path: Path) -> None:
    async with console(tmp_path) as (client, alice, bob):
        for number in range(5):
            body = {"content": f"word {number}", "client_id": str(number)}
            answer = await client.post(f"/api/chat/{bob.id}", json=body)
            assert answer.status == 200
            message = await answer.json()
            assert (message["content"], message["delivery"]) == (f"word {number}", "sending")
        await until(lambda: len(bob.events) == 5)
        await bob.chat.send(alice.id, "answer")
        await until(lambda: alice.chat.unread == 1)
        [talk] = await (await client.get("/api/chats")).json()
        assert (talk["peer_id"], talk["unread"], talk["last"]["content"]) == (bob.id, 1, "answer")
        page = await (await client.get(f"/api/chat/{bob.id}?limit=2")).json()
        assert [message["content"] for message in page["messages"]] == ["word 4", "answer"]
        assert page["more"] is True
        before = page["messages"][0]["id"]
        page = await (await client.get(f"/api/chat/{bob.id}?before={before}&limit=50")).json()
        assert [message["content"] for message in page["messages"]] == [f"word {number}" for number in range(4)]
        assert page["more"] is False
        assert await (await client.post(f"/api/chat/{bob.id}/read", json={})).json() == {}
        assert alice.chat.unread == 0
        assert await (await client.delete(f"/api/chat/{bob.id}")).json() == {}
        assert await (await client.get("/api/chats")).json() == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/chat/nobody", None, 404),
        ("GET", "/api/chat/ID?limit=x", None, 400),
        ("GET", "/api/chat/ID?before=-1", None, 400),
        ("GET", "/api/chat/ID?before=" + "9" * 30, None, 400),
        ("POST", "/api/chat/nobody", {"content": "x"}, 404),
        ("POST", "/api/chat/ID", {}, 400),
        ("POST", "/api/chat/ID", {"content": 5}, 400),
        ("POST", "/api/chat/ID", {"content": ""}, 400),
        ("POST", "/api/chat/ID", {"content": "x", "client_id": "y" * 65}, 400),
        ("POST", "/api/chat/ID", {"content": "x" * 20_000}, 413),
        ("POST", "/api/chat/ID", {"content": "x", "more": 1}, 400),
        ("POST", "/api/chat/ID/retry", {"message_id": 99}, 404),
        ("POST", "/api/chat/ID/retry", {"message_id": 1 << 70}, 400),
        ("POST", "/api/chat/ID/retry", {}, 400),
        ("POST", "/api/chat/nobody/read", {}, 404),
        ("DELETE", "/api/chat/nobody", None, 404),
        ("DELETE", "/api/chat/ID/messages/7", None, 404),
        ("DELETE", "/api/chat/ID/messages/x", None, 404),
    ],
)
async def test_bad_requests(tmp_path: Path, method: str, path: str, body: object, status: int) -> None:
    async with console(tmp_path) as (client, _alice, bob):
        answer = await client.request(method, path.replace("ID", bob.id), json=body)
        assert answer.status == status
        assert (await answer.json())["error"]["title"]


async def test_limits_of_a_page(tmp_path: Path) -> None:
    async with console(tmp_path) as (client, _alice, bob):
        for limit in (0, 1, 10**9):
            answer = await client.get(f"/api/chat/{bob.id}?limit={limit}")
            assert await answer.json() == {"messages": [], "more": False}
