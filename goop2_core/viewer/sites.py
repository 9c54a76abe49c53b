"""The site face: sites for the owner's browser and, if the owner publishes it, for everybody's.

Each site has an origin of its own on this computer, `http://<peer ID in base36>.localhost:<port>/`, so that no site can
touch another one, nor the console. There the owner is known by a cookie that a one-time token set. Everyone else is a
guest, with the rights of an anonymous remote peer, at `/p/<peer-id>/` of whichever name leads here.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from urllib.parse import quote, unquote, urlsplit

from aiohttp import web
from yarl import URL

from goop2_core.config import Address, parse_address
from goop2_core.errors import Goop2Error, Refused
from goop2_core.identity import is_peer_id, to_base36
from goop2_core.site.content import ContentStore, SiteFile
from goop2_core.tasks import TaskOwner
from goop2_core.viewer import pages
from goop2_core.viewer.edge import Edge, EdgeLimits
from goop2_core.viewer.files import send_file
from goop2_core.viewer.guard import (
    SAFE_METHODS,
    SERVER,
    SITE_HEADERS,
    Client,
    IPNetwork,
    Rates,
    check_body,
    check_origin,
    check_site_host,
    client_key,
    client_of,
    parse_host,
    parse_networks,
    trusts,
)
from goop2_core.viewer.listener import Listener
from goop2_core.viewer.ports import bind
from goop2_core.viewer.remote import RemoteSites
from goop2_core.viewer.session import SITE_TOKEN_SECONDS, OneTimeTokens, Sessions, guest_of
from goop2_core.viewer.site_api import SiteApi
from goop2_core.viewer.visit import VISIT, Services, Visit
from goop2_core.web import error_reply

__all__ = ["Services", "SitesServer"]

log = logging.getLogger("goop2.viewer")

TOKEN = "goop-token"  # noqa: S105 (the name of a parameter)
GUEST_COOKIE = "goop2_guest"
GUEST_COOKIE_SECONDS = 365 * 86_400
MOST_BODY = 1 << 20
HTTP_PORT = 80
REQUESTS_PER_SECOND, REQUEST_BURST = 50.0, 300.0
REQUESTS_AT_ONCE = 64
_SAFE = "/:@!$&'()*+,;=-._~"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class SitesServer:
    """Serves sites over HTTP from `start` to `stop`. `remembered` is the port that it had last time, 0 if it is new."""

    def __init__(
        self, services: Services, tasks: TaskOwner, *, remembered: int = 0, limits: EdgeLimits | None = None
    ) -> None:
        self._services = services
        self._tasks = tasks
        self._remembered = remembered
        self._limits = limits or EdgeLimits()
        text = services.config().viewer.http_addr.strip()
        self._address = parse_address(text) if text else Address("127.0.0.1", 0)
        self._tokens = OneTimeTokens(SITE_TOKEN_SECONDS)
        self._sessions = Sessions()
        self._rates = Rates(REQUESTS_PER_SECOND, REQUEST_BURST)
        self._remote = RemoteSites(services)
        self._at_once: Counter[str] = Counter()
        self._listener: Listener | None = None
        self.port = 0

    # ---- life

    async def start(self) -> None:
        """Listen. Raises `PortTaken` if the address cannot be had."""
        sock, self.port = await asyncio.to_thread(
            bind, self._address, self._remembered, what="The site", setting="viewer.http_addr"
        )
        edge = Edge(self._limits, lambda address: trusts(self._proxies(), address))
        listener = Listener(self._app(), edge, self._tasks.child("sites"), cancel_when_gone=True)
        await listener.start(sock)
        self._listener = listener
        log.info("sites are served on port %d of %s", self.port, self._address.host or "every address")

    async def stop(self) -> None:
        """Stop listening and end every visit. Takes a second at most."""
        if self._listener is not None:
            await self._listener.stop()
            self._listener = None

    @property
    def public(self) -> bool:
        """Whether other computers can reach it without a proxy."""
        return not self._address.loopback

    # ---- addresses

    def origin(self, peer_id: str) -> str:
        """The origin of a peer's site on this computer."""
        return f"http://{to_base36(peer_id)}.localhost:{self.port}"

    def owner_url(self, peer_id: str, path: str = "/") -> str:
        """A URL under which the owner visits a site as themselves: good once, for 60 s. `path` may have a query."""
        parts = urlsplit("/" + path.lstrip("/\\"))
        query = f"{parts.query}&" if parts.query else ""
        fragment = f"#{parts.fragment}" if parts.fragment else ""
        token = self._tokens.issue(peer_id)
        return f"{self.origin(peer_id)}{parts.path}?{query}{TOKEN}={token}{fragment}"

    def public_url(self, peer_id: str) -> str:
        """Where others may open the site in a plain browser: `viewer.public_url` if it is set, else this server."""
        base = self._services.config().viewer.public_url.rstrip("/")
        if not base:
            host = self._address.host
            base = f"http://{f'[{host}]' if ':' in host else host or '127.0.0.1'}:{self.port}"
        return f"{base}/p/{peer_id}/"

    # ---- every request

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[self._errors, self._guard], client_max_size=MOST_BODY)
        app.on_response_prepare.append(self._finish)
        app.router.add_routes(SiteApi(self._services).routes())
        app.router.add_get(pages.ASSETS + "{name}", pages.serve_asset)
        app.router.add_get("/p/{peer_id}{rest:(/.*)?}", self._by_path)
        app.router.add_get("/{rest:.*}", self._by_host)
        return app

    def _proxies(self) -> tuple[IPNetwork, ...]:
        return parse_networks(self._services.config().viewer.trusted_proxies)

    @property
    def _cookie(self) -> str:
        """Named after the port: cookies do not tell ports apart, and another peer here may visit the same site."""
        return f"goop2_site_{self.port}"

    def _visit(self, request: web.Request) -> Visit:
        headers = request.headers
        hosts = headers.getall("Host", [])
        host = parse_host(hosts[0] if len(hosts) == 1 else "")
        name = urlsplit(self._services.config().viewer.public_url).hostname
        if host.name != name:
            check_site_host(host, public=self.public)
        peer = request.transport.get_extra_info("peername") if request.transport else None
        forwarded = headers.getall("X-Forwarded-For", [])
        client = client_of(str(peer[0]) if peer else "", headers, forwarded, self._proxies())
        if request.version < (1, 1):  # no browser: a proxy that does not say so
            client = Client(client.address, proxied=True, secure=client.secure)
        session = request.cookies.get(self._cookie, "")
        owner = bool(host.site) and client.local and self._sessions.valid(session, host.site)
        return Visit(host, client, guest_of(request.cookies.get(GUEST_COOKIE, "")), owner)

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        visit = self._visit(request)
        request[VISIT] = visit
        scheme = "https" if visit.client.secure else "http"
        if request.method not in SAFE_METHODS or request.path.startswith("/api/"):
            check_origin(request.method, request.headers, visit.host, scheme)
        check_body(request.method, request.headers)
        if (request.content_length or 0) > MOST_BODY:
            raise Refused("The request is too large", f"At most {MOST_BODY} bytes are accepted.", status=413)
        if visit.owner or visit.client.local:
            return await handler(request)
        return await self._limited(request, handler, client_key(visit.client.address))

    async def _limited(self, request: web.Request, handler: Handler, key: str) -> web.StreamResponse:
        if self._rates.take(key) or self._at_once[key] >= REQUESTS_AT_ONCE:
            raise Refused("Too many requests", "This site answers you again in a moment.", status=429)
        self._at_once[key] += 1
        try:
            return await handler(request)
        finally:
            self._at_once[key] -= 1
            if not self._at_once[key]:
                del self._at_once[key]

    @web.middleware
    async def _errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        error: Goop2Error
        allow = ""
        try:
            return await handler(request)
        except web.HTTPException as exception:
            if exception.status < HTTPStatus.BAD_REQUEST:
                raise
            allow = exception.headers.get("Allow", "")
            status, error = exception.status, Goop2Error(_TITLES.get(exception.status, exception.reason))
        except Refused as refusal:
            status, error = refusal.status, refusal
        except ConnectionError:
            raise
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            status, error = 500, Goop2Error("Something went wrong here", "", "The log of this peer says more.")
        if request.path.startswith("/api/"):
            answer: web.Response = error_reply(Refused(error.title, error.message, error.hint, status=status))
        else:
            answer = pages.error_page(request, status, error, retry=status == HTTPStatus.TOO_MANY_REQUESTS)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            answer.headers["Retry-After"] = "2"
        if allow:
            answer.headers["Allow"] = allow
        return answer

    async def _finish(self, request: web.Request, answer: web.StreamResponse) -> None:
        for name, value in SITE_HEADERS.items():
            answer.headers.setdefault(name, value)
        answer.headers["Server"] = SERVER
        visit = request.get(VISIT)
        if visit is not None and visit.guest.fresh and not visit.owner and answer.status < HTTPStatus.MULTIPLE_CHOICES:
            secure = "; Secure" if visit.client.secure else ""  # cookies set by aiohttp's own way were written already
            cookie = (
                f"{GUEST_COOKIE}={visit.guest.secret}; HttpOnly; Max-Age={GUEST_COOKIE_SECONDS}; Path=/; SameSite=Lax"
            )
            answer.headers.add("Set-Cookie", cookie + secure)

    # ---- sites

    async def _by_host(self, request: web.Request) -> web.StreamResponse:
        """`/path` of a site origin; anywhere else, `/` leads to the own site."""
        visit = request[VISIT]
        if not visit.host.site:
            if request.path != "/":
                raise web.HTTPNotFound
            raise web.HTTPFound(f"/p/{self._services.identity.peer_id}/")
        if TOKEN in request.query:
            return self._let_in(request, visit)
        return await self._site(request, visit, visit.host.site, _decoded(request.rel_url.raw_path))

    async def _by_path(self, request: web.Request) -> web.StreamResponse:
        """`/p/<peer-id>/path`: leads to the origin where that is on the visitor's own computer, else serves it."""
        visit = request[VISIT]
        peer_id = request.match_info["peer_id"]
        if not is_peer_id(peer_id):
            raise Refused("There is no such site", "The address does not contain a peer ID.", status=404)
        raw = request.rel_url.raw_path.removeprefix(f"/p/{peer_id}")
        if (visit.host.loopback and not visit.client.proxied) or visit.host.site:
            port = f":{visit.host.port}" if visit.host.port != HTTP_PORT else ""
            origin = f"http://{to_base36(peer_id)}.localhost{port}"
            raise web.HTTPTemporaryRedirect(_location(_decoded(raw), request.rel_url.raw_query_string, origin))
        if not raw:
            raise web.HTTPMovedPermanently(_location(f"/p/{peer_id}/", request.rel_url.raw_query_string))
        return await self._site(request, visit, peer_id, _decoded(raw))

    def _let_in(self, request: web.Request, visit: Visit) -> web.Response:
        """Take the one-time token, and lead to the same address without it; a token that is no good leads there too."""
        query = "&".join(
            part for part in request.rel_url.raw_query_string.split("&") if part.partition("=")[0] != TOKEN
        )
        answer = web.Response(
            status=303,
            headers={
                "Location": str(_location(_decoded(request.rel_url.raw_path), query)),
                "Cache-Control": "no-store",
            },
        )
        site = visit.host.site
        good = request.method == "GET" and visit.client.local and self._tokens.take(request.query[TOKEN], site)
        if good and not visit.owner:
            answer.set_cookie(self._cookie, self._sessions.open(site), httponly=True, samesite="Lax")
        return answer

    async def _site(self, request: web.Request, visit: Visit, peer_id: str, path: str) -> web.StreamResponse:
        if peer_id != self._services.identity.peer_id:
            return await self._remote.serve(request, visit, peer_id, path)
        self._count(request, visit)
        return await self._own(request, visit, path)

    async def _own(self, request: web.Request, visit: Visit, path: str) -> web.StreamResponse:
        content = self._services.content
        try:
            file, folder = await asyncio.to_thread(_look_up, content, path)
        except Refused:
            if path in ("/", "/index.html"):
                return self._no_start_page(visit)
            raise
        if folder:
            raise web.HTTPMovedPermanently(_location(request.path + "/", request.rel_url.raw_query_string))
        fresh = visit.guest.fresh and not visit.owner
        headers = {"Cache-Control": "private, no-cache" if fresh else "no-cache"}
        return await send_file(request, file.path, file.version, file.mime, headers)

    def _no_start_page(self, visit: Visit) -> web.Response:
        if visit.owner or visit.client.local:
            return pages.page(
                404,
                "This site has no start page yet",
                "Visitors see this text until there is a file called index.html in the site folder:",
                str(self._services.content.root),
            )
        return pages.page(404, "This site has no start page yet", "Its owner has not published one.")

    def _count(self, request: web.Request, visit: Visit) -> None:
        """A browser counts by its cookie, from its first page on; what keeps no cookies counts by its address."""
        if visit.owner:
            return
        page = "text/html" in request.headers.get("Accept", "")
        known = page or not visit.guest.fresh
        self._services.visitors.saw(visit.guest.id if known else f"address:{client_key(visit.client.address)}")


_TITLES = {404: "There is no such page", 405: "This cannot be done here", 413: "The request is too large"}


def _decoded(raw: str) -> str:
    """A path as the browser meant it. Raises `Refused` (400) if that is no text."""
    try:
        path = unquote(raw, errors="strict")
        path.encode()
    except UnicodeError:
        raise Refused("This address cannot be understood", "It is not UTF-8.", status=400) from None
    return path or "/"


def _location(path: str, query: str = "", origin: str = "") -> URL:
    """A place for a `Location` header, on this same host unless an `origin` is given.

    It has one slash at its start, whatever a stranger wrote there: two would lead to another host.
    """
    target = origin + "/" + quote(path.lstrip("/\\"), safe=_SAFE)
    return URL(f"{target}?{quote(query, safe=_SAFE + '%?')}" if query else target, encoded=True)


def _look_up(content: ContentStore, path: str) -> tuple[SiteFile, bool]:
    """The file for a path, and whether the path names a folder without saying so by a slash. Blocks."""
    file = content.served(path)
    last = path.rpartition("/")[2]
    folder = bool(last) and file.path.name != last and content.root.joinpath(path.lstrip("/")).is_dir()
    return file, folder
