"""Pictures of people: the owner's own, and those of other peers with a cache on disk (spec 3.3)."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import re
import stat
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

from goop2_core.atomic import write_atomically
from goop2_core.encryption.sealer import Sealer
from goop2_core.errors import Goop2Error, NetworkError, Refused, StreamBroken
from goop2_core.p2p.api import Node, Stream
from goop2_core.site.images import image_of
from goop2_core.site.wire import AVATAR, MOST_HEADER, parse_header

log = logging.getLogger("goop2.site")

MOST_OWN: Final = 256 << 10
MOST_REMOTE: Final = 512 << 10
MOST_REMOTE_SEALED: Final = 2 << 20
MOST_CACHED: Final = 64 << 20
OPEN_SECONDS: Final = 5.0
READ_SECONDS: Final = 10.0
SHOWN_SECONDS: Final = 4.0
"""How long a page waits for a picture. A browser asks for few things at once, so a hostile peer must not hold it up."""
AGAIN_SECONDS: Final = 30.0
_AT_ONCE: Final = 4
_MOST_FAILURES: Final = 1024
_CACHED_NAME: Final = re.compile(r"[1-9A-HJ-NP-Za-km-z]{46,64}-[0-9a-f]{16}")
_HASH: Final = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Picture:
    """An avatar that is safe to show: its bytes, their media type, and the hash that presence announces for it."""

    data: bytes
    mime: str
    hash: str


def avatar_hash(data: bytes) -> str:
    """The first 8 bytes of SHA-256 in hex, as presence announces it (spec appendix D)."""
    return hashlib.sha256(data).hexdigest()[:16]


def picture_of(data: bytes) -> Picture | None:
    """The picture in `data` if it is an accepted one: real PNG, JPEG, GIF or WebP, 4096 pixels a side at most."""
    image = image_of(data)
    return Picture(data, image.mime, avatar_hash(data)) if image is not None and image.fits else None


class OwnAvatar:
    """The owner's picture, kept in `file` and in memory. `changed` is called after it was set or removed."""

    def __init__(self, file: Path, changed: Callable[[], None] = lambda: None) -> None:
        self._file = file
        self._changed = changed
        self._changing = asyncio.Lock()
        self.picture: Picture | None = None

    @property
    def data(self) -> bytes:
        """The picture's bytes, empty if there is none."""
        return self.picture.data if self.picture is not None else b""

    @property
    def hash(self) -> str:
        """What presence announces, empty if there is no picture."""
        return self.picture.hash if self.picture is not None else ""

    async def load(self) -> None:
        """Read the file. One that is no accepted picture is left alone, and not shown."""
        data = await asyncio.to_thread(_read, self._file, MOST_OWN)
        self.picture = picture_of(data) if data else None
        if data and self.picture is None:
            log.warning("%s is not a PNG, JPEG, GIF or WebP picture and is not shown", self._file.name)

    async def set(self, data: bytes) -> Picture:
        """Take a new picture. Raises `Refused`: 413 if it is too large, 415 if it is not an accepted picture."""
        if len(data) > MOST_OWN:
            raise Refused("The picture is too large", "At most 256 KiB are possible.", "Make it smaller.", status=413)
        image = image_of(data)
        if image is None:
            raise Refused("This is not a picture", "PNG, JPEG, GIF and WebP are possible.", status=415)
        if not image.fits:
            size = f"It has {image.width} by {image.height} pixels; up to 4096 a side are possible."
            raise Refused("The picture is too large", size, "Make it smaller.", status=415)
        async with self._changing:
            try:
                await asyncio.to_thread(write_atomically, self._file, data)
            except OSError as error:
                raise Goop2Error("The picture could not be kept", error.strerror or str(error)) from error
            self.picture = Picture(data, image.mime, avatar_hash(data))
        self._changed()
        return self.picture

    async def remove(self) -> None:
        """Have no picture any more."""
        async with self._changing:
            await asyncio.to_thread(self._file.unlink, missing_ok=True)
            self.picture = None
        self._changed()


