"""The site page: the own address, and the way to the sites of others."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from goop2_core.events import VisitorsChanged
from tests.browser.opened import opened

pytestmark = pytest.mark.browser


async def test_the_address_is_given_away_and_others_are_visited(tmp_path):
    async with opened(tmp_path, "site", bugs=False) as (console, page):
        await expect(page.get_by_text("2 visitors now")).to_be_visible()
        console.emit(VisitorsChanged(1))
        await expect(page.get_by_text("1 visitor now")).to_be_visible()
        await page.get_by_role("button", name="Copy your address").click()
        assert await page.evaluate("navigator.clipboard.readText()") == console.state["link"]
        await expect(page.get_by_alt_text("Your address as a QR code")).to_be_visible()
        await page.get_by_label("Address", exact=True).fill("nobody")
        await page.get_by_role("button", name="Visit").click()
        await expect(page.get_by_role("alert")).to_contain_text("There is nobody of that name")
        await expect(page.get_by_label("Address", exact=True)).to_have_value("nobody")
        await page.get_by_label("Address", exact=True).fill("Bob Marsh")
        async with page.context.expect_page() as opening:
            await page.keyboard.press("Enter")
        await (await opening.value).wait_for_url("**/opened")
        async with page.context.expect_page():
            await page.get_by_role("button", name="Open site").click()
        assert console.opened == ["Bob Marsh", console.state["link"]]


async def test_embedded_it_has_no_header_and_keeps_so(tmp_path):
    async with opened(tmp_path, "site?embedded=1") as (_, page):
        await expect(page.locator("header.top")).to_have_count(0)
        await page.get_by_role("link", name="Files").click()
        await page.wait_for_url("**/#/files?embedded=1")
        await expect(page.locator(".listing")).to_be_visible()
        await expect(page.locator("header.top")).to_have_count(0)
