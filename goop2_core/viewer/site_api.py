"""What the scripts of a site may ask the viewer: exactly what the SDK needs, and nothing of the owner's for guests."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from goop2_core.errors import Refused
from goop2_core.events import Person
from goop2_core.identicon import identicon
from goop2_core.identity import is_peer_id
from goop2_core.viewer.visit import VISIT, Services
from goop2_core.web import reply


class SiteApi:
    """The routes below `/api/` on the site face (spec/application.md 3.6, 3.10), and `/healthz`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def routes(self) -> list[web.RouteDef]:
        """All of them; each answers `GET` and `HEAD`."""
        return [
            web.get("/healthz", self._healthz),
            web.get("/api/self", self._self),
            web.get("/api/peers", self._peers),
            web.get("/api/avatar/peer/{peer_id}", self._avatar),
            web.get("/api/{rest:.*}", self._nothing),
        ]

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n", headers={"Cache-Control": "no-store"})

    async def _nothing(self, _: web.Request) -> web.Response:
        raise web.HTTPNotFound

    async def _self(self, request: web.Request) -> web.Response:
        visit = request[VISIT]
        if not visit.owner:
            return reply({"id": visit.guest.id, "label": "Guest", "email": "", "avatar_hash": "", "guest": True})
        profile = self._services.config().profile
        return reply(
            {
                "id": self._services.identity.peer_id,
                "label": profile.label,
                "email": profile.email,
                "avatar_hash": self._services.avatars.own.hash,
            }
        )

    async def _peers(self, request: web.Request) -> web.Response:
        """Whom the owner knows, for the own site alone; another one is told of the two who are there anyway."""
        visit, own_id = request[VISIT], self._services.identity.peer_id
        people = list(self._services.people()) if visit.owner else []
        if visit.owner and visit.host.site != own_id:
            there = [person for person in people if person.peer_id == visit.host.site]
            people = [replace(person, email="", favorite=False) for person in (*there, self._owner())]
        return reply([_as_peer(person) for person in sorted(people, key=lambda person: person.peer_id)])

    def _owner(self) -> Person:
        """The owner as other people see them in a list of people."""
        config = self._services.config()
        return Person(
            self._services.identity.peer_id,
            config.profile.label,
            avatar_hash=self._services.avatars.own.hash,
            video_disabled=config.viewer.video_disabled,
            active_template=config.viewer.active_template,
            online=True,
            reachable=True,
            last_seen=time.time_ns() // 1_000_000,
        )

    async def _avatar(self, request: web.Request) -> web.Response:
        """A person's picture. Guests cause no fetching: of other people they get the drawn one."""
        peer_id = request.match_info["peer_id"]
        if not is_peer_id(peer_id):
            raise Refused("There is no such peer", status=400)
        own = peer_id == self._services.identity.peer_id
        picture = None
        if own or request[VISIT].owner:
            announced = next((p.avatar_hash for p in self._services.people() if p.peer_id == peer_id), "")
            picture = await self._services.avatars.of(peer_id, announced)
        if picture is None:
            svg = identicon(peer_id, "dark" if request.query.get("mode") == "dark" else "light")
            return web.Response(
                body=svg.encode(), headers={"Content-Type": "image/svg+xml", "Cache-Control": "no-cache"}
            )
        etag = f'"{picture.hash}"'
        headers = {"ETag": etag, "Cache-Control": "no-cache" if own else "private, max-age=86400"}
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers=headers)
        return web.Response(body=picture.data, headers={**headers, "Content-Type": picture.mime})


def _as_peer(person: Person) -> dict[str, Any]:
    """A person as the SDK knows them (spec/application.md 3.6)."""
    return {
        "ID": person.peer_id,
        "Content": person.name,
        "Email": person.email,
        "AvatarHash": person.avatar_hash,
        "VideoDisabled": person.video_disabled,
        "ActiveTemplate": person.active_template,
        "Verified": person.verified,
        "Reachable": person.reachable,
        "Offline": not person.online,
        "LastSeen": datetime.fromtimestamp(person.last_seen / 1000, UTC).isoformat().replace("+00:00", "Z"),
        "Favorite": person.favorite,
    }
