"""What the peer that was asked answers: site files, names and pictures from a stranger's peer."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from goop2_core.encryption.box import PeerKey, box_of, seal_in
from goop2_core.encryption.sealer import Sealer
from goop2_core.errors import Goop2Error, Refused, StreamBroken
from goop2_core.site.avatar import Avatars
from goop2_core.site.client import SiteClient
from tests.fuzz.engine import Target
from tests.fuzz.targets.words import HEADERS, KEYS, PEER, PICTURES, THEIRS, of_bytes

BODY = b"<!doctype html><title>x</title>" * 20
SEALED = seal_in(box_of(KEYS, THEIRS.public_b64), BODY).encode()
FILES = (
    b"OK text/html; charset=utf-8 %d\n%b" % (len(BODY), BODY),
    b"EOK text/html %d\n%b" % (len(SEALED), SEALED),
    b"OK  0\n",
    b"OK text/x\x00y 3\nabc",
    *HEADERS,
)
AVATARS = (
    *(b"OK %d\n%b" % (len(picture), picture) for picture in PICTURES),
    b"EOK %d\n%b" % (len(SEALED), SEALED),
    b"NONE\n",
)


class Answering:
    """A stream on which one answer comes in pieces of uneven size."""

    peer_id, protocol, relayed = PEER, "", False

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._sizes = random.Random(len(data))
        self.ended = False

    async def read(self, most: int = 65536) -> bytes:
        """The next piece."""
        count = min(most, self._sizes.choice((1, 50, 5000)))
        piece, self._data = self._data[:count], self._data[count:]
        return piece

    async def readexactly(self, count: int) -> bytes:
        """So many bytes."""
        if len(self._data) < count:
            raise StreamBroken("it ended before")
        piece, self._data = self._data[:count], self._data[count:]
        return piece

    async def readline(self, most: int) -> bytes:
        """A line, or what there is."""
        line, newline, rest = self._data.partition(b"\n")
        if len(line) >= most:
            raise Refused("too long", status=413)
        self._data = rest
        return line + newline

    async def write(self, data: bytes) -> None:
        """Nobody listens."""

    async def close(self) -> None:
        """Ended well."""
        self.ended = True

    async def reset(self) -> None:
        """Ended at once."""
        self.ended = True


class Asking:
    """A peer that asks, and the loop that it runs on."""

    def __init__(self, folder: Path, held: contextlib.ExitStack) -> None:
        self._loop = asyncio.new_event_loop()
        held.callback(self._loop.close)
        self._stream = Answering(b"")
        node: Any = SimpleNamespace(open_stream=self._open)
        sealer = Sealer(THEIRS, lambda _: PeerKey(KEYS.public_b64, accepts=True))
        self._client = SiteClient(node, sealer)
        own: Any = SimpleNamespace(picture=None)
        self._avatars = Avatars(node, sealer, own, folder / "avatars")
        self._data = b""

    async def _open(self, _peer_id: str, _protocol: str, *, timeout: float) -> Answering:
        assert timeout > 0
        self._stream = Answering(self._data)
        return self._stream

    def _run(self, data: bytes, work: Coroutine[Any, Any, None]) -> None:
        self._data = data
        try:
            self._loop.run_until_complete(work)
        finally:
            assert self._stream.ended, "the stream stays open"
            assert not self._client._sealed.lent, "memory stays claimed"

    def file(self, data: bytes) -> None:
        """A file of its site."""
        self._run(data, self._fetch())

    async def _fetch(self) -> None:
        file = await self._client.fetch(PEER, "/index.html")
        try:
            assert file.mime.isascii()
            assert file.mime.isprintable()
            assert len(await file.read()) == file.size
        finally:
            await file.close()

    def name(self, data: bytes) -> None:
        """What it calls itself."""
        self._run(data, self._label())

    async def _label(self) -> None:
        assert (await self._client.label(PEER)).isprintable()

    def picture(self, data: bytes) -> None:
        """Its avatar."""
        self._run(data, self._avatar())

    async def _avatar(self) -> None:
        picture = await self._avatars.fetch(PEER)
        assert picture is None or picture.mime.startswith("image/")


def targets(folder: Path, held: contextlib.ExitStack) -> list[Target]:
    """The answers."""
    asking = Asking(folder, held)
    return [
        Target("site answer", of_bytes(*FILES), asking.file, (Goop2Error,), 0.5),
        Target("name answer", of_bytes(b"Alice\n", "Ünï\u202e 🦆\n".encode()), asking.name, (Goop2Error,), 0.3),
        Target("avatar answer", of_bytes(*AVATARS), asking.picture, (Goop2Error,), 0.5),
    ]
