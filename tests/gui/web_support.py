"""What tests ask of a web page."""

from __future__ import annotations

import asyncio
import json


async def evaluate(page, expression: str):
    """The value of a JavaScript expression in a page."""
    future = asyncio.get_event_loop().create_future()
    page.runJavaScript(f"JSON.stringify({expression})", lambda value: future.done() or future.set_result(value))
    value = await asyncio.wait_for(future, 10)
    return json.loads(value) if value else None


async def text_of(page) -> str:
    """What the page says."""
    return await evaluate(page, "document.body ? document.body.innerText : ''") or ""


async def has_text(page, words: str, seconds: float = 15.0) -> None:
    """Wait until the page says these words."""
    loop = asyncio.get_event_loop()
    end = loop.time() + seconds
    while words not in (said := await text_of(page)):
        assert loop.time() < end, f"{words!r} is not in {said!r}"
        await asyncio.sleep(0.05)
