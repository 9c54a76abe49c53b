"""The console's routes for groups and rooms."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from goop2_core.chat.room_routes import routes as room_routes
from goop2_core.events import GroupState
from goop2_core.groups.routes import routes as group_routes
from goop2_core.web import error_middleware
from tests.support.wait import until
from tests.unit.groups.peers import Peer, converged, peers


@asynccontextmanager
async def consoles(folder: Path) -> AsyncIterator[tuple[TestClient, TestClient, Peer, Peer]]:
    async with peers(folder, "Alice", "Bob") as [alice, bob]:
        clients = []
        for one in (alice, bob):
            app = web.Application(middlewares=[error_middleware])
            app.add_routes([*group_routes(one.groups), *room_routes(one.rooms)])
            clients.append(TestClient(TestServer(app)))
        async with clients[0], clients[1]:
            yield clients[0], clients[1], alice, bob


async def call(client: TestClient, method: str, path: str, body: object = None) -> Any:
    answer = await client.request(method, path, json=body)
    assert answer.status == 200, await answer.text()
    return await answer.json()


async def test_a_room_from_its_making_to_its_end(tmp_path: Path) -> None:
    async with consoles(tmp_path) as (hers, his, alice, bob):
        group = await call(hers, "POST", "/api/groups", {"name": "Club", "type": "chat"})
        assert group | {"id": "", "created_at": 0, "members": []} == {
            "id": "", "name": "Club", "type": "chat", "context": "", "host_id": alice.id, "host_name": "Alice",
            "hosted": True, "state": "hosting", "reason": "", "role": "owner", "default_role": "viewer",
            "max_members": 0, "created_at": 0, "members": [], "invited": [],
        }  # fmt: skip
        path, room = f"/api/groups/{group['id']}", f"/api/rooms/{group['id']}"
        invited = await call(hers, "POST", f"{path}/invite", {"peer_ids": [bob.id]})
        assert invited == {"invited": [{"peer_id": bob.id, "state": "sent"}]}
        await until(bob.groups.invitations)
        page = await call(his, "GET", "/api/groups")
        assert page["types"] == ["chat"]
        [invitation] = page["invitations"]
        assert invitation | {"received_at": 0} == {
            "group_id": group["id"], "group_name": "Club", "host_id": alice.id, "host_name": "Alice", "type": "chat",
            "supported": True, "received_at": 0,
        }  # fmt: skip
        assert (await call(his, "POST", f"/api/invitations/{group['id']}/accept", {}))["state"] == "joining"
        await until(lambda: bob.state(group["id"]) is GroupState.CONNECTED)
        changed = await call(hers, "POST", path, {"name": "Other", "max_members": 5})
        assert (changed["name"], changed["max_members"]) == ("Other", 5)
        changed = await call(hers, "POST", f"{path}/role", {"peer_id": bob.id, "role": "editor"})
        assert changed["members"][1]["role"] == "editor"
        sent = await call(his, "POST", room, {"content": "hello", "client_id": "1"})
        assert (sent["content"], sent["delivery"], sent["from_id"], sent["reply_to"]) == ("hello", "sending", bob.id, 0)
        await converged(group["id"], ["hello"], alice, bob)
        await until(lambda: alice.rooms.unread == 1)
        page = await call(hers, "GET", f"{room}?limit=10")
        assert (page["more"], page["unread"], [m["delivery"] for m in page["messages"]]) == (False, 1, ["received"])
        answer = await call(hers, "POST", room, {"content": "hi Bob", "reply_to": page["messages"][0]["id"]})
        assert (answer["delivery"], answer["reply_to"]) == ("delivered", page["messages"][0]["id"])
        page = await call(hers, "GET", f"{room}?limit=1")
        assert ([m["content"] for m in page["messages"]], page["more"]) == (["hi Bob"], True)
        page = await call(hers, "GET", f"{room}?limit=1&before={answer['id']}")
        assert ([m["content"] for m in page["messages"]], page["more"]) == (["hello"], False)
        page = await call(hers, "GET", f"{room}?limit=1&after={page['messages'][0]['id']}")
        assert [m["content"] for m in page["messages"]] == ["hi Bob"]
        edited = await call(hers, "POST", f"{room}/{answer['id']}/edit", {"content": "hi Bobby"})
        assert (edited["content"], bool(edited["edited_at"])) == ("hi Bobby", True)
        found = await call(hers, "GET", f"{room}/search?q=BOBBY")
        assert [m["id"] for m in found["messages"]] == [answer["id"]]
        assert await call(hers, "DELETE", f"{room}/{answer['id']}") == {}
        assert await call(hers, "POST", f"{room}/read", {}) == {}
        assert await call(hers, "POST", f"{room}/typing", {}) == {}
        [listed] = await call(hers, "GET", "/api/rooms")
        assert (listed["group_id"], listed["unread"], listed["last"]["deleted"]) == (group["id"], 0, True)
        kicked = await call(hers, "POST", f"{path}/kick", {"peer_id": bob.id})
        assert len(kicked["members"]) == 1
        assert await call(hers, "DELETE", path) == {}
        assert (await call(hers, "GET", "/api/groups"))["groups"] == []
        await until(lambda: bob.state(group["id"]) is GroupState.REMOVED)
        assert await call(his, "POST", f"{path}/leave", {}) == {}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/api/groups", {}, 400),
        ("POST", "/api/groups", {"name": "", "type": "chat"}, 400),
        ("POST", "/api/groups", {"name": "x", "type": "files"}, 400),
        ("POST", "/api/groups", {"name": "x" * 101, "type": "chat"}, 400),
        ("POST", "/api/groups", {"name": "x", "type": "chat", "max_members": 1000}, 400),
        ("POST", "/api/groups", {"name": "x", "type": "chat", "more": 1}, 400),
        ("POST", "/api/groups/join", {"host_id": "x", "group_id": "y"}, 400),
        ("GET", "/api/groups/none", None, 404),
        ("GET", "/api/groups/a:b", None, 404),
        ("POST", "/api/groups/none", {"name": "x"}, 404),
        ("DELETE", "/api/groups/none", None, 404),
        ("POST", "/api/groups/none/invite", {"peer_ids": []}, 400),
        ("POST", "/api/groups/none/retry", {}, 404),
        ("POST", "/api/groups/ID/retry", {}, 403),
        ("POST", "/api/groups/ID/leave", {}, 403),
        ("POST", "/api/groups/ID/kick", {"peer_id": "x"}, 404),
        ("POST", "/api/groups/ID/role", {"peer_id": "x", "role": ""}, 400),
        ("POST", "/api/invitations/none/accept", {}, 404),
        ("POST", "/api/invitations/none/decline", {}, 404),
        ("GET", "/api/rooms/none", None, 404),
        ("GET", "/api/rooms/ID?before=x", None, 400),
        ("POST", "/api/rooms/ID", {"content": ""}, 400),
        ("POST", "/api/rooms/ID", {"content": "x" * 20_000}, 413),
        ("POST", "/api/rooms/ID", {"content": "x", "reply_to": -1}, 400),
        ("POST", "/api/rooms/ID/7/edit", {"content": "x"}, 404),
        ("POST", "/api/rooms/ID/x/edit", {"content": "x"}, 404),
        ("DELETE", "/api/rooms/ID/7", None, 404),
        ("GET", "/api/rooms/ID/search", None, 400),
        ("POST", "/api/rooms/none/typing", {}, 404),
    ],
)
async def test_bad_requests(tmp_path: Path, method: str, path: str, body: object, status: int) -> None:
    async with consoles(tmp_path) as (hers, _his, alice, _bob):
        group = await alice.groups.create("Club", "chat")
        answer = await hers.request(method, path.replace("ID", group.id), json=body)
        assert answer.status == status, await answer.text()
        assert (await answer.json())["error"]["title"]
