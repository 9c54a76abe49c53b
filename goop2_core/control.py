"""How another program of the same user asks a running peer for something: a socket in the peer's directory.

One line in, one line out: `console [page]` is answered with a one-time URL. Only the user who runs the peer gets one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from goop2_core.errors import Goop2Error

log = logging.getLogger("goop2.control")

SOCKET_NAME = "control.sock"
LONGEST_LINE = 256
ANSWER_SECONDS = 5.0
MOST_CLIENTS = 8


@contextlib.contextmanager
def _short_path(folder: Path) -> Iterator[str]:
    """A path of the socket that is short whatever the folder's is: a socket's may have 107 bytes."""
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET_NAME}"
    finally:
        os.close(descriptor)


class ControlServer:
    """Answers on `folder/control.sock`, which only the owner may open."""

    def __init__(self, folder: Path, console_url: Callable[[str], str]) -> None:
        self._folder = folder
        self._console_url = console_url
        self._server: asyncio.Server | None = None
        self._clients: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}

    async def start(self) -> None:
        """Listen. A socket that a killed process left behind is replaced; the caller holds the directory's lock."""
        listener = await asyncio.to_thread(self._bind)
        try:
            self._server = await asyncio.start_unix_server(self._serve, sock=listener, limit=LONGEST_LINE)
        except BaseException:
            listener.close()
            raise

    def _bind(self) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with _short_path(self._folder) as path:
                Path(path).unlink(missing_ok=True)
                listener.bind(path)
                Path(path).chmod(0o600)  # nobody gets in before `listen`; a umask would be that of all threads
        except BaseException:
            listener.close()
            raise
        return listener

    async def stop(self) -> None:
        """Stop listening, hang up on whoever is connected, and remove the socket."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.close()
        for writer in self._clients:
            writer.transport.abort()
        if serving := [task for task in self._clients.values() if task is not None]:
            await asyncio.wait(serving, timeout=1.0)
        await asyncio.to_thread((self._folder / SOCKET_NAME).unlink, missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients[writer] = asyncio.current_task()
        try:
            if self._server is not None and len(self._clients) <= MOST_CLIENTS and self._same_user(writer):
                async with asyncio.timeout(ANSWER_SECONDS):
                    writer.write(self._answer(await reader.readline()))
                    await writer.drain()
        except (TimeoutError, ValueError, OSError):
            log.debug("a client of the control socket said nothing useful")
        finally:
            del self._clients[writer]
            writer.close()

    @staticmethod
    def _same_user(writer: asyncio.StreamWriter) -> bool:
        peer = writer.get_extra_info("socket")
        credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        user = struct.unpack("3i", credentials)[1]
        return user in (os.geteuid(), 0)

    def _answer(self, line: bytes) -> bytes:
        words = line.decode("ascii", "replace").split()
        if not words or words[0] != "console" or len(words) > 2:  # noqa: PLR2004 (a command and its argument)
            return b"error unknown command\n"
        return f"ok {self._console_url(words[1] if len(words) > 1 else 'people')}\n".encode()


async def ask_for_console(folder: Path, page: str = "people") -> str:
    """A one-time console URL of the peer that runs in `folder`'s peer directory. Raises `Goop2Error` if none runs."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            with _short_path(folder) as path:
                reader, writer = await asyncio.open_unix_connection(path, limit=1 << 16)
            try:
                writer.write(f"console {page}\n".encode())
                word, _, rest = (await reader.readline()).decode("utf-8", "replace").strip().partition(" ")
            finally:
                writer.close()
    except (OSError, TimeoutError) as error:
        raise Goop2Error("This peer is not running", str(folder.parent), "Start it with `goop2 peer`.") from error
    if word != "ok":
        raise Goop2Error("The running peer did not answer", rest, "It may be another version; restart it.")
    return rest
