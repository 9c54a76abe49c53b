"""The console of real peers: two of them, started as their owner starts them, met in two browser windows."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys

import pytest
from playwright.async_api import expect

from tests.browser.browser import chromium, page_of, shot
from tests.support.headless import HeadlessPeer, ended

pytestmark = pytest.mark.browser

START = 30_000


async def open_console(page, peer):
    """The page is let in by the one-time link that `goop2 console DIR` prints."""
    argv = [sys.executable, "-m", "goop2_core", "console", str(peer.directory)]
    printed = await asyncio.to_thread(subprocess.run, argv, capture_output=True, text=True, check=True)
    await page.goto(printed.stdout.strip())


async def test_two_peers_meet_talk_and_visit(tmp_path):
    alice, bob = HeadlessPeer(tmp_path / "alice"), HeadlessPeer(tmp_path / "bob")
    tag = f"goop2-browser-{tmp_path.name[-12:]}"
    for peer, name in ((alice, "Alice"), (bob, "Bob <b>Marsh</b>")):
        peer.configure("profile", label=name)
        peer.configure("p2p", mdns_tag=tag)
        peer.configure("viewer", http_addr="127.0.0.1:0")
    with ended(alice, bob):
        await asyncio.gather(asyncio.to_thread(alice.start), asyncio.to_thread(bob.start))
        async with chromium() as browser, page_of(browser, bugs=False) as ours, page_of(browser, bugs=False) as theirs:
            await open_console(ours, alice)
            await open_console(theirs, bob)
            row = ours.get_by_role("link", name="Bob <b>Marsh</b>")
            await expect(row.locator(".sign.on")).to_be_visible(timeout=START)
            await row.click()
            await ours.get_by_label(re.compile("Message to Bob")).fill("hello over libp2p")
            await ours.keyboard.press("Enter")
            await expect(ours.locator(".meta").last.get_by_label("Delivered")).to_be_visible(timeout=START)
            await expect(theirs.get_by_role("link", name="Alice")).to_contain_text("hello over libp2p")
            async with ours.context.expect_page() as opening:
                await ours.get_by_role("button", name="Visit").click()
            site = await opening.value
            await site.wait_for_url(re.compile(r"\.localhost:"), timeout=START)
            await expect(site.locator("body")).not_to_be_empty(timeout=START)
            assert await site.evaluate("window.opener") is None

            await ours.goto(re.sub(r"#.*", "#/files", ours.url))
            await ours.get_by_label("Files to upload").set_input_files(
                [{"name": "new page.html", "mimeType": "text/html", "buffer": b"<h1>new</h1>"}]
            )
            await expect(ours.get_by_role("link", name="new page.html")).to_be_visible()
            assert (alice.directory / "site" / "new page.html").read_bytes() == b"<h1>new</h1>"
            await ours.get_by_role("button", name="New folder").click()
            await ours.get_by_role("textbox", name="Name").fill("photos")
            await ours.keyboard.press("Enter")
            await ours.get_by_role("button", name="Actions for photos").click()
            await ours.get_by_role("menuitem", name="Delete…").click()
            await ours.get_by_role("button", name="Delete", exact=True).click()
            await expect(ours.get_by_role("link", name="photos")).to_have_count(0)

            await ours.evaluate("location.hash = '#/settings'")
            await ours.get_by_label("Display name").fill("Alice's desk")
            await ours.get_by_role("button", name="Save").click()
            await expect(ours.locator("header .who b")).to_have_text("Alice's desk")
            await expect(theirs.get_by_role("link", name="Alice's desk")).to_be_visible(timeout=START)
            await ours.get_by_label("Appearance").select_option("light")
            await ours.get_by_role("button", name="Save").click()
            await expect(ours.locator("html")).to_have_class("light")
            await ours.evaluate("location.hash = '#/log'")
            await expect(ours.locator(".line").first).to_be_visible()
            await ours.evaluate("location.hash = '#/site'")
            code = ours.get_by_alt_text("Your address as a QR code")
            assert await code.evaluate("async (code) => { await code.decode(); return code.naturalWidth > 0 }")
            await shot(ours, "real-site")

            bob.kill()
            await ours.evaluate("location.hash = '#/people'")
            await expect(ours.locator(".person .sign.off")).to_be_visible(timeout=START)
            assert await asyncio.to_thread(alice.stop) == 0
            await expect(ours.get_by_text("This peer does not answer")).to_be_visible()
