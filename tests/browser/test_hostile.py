"""Markup in what strangers wrote is shown as text, everywhere, and never runs."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from goop2_core.events import Person
from tests.browser.opened import opened

pytestmark = pytest.mark.browser

EVIL = "<img src=x onerror=\"window.pwned=1\"><script>window.pwned=1</script><b>&amp;${'a'}"
PEER = "12D3KooWEvil".ljust(52, "x")


def filler(console):
    console.people[PEER] = Person(PEER, name=EVIL, email=EVIL, online=True, avatar_hash='"><script>')
    console.say(PEER, EVIL, unread=1)
    console.say(PEER, 'javascript:window.pwned=1 https://x/"onclick="pwned=1 goop2:<script>')
    console.files[EVIL.replace("/", "_")] = b"x"
    console.files["index.html"] = b"x"
    console.add_log("ERROR", EVIL, EVIL)
    console.state.update(name=EVIL, words=EVIL, addresses=[EVIL])
    console.config.update({"profile.email": "<b>bold</b>"})


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("people", ".person b"), (f"people/{PEER}", ".bubble"), ("files", ".entry span"), ("log", ".line .text"),
        ("site", "header .state"), ("settings", "header .who b"),
    ],
)  # fmt: skip
async def test_markup_stays_text(tmp_path, name, place):
    async with opened(tmp_path, name, filler=filler) as (_, page):
        await expect(page.locator(place).first).to_contain_text("<img src=x onerror=")
        assert await page.evaluate("window.pwned") is None
        assert await page.locator("img[src=x], main script, main b b").count() == 0
        links = await page.eval_on_selector_all(".bubble a", "all => all.map((a) => a.protocol)")
        assert set(links) <= {"https:", "goop2:"}
        await page.get_by_role("link", name="Settings").focus()
        assert await page.evaluate("window.pwned") is None


async def test_questions_about_evil_names_stay_text(tmp_path):
    async with opened(tmp_path, "files", filler=filler) as (_, page):
        await page.locator("td.act button").first.click()
        await page.get_by_role("menuitem", name="Delete…").click()
        await expect(page.get_by_role("dialog")).to_contain_text("<img src=x onerror=")
        assert await page.evaluate("window.pwned") is None


async def test_odd_addresses_do_no_harm(tmp_path):
    async with opened(tmp_path, filler=filler) as (console, page):
        for odd in ("people/%E0%A4%A", "nowhere", "files/..%2F..", "people/" + "x" * 5000, "//evil.example/"):
            await page.goto(console.url(odd))
            await expect(page.locator("main")).not_to_be_empty()
