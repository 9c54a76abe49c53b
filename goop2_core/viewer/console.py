"""The console face: the owner's own pages about one peer, on this computer only.

Whoever opens a one-time link gets a session cookie; without it nothing but a page on how to get in is shown. `Host`,
`Origin`, `Sec-Fetch-Site`, the kind of body and an own header are checked, so that no other page in the owner's browser
can use the session (spec/application.md 10.3, numbers 1 and 2).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiohttp import web
from pydantic import BaseModel, Field

from goop2_core.config import Config, parse_address
from goop2_core.errors import Goop2Error, Refused
from goop2_core.resources import resource
from goop2_core.site.content import ContentStore
from goop2_core.tasks import TaskOwner
from goop2_core.viewer import pages, theme
from goop2_core.viewer.edge import Edge, EdgeLimits
from goop2_core.viewer.events import EventHub
from goop2_core.viewer.files import send_file
from goop2_core.viewer.guard import CONSOLE_HEADERS, SERVER, check_body, check_console_host, check_origin, parse_host
from goop2_core.viewer.listener import Listener
from goop2_core.viewer.ports import bind
from goop2_core.viewer.session import CONSOLE_TOKEN_SECONDS, OneTimeTokens, Sessions
from goop2_core.web import error_middleware, json_body, reply

log = logging.getLogger("goop2.viewer")

DOOR = "console"
_SHARED = ("fonts", "icons")
LIMITS = EdgeLimits(connections=128, connections_per_address=128)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _Open(BaseModel):
    address: str = Field(max_length=4096)


class ConsoleServer:
    """Serves the console from `start` to `stop`. `remembered` is the port that it had last time, 0 if it is new.

    `feature_routes` are those of the engine's parts; `state` gives the facts for `/api/state`, `open_site` a one-time
    URL for a peer ID, link or name.
    """

    def __init__(
        self,
        config: Config,
        state: Callable[[], dict[str, Any]],
        hub: EventHub,
        feature_routes: Sequence[web.AbstractRouteDef],
        open_site: Callable[[str], Awaitable[str]],
        *,
        tasks: TaskOwner,
        remembered: int = 0,
        limits: EdgeLimits = LIMITS,
    ) -> None:
        self._address = parse_address(config.viewer.console_addr)
        self._state = state
        self._hub = hub
        self._feature_routes = feature_routes
        self._open_site = open_site
        self._tasks = tasks
        self._remembered = remembered
        self._limits = limits
        self._tokens = OneTimeTokens(CONSOLE_TOKEN_SECONDS)
        self._sessions = Sessions()
        self._listener: Listener | None = None
        self.port = 0

    async def start(self) -> None:
        """Listen. Raises `PortTaken` if the address cannot be had, `Goop2Error` if others could reach it."""
        if not self._address.loopback:
            raise Goop2Error(
                "The console could not start",
                f"viewer.console_addr is {self._address.host or 'every address'}, where others could reach it.",
                "Set it to 127.0.0.1:0. From another computer, use an SSH tunnel.",
            )
        sock, self.port = await asyncio.to_thread(
            bind, self._address, self._remembered, what="The console", setting="viewer.console_addr"
        )
        listener = Listener(self._app(), Edge(self._limits), self._tasks.child("console"))
        await listener.start(sock)
        self._listener = listener

    async def stop(self) -> None:
        """Let every page go and stop listening. Takes a second at most."""
        self._hub.close()
        if self._listener is not None:
            await self._listener.stop()
            self._listener = None

    def url(self, page: str = "people") -> str:
        """A link that lets a browser of this computer in: good once, for 10 minutes."""
        host = f"[{self._address.host}]" if ":" in self._address.host else "127.0.0.1"
        return f"http://{host}:{self.port}/?token={self._tokens.issue(DOOR)}#/{page.lstrip('#/')}"

    # ---- every request

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[error_middleware, self._guard])
        app.on_response_prepare.append(self._finish)
        app.router.add_routes(self._feature_routes)
        app.router.add_get("/", self._index)
        app.router.add_get(pages.ASSETS + "{name}", pages.serve_asset)
        app.router.add_get("/static/{path:.*}", self._static)
        app.router.add_get("/api/theme.css", self._theme)
        app.router.add_get("/api/state", self._get_state)
        app.router.add_get("/api/events", self._events)
        app.router.add_post("/api/open", self._open)
        return app

    @property
    def _cookie(self) -> str:
        """Named after the port: cookies do not tell ports apart, and each running peer has a console."""
        return f"goop2_console_{self.port}"

    def _session(self, request: web.Request) -> str:
        value = request.cookies.get(self._cookie, "")
        return value if self._sessions.valid(value, DOOR) else ""

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        hosts = request.headers.getall("Host", [])
        host = parse_host(hosts[0] if len(hosts) == 1 else "")
        check_console_host(host, self.port)
        check_origin(request.method, request.headers, host)
        if request.path == "/" and "token" in request.query and request.method == "GET":
            return self._let_in(request)
        if not self._session(request) and not request.path.startswith(pages.ASSETS):
            return self._how_to_get_in(request)
        check_body(request.method, request.headers)
        return await handler(request)

    async def _finish(self, request: web.Request, answer: web.StreamResponse) -> None:
        for name, value in CONSOLE_HEADERS.items():
            answer.headers.setdefault(name, value)
        answer.headers["Server"] = SERVER
        if request.path.startswith("/api/"):
            answer.headers.setdefault("Cache-Control", "no-store")

    def _let_in(self, request: web.Request) -> web.Response:
        """Take the one-time token and lead to `/`; the browser keeps the page's name after the `#` by itself."""
        good = self._tokens.take(request.query["token"], DOOR)
        if not good and not self._session(request):
            return self._how_to_get_in(request, used=True)
        answer = web.Response(status=303, headers={"Location": "/", "Cache-Control": "no-store"})
        if not self._session(request):
            answer.set_cookie(self._cookie, self._sessions.open(DOOR), httponly=True, samesite="Strict")
        return answer

    def _how_to_get_in(self, request: web.Request, *, used: bool = False) -> web.Response:
        error = Refused(
            "This link is used up" if used else "This is the console of a peer",
            "A link to the console works once, for ten minutes." if used else "Only its owner gets in, by a link.",
            "Open the console from goop2's window, or run “goop2 console DIR” in a terminal for a new link.",
            status=401,
        )
        if request.path.startswith(("/api/", "/static/")) or request.method not in ("GET", "HEAD"):
            raise error
        return pages.error_page(request, 401, error)

    # ---- the routes of this module

    async def _index(self, request: web.Request) -> web.StreamResponse:
        return await self._send(request, "console", "index.html")

    async def _static(self, request: web.Request) -> web.StreamResponse:
        """The console's own files, and the fonts and icons that it shares with the window."""
        path = request.match_info["path"]
        folder, _, rest = path.partition("/")
        if folder in _SHARED:
            return await self._send(request, folder, rest)
        return await self._send(request, "console", path)

    async def _send(self, request: web.Request, folder: str, path: str) -> web.StreamResponse:
        file = await asyncio.to_thread(lambda: ContentStore(resource(folder)).served(path))
        return await send_file(request, file.path, file.version, file.mime, {"Cache-Control": "no-cache"})

    async def _theme(self, _: web.Request) -> web.Response:
        headers = {"Content-Type": "text/css; charset=utf-8", "Cache-Control": "no-cache"}
        return web.Response(body=(await asyncio.to_thread(theme.css)).encode(), headers=headers)

    async def _get_state(self, _: web.Request) -> web.Response:
        return reply(self._state())

    async def _events(self, request: web.Request) -> web.StreamResponse:
        return await self._hub.serve(request, self._session(request))

    async def _open(self, request: web.Request) -> web.Response:
        body = await json_body(request, _Open)
        return reply({"url": await self._open_site(body.address)})
