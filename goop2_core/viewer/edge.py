"""The listening edge of a face: what a connection may cost before any page is asked for.

aiohttp reads requests without a deadline of ours: a client that sends a header a byte at a time, or never reads its
answer, would hold its connection for as long as it likes. `GuardedHandler` notes when each of these began, and a sweep
once a second ends the connections that took too long. Connections are also counted, in all and for each address.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

from aiohttp import StreamReader, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from goop2_core.viewer.guard import SERVER, client_key

log = logging.getLogger("goop2.viewer.http")

_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: 19\r\n"
    b"Retry-After: 5\r\nConnection: close\r\n\r\nToo many visitors.\n"
)


@dataclass(frozen=True, slots=True)
class EdgeLimits:
    """What connections may cost. Times are seconds.

    A request's head must arrive whole within `head_seconds`; a body must come at `body_bytes_per_second` on average,
    after `body_grace_seconds`; a client must go on reading within `write_seconds`.
    """

    connections: int = 512
    connections_per_address: int = 64
    head_seconds: float = 10.0
    head_bytes: int = 32 << 10
    idle_seconds: float = 20.0
    body_grace_seconds: float = 10.0
    body_bytes_per_second: int = 4096
    write_seconds: float = 30.0
    closing_seconds: float = 5.0
    sweep_seconds: float = 1.0


class Edge:
    """The connections of one listening socket. `exempt` tells which addresses (trusted proxies) have no own cap."""

    def __init__(self, limits: EdgeLimits, exempt: Callable[[str], bool] = lambda _: False) -> None:
        self.limits = limits
        self._exempt = exempt
        self._open: dict[GuardedHandler, str] = {}
        self._per_key: Counter[str] = Counter()
        self.tasks: set[asyncio.Task[None]] = set()
        self.closed = False

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, handler: GuardedHandler, address: str) -> bool:
        """Count a new connection, unless there are too many."""
        key = "" if self._exempt(address) else client_key(address)
        if self.closed or len(self._open) >= self.limits.connections:
            return False
        if key and self._per_key[key] >= self.limits.connections_per_address:
            return False
        self._open[handler] = key
        self._per_key[key] += 1
        return True

    def leave(self, handler: GuardedHandler) -> None:
        """A connection is gone."""
        key = self._open.pop(handler, None)
        if key is not None:
            self._per_key[key] -= 1
            if not self._per_key[key]:
                del self._per_key[key]

    async def sweep(self) -> None:
        """End overdue connections, for as long as it runs."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self.limits.sweep_seconds)
            now = loop.time()
            for handler in list(self._open):
                if reason := handler.overdue(now):
                    log.debug("a connection was ended: %s", reason)
                    handler.abort()

    async def close(self, seconds: float) -> None:
        """End every connection now, and wait for what served them."""
        self.closed = True
        for handler in list(self._open):
            handler.abort()
        for task in self.tasks:  # some serve a client that has gone already
            task.cancel()
        if self.tasks:
            _, late = await asyncio.wait(self.tasks, timeout=seconds)
            for task in late:
                log.error("a request did not stop within %.1f s: %r", seconds, task)
        await asyncio.sleep(0)  # transports tell of their end by a callback


