"""Which pictures are accepted as avatars: real PNG, JPEG, GIF and WebP of a size that no browser chokes on."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

MOST_PIXELS_A_SIDE: Final = 4096
_MARKER: Final = 0xFF
_FRAME_HEADERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ENDS: Final = frozenset({0xD9, 0xDA})


@dataclass(frozen=True, slots=True)
class Image:
    """What a picture's first bytes say: its media type, and its size in pixels."""

    mime: str
    width: int
    height: int

    @property
    def fits(self) -> bool:
        """Whether it has pixels at all and no more than 4096 a side: a few bytes can promise gigabytes."""
        return 0 < self.width <= MOST_PIXELS_A_SIDE and 0 < self.height <= MOST_PIXELS_A_SIDE


def image_of(data: bytes) -> Image | None:
    """What kind of picture `data` is, by its content alone; `None` if it is none of the four accepted kinds."""
    try:
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            return _png(data)
        if data.startswith((b"GIF87a", b"GIF89a")):
            return Image("image/gif", *struct.unpack_from("<HH", data, 6))
        if data.startswith(b"\xff\xd8\xff"):
            return _jpeg(data)
        if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
            return _webp(data)
    except (struct.error, IndexError):  # cut short
        pass
    return None


def _png(data: bytes) -> Image | None:
    if data[12:16] != b"IHDR":
        return None
    return Image("image/png", *struct.unpack_from(">II", data, 16))


def _jpeg(data: bytes) -> Image | None:
    """Walks the segments up to the frame header, which has the size (ITU-T T.81, B.1.1)."""
    position = 2
    while data[position] == _MARKER:
        kind = data[position + 1]
        if kind == _MARKER:  # fill byte
            position += 1
            continue
        if kind in _FRAME_HEADERS:
            height, width = struct.unpack_from(">HH", data, position + 5)
            return Image("image/jpeg", width, height)
        if kind in _ENDS:
            return None
        (length,) = struct.unpack_from(">H", data, position + 2)
        position += 2 + length
    return None


def _webp(data: bytes) -> Image | None:
    """The first chunk: lossy, lossless or extended (RFC 9649)."""
    match data[12:16]:
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", data, 26)
            return Image("image/webp", width & 0x3FFF, height & 0x3FFF)
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", data, 21)
            return Image("image/webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
        case b"VP8X":
            low_width, high_width, low_height, high_height = struct.unpack_from("<HBHB", data, 24)
            return Image("image/webp", (high_width << 16 | low_width) + 1, (high_height << 16 | low_height) + 1)
    return None
