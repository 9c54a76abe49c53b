"""What the pages do when the peer is slow, fails, or is gone for a while."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.opened import opened, peer_called

pytestmark = pytest.mark.browser

PAGES = {"people": ".people", "files": ".listing", "log": ".line", "settings": ".section", "site": ".card"}


async def test_a_lost_peer_is_announced_and_its_return_brings_everything_up_to_date(tmp_path):
    async with opened(tmp_path, bugs=False) as (console, page):
        bob = peer_called(console, "Bob Marsh")
        await page.goto(console.url(f"people/{bob}"))
        await page.get_by_label("Message to Bob Marsh").fill("half a word")
        console.hang_up()
        banner = page.get_by_role("alert").filter(has_text="This peer does not answer")
        await expect(banner).to_be_visible()
        console.say(bob, "said while you were away")
        console.cut = False
        await banner.get_by_role("button", name="Try again").click()
        await expect(banner).to_have_count(0)
        await expect(page.locator(".bubble").last).to_have_text("said while you were away")
        await expect(page.get_by_label("Message to Bob Marsh")).to_have_value("half a word")


async def test_it_comes_back_by_itself(tmp_path):
    async with opened(tmp_path, bugs=False) as (console, page):
        console.hang_up()
        await expect(page.get_by_text("This peer does not answer")).to_be_visible()
        console.cut = False
        await expect(page.get_by_text("This peer does not answer")).to_have_count(0)


@pytest.mark.parametrize("name", PAGES)
async def test_a_page_that_fails_to_load_says_why_and_tries_again(tmp_path, name):
    async with opened(tmp_path, "site" if name != "site" else "log", bugs=False) as (console, page):
        console.failing = {"/api/state", "/api/people", "/api/files", "/api/log", "/api/settings"}
        await page.goto("about:blank")
        await page.goto(console.url(name))
        await expect(page.get_by_role("alert")).to_contain_text("The disk is full")
        console.failing = set()
        await page.get_by_role("button", name="Try again").click()
        await expect(page.locator(PAGES[name]).first).to_be_visible()


async def test_waiting_shows_after_a_moment(tmp_path):
    async with opened(tmp_path) as (console, page):
        console.delay = 1.0
        await page.goto("about:blank")
        await page.goto(console.url("files"))
        await expect(page.get_by_text("Loading the page")).to_be_attached()
        await expect(page.locator(".listing")).to_be_visible()
        await expect(page.locator(".loading")).to_have_count(0)
