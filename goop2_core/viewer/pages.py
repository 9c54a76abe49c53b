"""The few pages that goop2 itself shows to browsers: calm, in its own look, without inline code."""

from __future__ import annotations

import asyncio
from functools import cache
from html import escape

from aiohttp import web

from goop2_core.errors import Goop2Error
from goop2_core.resources import resource
from goop2_core.viewer import theme

# Below a name that no site can have, since dot files are never served.
ASSETS = "/.goop2/"

_FONTS = ("inter-400.ttf", "inter-600.ttf")

_STYLE = """
@font-face{font-family:Inter;font-weight:400;src:url(inter-400.ttf)}
@font-face{font-family:Inter;font-weight:600;src:url(inter-600.ttf)}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:var(--space-24);background:var(--background);
color:var(--text);font:var(--font-body);font-size:15px;line-height:1.5}
main{max-width:480px;width:100%;padding:var(--space-32);background:var(--surface);border:1px solid var(--border);
border-radius:var(--radius-card)}
h1{margin:0 0 var(--space-8);font:var(--font-page);letter-spacing:-.015em}
p{margin:0 0 var(--space-12);overflow-wrap:anywhere}
p:last-child{margin-bottom:0}
.muted{color:var(--muted);font-size:13px}
code{font:var(--font-code)}
a{color:var(--accent)}
"""

# Asks again with growing pauses, without loading the page anew, so that nothing flickers while the peer is away.
_RETRY = """
"use strict";
const pauses = [2, 3, 5, 8, 12, 20, 30];
let tries = 0;
async function again() {
  try {
    const answer = await fetch(location.href, { method: "HEAD", cache: "no-store" });
    if (answer.status !== 502 && answer.status !== 429) { location.reload(); return; }
  } catch { /* goop2 itself is away: keep asking */ }
  later();
}
function later() {
  setTimeout(again, 1000 * pauses[Math.min(tries++, pauses.length - 1)]);
}
addEventListener("online", () => { tries = 0; });
later();
"""


@cache
def _assets() -> dict[str, tuple[str, bytes]]:
    """What the pages load, by name: the media type and the bytes. Reads files, so it blocks the first time."""
    files = [file for name in _FONTS if (file := resource("fonts", name)).is_file()]  # a bare checkout has none
    fonts = {file.name: ("font/ttf", file.read_bytes()) for file in files}
    return fonts | {
        "page.css": ("text/css; charset=utf-8", (theme.css() + _STYLE).encode()),
        "retry.js": ("application/javascript; charset=utf-8", _RETRY.encode()),
    }


async def serve_asset(request: web.Request) -> web.Response:
    """Answer `GET /.goop2/<name>`."""
    found = (await asyncio.to_thread(_assets)).get(request.match_info["name"])
    if found is None:
        raise web.HTTPNotFound
    return web.Response(body=found[1], headers={"Content-Type": found[0], "Cache-Control": "max-age=3600"})


def page(status: int, title: str, *lines: str, hint: str = "", retry: bool = False) -> web.Response:
    """A page that says what happened and what to do. All text is escaped here; `retry` makes it ask again by itself."""
    body = "".join(f"<p>{escape(line)}</p>" for line in lines if line)
    body += f'<p class="muted">{escape(hint)}</p>' if hint else ""
    head = f'<script src="{ASSETS}retry.js" defer></script>' if retry else ""
    head += '<noscript><meta http-equiv="refresh" content="15"></noscript>' if retry else ""
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="stylesheet" href="{ASSETS}page.css">{head}</head>'
        f'<body><main role="main"><h1>{escape(title)}</h1>{body}</main></body></html>\n'
    )
    return web.Response(
        status=status,
        body=text.encode(),
        headers={"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"},
    )


def error_page(request: web.Request, status: int, error: Goop2Error, *, retry: bool = False) -> web.Response:
    """`error` as a page for a browser that wants one, else as a line of text."""
    if "text/html" in request.headers.get("Accept", ""):
        return page(status, error.title, error.message, hint=error.hint, retry=retry)
    return web.Response(status=status, text=f"{error}\n", headers={"Cache-Control": "no-store"})
