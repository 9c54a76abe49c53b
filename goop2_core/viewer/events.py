"""The engine's events for pages: each connected page gets every event as Server-Sent Events, or is told to reload."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, field

from aiohttp import web

from goop2_core.events import Event, event_name, to_json

PING_SECONDS = 15.0
MOST_WAITING = 1000
MOST_PER_SESSION = 8
MOST_CLIENTS = 64

_HELLO = b"retry: 1000\nevent: hello\ndata: {}\n\n"
_PING = b": ping\n\n"


@dataclass(eq=False)
class _Client:
    """A page that listens. `waiting` ends with `None` when the page is let go; it comes again and reloads its lists."""

    session: str
    waiting: asyncio.Queue[bytes | None] = field(default_factory=lambda: asyncio.Queue(MOST_WAITING))

    def let_go(self) -> None:
        while self.waiting.full():
            self.waiting.get_nowait()
        self.waiting.put_nowait(None)


class EventHub:
    """Hands events to the pages that listen, on the loop that serves them."""

    def __init__(self) -> None:
        self._clients: list[_Client] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def __len__(self) -> int:
        """How many pages listen."""
        return len(self._clients)

    def publish(self, event: Event) -> None:
        """Hand `event` to every page. May be called from any thread and never blocks.

        A page that does not keep up is let go.
        """
        if not self._clients or self._loop is None:
            return
        if self._loop is _running_loop():
            self._publish(event)
        else:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._publish, event)

    def _publish(self, event: Event) -> None:
        text = json.dumps(to_json(event), separators=(",", ":"))
        frame = f"event: {event_name(event)}\ndata: {text}\n\n".encode()
        for client in list(self._clients):
            if client.waiting.full():
                self._drop(client)
            else:
                client.waiting.put_nowait(frame)

    def close(self) -> None:
        """Let every page go, and take no more."""
        self._closed = True
        for client in list(self._clients):
            self._drop(client)

    async def serve(self, request: web.Request, session: str) -> web.StreamResponse:
        """Answer `GET /api/events` until the page leaves or is let go.

        A session has `MOST_PER_SESSION` of them and all together `MOST_CLIENTS`: a further one ends the oldest, which
        is most likely a page that has gone without a word.
        """
        answer = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )
        self._loop = asyncio.get_running_loop()
        client = self._admit(session)
        try:
            await answer.prepare(request)
            await answer.write(_HELLO)
            while (frame := await self._next(client)) is not None:
                await answer.write(frame)
        except ConnectionError:
            pass
        finally:
            if client in self._clients:
                self._clients.remove(client)
        answer.force_close()
        return answer

    def _admit(self, session: str) -> _Client:
        client = _Client(session)
        if self._closed:
            client.let_go()
            return client
        own = [other for other in self._clients if other.session == session]
        if len(own) >= MOST_PER_SESSION:
            self._drop(own[0])
        elif len(self._clients) >= MOST_CLIENTS:
            self._drop(self._clients[0])
        self._clients.append(client)
        return client

    def _drop(self, client: _Client) -> None:
        self._clients.remove(client)
        client.let_go()

    async def _next(self, client: _Client) -> bytes | None:
        """What to send next: all frames that wait, a ping if there are none for a while, `None` at the end."""
        try:
            first = await asyncio.wait_for(client.waiting.get(), PING_SECONDS)
        except TimeoutError:
            return _PING
        if first is None:
            return None
        frames = [first]
        with contextlib.suppress(asyncio.QueueEmpty):
            while (more := client.waiting.get_nowait()) is not None:
                frames.append(more)
            client.waiting.put_nowait(None)
        return b"".join(frames)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
