"""Other peers' sites: a file is passed on to the browser while it arrives, a failure is told in words."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from http import HTTPStatus

from aiohttp import web

from goop2_core.errors import Goop2Error, NetworkError, Refused, Unreachable, Unsupported
from goop2_core.site.client import RemoteFile, SiteClient
from goop2_core.viewer import pages
from goop2_core.viewer.guard import Rates, client_key
from goop2_core.viewer.visit import Services, Visit

log = logging.getLogger("goop2.viewer")

FETCH_SECONDS = 45.0
CHUNK_SECONDS = 40.0
GUESTS_PER_SECOND, GUESTS_BURST = 10.0, 100.0
GUESTS_AT_ONCE = 32
_PASSED_ON = (400, 403, 404, 429)


class RemoteSites:
    """Serves other peers' sites: to the owner, and to guests only if `viewer.gateway` is on and within bounds.

    Whatever goes out over libp2p goes out in this peer's name, so guests' fetches are fewer than their other requests.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._rates = Rates(GUESTS_PER_SECOND, GUESTS_BURST)
        self._for_guests = 0

    async def serve(self, request: web.Request, visit: Visit, peer_id: str, path: str) -> web.StreamResponse:
        """Answer with `path` of a peer's site, or with a page that says why not."""
        if visit.owner:
            return await self._serve(request, peer_id, path)
        self._check_guest(visit, peer_id)
        self._for_guests += 1
        try:
            return await self._serve(request, peer_id, path)
        finally:
            self._for_guests -= 1

    def _check_guest(self, visit: Visit, peer_id: str) -> None:
        if not self._services.config().viewer.gateway:
            if visit.client.local:
                raise Refused(
                    f"Open {self._services.name(peer_id)} from goop2",
                    "This browser is a guest here. Only the owner visits other people's sites through this peer.",
                    "Open the site from goop2's window or console: the link that it gives lets this browser in.",
                )
            raise Refused("This site is not served here", "This peer shows its visitors only its own site.")
        if self._for_guests >= GUESTS_AT_ONCE or self._rates.take(client_key(visit.client.address)):
            raise Refused("Too many requests", "This site answers you again in a moment.", status=429)

    async def _serve(self, request: web.Request, peer_id: str, path: str) -> web.StreamResponse:
        if path.endswith("/"):
            path += "index.html"  # other peers do not look for it in folders
        try:
            return await send_remote(request, self._services.client, peer_id, path)
        except (NetworkError, Refused, TimeoutError) as error:
            if isinstance(error, Refused) and error.status in _PASSED_ON:
                raise
            told = _told(error, self._services.name(peer_id))
            return pages.error_page(request, HTTPStatus.BAD_GATEWAY, told, retry=True)


def _told(error: NetworkError | Refused | TimeoutError, name: str) -> Goop2Error:
    """Why the page of `name` did not come, for whoever wanted to see it."""
    match error:
        case Unsupported():
            return Goop2Error(f"{name} shows no site", "The peer is there, but does not serve pages.")
        case Refused():
            return Goop2Error(f"{name} did not send this page", error.message or error.title, error.hint)
        case Unreachable() | TimeoutError():
            return Goop2Error(
                f"{name} cannot be reached",
                "Their computer is off, or goop2 is not running on it.",
                "This page opens by itself as soon as they are back.",
            )
        case _:
            return Goop2Error(
                f"The connection to {name} broke", "The page did not come.", "It is tried again by itself."
            )


async def send_remote(request: web.Request, client: SiteClient, peer_id: str, path: str) -> web.StreamResponse:
    """Answer a `GET` or `HEAD` with `path` of a peer's site. Nothing is collected: a slow browser slows the peer.

    Raises what `SiteClient.fetch` raises. Once the answer has begun, a failure cuts the connection instead, so that
    nobody takes a part for the whole; a browser that goes away ends the fetch.
    """
    async with asyncio.timeout(FETCH_SECONDS):
        remote = await client.fetch(peer_id, path)
    try:
        answer = web.StreamResponse(headers={"Content-Type": remote.mime, "Cache-Control": "no-cache"})
        answer.content_length = remote.size
        await answer.prepare(request)
        if request.method != "HEAD":
            await _pass_on(request, answer, remote)
        return answer
    finally:
        await remote.close()


async def _pass_on(request: web.Request, answer: web.StreamResponse, remote: RemoteFile) -> None:
    chunks = remote.chunks
    try:
        while True:
            async with asyncio.timeout(CHUNK_SECONDS):
                chunk = await anext(chunks)
            await answer.write(chunk)
    except StopAsyncIteration:
        with contextlib.suppress(ConnectionError):
            await answer.write_eof()
    except (Goop2Error, TimeoutError) as error:
        log.info("a page of another peer broke off: %s", error)
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError("the other peer broke off") from error
    finally:
        if (aclose := getattr(chunks, "aclose", None)) is not None:
            await aclose()
