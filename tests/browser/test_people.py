"""The people page: the list, and a conversation from the first word to its end."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from playwright.async_api import expect

from goop2_core.events import PersonChanged
from tests.browser.fake_console import fill_many
from tests.browser.opened import opened, peer_called
from tests.support.wait import until

pytestmark = pytest.mark.browser

PEOPLE = re.compile(r"^\s*People\b")  # the tab, which may go on with how many messages are unread


async def test_the_list_groups_people_and_follows_the_events(tmp_path):
    async with opened(tmp_path) as (console, page):
        assert await page.locator(".rows h2").all_inner_texts() == ["Favourites", "Online", "Offline"]
        carol = page.get_by_role("link", name="Carol Díaz")
        await expect(carol.locator(".count")).to_have_text("3 unread")
        await expect(carol.locator(".preview")).to_have_text("Can you open the cluster for me?")
        await expect(page.get_by_role("link", name="Erik")).to_contain_text("Seen ")
        await expect(page).to_have_title("(5) People · Alice's desk · goop2")
        erik = console.people[peer_called(console, "Erik")]
        console.emit(PersonChanged(replace(erik, online=True, reachable=True)))
        await expect(page.get_by_role("region", name="Online")).to_contain_text("Erik")
        await expect(page.get_by_role("link", name=re.compile("Erik ?, online"))).to_be_visible()


async def test_search_by_keyboard_leads_to_a_conversation(tmp_path):
    async with opened(tmp_path) as (_, page):
        await page.keyboard.press("Control+k")
        await page.keyboard.type("light")
        await expect(page.locator(".person")).to_have_count(1)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Lighthouse library")
        await page.get_by_label("Search people").fill("zzz")
        await expect(page.get_by_text("Nobody here is called “zzz”.")).to_be_visible()
        await page.get_by_label("Search people").press("Escape")
        await page.get_by_label("Search people").press("ArrowDown")
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Carol Díaz")


async def test_a_message_is_written_sent_and_delivered(tmp_path):
    async with opened(tmp_path) as (console, page):
        bob = peer_called(console, "Bob Marsh")
        await page.get_by_role("link", name="Bob Marsh").click()
        field = page.get_by_label("Message to Bob Marsh")
        await expect(field).to_be_focused()
        await field.type("one")
        await page.keyboard.press("Shift+Enter")
        await field.type("two")
        await page.keyboard.press("Enter")
        await until(lambda: console.messages[bob][-1].content == "one\ntwo")
        await expect(page.locator(".bubble").last).to_have_text("one\ntwo")
        await expect(page.locator(".meta").last.get_by_label("Delivered")).to_be_visible()
        await expect(field).to_have_value("")
        assert await page.locator(".bubble", has_text="two").count() == 1


async def test_what_was_not_delivered_can_be_sent_again(tmp_path):
    async with opened(tmp_path) as (console, page):
        bob = peer_called(console, "Bob Marsh")
        await page.goto(console.url(f"people/{bob}"))
        await expect(page.locator(".meta.error")).to_contain_text("Not delivered: Bob's peer did not answer.")
        await page.get_by_role("button", name="Send again").click()
        await expect(page.locator(".meta.error")).to_have_count(0)
        await until(lambda: console.messages[bob][-1].delivery == "delivered")
        console.answers = False
        await page.get_by_label("Message to Bob Marsh").fill("again")
        await page.keyboard.press("Enter")
        await expect(page.locator(".meta.error")).to_be_visible()


@pytest.mark.parametrize("history", [True, False])
async def test_a_message_the_peer_refused_stays_and_goes_out_once(tmp_path, history):
    async with opened(tmp_path, bugs=False) as (console, page):
        bob = peer_called(console, "Bob Marsh")
        console.failing = set() if history else {"/api/chat/"}
        await page.goto(console.url(f"people/{bob}"))
        await expect(page.locator(".bubble, .older").first).to_be_visible()
        console.failing = {"/api/chat/"}
        await page.get_by_label("Message to Bob Marsh").fill("keep me")
        await page.keyboard.press("Enter")
        await expect(page.locator(".meta.error").last).to_contain_text("The disk is full")
        await expect(page.locator(".bubble").last).to_have_text("keep me")
        console.failing = set()
        await page.get_by_role("button", name="Send again").last.click()
        await expect(page.locator(".meta").last.get_by_label("Delivered")).to_be_visible()
        assert [m.content for m in console.messages[bob]].count("keep me") == 1
        assert await page.locator(".bubble", has_text="keep me").count() == 1
        if not history:
            await page.get_by_role("button", name="Load again").click()
            await expect(page.locator(".bubble")).to_have_count(8)


async def test_a_draft_is_kept_for_each_person(tmp_path):
    async with opened(tmp_path) as (_, page):
        await page.get_by_role("link", name="Bob Marsh").click()
        await page.get_by_label("Message to Bob Marsh").fill("for Bob")
        await page.get_by_role("link", name="Lighthouse").click()
        await expect(page.get_by_label("Message to Lighthouse library")).to_have_value("")
        await page.reload()
        await page.get_by_role("link", name="Bob Marsh").click()
        await expect(page.get_by_label("Message to Bob Marsh")).to_have_value("for Bob")


async def test_the_conversation_is_open_again_after_another_page(tmp_path):
    async with opened(tmp_path) as (_, page):
        await page.get_by_role("link", name="Bob Marsh").click()
        await page.get_by_role("link", name="Log", exact=True).click()
        await expect(page.get_by_label("Message to Bob Marsh")).to_have_count(0)
        await page.get_by_role("link", name=PEOPLE).click()
        await expect(page.get_by_label("Message to Bob Marsh")).to_be_visible()
        await page.get_by_role("link", name=PEOPLE).click()
        await expect(page.get_by_text("Choose somebody")).to_be_visible()
        await page.get_by_role("link", name="Log", exact=True).click()
        await page.get_by_role("link", name=PEOPLE).click()
        await expect(page.get_by_text("Choose somebody")).to_be_visible()


async def test_reading_marks_a_conversation_as_read(tmp_path):
    async with opened(tmp_path) as (console, page):
        carol = peer_called(console, "Carol Díaz")
        await page.get_by_role("link", name="Carol Díaz").click()
        await until(lambda: console.unread[carol] == 0)
        await expect(page.locator(".person .count")).to_have_count(0)
        await expect(page.locator(".reach")).to_have_text("Online · relayed · encrypted")
        console.say(carol, "And one more", unread=1)
        await expect(page.locator(".bubble").last).to_have_text("And one more")
        await until(lambda: console.unread[carol] == 0)


async def test_head_toggles_the_favourite_visits_and_clears(tmp_path):
    async with opened(tmp_path) as (console, page):
        bob = peer_called(console, "Bob Marsh")
        await page.goto(console.url(f"people/{bob}"))
        await page.get_by_role("button", name="Remove from favourites").click()
        await expect(page.get_by_role("button", name="Add to favourites")).to_be_visible()
        assert not console.people[bob].favorite
        async with page.context.expect_page() as opening:
            await page.get_by_role("button", name="Visit").click()
        site = await opening.value
        await site.wait_for_url("**/opened")
        assert console.opened == [bob]
        assert await site.evaluate("window.opener") is None
        await page.get_by_role("button", name="More about Bob Marsh").click()
        await expect(page.get_by_role("menuitem", name="Copy address")).to_be_focused()
        await page.keyboard.press("ArrowUp")
        await page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("Clear the conversation with Bob Marsh?")
        await page.keyboard.press("Escape")
        await expect(dialog).to_have_count(0)
        assert console.messages[bob]
        await page.get_by_role("button", name="More about Bob Marsh").click()
        await page.get_by_role("menuitem", name="Clear conversation…").click()
        await page.get_by_role("button", name="Clear conversation", exact=True).click()
        await expect(page.get_by_text("No messages with Bob Marsh yet")).to_be_visible()
        assert bob not in console.messages


async def test_older_messages_load_in_place_among_500_people(tmp_path):
    async with opened(tmp_path, filler=fill_many) as (console, page):
        bob = peer_called(console, "Bob Marsh")
        await page.goto(console.url(f"people/{bob}"))
        await expect(page.locator(".person")).to_have_count(507)
        await expect(page.get_by_text("message number 4999", exact=True)).to_be_visible()
        box = page.locator(".scroll")
        await box.evaluate("box => { box.scrollTop = 500 }")
        await page.wait_for_timeout(50)
        for _ in range(6):
            count = await page.locator(".bubble").count()
            anchor = page.locator(".bubble").nth(3)
            text = await anchor.inner_text()
            before = (await anchor.bounding_box())["y"]
            await box.evaluate("box => { box.scrollTop = 300 }")
            moved = (await page.get_by_text(text, exact=True).bounding_box())["y"]
            await expect(page.locator(".bubble")).not_to_have_count(count)
            after = (await page.get_by_text(text, exact=True).bounding_box())["y"]
            assert abs(after - moved) < 2, (before, moved, after)
        console.say(bob, "new while reading", unread=1)
        await page.get_by_role("button", name="1 new message").click()
        await expect(page.get_by_text("new while reading").last).to_be_in_viewport()


async def test_nobody_here_offers_the_own_address(tmp_path):
    async with opened(tmp_path, filler=None) as (console, page):
        await expect(page.get_by_role("heading", name="Nobody here yet")).to_be_visible()
        await page.get_by_role("button", name="Copy your address").click()
        assert await page.evaluate("navigator.clipboard.readText()") == console.state["link"]


async def test_on_a_phone_one_column_shows_and_leads_back(tmp_path):
    async with opened(tmp_path, width=390, height=800, phone=True) as (_, page):
        await page.get_by_role("link", name="Bob Marsh").tap()
        await expect(page.get_by_label("Search people")).to_be_hidden()
        await page.get_by_role("link", name="Back to the list").tap()
        await expect(page.get_by_label("Search people")).to_be_visible()
