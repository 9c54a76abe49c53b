"""The groups page."""

from __future__ import annotations

from typing import Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from goop2_core.errors import Refused
from goop2_core.groups.manager import Groups
from goop2_core.groups.wire import LONGEST_NAME, LONGEST_ROLE, MOST_MEMBERS, is_group_id
from goop2_core.web import json_body, reply

MOST_INVITED: Final = 50
_LONGEST_PEER_ID: Final = 128


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _New(_Body):
    name: str = Field(min_length=1, max_length=LONGEST_NAME)
    type: str = Field(max_length=LONGEST_ROLE)
    max_members: int = Field(default=0, ge=0, le=MOST_MEMBERS)
    default_role: str = Field(default="viewer", min_length=1, max_length=LONGEST_ROLE)


class _Change(_Body):
    name: str | None = Field(default=None, min_length=1, max_length=LONGEST_NAME)
    max_members: int | None = Field(default=None, ge=0, le=MOST_MEMBERS)
    default_role: str | None = Field(default=None, min_length=1, max_length=LONGEST_ROLE)


class _Join(_Body):
    host_id: str = Field(max_length=_LONGEST_PEER_ID)
    group_id: str = Field(max_length=_LONGEST_PEER_ID)


class _Invite(_Body):
    peer_ids: list[str] = Field(min_length=1, max_length=MOST_INVITED)


class _Whom(_Body):
    peer_id: str = Field(max_length=_LONGEST_PEER_ID)


class _Role(_Whom):
    role: str = Field(min_length=1, max_length=LONGEST_ROLE)


def routes(groups: Groups) -> list[web.RouteDef]:
    """`/api/groups` lists, makes and joins groups; `/api/groups/{id}` and what is below changes one."""

    async def listed(_request: web.Request) -> web.Response:
        return reply({"groups": groups.listed(), "invitations": groups.invitations(), "types": groups.types})

    async def create(request: web.Request) -> web.Response:
        body = await json_body(request, _New)
        return reply(await groups.create(body.name, body.type, body.max_members, body.default_role))

    async def join(request: web.Request) -> web.Response:
        body = await json_body(request, _Join)
        return reply(await groups.join(body.host_id, body.group_id))

    async def one(request: web.Request) -> web.Response:
        return reply(groups.group(group_of(request)))

    async def update(request: web.Request) -> web.Response:
        body = await json_body(request, _Change)
        return reply(await groups.update(group_of(request), body.name, body.max_members, body.default_role))

    async def invite(request: web.Request) -> web.Response:
        body = await json_body(request, _Invite)
        invited = await groups.invite(group_of(request), body.peer_ids)
        return reply({"invited": [{"peer_id": peer_id, "state": state} for peer_id, state in invited]})

    async def uninvite(request: web.Request) -> web.Response:
        body = await json_body(request, _Whom)
        await groups.uninvite(group_of(request), body.peer_id)
        return reply({})

    async def kick(request: web.Request) -> web.Response:
        body = await json_body(request, _Whom)
        return reply(await groups.kick(group_of(request), body.peer_id))

    async def role(request: web.Request) -> web.Response:
        body = await json_body(request, _Role)
        return reply(await groups.set_role(group_of(request), body.peer_id, body.role))

    async def leave(request: web.Request) -> web.Response:
        await groups.leave(group_of(request))
        return reply({})

    async def remove(request: web.Request) -> web.Response:
        await groups.remove(group_of(request))
        return reply({})

    async def retry(request: web.Request) -> web.Response:
        return reply(groups.retry(group_of(request)))

    async def accept(request: web.Request) -> web.Response:
        return reply(await groups.accept(group_of(request)))

    async def decline(request: web.Request) -> web.Response:
        await groups.decline(group_of(request))
        return reply({})

    return [
        web.get("/api/groups", listed),
        web.post("/api/groups", create),
        web.post("/api/groups/join", join),
        web.get("/api/groups/{id}", one),
        web.post("/api/groups/{id}", update),
        web.delete("/api/groups/{id}", remove),
        web.post("/api/groups/{id}/invite", invite),
        web.post("/api/groups/{id}/uninvite", uninvite),
        web.post("/api/groups/{id}/kick", kick),
        web.post("/api/groups/{id}/role", role),
        web.post("/api/groups/{id}/leave", leave),
        web.post("/api/groups/{id}/retry", retry),
        web.post("/api/invitations/{id}/accept", accept),
        web.post("/api/invitations/{id}/decline", decline),
    ]


def group_of(request: web.Request) -> str:
    """The group that a path names. Raises `Refused` (404) if it cannot be one."""
    group_id = request.match_info["id"]
    if not is_group_id(group_id):
        raise Refused("There is no such group", status=404)
    return group_id