class GuardedHandler(web.RequestHandler):
    """aiohttp's HTTP protocol with deadlines.

    It relies on private names of the base class, which a contract test holds: `_request_count` grows with each parsed
    head, `_messages` ends with the one just parsed, `_reading_paused` says that a body waits for its handler,
    `_task_handler` serves the connection.
    """

    __slots__ = (
        "_body",
        "_body_bytes",
        "_body_since",
        "_closing_since",
        "_edge",
        "_head_bytes",
        "_head_since",
        "_stuck_since",
        "_wire",
    )

    def __init__(self, edge: Edge, manager: web.Server, loop: asyncio.AbstractEventLoop, **options: Any) -> None:
        limits = edge.limits
        super().__init__(
            manager,
            loop=loop,
            keepalive_timeout=limits.idle_seconds,
            access_log=cast("logging.Logger", None),  # nobody's visits are written down
            logger=log,
            max_headers=64,
            lingering_time=1.0,
            auto_decompress=False,  # a small body that unpacks to a huge one
            **options,
        )
        self._edge = edge
        self._wire: asyncio.Transport | None = None
        self._head_since = 0.0
        self._head_bytes = 0
        self._body: StreamReader | None = None
        self._body_since = 0.0
        self._body_bytes = 0
        self._stuck_since = 0.0
        self._closing_since = 0.0

    # ---- asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to serve, or say that there are too many and end."""
        wire = cast("asyncio.Transport", transport)
        name = wire.get_extra_info("peername")
        if not self._edge.admit(self, str(name[0]) if name else ""):
            wire.write(_BUSY)
            wire.close()
            return
        self._wire = wire
        self._head_since = self._loop.time()
        super().connection_made(transport)
        if (task := self._task_handler) is not None:
            self._edge.tasks.add(task)
            task.add_done_callback(self._edge.tasks.discard)

    def data_received(self, data: bytes) -> None:
        """Feed the parser, and note what the bytes were part of."""
        if self._wire is None:
            return
        parsed = self._request_count
        in_body = self._body is not None and not self._body.is_eof()
        super().data_received(data)
        if self._request_count != parsed:
            self._head_since, self._head_bytes = 0.0, 0
            self._body = self._messages[-1][1] if self._messages else None
            self._body_since, self._body_bytes = self._loop.time(), 0
        elif in_body:
            self._body_bytes += len(data)
        elif data and not self._upgraded:
            self._head_since = self._head_since or self._loop.time()
            self._head_bytes += len(data)
            if self._head_bytes > self._edge.limits.head_bytes:
                self.abort()

    def pause_writing(self) -> None:
        """The client reads slower than we write."""
        if self._wire is not None:
            self._stuck_since = self._loop.time()
            super().pause_writing()

    def resume_writing(self) -> None:
        """The client has read most of what was waiting."""
        if self._wire is not None:
            self._stuck_since = 0.0
            super().resume_writing()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Give back what the connection had."""
        self._edge.leave(self)
        self._wire = None
        super().connection_lost(exc)

    # ---- the sweep calls these

    def overdue(self, now: float) -> str:
        """Why the connection should end at loop time `now`, or `""`."""
        limits, wire = self._edge.limits, self._wire
        if wire is None:
            return ""
        if wire.is_closing():
            self._closing_since = self._closing_since or now
            return "its rest was not read" if now - self._closing_since > limits.closing_seconds else ""
        if self._stuck_since and now - self._stuck_since > limits.write_seconds:
            return "the answer was not read"
        if self._head_since and now - self._head_since > limits.head_seconds:
            return "no whole request came"
        return self._body_overdue(now)

    def _body_overdue(self, now: float) -> str:
        if self._body is None or self._body.is_eof():
            return ""
        if self._reading_paused:  # it is we who do not read
            self._body_since, self._body_bytes = now, 0
            return ""
        limits = self._edge.limits
        wanted = (now - self._body_since - limits.body_grace_seconds) * limits.body_bytes_per_second
        return "the body came too slowly" if self._body_bytes < wanted else ""

    def abort(self) -> None:
        """End the connection at once; what was not sent is lost.

        What serves it is cancelled first: a `sendfile` under way must let go of the socket before the socket closes.
        """
        if self._wire is not None:
            if self._task_handler is not None:
                self._task_handler.cancel()
            self._wire.abort()

    # ---- aiohttp calls these

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 (it would tell a stranger about the parser)
    ) -> web.StreamResponse:
        """The answer to what could not be parsed (the stranger's fault: not worth a line) or served (ours: logged)."""
        if not isinstance(exc, HttpProcessingError | ConnectionError | web.RequestPayloadError):
            log.error("a page could not be served", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun already") from exc
        text = (
            "This request could not be understood.\n"
            if status < HTTPStatus.INTERNAL_SERVER_ERROR
            else "Something went wrong here.\n"
        )
        answer = web.Response(
            status=status, text=text, headers={hdrs.X_CONTENT_TYPE_OPTIONS: "nosniff", hdrs.SERVER: SERVER}
        )
        answer.force_close()
        return answer
