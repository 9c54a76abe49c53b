"""A group of three real peers, each in a browser window of its own: from the invitation to the end."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import expect

from tests.browser.browser import chromium, page_of, shot
from tests.browser.test_real import START, open_console
from tests.support.headless import HeadlessPeer, ended

pytestmark = pytest.mark.browser

FIELD = re.compile("Message to ")


async def go(page, name):
    await page.evaluate(f"location.hash = '#/{name}'")


async def write(page, text):
    await page.get_by_label(FIELD).fill(text)
    await page.keyboard.press("Enter")


async def accept(page):
    await page.get_by_role("button", name="Accept").click(timeout=START)
    await expect(page.locator(".reach")).to_contain_text("Connected", timeout=START)


async def test_three_peers_meet_in_a_group(tmp_path):
    names = ("Alice", "Bob <b>", "Carol")
    peers = [HeadlessPeer(tmp_path / name[:3].lower()) for name in names]
    tag = f"goop2-groups-{tmp_path.name[-12:]}"
    for peer, name in zip(peers, names, strict=True):
        peer.configure("profile", label=name)
        peer.configure("p2p", mdns_tag=tag)
        peer.configure("viewer", http_addr="127.0.0.1:0")
    with ended(*peers):
        await asyncio.gather(*(asyncio.to_thread(peer.start) for peer in peers))
        async with (
            chromium() as browser,
            page_of(browser) as alice,
            page_of(browser) as bob,
            page_of(browser) as carol,
        ):
            for page, peer in zip((alice, bob, carol), peers, strict=True):
                await open_console(page, peer)
            await expect(alice.locator(".person .sign.on")).to_have_count(2, timeout=START)

            await go(alice, "groups")
            await alice.get_by_role("button", name="New group").click()
            await alice.get_by_role("textbox", name="Name").fill("Reading club")
            await alice.keyboard.press("Enter")
            await alice.get_by_role("button", name="Invite people").click()
            boxes = alice.get_by_role("dialog").get_by_role("checkbox")
            await expect(boxes).to_have_count(2)
            for box in await boxes.all():
                await box.check()
            await alice.get_by_role("button", name="Invite 2").click()
            await expect(bob.get_by_role("link", name=re.compile("Groups\\s+1 new"))).to_be_visible(timeout=START)
            for page in (bob, carol):
                await go(page, "groups")
                await accept(page)
            await expect(alice.locator(".reach")).to_have_text("You host this group · 3 members", timeout=START)

            await write(alice, "Welcome, @Carol")
            await expect(carol.locator(".mention.own")).to_have_text("@Carol", timeout=START)
            await bob.get_by_label(FIELD).press_sequentially("Hel")
            await expect(carol.locator(".writing")).to_have_text("Bob <b> is writing…", timeout=START)
            await write(bob, "Hello over libp2p")
            await expect(bob.locator(".meta").last.get_by_label("Delivered")).to_be_visible(timeout=START)
            said = carol.locator(".said", has_text="Hello over libp2p")
            await expect(said).to_be_visible(timeout=START)
            await said.hover()
            await said.get_by_role("button").click()
            await carol.get_by_role("menuitem", name="Reply").click()
            await write(carol, "Hello Bob")
            await expect(bob.locator(".quote")).to_contain_text("Hello over libp2p", timeout=START)
            await bob.get_by_label(FIELD).press("ArrowUp")
            await expect(bob.get_by_label(FIELD)).to_have_value("Hello over libp2p")
            await write(bob, "Hello, corrected")
            for page in (alice, carol):
                await expect(page.locator(".bubble", has_text="Hello, corrected").first).to_contain_text(
                    "edited", timeout=START
                )
            await shot(alice, "real-group")

            await carol.get_by_role("button", name="More about Reading club").click()
            await carol.get_by_role("menuitem", name="Leave group…").click()
            await carol.get_by_role("button", name="Leave group").click()
            await expect(carol.get_by_role("heading", name="No groups yet")).to_be_visible()
            await expect(bob.locator(".reach")).to_contain_text("2 members", timeout=START)
            await alice.get_by_role("button", name="More about Reading club").click()
            await alice.get_by_role("menuitem", name="Close group…").click()
            await alice.get_by_role("button", name="Close group", exact=True).click()
            await expect(alice.get_by_role("heading", name="No groups yet")).to_be_visible()
            await expect(bob.get_by_text("This group was closed")).to_be_visible(timeout=START)
            await expect(bob.get_by_text("Hello, corrected").first).to_be_visible()
            await shot(bob, "real-group-closed")
