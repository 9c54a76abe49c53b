"""The guide inside the console."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from goop2_core.resources import resource
from tests.browser.opened import opened

pytestmark = pytest.mark.browser


async def test_the_guide_is_read_and_leads_from_page_to_page(tmp_path):
    async with opened(tmp_path, "help?embedded=1", bugs=False) as (_, page):
        await page.locator("article").get_by_role("link", name="People and chat").click()
        title = resource("docs", "people.md").read_text().splitlines()[0].removeprefix("# ")
        await expect(page.get_by_role("heading", level=1)).to_have_text(title)
        assert page.url.endswith("#/help/people?embedded=1")
        await page.get_by_role("link", name="All of the guide").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("goop2")
        await page.evaluate("location.hash = '#/help/nowhere'")
        await expect(page.get_by_role("alert")).to_contain_text("The guide has no such page")


async def test_only_what_a_text_needs_comes_through(tmp_path):
    async with opened(tmp_path, "help", bugs=False) as (_, page):
        evil = (
            "<p>ok<script>pwned=1</script><img src=x onerror=pwned=1><a href=javascript:pwned=1 onclick=pwned=1>x</a>"
        )
        shown = await page.evaluate(
            """async (evil) => {
              const { fromMarkup } = await import("/static/lib/markup.js");
              const { render, h } = await import("/static/lib/preact.js");
              const box = document.createElement("div");
              document.body.append(box);
              render(h("div", {}, fromMarkup(evil)), box);
              return box.innerHTML;
            }""",
            evil,
        )
        assert shown == "<div><p>okpwned=1<a>x</a></p></div>"
        assert await page.evaluate("window.pwned") is None
