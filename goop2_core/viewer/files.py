"""Files of this computer as HTTP answers: entity tags, conditional and range requests, `sendfile` (RFC 9110 13, 14)."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from goop2_core.errors import Refused

# A client that takes longer than this for one piece is given up; larger pieces would not go faster.
PIECE = 512 << 10
PIECE_SECONDS = 60.0

_RANGE = re.compile(r"bytes=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.IGNORECASE | re.ASCII)
_WANTED_FLAGS = ("O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK", "O_BINARY")  # a pipe in its place must not keep the thread
_OPEN_FLAGS = os.O_RDONLY | sum(getattr(os, name, 0) for name in _WANTED_FLAGS)

Version = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Part:
    """Which bytes of a file are sent: `count` from `start`."""

    start: int
    count: int


def version_of(facts: os.stat_result) -> Version:
    """What identifies one state of a file: inode, bytes, time of change."""
    return (facts.st_ino, facts.st_size, facts.st_mtime_ns)


def etag_of(version: Version) -> str:
    """The strong entity tag of a state of a file, with its quotes."""
    return '"' + "-".join(f"{part:x}" for part in version) + '"'


def matches(header: str, etag: str) -> bool:
    """Whether an `If-None-Match` header names `etag` (weakly compared, as it asks for)."""
    return any(tag.strip().removeprefix("W/") in (etag, "*") for tag in header.split(","))


def part_of(headers: Mapping[str, str], size: int, etag: str) -> Part | None:
    """The part that `Range` asks for, or `None` for the whole file.

    Several ranges, other units and malformed ones are ignored, as a server may, and so is a range for another state
    of the file (`If-Range`). Raises `Refused` (416) for one that begins past the end.
    """
    match = _RANGE.fullmatch(headers.get("Range", ""))
    if match is None or match[1] == match[2] == "" or headers.get("If-Range", etag) != etag:
        return None
    if not match[1]:
        start, end = max(0, size - int(match[2])), size
        wanted = min(int(match[2]), size)
    else:
        start, end = int(match[1]), min(int(match[2]) + 1, size) if match[2] else size
        if match[2] and int(match[2]) < start:
            return None
        wanted = end - start
    if start >= size or wanted <= 0:
        raise Refused("There are no such bytes", f"The file has {size} bytes.", status=416)
    return Part(start, end - start)


async def send_file(
    request: web.Request, path: Path, version: Version, mime: str, headers: Mapping[str, str]
) -> web.StreamResponse:
    """Answer a `GET` or `HEAD` with the file at `path`, which must still be at `version` and no link.

    Raises `Refused` 404 if it is gone, 409 if it changed since it was looked up.
    """
    etag = etag_of(version)
    shared = {**headers, "ETag": etag, "Accept-Ranges": "bytes"}
    if matches(request.headers.get("If-None-Match", ""), etag):
        return web.Response(status=304, headers=shared)
    size = version[1]
    try:
        part = part_of(request.headers, size, etag)
    except Refused as error:
        return web.Response(status=416, text=f"{error}\n", headers={**headers, "Content-Range": f"bytes */{size}"})
    answer = web.StreamResponse(status=206 if part else 200, headers={**shared, "Content-Type": mime})
    if part:
        answer.headers["Content-Range"] = f"bytes {part.start}-{part.start + part.count - 1}/{size}"
    part = part or Part(0, size)
    answer.content_length = part.count
    if request.method == "HEAD" or not part.count:
        await answer.prepare(request)
        return answer
    file = await asyncio.to_thread(_open, path, version)
    try:
        await answer.prepare(request)
        await _send(request, answer, file, part)
    finally:
        file.close()
    return answer


def _open(path: Path, version: Version) -> io.FileIO:
    try:
        file = io.FileIO(os.open(path, _OPEN_FLAGS), "rb")
    except OSError as error:
        raise Refused("There is no such file", "It is gone.", status=404) from error
    if version_of(os.fstat(file.fileno())) != version:
        file.close()
        raise Refused("The file has changed", "It was replaced while it was asked for.", "Reload the page.", status=409)
    return file


async def _send(request: web.Request, answer: web.StreamResponse, file: io.FileIO, part: Part) -> None:
    """Send `part` piece by piece, so that a client that stopped reading is noticed."""
    loop = asyncio.get_running_loop()
    offset, left = part.start, part.count
    while left:
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client has gone")
        try:
            async with asyncio.timeout(PIECE_SECONDS):
                sent = await loop.sendfile(transport, file, offset, min(PIECE, left))
        except TimeoutError:
            sent = 0
        if not sent:  # the client is stuck, or the file got shorter: either way it must not look complete
            transport.abort()
            raise ConnectionResetError("the file could not be sent whole")
        offset, left = offset + sent, left - sent
    with contextlib.suppress(ConnectionError):
        await answer.write_eof()
