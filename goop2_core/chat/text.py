"""What may be said: the one place where somebody's words become a message's content."""

from __future__ import annotations

import unicodedata
from typing import Final

MOST_BYTES: Final = 16 << 10
CUT: Final = " […]"
_KEPT: Final = frozenset("\n\t")
_DROPPED: Final = frozenset({"Cc", "Cs"})


def cleaned(text: str) -> str:
    r"""`text` as it is kept and shown: lines end in `\n`; no control characters, lone surrogates or blank edges."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = (character for character in text if character in _KEPT or unicodedata.category(character) not in _DROPPED)
    return "".join(kept).strip()


def fits(text: str) -> bool:
    """Whether cleaned `text` is no longer than 16 KiB in UTF-8."""
    return len(text.encode()) <= MOST_BYTES


def shortened(text: str) -> str:
    """Cleaned `text`, cut to 16 KiB with a mark if it is longer: what came is never thrown away whole."""
    if fits(text):
        return text
    return text.encode()[: MOST_BYTES - len(CUT.encode())].decode("utf-8", "ignore") + CUT


def received(payload: object) -> str:
    """The content of a `chat` payload (spec 4.7), cleaned and shortened; empty if it is not one."""
    content = payload.get("content") if isinstance(payload, dict) else None
    # Cut before it is looked at character by character: 8 MiB could come.
    return shortened(cleaned(content[: 2 * MOST_BYTES])) if isinstance(content, str) else ""
