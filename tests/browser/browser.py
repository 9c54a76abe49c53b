"""Chromium for tests: Debian's, never a downloaded one, and silent on the network."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
ARTEFACTS = Path(__file__).resolve().parent.parent / "artefacts" / "console"
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


@contextlib.asynccontextmanager
async def page_of(
    browser: Browser,
    *,
    width: int = 1100,
    height: int = 720,
    mode: str = "light",
    phone: bool = False,
    bugs: bool = True,
) -> AsyncIterator[Page]:
    """A page of its own session. With `bugs`, a script error, a console error or a broken policy fails the test."""
    context = await browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=mode, has_touch=phone, is_mobile=phone,
        reduced_motion="reduce", permissions=["clipboard-read", "clipboard-write"], locale="en-GB",
    )  # fmt: skip
    page = await context.new_page()
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(f"{error}"))
    page.on("console", lambda line: found.append(line.text) if line.type == "error" else None)
    page.set_default_timeout(8000)
    try:
        yield page
    finally:
        await context.close()
    if bugs:
        assert not found, f"the page reported: {found}"


async def shot(page: Page, name: str) -> None:
    """Keep a picture of the page."""
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    await page.evaluate("document.fonts.ready")
    await page.screenshot(path=ARTEFACTS / f"{name}.png")
