"""The pages of chat rooms."""

from __future__ import annotations

from typing import Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from goop2_core.chat.rooms import Rooms
from goop2_core.errors import Refused
from goop2_core.groups.routes import group_of
from goop2_core.web import json_body, number_in_query, reply

MOST_MESSAGES: Final = 200
MOST_FOUND: Final = 100
_MOST_DIGITS: Final = 18


class _Edited(BaseModel):
    model_config = ConfigDict(extra="forbid")
    content: str = Field(max_length=65_536)


class _Written(_Edited):
    client_id: str = Field(default="", max_length=64)
    reply_to: int = Field(default=0, ge=0, lt=1 << 63)


def routes(rooms: Rooms) -> list[web.RouteDef]:
    """`/api/rooms` lists the rooms; `/api/rooms/{id}` and what is below reads, writes and changes one."""

    async def listed(_request: web.Request) -> web.Response:
        found = await rooms.listed()
        return reply([{"group_id": group_id, "unread": unread, "last": last} for group_id, unread, last in found])

    async def history(request: web.Request) -> web.Response:
        limit = min(number_in_query(request, "limit", 50), MOST_MESSAGES) or 1
        before, after = number_in_query(request, "before"), number_in_query(request, "after")
        messages, unread = await rooms.history(group_of(request), before, after, limit + 1)
        more = len(messages) > limit
        return reply({"messages": messages[:limit] if after else messages[-limit:], "more": more, "unread": unread})

    async def send(request: web.Request) -> web.Response:
        body = await json_body(request, _Written)
        return reply(await rooms.send(group_of(request), body.content, body.client_id, body.reply_to))

    async def edit(request: web.Request) -> web.Response:
        body = await json_body(request, _Edited)
        return reply(await rooms.edit(group_of(request), _message(request), body.content))

    async def delete(request: web.Request) -> web.Response:
        await rooms.delete(group_of(request), _message(request))
        return reply({})

    async def retry(request: web.Request) -> web.Response:
        return reply(await rooms.retry(group_of(request), _message(request)))

    async def read(request: web.Request) -> web.Response:
        await rooms.mark_read(group_of(request))
        return reply({})

    async def typing(request: web.Request) -> web.Response:
        await rooms.typing(group_of(request))
        return reply({})

    async def search(request: web.Request) -> web.Response:
        limit = min(number_in_query(request, "limit", 50), MOST_FOUND) or 1
        found = await rooms.search(group_of(request), request.query.get("q", ""), limit + 1)
        return reply({"messages": found[:limit], "more": len(found) > limit})

    return [
        web.get("/api/rooms", listed),
        web.get("/api/rooms/{id}", history),
        web.post("/api/rooms/{id}", send),
        web.get("/api/rooms/{id}/search", search),
        web.post("/api/rooms/{id}/read", read),
        web.post("/api/rooms/{id}/typing", typing),
        web.post("/api/rooms/{id}/{message}/edit", edit),
        web.post("/api/rooms/{id}/{message}/retry", retry),
        web.delete("/api/rooms/{id}/{message}", delete),
    ]


def _message(request: web.Request) -> int:
    text = request.match_info["message"]
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise Refused("There is no such message", status=404)
    return int(text)
