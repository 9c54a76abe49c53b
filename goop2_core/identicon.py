"""The picture of a peer that has none: five by five squares, mirrored, with hue and pattern from its peer ID."""

from __future__ import annotations

import colorsys
import hashlib

_SIDE = 5
_CELL = 4.8  # 40 units across, 8 of margin left and right
_MARGIN = 8.0


def identicon(peer_id: str, mode: str = "light") -> str:
    """The identicon as SVG text, 40 by 40 units, transparent outside its circle. `mode` is "light" or "dark"."""
    digest = hashlib.sha256(peer_id.encode()).digest()
    hue = (digest[0] * 360 // 256) / 360
    dark = mode == "dark"
    ground = _colour(hue, 0.375, 0.24 if dark else 0.88)
    ink = _colour(hue, 0.5, 0.68 if dark else 0.36)
    squares = "".join(
        f"M{_MARGIN + x * _CELL:.1f} {_MARGIN + y * _CELL:.1f}h{_CELL}v{_CELL}h-{_CELL}z" for x, y in _cells(digest[1:])
    )
    # one path: separate squares would show hairlines between them at most sizes
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40">'
        f'<circle cx="20" cy="20" r="20" fill="{ground}"/><path fill="{ink}" d="{squares}"/></svg>'
    )


def _cells(bits: bytes) -> list[tuple[int, int]]:
    """Which cells (x, y) are inked: the left three columns from the bytes, the others mirrored."""
    half = _SIDE // 2 + 1
    left = {(x, y) for y in range(_SIDE) for x in range(half) if bits[y * half + x] & 1}
    return sorted(left | {(_SIDE - 1 - x, y) for x, y in left})


def _colour(hue: float, saturation: float, lightness: float) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in colorsys.hls_to_rgb(hue, lightness, saturation))
