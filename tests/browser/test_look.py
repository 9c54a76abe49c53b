"""Every page in every size and mode: nothing sticks out, everything has a name and can be reached by Tab.

The pictures in tests/artefacts/console are for looking at.
"""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.browser.browser import chromium, page_of, shot
from tests.browser.fake_console import FakeConsole, fill
from tests.browser.opened import opened

pytestmark = pytest.mark.browser

SIZES = {"wide": (1100, 720), "720": (656, 388), "480": (480, 400), "phone": (390, 780)}

STICKS_OUT = """() => [...document.querySelectorAll("body *")].filter((item) => {
  if (item.closest(".top nav, .unseen, .skip, svg") || item.matches(".unseen, .skip")) return false;
  const box = item.getBoundingClientRect();
  return box.width > 0 && box.height > 0 && (box.right > innerWidth + 1 || box.left < -1);
}).map((item) => item.outerHTML.slice(0, 120))"""

NAMELESS = """() => [...document.querySelectorAll("button, a, input, select, textarea, [role=region]")].filter((item) =>
  item.offsetParent && !(item.textContent?.trim() || item.getAttribute("aria-label") || item.labels?.length ||
    item.getAttribute("aria-labelledby"))).map((item) => item.outerHTML.slice(0, 120))"""

RING = """() => {
  const item = document.activeElement;
  return getComputedStyle(item).outlineStyle + " " + item.closest("label")?.className;
}"""


@pytest.mark.parametrize("size", SIZES)
async def test_pages_fit_and_have_names(tmp_path, size):
    console = FakeConsole(tmp_path)
    fill(console)
    bob = next(iter(console.people))
    width, height = SIZES[size]
    embedded = "?embedded=1" if size in ("720", "480") else ""
    async with console.running(), chromium() as browser:
        for mode in ("light", "dark") if size == "wide" else ("light",):
            look = {"width": width, "height": height, "mode": mode, "phone": size == "phone"}
            async with page_of(browser, **look) as page:
                for name in ("people", f"people/{bob}", "files", "log", "settings", "site"):
                    await page.goto("about:blank")
                    await page.goto(console.url(name + embedded))
                    await page.wait_for_selector(
                        ".bubble" if "/" in name else ".person, .listing, .line, .section, .card"
                    )
                    assert await page.evaluate(STICKS_OUT) == [], (size, name)
                    assert await page.evaluate(NAMELESS) == [], (size, name)
                    await shot(page, f"{'chat' if '/' in name else name}-{size}-{mode}")


async def test_the_focus_is_seen_and_reaches_everything(tmp_path):
    async with opened(tmp_path) as (_, page):
        reached = []
        for _step in range(10):  # the skip link, seven tabs, the search field, the list
            await page.keyboard.press("Tab")
            seen = await page.evaluate(RING)
            assert "solid" in seen or "search" in seen, await page.evaluate("document.activeElement.outerHTML")
            reached.append(
                await page.evaluate("document.activeElement.textContent || document.activeElement.ariaLabel")
            )
        assert reached[0] == "Skip to the page"
        assert reached[8] == "Search people"
        assert reached[9].startswith("Bob Marsh")


async def test_the_desktop_chooses_the_mode(tmp_path):
    async with opened(tmp_path, mode="dark") as (_, page):
        ground = "getComputedStyle(document.body).backgroundColor"
        assert await page.evaluate(ground) == "rgb(29, 32, 37)"
        await page.evaluate("document.documentElement.className = 'light still'")
        assert await page.evaluate(ground) == "rgb(255, 255, 255)"
        await expect(page.locator(".person img").first).to_have_attribute("src", re.compile("mode=light"))
