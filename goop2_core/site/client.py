"""Fetching from other peers: the files of their sites, and what they are called (spec 3.1, 3.2, 9.2).

A plain body is passed on as it comes. A sealed one has to be in memory as a whole before it opens, and takes two and a
half times its size then. So all sealed bodies together may have 16 MiB of text, which is a file of 12 MiB: a hostile
site costs less than 64 MiB. Peers of ours seal up to 4 MiB. The existing program seals for whoever told it a key, also
what was asked for in plain, so its larger files are refused (413); its own limit is 100 MiB.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from typing import Final

from goop2_core.encryption.box import SealedText
from goop2_core.encryption.sealer import Sealer
from goop2_core.errors import Refused, StreamBroken
from goop2_core.p2p.api import Node, Stream
from goop2_core.site.budget import Budget
from goop2_core.site.mime import SNIFFED_BYTES, settle
from goop2_core.site.wire import (
    CONTENT,
    MOST_HEADER,
    SEALED_PREFIX,
    SITE,
    Header,
    NotUnderstood,
    parse_header,
)

log = logging.getLogger("goop2.site")

OPEN_SECONDS: Final = 10.0
HEADER_SECONDS: Final = 10.0
IDLE_SECONDS: Final = 30.0
LABEL_SECONDS: Final = 5.0
MOST_PATH: Final = 4 << 10
MOST_PLAIN: Final = 5 << 30
MOST_SEALED: Final = 16 << 20
CHUNK: Final = 256 << 10
SEALED_LEAST_RATE: Final = 128 << 10
"""Bytes a second. A sealed body is held in memory until it is whole, so whoever sends it may not dawdle."""
MOST_LABEL: Final = 200
_DOES_NOT_OPEN: Final = 400


class RemoteFile:
    """A file of another peer's site that has begun to arrive.

    `mime` is a valid media type, `size` the number of bytes that `chunks` will give. `encrypted` tells whether the body
    was sealed beyond libp2p's own encryption. Iterate `chunks` to the end, or `close` it; both may be done.
    """

    def __init__(
        self, mime: str, size: int, first: bytes, stream: Stream, *, held: AsyncExitStack | None = None
    ) -> None:
        self.mime = mime
        self.size = size
        self.encrypted = held is not None
        self._first = first
        self._left = size - len(first)
        self._stream: Stream | None = stream
        self._held = held
        self.chunks: AsyncGenerator[bytes, None] = self._chunks()

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        """The body in order. Raises `StreamBroken` if it ends early or nothing comes for 30 s."""
        first, self._first = memoryview(self._first), b""
        try:
            for at in range(0, len(first), CHUNK):
                yield bytes(first[at : at + CHUNK])
            while self._left and self._stream is not None:
                chunk = await _some(self._stream, self._left)
                self._left -= len(chunk)
                yield chunk
        finally:
            await self.close()

    async def read(self) -> bytes:
        """The whole body at once; only for what is known to be small."""
        return b"".join([chunk async for chunk in self.chunks])

    async def close(self) -> None:
        """Let go of what is held for it; if the body is still arriving, the other side sees an error."""
        self._first = b""
        stream, self._stream = self._stream, None
        if stream is not None:
            await (stream.reset() if self._left else stream.close())
        if self._held is not None:
            await self._held.aclose()


class SiteClient:
    """Fetches from other peers through `node`. Sealed bodies have 16 MiB at most, all together."""

    def __init__(self, node: Node, sealer: Sealer) -> None:
        self._node = node
        self._sealer = sealer
        self._sealed = Budget(MOST_SEALED)

    async def fetch(self, peer_id: str, path: str) -> RemoteFile:
        """The file at `path` (`/` is the start page) of a peer's site; returns once its first bytes are here.

        Raises `Unreachable` or `Unsupported` if the peer cannot be asked, `StreamBroken` if the answer breaks off, and
        `Refused` with 404, 403, 413 (above 5 GiB in plain, 16 MiB sealed) or 502 (the peer has no site).
        """
        if len(path) > MOST_PATH or any(character in path for character in "\r\n\0"):
            raise Refused("This address is not possible", "It is too long, or has line breaks in it.", status=400)
        request = f"GET {path}".encode("utf-8", "surrogateescape")
        sealed = await self._sealer.seal_for(peer_id, request)
        if sealed is None:
            return await self._ask(peer_id, path, request)
        try:
            return await self._ask(peer_id, path, f"{SEALED_PREFIX}{sealed}".encode())
        except NotUnderstood:
            log.debug("%s does not open what is sealed with this peer's key; asking in plain", peer_id)
        return await self._ask(peer_id, path, request)

    async def _ask(self, peer_id: str, path: str, request: bytes) -> RemoteFile:
        stream = await self._node.open_stream(peer_id, SITE, timeout=OPEN_SECONDS)
        try:
            header = await _header(stream, request)
            _check_size(header)
            if header.sealed:
                return await self._unseal(stream, path, header)
            first = await _some(stream, header.size) if header.size else b""
            return RemoteFile(_mime(header.mime, path, first), header.size, first, stream)
        except BaseException:
            await stream.reset()
            raise

    async def _unseal(self, stream: Stream, path: str, header: Header) -> RemoteFile:
        held = AsyncExitStack()
        try:
            await held.enter_async_context(self._sealed.in_turn(header.size))
            data = await self._sealer.open_parts(stream.peer_id, await _sealed_text(stream, header.size))
            return RemoteFile(_mime(header.mime, path, data), len(data), data, stream, held=held)
        except BaseException as error:
            await held.aclose()
            if isinstance(error, Refused) and error.status == _DOES_NOT_OPEN:
                hint = "If this stays so, both peers should be restarted."
                raise Refused("The file could not be decrypted", error.message, hint, status=502) from error
            raise

    async def label(self, peer_id: str) -> str:
        """What a peer calls itself, at most 200 characters. Raises `NetworkError`."""
        stream = await self._node.open_stream(peer_id, CONTENT, timeout=LABEL_SECONDS)
        try:
            async with asyncio.timeout(LABEL_SECONDS):
                line = await stream.readline(MOST_HEADER)
        except (TimeoutError, Refused):
            raise StreamBroken("The peer did not say its name") from None
        finally:
            await stream.close()
        text = " ".join(line.decode("utf-8", "replace").split())
        return "".join(character for character in text if character.isprintable())[:MOST_LABEL]


async def _header(stream: Stream, request: bytes) -> Header:
    """Send the request line and read what the reply begins with."""
    try:
        async with asyncio.timeout(HEADER_SECONDS):
            await stream.write(request + b"\n")
            line = await stream.readline(MOST_HEADER)
    except TimeoutError:
        raise StreamBroken("The peer did not answer", f"Nothing came for {HEADER_SECONDS:.0f} s.") from None
    except Refused:
        raise StreamBroken("The answer was not understood", "Its first line is too long.") from None
    header = parse_header(line)
    if header is None or not line.endswith(b"\n"):
        raise StreamBroken("The answer broke off", "The peer closed the stream before it had answered.")
    return header


def _check_size(header: Header) -> None:
    """Raises `Refused` (413) for what is too large."""
    if header.sealed and header.size > MOST_SEALED:
        size = f"It comes sealed, with {header.size >> 20} MiB; at most {MOST_SEALED >> 20} MiB can be decrypted here."
        hint = "Its owner can split it, or use a newer goop2, which sends large files unsealed."
        raise Refused("The file is too large", size, hint, status=413)
    if header.size > MOST_PLAIN:
        size = f"It has {header.size >> 20} MiB; at most {MOST_PLAIN >> 20} MiB can be fetched."
        raise Refused("The file is too large", size, status=413)


async def _sealed_text(stream: Stream, size: int) -> SealedText:
    """The whole of a sealed body, which is held in memory and so has to come at a pace."""
    text = SealedText()
    left = size
    try:
        async with asyncio.timeout(IDLE_SECONDS + size / SEALED_LEAST_RATE):
            while left:
                part = await _some(stream, left)
                text.add(part)
                left -= len(part)
    except TimeoutError:
        raise StreamBroken("The file came too slowly", "It is encrypted and has to come at once.") from None
    return text


async def _some(stream: Stream, left: int) -> bytes:
    """The next bytes, `left` at most. Raises `StreamBroken` if there are none any more, or for 30 s."""
    try:
        async with asyncio.timeout(IDLE_SECONDS):
            chunk = await stream.read(min(left, CHUNK))
    except TimeoutError:
        raise StreamBroken("The file stopped arriving", f"Nothing came for {IDLE_SECONDS:.0f} s.") from None
    if not chunk:
        raise StreamBroken("The file broke off", f"The last {left} bytes are missing.")
    return chunk


def _mime(said: str, path: str, first: bytes) -> str:
    name = path.rpartition("/")[2] or "index.html"
    return settle(said, name, first[:SNIFFED_BYTES])
