"""A text as a QR code, so that a telephone or another computer reads an address off the console."""

from __future__ import annotations

import asyncio
import io

import segno
from aiohttp import web

from goop2_core.errors import Refused

MOST_TEXT = 1000  # characters; more makes a code that cameras find hard to read
QUIET_MODULES = 4  # the white margin that ISO/IEC 18004 asks for


def routes() -> list[web.RouteDef]:
    """`GET /api/qr.svg?text=…` → the QR code, black on white. `Refused` (400) without a text or for a long one."""

    async def show(request: web.Request) -> web.Response:
        text = request.query.get("text", "")
        if not 0 < len(text) <= MOST_TEXT:
            raise Refused("No QR code can be made", f"The text must have 1 to {MOST_TEXT} characters.", status=400)
        return web.Response(body=await asyncio.to_thread(draw, text), content_type="image/svg+xml")

    return [web.get("/api/qr.svg", show)]


def draw(text: str) -> bytes:
    """The QR code (error correction M) as an SVG picture without a size of its own. Raises `Refused` (400)."""
    out = io.BytesIO()
    try:
        code = segno.make_qr(text, error="m")
    except (ValueError, segno.DataOverflowError) as error:
        raise Refused("No QR code can be made", "The text is too long.", status=400) from error
    code.save(out, kind="svg", border=QUIET_MODULES, dark="black", light="white", xmldecl=False, omitsize=True)
    return out.getvalue()
