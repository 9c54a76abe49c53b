"""Pictures over HTTP: the own one, which the owner may change, and other people's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aiohttp import web

from goop2_core.errors import Refused
from goop2_core.identicon import identicon
from goop2_core.identity import is_peer_id
from goop2_core.site.avatar import MOST_OWN, Avatars, Picture
from goop2_core.web import body_bytes, reply

_SAFE: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
}


def avatar_routes(avatars: Avatars, own_id: str, avatar_hash: Callable[[str], str]) -> list[web.RouteDef]:
    """`GET /api/avatar[/{peer_id}]?mode=light|dark` gives the picture or an identicon; `PUT`, `DELETE` the own one."""

    async def own(request: web.Request) -> web.Response:
        return picture_reply(request, avatars.own.picture, own_id)

    async def put(request: web.Request) -> web.Response:
        picture = await avatars.own.set(await body_bytes(request, MOST_OWN))
        return reply({"hash": picture.hash, "mime": picture.mime})

    async def delete(_request: web.Request) -> web.Response:
        await avatars.own.remove()
        return reply({})

    async def other(request: web.Request) -> web.Response:
        peer_id = request.match_info["id"]
        if not is_peer_id(peer_id):
            raise Refused("There is no such person", "This is not a peer ID.", status=404)
        announced = avatar_hash(peer_id)
        return picture_reply(request, await avatars.of(peer_id, announced), peer_id)

    return [
        web.get("/api/avatar", own),
        web.put("/api/avatar", put),
        web.delete("/api/avatar", delete),
        web.get("/api/avatar/{id}", other),
    ]


def picture_reply(request: web.Request, picture: Picture | None, peer_id: str) -> web.Response:
    """The picture, or an identicon for `?mode=`, as nothing but an image. Browsers ask each time whether it is new."""
    if picture is None:
        dark = request.query.get("mode") == "dark"
        body, mime, tag = identicon(peer_id, "dark" if dark else "light").encode(), "image/svg+xml", ""
    else:
        body, mime, tag = picture.data, picture.mime, f'"{picture.hash}"'
    headers = {**_SAFE, "Cache-Control": "no-cache"}
    if tag:
        headers["ETag"] = tag
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type=mime, headers=headers)
