"""The own site's files over HTTP, for the owner: look, take, put, make, rename, delete."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final
from urllib.parse import quote

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from goop2_core.errors import Goop2Error, Refused
from goop2_core.events import Event, SiteChanged
from goop2_core.site.content import ContentStore, SiteFile
from goop2_core.site.paths import MOST_PATH, clean
from goop2_core.web import json_body, reply

MOST_UPLOAD: Final = 2 << 30
TAGGED_MOST: Final = 32 << 20
"""Up to this many bytes a file is sent with its etag, which costs reading it once more; no editor opens larger ones."""
IDLE_SECONDS: Final = 60.0
BLOCK: Final = 1 << 20


class _Path(BaseModel):
    model_config = ConfigDict(extra="forbid")
    path: str = Field(min_length=1, max_length=MOST_PATH)


class _Rename(_Path):
    to: str = Field(min_length=1, max_length=MOST_PATH)


def file_routes(content: ContentStore, emit: Callable[[Event], None]) -> list[web.RouteDef]:
    """`/api/files` lists one folder and deletes, `/api/files/content` reads and writes one file; `emit` hears of it."""

    def changed(path: str) -> str:
        name = "/".join(clean(path))
        emit(SiteChanged(name))
        return name

    async def show(request: web.Request) -> web.Response:
        entries = await asyncio.to_thread(content.folder, request.query.get("path", ""))
        return reply({"entries": entries, "root": str(content.root)})

    async def get(request: web.Request) -> web.StreamResponse:
        path = _path(request)
        file = await asyncio.to_thread(content.file, path)
        tag = await asyncio.to_thread(content.etag, path) if file.size <= TAGGED_MOST else ""
        return await _send(request, content, file, tag)

    async def put(request: web.Request) -> web.Response:
        path = _path(request)
        size, etag = await _take(request, content, path)
        return reply({"path": changed(path), "size": size, "etag": etag})

    async def make(request: web.Request) -> web.Response:
        body = await json_body(request, _Path)
        await asyncio.to_thread(content.make_folder, body.path)
        return reply({"path": changed(body.path)})

    async def rename(request: web.Request) -> web.Response:
        body = await json_body(request, _Rename)
        await asyncio.to_thread(content.rename, body.path, body.to)
        changed(body.path)
        return reply({"path": changed(body.to)})

    async def delete(request: web.Request) -> web.Response:
        path = _path(request)
        await asyncio.to_thread(content.delete, path, recursive=request.query.get("recursive") == "1")
        return reply({"path": changed(path)})

    return [
        web.get("/api/files", show),
        web.delete("/api/files", delete),
        web.get("/api/files/content", get, allow_head=False),
        web.put("/api/files/content", put),
        web.post("/api/files/mkdir", make),
        web.post("/api/files/rename", rename),
    ]


def _path(request: web.Request) -> str:
    path = request.query.get("path", "")
    if not path:
        raise Refused("No file is named", "The path is missing.", status=400)
    return path


async def _send(request: web.Request, content: ContentStore, file: SiteFile, tag: str) -> web.StreamResponse:
    """The file as a download: whatever it is, it never becomes a page of the console."""
    name = file.path.name
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "_" for c in name)
    encoded = quote(name.encode("utf-8", "surrogateescape"))
    answer = web.StreamResponse(
        headers={
            "Content-Type": "application/octet-stream",
            "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        }
    )
    if tag:
        answer.headers["ETag"] = f'"{tag}"'
    answer.content_length = file.size
    await answer.prepare(request)
    sent = 0
    while sent < file.size:
        try:
            block = await asyncio.to_thread(content.read, file, sent, BLOCK)
            async with asyncio.timeout(IDLE_SECONDS):
                await answer.write(block)
        except (OSError, Goop2Error) as error:  # the time-out is an OSError
            raise ConnectionResetError("the file could not be sent whole") from error
        if not block:
            raise ConnectionResetError("the file became shorter")
        sent += len(block)
    await answer.write_eof()
    return answer


async def _take(request: web.Request, content: ContentStore, path: str) -> tuple[int, str]:
    """Write the request's body to `path` as it comes; the size and etag of what is there then."""
    if (request.content_length or 0) > MOST_UPLOAD:
        raise _too_large()
    if_match = request.headers.get("If-Match", "").strip().strip('"')
    upload = await asyncio.to_thread(content.upload, path, if_match)
    try:
        async for block in _blocks(request):
            await asyncio.to_thread(upload.write, block)
            if upload.size > MOST_UPLOAD:
                raise _too_large()
        etag = await asyncio.to_thread(upload.commit)
    finally:
        await asyncio.shield(asyncio.to_thread(upload.abort))
    return upload.size, etag


async def _blocks(request: web.Request) -> AsyncIterator[bytearray]:
    """The body in blocks of about 1 MiB, so that each is worth a thread's while."""
    block = bytearray()
    try:
        while True:
            async with asyncio.timeout(IDLE_SECONDS):
                part = await request.content.readany()
            if not part:
                break
            block += part
            if len(block) >= BLOCK:
                yield block
                block = bytearray()
    except TimeoutError:
        raise Refused("The file did not come whole", "The browser stopped sending it.", status=408) from None
    if block:
        yield block


def _too_large() -> Refused:
    return Refused("The file is too large", f"At most {MOST_UPLOAD >> 30} GiB can be uploaded.", status=413)
