"""What other peers may ask of this one's site: its label, its files, its owner's avatar (spec 3.1 to 3.4).

Which bodies are sealed. By spec 9.2 a side seals whenever it holds the other's key and the other said that it opens
what is sealed. libp2p already encrypts every connection from end to end, relays included, and a sealed body has to be
held in memory whole, several times over. So files up to 4 MiB are sealed, larger ones always go in plain as a stream;
and a file that finds no room beside 16 MiB of sealed bodies within a second goes in plain too. Fetchers accept both.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar

from goop2_core.encryption.sealer import Sealer
from goop2_core.errors import Refused, StreamBroken
from goop2_core.p2p.api import Node, Stream
from goop2_core.site.avatar import OwnAvatar
from goop2_core.site.budget import Budget
from goop2_core.site.content import ContentStore, SiteFile
from goop2_core.site.visitors import Visitors
from goop2_core.site.wire import (
    AVATAR,
    CONTENT,
    DIAG,
    MOST_REQUEST,
    PIECE,
    SEALED_PREFIX,
    SITE,
    decode,
    header_line,
    requested_path,
)

log = logging.getLogger("goop2.site")
T = TypeVar("T")

REQUEST_SECONDS: Final = 10.0
PROGRESS_SECONDS: Final = 30.0
"""A visitor who takes longer than this for 128 KiB is let go."""
SEALED_MOST: Final = 4 << 20
SEALED_TOTAL: Final = 16 << 20
SEALED_SECONDS: Final = 1.0
BLOCK: Final = 256 << 10
SMALL_BLOCK: Final = 16 << 10
BLOCKS_TOTAL: Final = 8 << 20
"""While that much of large blocks waits to be sent, further visitors are served in small blocks: no one has to wait,
and however many stall, they hold little."""
DEFAULT_LABEL: Final = "hello"
_ERRORS: Final = {403: b"ERR forbidden\n", 404: b"ERR not found\n"}


class SiteServer:
    """Answers the site protocols on a node. `content` is `None` while nothing is published.

    `label` gives the owner's name for the peer; `diag_allowed` says to which peer IDs the diagnosis is shown: none,
    but for the configured relay.
    """

    def __init__(
        self,
        node: Node,
        sealer: Sealer,
        content: ContentStore | None,
        avatar: OwnAvatar,
        *,
        label: Callable[[], str],
        visitors: Visitors,
        diag_allowed: Callable[[str], bool] = lambda _peer_id: False,
    ) -> None:
        self._node = node
        self._sealer = sealer
        self._content = content
        self._avatar = avatar
        self._label = label
        self._visitors = visitors
        self._diag_allowed = diag_allowed
        self._started = time.time()
        self._sealed = Budget(SEALED_TOTAL)
        self._sealing = asyncio.Lock()
        self._blocks = Budget(BLOCKS_TOTAL)
        self._disk: ThreadPoolExecutor | None = None

    def start(self) -> None:
        """Begin to answer."""
        self._disk = ThreadPoolExecutor(2, thread_name_prefix="goop2-site")
        self._started = time.time()
        answers = {
            CONTENT: self._serve_label,
            SITE: self._serve_site,
            AVATAR: self._serve_avatar,
            DIAG: self._serve_diag,
        }
        for protocol, answer in answers.items():
            self._node.handle(protocol, partial(_to_the_end, answer))

    async def stop(self) -> None:
        """End the threads that read files; call it after the node has stopped."""
        if self._disk is not None:
            disk, self._disk = self._disk, None
            await asyncio.to_thread(disk.shutdown, wait=True, cancel_futures=True)

    async def _serve_label(self, stream: Stream) -> None:
        label = " ".join(self._label().split())[:200] or DEFAULT_LABEL
        await self._send(stream, label.encode("utf-8", "replace") + b"\n")

    async def _serve_site(self, stream: Stream) -> None:
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                line = await stream.readline(MOST_REQUEST)
        except Refused:
            await self._send(stream, b"ERR bad request\n")
            return
        except (TimeoutError, StreamBroken):
            await stream.reset()
            return
        if not line.endswith(b"\n"):
            return
        self._visitors.saw(f"peer:{stream.peer_id}")
        path = requested_path(await self._opened(stream.peer_id, line))
        if path is None:
            await self._send(stream, b"ERR bad request\n")
        elif self._content is None:
            await self._send(stream, b"ERR site disabled\n")
        else:
            await self._serve_file(stream, self._content, path)

    async def _opened(self, peer_id: str, line: bytes) -> str:
        """The request line, unsealed if it can be; else as it came, which is no request."""
        text = decode(line)
        if not text.startswith(SEALED_PREFIX):
            return text
        try:
            opened = await self._sealer.open_from(peer_id, text.removeprefix(SEALED_PREFIX).encode("utf-8", "replace"))
        except Refused:
            return text
        return opened.decode("utf-8", "surrogateescape")

    async def _serve_file(self, stream: Stream, content: ContentStore, path: str) -> None:
        with self._blocks.at_once(BLOCK) as roomy:

            def look_up() -> tuple[SiteFile, bytes]:
                file = content.served(path)
                return file, content.read(file, 0, BLOCK if roomy else SMALL_BLOCK)

            try:
                file, first = await self._read(look_up)
            except Refused as error:
                await self._send(stream, _ERRORS.get(error.status, _ERRORS[404]))
                return
            except (OSError, ValueError):
                await self._send(stream, _ERRORS[404])
                return
            whole = partial(bytes, first) if len(first) == file.size else partial(content.read, file, 0, file.size)
            if await self._send_sealed(stream, file.size, whole, file.mime):
                return
            header = header_line(sealed=False, size=file.size, mime=file.mime)
            if not await self._send(stream, header + first):
                return
        await self._send_rest(stream, content, file, len(first))

    async def _send_rest(self, stream: Stream, content: ContentStore, file: SiteFile, sent: int) -> None:
        while sent < file.size:
            with self._blocks.at_once(BLOCK) as roomy:
                try:
                    block = await self._read(partial(content.read, file, sent, BLOCK if roomy else SMALL_BLOCK))
                except (OSError, Refused) as error:
                    log.info("sending %r broke off: %r", file.path.name, error)
                    block = b""
                if not block:  # it became shorter, or another file: the visitor must not take this for the whole
                    await stream.reset()
                    return
                if not await self._send(stream, block):
                    return
            sent += len(block)

    async def _send_sealed(self, stream: Stream, size: int, load: Callable[[], bytes], mime: str = "") -> bool:
        """Send a body of `size` bytes sealed; `False` if it is to go in plain, by the rules at the top."""
        if size > SEALED_MOST or not self._sealer.seals_for(stream.peer_id):
            return False
        async with contextlib.AsyncExitStack() as held:
            try:
                await held.enter_async_context(self._sealed.in_turn(2 * size, SEALED_SECONDS))
            except Refused:
                return False
            text = await self._sealed_text(stream.peer_id, load)
            if text is None:
                return False
            text = header_line(sealed=True, size=len(text), mime=mime).decode() + text
            for at in range(0, len(text), PIECE):
                if not await self._send(stream, text[at : at + PIECE].encode()):
                    break
        return True

    async def _sealed_text(self, peer_id: str, load: Callable[[], bytes]) -> str | None:
        """What `load` gives, sealed; one after the other, because that takes four times its size for a moment."""
        async with self._sealing:
            try:
                return await self._sealer.seal_for(peer_id, await self._read(load))
            except (OSError, Refused):  # then the plain way says what is wrong with the file
                return None

    async def _serve_avatar(self, stream: Stream) -> None:
        picture = self._avatar.data
        if not picture:
            await self._send(stream, b"NONE\n")
        elif not await self._send_sealed(stream, len(picture), partial(bytes, picture)):
            header = header_line(sealed=False, size=len(picture))
            _ = await self._send(stream, header) and await self._send(stream, picture)

    async def _serve_diag(self, stream: Stream) -> None:
        if not self._diag_allowed(stream.peer_id):
            await stream.reset()
            return
        addresses = self._node.addresses()
        facts = {
            "peer_id": self._node.peer_id,
            "addrs": addresses,
            "has_circuit": any("/p2p-circuit" in address for address in addresses),
            "has_site": self._content is not None,
            "uptime": _duration(time.time() - self._started),
            "started": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self._started)),
            "connected_peers": len({connection.peer_id for connection in self._node.connections()}),
            "logs": [],
        }
        await self._send(stream, json.dumps(facts).encode() + b"\n")

    async def _read(self, work: Callable[[], T]) -> T:
        if self._disk is None:
            raise Refused("The site is closing", status=503)
        return await asyncio.get_running_loop().run_in_executor(self._disk, work)

    async def _send(self, stream: Stream, data: bytes) -> bool:
        """Send piece by piece, each within the time for progress; `False` if the visitor is gone or too slow."""
        view = memoryview(data)
        try:
            for at in range(0, len(view), PIECE):
                async with asyncio.timeout(PROGRESS_SECONDS):
                    await stream.write(view[at : at + PIECE])
        except (StreamBroken, TimeoutError) as error:
            log.debug("%s stopped taking %s: %r", stream.peer_id, stream.protocol, error)
            await stream.reset()
            return False
        return True


async def _to_the_end(answer: Callable[[Stream], Awaitable[None]], stream: Stream) -> None:
    """Answer, then wait until the visitor has it and ends the stream.

    Closing a stream gives what is still on its way only a few seconds; over a slow line the end of a file needs more.
    """
    await answer(stream)
    with contextlib.suppress(StreamBroken, TimeoutError):
        await stream.close_write()
        async with asyncio.timeout(PROGRESS_SECONDS):
            await stream.read(1)


def _duration(seconds: float) -> str:
    """`1h2m3s`, as the relay's diagnosis page reads it."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m{rest}s" if hours else f"{minutes}m{rest}s" if minutes else f"{rest}s"
