"""The console's routes for the own site's files and for everyone's pictures."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from goop2_core.events import Event
from goop2_core.site.avatar import Avatars
from goop2_core.site.avatar_routes import avatar_routes
from goop2_core.site.content import ContentStore
from goop2_core.site.file_routes import file_routes


def routes(
    content: ContentStore,
    avatars: Avatars,
    *,
    own_id: str,
    avatar_hash: Callable[[str], str],
    emit: Callable[[Event], None],
) -> list[web.RouteDef]:
    """`/api/files…` and `/api/avatar…`. `avatar_hash` gives what presence last heard of a peer, or `""`."""
    return [*file_routes(content, emit), *avatar_routes(avatars, own_id, avatar_hash)]
