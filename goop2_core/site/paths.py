"""Paths that strangers and pages ask for: cleaned as text, before any file is looked at (spec 3.2, steps 4 to 6)."""

from __future__ import annotations

import os
import unicodedata
from typing import Final

from goop2_core.errors import Refused

MOST_PATH: Final = 4096
TEMPORARY: Final = ".goop2-tmp"


def not_found(path: str) -> Refused:
    """The error for a file that is not there, or that is none of the asker's business."""
    return Refused("There is no such file", f"The site has no “{printable(path)}”.", status=404)


def forbidden(path: str) -> Refused:
    """The error for a path that leads out of the site, or to what a site never shows."""
    return Refused("This path is not allowed", f"“{printable(path)}” is not part of the published site.", status=403)


def printable(path: str) -> str:
    """`path` for a message: short and without control characters."""
    shown = "".join(character if character.isprintable() else "�" for character in path[:100])
    return shown + ("…" if len(path) > len(shown) else "")


def clean(path: str) -> tuple[str, ...]:
    """The parts of `path` below the root, without `.`, `..` and empty ones; `()` is the root itself.

    A rooted path cannot leave the root (`/../x` is `/x`); a relative one that does (`../x`), or one with a backslash,
    is refused (403). What no file can be called (NUL, a lone surrogate, 4 KiB) does not exist (404).
    """
    if "\0" in path or len(path) > MOST_PATH or not _can_be_asked(path):
        raise not_found(path)
    parts: list[str] = []
    for part in path.split("/"):
        if part in ("", "."):
            continue
        if part != "..":
            parts.append(part)
        elif parts and parts[-1] != "..":
            parts.pop()
        elif not path.startswith("/"):
            parts.append(part)
    if parts:
        parts[0] = parts[0].removeprefix("\\")
    if any(part in ("", ".", "..") or "\\" in part for part in parts):
        raise forbidden(path)
    return tuple(parts)


def check_public(parts: tuple[str, ...], path: str) -> None:
    """Refuse what is never served: `lua` at the top, however it is spelt (403), and dot files (404)."""
    if parts and unicodedata.normalize("NFKC", parts[0]).casefold().rstrip(". ") == "lua":
        raise forbidden(path)
    if any(part.startswith(".") for part in parts):
        raise not_found(path)


def _can_be_asked(path: str) -> bool:
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return True
