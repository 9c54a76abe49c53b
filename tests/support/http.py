"""HTTP by hand over a real socket, so that a test decides every byte that is sent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass
class Answer:
    """What came back. `headers` in order, names in lower case."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name.lower()), "")

    def cookies(self) -> dict[str, str]:
        pairs = [value.partition(";")[0].partition("=") for key, value in self.headers if key == "set-cookie"]
        return {name: value for name, _, value in pairs}

    @property
    def text(self) -> str:
        return self.body.decode()


def request_bytes(
    method: str, path: str, headers: Mapping[str, str | list[str]], body: bytes = b"", version: str = "1.1"
) -> bytes:
    lines = [f"{method} {path} HTTP/{version}"]
    for name, value in headers.items():
        lines += [f"{name}: {one}" for one in (value if isinstance(value, list) else [value])]
    if body or method in ("POST", "PUT"):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + body


async def read_answer(reader: asyncio.StreamReader, method: str = "GET") -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")[:-2]
    status = int(first.split()[1])
    headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    fields = dict(headers)
    if method == "HEAD" or status in (204, 304):
        body = b""
    elif "content-length" in fields:
        body = await reader.readexactly(int(fields["content-length"]))
    elif fields.get("transfer-encoding") == "chunked":
        body = b""
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readline()
    else:
        body = await reader.read()
    return Answer(status, headers, body)


async def ask(
    port: int,
    path: str = "/",
    method: str = "GET",
    *,
    host: str | None = None,
    headers: Mapping[str, str | list[str]] | None = None,
    body: bytes = b"",
    version: str = "1.1",
) -> Answer:
    """One request on its own connection to 127.0.0.1. `host` is the Host header, `127.0.0.1:<port>` if not given."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    try:
        fields = {"Host": f"127.0.0.1:{port}" if host is None else host, **(headers or {})}
        writer.write(request_bytes(method, path, fields, body, version))
        async with asyncio.timeout(20):
            return await read_answer(reader, method)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
