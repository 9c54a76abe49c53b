"""The console's routes about people, asked over HTTP."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from goop2_core.errors import Refused
from goop2_core.events import Path, Person
from goop2_core.presence.routes import routes
from goop2_core.web import error_middleware

ANN = Person("12D3KooWAnn", name="Ann", online=True, path=Path.DIRECT)


class OnePerson:
    """What the routes ask of presence, with one person in it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, object]] = []

    def people(self) -> list[Person]:
        return [ANN]

    async def set_favorite(self, peer_id: str, favorite: bool) -> Person:
        self.asked.append((peer_id, favorite))
        return ANN

    async def probe(self, peer_id: str) -> Person:
        if peer_id != ANN.peer_id:
            raise Refused("This person is not known here", status=404)
        return ANN


class Console:
    async def __aenter__(self) -> tuple[OnePerson, TestClient]:
        presence = OnePerson()
        app = web.Application(middlewares=[error_middleware])
        app.add_routes(routes(presence))
        self.client = TestClient(TestServer(app))
        await self.client.start_server()
        return presence, self.client

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()


async def test_the_list_of_people():
    async with Console() as (_, client):
        answer = await client.get("/api/people")
        (person,) = await answer.json()
        assert (person["peer_id"], person["name"], person["path"], person["online"]) == (
            ANN.peer_id,
            "Ann",
            "direct",
            True,
        )


async def test_favourite_and_probe():
    async with Console() as (presence, client):
        answer = await client.post(f"/api/people/{ANN.peer_id}/favorite", json={"favorite": True})
        assert (answer.status, (await answer.json())["peer_id"]) == (200, ANN.peer_id)
        assert presence.asked == [(ANN.peer_id, True)]
        assert (await client.post(f"/api/people/{ANN.peer_id}/probe", json={})).status == 200
        answer = await client.post("/api/people/nobody/probe", json={})
        assert answer.status == 404
        assert (await answer.json())["error"]["title"] == "This person is not known here"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"favorite":1}', b'{"favorite":true,"x":1}', b'{"favorite":' + b" " * 2000]
)
async def test_bodies_that_are_refused(body):
    async with Console() as (presence, client):
        answer = await client.post("/api/people/x/favorite", data=body, headers={"Content-Type": "application/json"})
        assert answer.status in {400, 413}
        assert presence.asked == []
