"""The lines of the site and avatar protocols, as text and as typed objects (spec 3.2, 3.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from goop2_core.errors import Refused, StreamBroken

CONTENT: Final = "/goop/content/1.0.0"
SITE: Final = "/goop/site/1.0.0"
AVATAR: Final = "/goop/avatar/1.0.0"
DIAG: Final = "/goop/diag/1.0.0"

SEALED_PREFIX: Final = "ENC:"
MOST_REQUEST: Final = 8 << 10
MOST_HEADER: Final = 4 << 10
PIECE: Final = 128 << 10
"""Bytes that are handed to a stream at once."""

_SIZE: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
_WORDS: Final = {
    "not found": ("There is no such file", "The site has no file at this address.", 404),
    "forbidden": ("This path is not allowed", "The other peer does not give out this file.", 403),
    "site disabled": ("No site here", "The other peer publishes no site.", 502),
}


class NotUnderstood(Refused):
    """The other side could not read the request, which is so if it lacks the key that the request was sealed with."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a reply begins with: whether the body is sealed, its type (empty for avatars), its size on the wire."""

    sealed: bool
    mime: str
    size: int


def decode(line: bytes) -> str:
    """A line as text. Bytes that are not UTF-8 survive as what the file system calls them."""
    return line.decode("utf-8", "surrogateescape").strip()


def requested_path(text: str) -> str | None:
    """The path of an opened request, `None` if it is not one. A sealed `GET ` asks for the root."""
    return text[4:].strip() if text.startswith("GET ") else None


def parse_header(line: bytes, *, with_mime: bool = True) -> Header | None:
    """The first line of a reply; `None` for `NONE`, which says that there is no avatar.

    Raises `Refused` with the status that the other side's `ERR` means, `StreamBroken` for anything else.
    """
    text = line.decode("utf-8", "replace").strip()
    if text == "NONE" and not with_mime:
        return None
    if text == "ERR" or text.startswith("ERR "):
        raise _refusal(text[4:].strip())
    keyword, _, rest = text.partition(" ")
    mime, _, size = rest.rpartition(" ")
    if keyword not in ("OK", "EOK") or not _SIZE.fullmatch(size) or (mime and not with_mime):
        raise StreamBroken("The answer was not understood", "The other peer did not begin it as the protocol says.")
    return Header(keyword == "EOK", mime.strip(), int(size))


def header_line(*, sealed: bool, size: int, mime: str = "") -> bytes:
    """`OK text/html; charset=utf-8 12`, or `EOK …` for a sealed body; avatars have no type."""
    return " ".join(part for part in ("EOK" if sealed else "OK", mime, str(size)) if part).encode() + b"\n"


def _refusal(words: str) -> Refused:
    if "bad request" in words:
        return NotUnderstood("The other peer did not understand", "It could not read the request.", status=502)
    for known, (title, message, status) in _WORDS.items():
        if known in words:
            return Refused(title, message, status=status)
    shown = "".join(character for character in words[:200] if character.isprintable())
    return Refused("The other peer refused", f"It said: {shown}", status=502)
