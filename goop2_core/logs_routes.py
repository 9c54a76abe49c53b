"""The log page's data."""

from __future__ import annotations

from aiohttp import web

from goop2_core.errors import Refused
from goop2_core.logs import Ring
from goop2_core.web import reply

MOST_LINES = 2000
_DIGITS = 15


def routes(ring: Ring) -> list[web.RouteDef]:
    """`GET /api/log?after=0&limit=500` → `{lines, next}`: the oldest lines after a number, and what to ask for next."""

    async def show(request: web.Request) -> web.Response:
        after = _number(request, "after", 0)
        lines = ring.lines(after, min(_number(request, "limit", 500), MOST_LINES) or 1)
        return reply({"lines": lines, "next": lines[-1].number if lines else after})

    return [web.get("/api/log", show)]


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise Refused("The request cannot be used", f"{name} must be a number.", status=400)
    return int(text)
