"""The console's routes about people: the list, favourites, probing."""

from __future__ import annotations

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from goop2_core.presence.service import Presence
from goop2_core.web import json_body, reply

MOST_BODY = 1024


class FavoriteBody(BaseModel):
    """`{favorite: bool}`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    favorite: bool


def routes(presence: Presence) -> list[web.RouteDef]:
    """`GET /api/people`, `POST /api/people/{id}/favorite` and `POST /api/people/{id}/probe`."""

    async def people(_request: web.Request) -> web.Response:
        return reply(presence.people())

    async def favorite(request: web.Request) -> web.Response:
        body = await json_body(request, FavoriteBody, most=MOST_BODY)
        return reply(await presence.set_favorite(request.match_info["id"], body.favorite))

    async def probe(request: web.Request) -> web.Response:
        return reply(await presence.probe(request.match_info["id"]))

    return [
        web.get("/api/people", people),
        web.post("/api/people/{id}/favorite", favorite),
        web.post("/api/people/{id}/probe", probe),
    ]
