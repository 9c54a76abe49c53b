"""A face's server: an aiohttp application behind the guarded edge, on one socket, with an end that takes a second."""

from __future__ import annotations

import asyncio
import socket

from aiohttp import web

from goop2_core.tasks import TaskOwner
from goop2_core.viewer.edge import Edge, GuardedHandler

GRACE_SECONDS = 0.2
STOP_SECONDS = 0.5


class Listener:
    """Serves `app` on a socket. `cancel_when_gone` cancels a request's handler when its client has gone."""

    def __init__(self, app: web.Application, edge: Edge, tasks: TaskOwner, *, cancel_when_gone: bool = False) -> None:
        self._runner = web.AppRunner(app, shutdown_timeout=GRACE_SECONDS, handler_cancellation=cancel_when_gone)
        self._edge = edge
        self._tasks = tasks
        self._server: asyncio.Server | None = None

    async def start(self, sock: socket.socket) -> None:
        """Serve on `sock`, which is this object's from now on."""
        loop = asyncio.get_running_loop()
        try:
            await self._runner.setup()
            manager = self._runner.server
            assert manager is not None
            self._server = await loop.create_server(lambda: GuardedHandler(self._edge, manager, loop), sock=sock)
        except BaseException:
            sock.close()
            await self._runner.cleanup()
            raise
        self._tasks.spawn("sweep", self._edge.sweep())

    async def stop(self) -> None:
        """Stop listening, give requests under way a moment, then end them. Takes a second at most."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self._edge.closed = True
        await self._runner.cleanup()
        await self._edge.close(STOP_SECONDS)
        await self._tasks.stop()
