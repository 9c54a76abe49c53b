"""A page of the console, opened for a test against the stand-in server."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from playwright.async_api import Page

from tests.browser.browser import chromium, page_of
from tests.browser.fake_console import FakeConsole, fill


@contextlib.asynccontextmanager
async def opened(
    folder: Path, page: str = "people", *, filler: Callable[[FakeConsole], None] | None = fill, **look
) -> AsyncIterator[tuple[FakeConsole, Page]]:
    """(server, page), the page loaded; `look` as for `page_of`."""
    console = FakeConsole(folder)
    if filler:
        filler(console)
    async with console.running(), chromium() as browser, page_of(browser, **look) as tab:
        await tab.goto(console.url(page))
        await tab.wait_for_selector(".page, .people, .empty")
        yield console, tab


def peer_called(console: FakeConsole, name: str) -> str:
    """The peer ID of a person."""
    return next(peer for peer, person in console.people.items() if person.name == name)