class Avatars:
    """Everyone's pictures: the own one, and other people's by the hash that their presence announces.

    A picture is fetched once, from a peer that is connected, and kept in `folder`, of which the 64 MiB used last stay.
    """

    def __init__(self, node: Node, sealer: Sealer, own: OwnAvatar, folder: Path) -> None:
        self.own = own
        self._node = node
        self._sealer = sealer
        self._folder = folder
        self._fetching: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._failed: OrderedDict[tuple[str, str], float] = OrderedDict()

    async def of(self, peer_id: str, announced: str) -> Picture | None:
        """A person's picture: the announced one, else the last one known, `None` if they have none.

        Fetches it if the peer is connected, which takes 4 s at most; never raises because that failed.
        """
        if peer_id == self._node.peer_id:
            return self.own.picture
        name = f"{peer_id}-{announced}"
        if not _HASH.fullmatch(announced) or not _CACHED_NAME.fullmatch(name):
            return None
        lock = self._fetching.setdefault(peer_id, asyncio.Lock())
        async with lock:
            if (picture := await asyncio.to_thread(self._cached, name)) is not None:
                return picture
            if self._node.connections(peer_id) and not self._failed_lately(peer_id, announced):
                picture = await self._fetched(peer_id, announced)
        return picture or await asyncio.to_thread(self._last_known, peer_id)

    async def fetch(self, peer_id: str) -> Picture | None:
        """Ask the peer for its picture; `None` if it has none that is accepted. Raises `NetworkError` or `Refused`."""
        stream = await self._node.open_stream(peer_id, AVATAR, timeout=OPEN_SECONDS)
        try:
            async with asyncio.timeout(READ_SECONDS):
                data = await self._body(stream)
        except TimeoutError:
            await stream.reset()
            raise StreamBroken("The picture did not come in time") from None
        except BaseException:
            await stream.reset()
            raise
        await stream.close()
        return picture_of(data) if len(data) <= MOST_REMOTE else None

    async def _body(self, stream: Stream) -> bytes:
        header = parse_header(await stream.readline(MOST_HEADER), with_mime=False)
        if header is None:
            return b""
        if header.size > (MOST_REMOTE_SEALED if header.sealed else MOST_REMOTE):
            raise Refused("The picture is too large", f"It has {header.size} bytes.", status=413)
        data = await stream.readexactly(header.size)
        return await self._sealer.open_from(stream.peer_id, data) if header.sealed else data

    async def _fetched(self, peer_id: str, announced: str) -> Picture | None:
        picture: Picture | None = None
        try:
            async with asyncio.timeout(SHOWN_SECONDS), self._slots:
                picture = await self.fetch(peer_id)
        except (NetworkError, Refused, TimeoutError) as error:
            log.debug("no picture of %s: %r", peer_id, error)
        if picture is not None:
            await asyncio.to_thread(self._keep, peer_id, picture)
        if picture is None or picture.hash != announced:
            self._failed[peer_id, announced] = time.monotonic()
            if len(self._failed) > _MOST_FAILURES:
                self._failed.popitem(last=False)
        return picture

    def _failed_lately(self, peer_id: str, announced: str) -> bool:
        at = self._failed.get((peer_id, announced))
        return at is not None and time.monotonic() - at < AGAIN_SECONDS

    # On disk; these block

    def _cached(self, name: str) -> Picture | None:
        file = self._folder / name
        data = _read(file, MOST_REMOTE)
        if not data:
            return None
        with contextlib.suppress(OSError):
            os.utime(file)
        return picture_of(data)

    def _last_known(self, peer_id: str) -> Picture | None:
        for file in sorted(self._folder.glob(f"{peer_id}-*"), key=_age_and_size):
            if (picture := self._cached(file.name)) is not None:
                return picture
        return None

    def _keep(self, peer_id: str, picture: Picture) -> None:
        try:
            for old in self._folder.glob(f"{peer_id}-*"):
                old.unlink(missing_ok=True)
            self._folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self._folder / f"{peer_id}-{picture.hash}", picture.data)
            self._prune()
        except OSError as error:
            log.warning("a picture could not be kept: %s", error)

    def _prune(self) -> None:
        kept = 0
        for file in sorted(self._folder.iterdir(), key=_age_and_size):
            if _CACHED_NAME.fullmatch(file.name):
                kept += _age_and_size(file)[1]
                if kept > MOST_CACHED:
                    file.unlink(missing_ok=True)


def _age_and_size(file: Path) -> tuple[int, int]:
    """Sorts the newest first; the second number is the size in bytes."""
    try:
        facts = file.stat()
    except OSError:
        return (0, 0)
    return (-facts.st_mtime_ns, facts.st_size)


def picture_in(file: Path) -> Picture | None:
    """The accepted picture of 256 KiB at most in `file`, `None` if it is anything else; waits for the disk alone."""
    data = _read(file, MOST_OWN)
    return picture_of(data) if data else None


def _read(file: Path, most: int) -> bytes:
    """A regular file of `most` bytes at most, else nothing. What comes from elsewhere may hold pipes and devices."""
    try:
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as opened:
            if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                return b""
            data = opened.read(most + 1)
    except OSError:
        return b""
    return data if len(data) <= most else b""
