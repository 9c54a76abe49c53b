"""The media type of a file: by its name, else by its first bytes (spec/application.md 3.3)."""

from __future__ import annotations

import mimetypes
import re
from functools import cache
from pathlib import Path
from typing import Final

SNIFFED_BYTES: Final = 512
UNKNOWN: Final = "application/octet-stream"

# What the web needs is fixed, so that a site looks the same from every computer.
_FIXED: Final = {
    ".css": "text/css",
    ".htm": "text/html",
    ".html": "text/html",
    ".js": "application/javascript; charset=utf-8",
    ".mjs": "application/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".txt": "text/plain",
    ".md": "text/markdown",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".ico": "image/x-icon",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".ttf": "font/ttf",
    ".otf": "font/otf",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".wav": "audio/wav",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".pdf": "application/pdf",
    ".zip": "application/zip",
}
_MAGIC: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"\x1a\x45\xdf\xa3", "video/webm"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"wOF2", "font/woff2"),
    (b"wOFF", "font/woff"),
)
_MARKUP: Final = re.compile(rb"\s*<(?:!doctype html|html|head|body|script|title|h1|p|div|!--)[\s>-]", re.IGNORECASE)
_BINARY: Final = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_VALID: Final = re.compile(
    r"[A-Za-z0-9][\w.+-]{0,63}/[A-Za-z0-9][\w.+-]{0,63}(?:; ?[A-Za-z0-9-]+=\"?[\w.+-]+\"?){0,4}", re.ASCII
)


def mime_of(name: str, head: bytes = b"") -> str:
    """The media type of a file called `name` whose first bytes are `head`; text types carry `charset=utf-8`."""
    return _with_charset(_by_name(name) or _sniff(head[:SNIFFED_BYTES]))


def needs_head(name: str) -> bool:
    """Whether the name does not tell the type, so that `mime_of` should be given the first bytes."""
    return not _by_name(name)


def settle(said: str, name: str, head: bytes = b"") -> str:
    """The type of a remote file: what the peer `said`, unless that is malformed or says nothing (then as `mime_of`)."""
    if not _VALID.fullmatch(said) or said.lower().startswith(("text/plain", UNKNOWN)):
        return mime_of(name, head)
    return said


@cache
def _system() -> mimetypes.MimeTypes:
    return mimetypes.MimeTypes([file for file in mimetypes.knownfiles if Path(file).is_file()])


def _by_name(name: str) -> str:
    dot = name.rfind(".")
    extension = name[dot:].lower() if dot > name.rfind("/") else ""
    if not extension:
        return ""
    if fixed := _FIXED.get(extension):
        return fixed
    types = _system().types_map
    return types[True].get(extension) or types[False].get(extension) or ""


def _sniff(head: bytes) -> str:
    for magic, mime in _MAGIC:
        if head.startswith(magic):
            return mime
    if head[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(head[8:12], UNKNOWN)
    if head[4:8] == b"ftyp":
        return "video/mp4"
    if _MARKUP.match(head):
        return "text/html"
    return UNKNOWN if _BINARY.search(head) else "text/plain"


def _with_charset(mime: str) -> str:
    return f"{mime}; charset=utf-8" if mime.startswith("text/") and ";" not in mime else mime
