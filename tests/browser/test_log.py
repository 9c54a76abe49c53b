"""The log page: live, filtered, held still, copied."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.opened import opened

pytestmark = pytest.mark.browser


async def test_the_log_is_live_filtered_paused_and_copied(tmp_path):
    async with opened(tmp_path, "log") as (console, page):
        await expect(page.locator(".line")).to_have_count(15)
        console.add_log("WARNING", "mq", "slow peer")
        await expect(page.locator(".line").last).to_contain_text("slow peer")
        await page.get_by_label("Which lines").select_option("Warnings and errors")
        await expect(page.locator(".line")).to_have_count(3)
        await page.get_by_label("Search the log").fill("slow")
        await expect(page.locator(".line")).to_have_count(1)
        await page.get_by_role("button", name="Pause").click()
        console.add_log("ERROR", "mq", "slow again")
        await expect(page.get_by_role("button", name="Resume (1)")).to_be_visible()
        await expect(page.locator(".line")).to_have_count(1)
        await page.get_by_role("button", name="Resume (1)").click()
        await expect(page.locator(".line")).to_have_count(2)
        await page.get_by_role("button", name="Copy").click()
        await expect(page.get_by_text("Copied 2 lines.")).to_be_visible()
        report = await page.evaluate("navigator.clipboard.readText()")
        assert report.startswith("goop2 0.1.0\npeer 12D3…BfeSB")
        assert "WARNING mq: slow peer" in report
        assert "presence" not in report
        await page.get_by_label("Search the log").fill("nothing like it")
        await page.get_by_role("button", name="Show everything").click()
        await expect(page.locator(".line")).to_have_count(17)


async def test_a_long_log_is_read_whole_and_stays_at_its_end(tmp_path):
    def filler(console):
        for n in range(1800):
            console.add_log("INFO", "p2p", f"line {n}")

    async with opened(tmp_path, "log", filler=filler) as (console, page):
        await expect(page.locator(".line")).to_have_count(1800)
        await expect(page.get_by_text("line 1799", exact=True)).to_be_in_viewport()
        for n in range(400):
            console.add_log("INFO", "p2p", f"more {n}")
        await expect(page.get_by_text("more 399", exact=True)).to_be_in_viewport()
        await expect(page.locator(".line")).to_have_count(2000)
