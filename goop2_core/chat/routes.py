"""The people page's conversations."""

from __future__ import annotations

from typing import Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from goop2_core.chat.direct import DirectChat
from goop2_core.errors import Refused
from goop2_core.identity import is_peer_id
from goop2_core.web import json_body, number_in_query, reply

MOST_MESSAGES: Final = 200
_MOST_DIGITS: Final = 18


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid")
    content: str = Field(max_length=65_536)
    client_id: str = Field(default="", max_length=64)


class _Again(BaseModel):
    model_config = ConfigDict(extra="forbid")
    message_id: int = Field(gt=0, lt=1 << 63)


def routes(chat: DirectChat) -> list[web.RouteDef]:
    """`/api/chats` lists the conversations; `/api/chat/{id}` reads, writes, marks as read and clears one."""

    async def conversations(_request: web.Request) -> web.Response:
        found = await chat.conversations()
        return reply([{"peer_id": peer_id, "unread": unread, "last": last} for peer_id, last, unread in found])

    async def history(request: web.Request) -> web.Response:
        limit = min(number_in_query(request, "limit", 50), MOST_MESSAGES) or 1
        messages = await chat.history(_peer(request), number_in_query(request, "before", 0), limit + 1)
        return reply({"messages": messages[-limit:], "more": len(messages) > limit})

    async def send(request: web.Request) -> web.Response:
        body = await json_body(request, _Written)
        return reply(await chat.send(_peer(request), body.content, body.client_id))

    async def again(request: web.Request) -> web.Response:
        body = await json_body(request, _Again)
        return reply(await chat.retry(_peer(request), body.message_id))

    async def remove(request: web.Request) -> web.Response:
        await chat.remove(_peer(request), _message(request))
        return reply({})

    async def read(request: web.Request) -> web.Response:
        await chat.mark_read(_peer(request))
        return reply({})

    async def clear(request: web.Request) -> web.Response:
        await chat.clear(_peer(request))
        return reply({})

    return [
        web.get("/api/chats", conversations),
        web.get("/api/chat/{id}", history),
        web.post("/api/chat/{id}", send),
        web.delete("/api/chat/{id}", clear),
        web.post("/api/chat/{id}/retry", again),
        web.post("/api/chat/{id}/read", read),
        web.delete("/api/chat/{id}/messages/{message}", remove),
    ]


def _peer(request: web.Request) -> str:
    peer_id = request.match_info["id"]
    if not is_peer_id(peer_id):
        raise Refused("There is no such person", "This is not a peer ID.", status=404)
    return peer_id


def _message(request: web.Request) -> int:
    text = request.match_info["message"]
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise Refused("There is no such message", status=404)
    return int(text)
