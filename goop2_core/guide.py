"""The user guide of `resources/docs` as pages of the console."""

from __future__ import annotations

import asyncio
import re
from functools import lru_cache
from typing import Any

from aiohttp import web
from markdown_it import MarkdownIt

from goop2_core.errors import Refused
from goop2_core.resources import resource
from goop2_core.web import reply

FIRST = "index"
_SLUG = re.compile(r"[a-z][a-z-]{0,40}")


def routes() -> list[web.RouteDef]:
    """`GET /api/guide/{slug}` → `{slug, title, html}`; links between pages lead to `#/help/{slug}`."""

    async def page(request: web.Request) -> web.Response:
        return reply(await asyncio.to_thread(render, request.match_info["slug"]))

    return [web.get("/api/guide/{slug}", page)]


@lru_cache(maxsize=32)
def render(slug: str) -> dict[str, Any]:
    """One page of the guide as `{slug, title, html}`. Raises `Refused` (404) if there is none of this name."""
    file = resource("docs") / f"{slug}.md"
    if not _SLUG.fullmatch(slug) or not file.is_file():
        raise Refused("The guide has no such page", slug, "Start from its first page.", status=404)
    text = file.read_text(encoding="utf-8")
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    html = re.sub(r'href="(?:\./)?([a-z-]+)\.md(?:#[^"]*)?"', r'href="#/help/\1"', markdown.render(text))
    title = re.search(r"^# (.+)$", text, re.MULTILINE)
    return {"slug": slug, "title": title[1] if title else slug, "html": html}
