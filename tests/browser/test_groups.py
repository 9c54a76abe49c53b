"""The groups page: the list with its invitations, the room, its members, and what goes wrong there."""

from __future__ import annotations

import re
import time
from dataclasses import replace

import pytest
from playwright.async_api import expect

from goop2_core.events import Delivery, Group, GroupMember, GroupState, Typing
from tests.browser.browser import shot
from tests.browser.fake_console import fill_many
from tests.browser.opened import opened, peer_called
from tests.browser.test_look import NAMELESS, SIZES, STICKS_OUT
from tests.support.wait import until

pytestmark = pytest.mark.browser

FIELD = re.compile("Message to ")


async def act_on(page, text, action):
    """Open the menu of the message with this text, and choose."""
    said = page.locator(".said", has_text=text).last
    await said.hover()
    await said.get_by_role("button", name=re.compile("^Actions for")).click()
    await page.get_by_role("menuitem", name=action).click()


async def write(page, text):
    await page.get_by_label(FIELD).fill(text)
    await page.keyboard.press("Enter")


async def test_a_peer_without_groups_shows_no_tab(tmp_path):
    async with opened(tmp_path, bugs=False, filler=lambda console: setattr(console.groups, "here", False)) as (
        console,
        page,
    ):
        await expect(page.get_by_role("link", name="Settings")).to_be_visible()
        await expect(page.get_by_role("link", name="Groups")).to_have_count(0)
        await page.goto(console.url("groups"))
        await expect(page.get_by_role("heading", name="Nobody here yet")).to_be_visible()


async def test_groups_that_fail_to_load_leave_the_rest_alone(tmp_path):
    async with opened(tmp_path, "log", bugs=False) as (console, page):
        console.failing = {"/api/groups"}
        await page.goto("about:blank")
        await page.goto(console.url("groups"))
        await expect(page.get_by_role("alert")).to_contain_text("The disk is full")
        await shot(page, "groups-failing")
        await page.get_by_role("link", name="People").click()
        await expect(page.locator(".person").first).to_be_visible()
        console.failing = set()
        await page.get_by_role("link", name="Groups").click()
        await page.get_by_role("button", name="Try again").click()
        await expect(page.get_by_role("link", name="Reading club")).to_be_visible()


async def test_the_first_group_is_made_and_people_are_invited(tmp_path):
    async with opened(tmp_path, "groups") as (console, page):
        console.groups.groups.clear()
        console.groups.invitations.clear()
        await page.reload()
        await expect(page.get_by_role("heading", name="No groups yet")).to_be_visible()
        await shot(page, "groups-empty")
        await page.get_by_role("button", name="New group").click()
        await page.get_by_role("button", name="Create group").click()
        await expect(page.get_by_text("Give the group a name.")).to_be_visible()
        await page.get_by_role("textbox", name="Name").fill("Bakers")
        await page.get_by_role("textbox", name="Member limit").fill("1")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("Write a number from 2 to 500")).to_be_visible()
        await page.get_by_role("textbox", name="Member limit").fill("12")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Bakers")
        await expect(page.locator(".reach")).to_have_text("You host this group · 1 of 12 members")

        await page.get_by_role("button", name="Invite people").click()
        await page.get_by_role("searchbox", name="Search people to invite").fill("erik")
        await page.get_by_role("checkbox", name="Erik").check()
        await page.get_by_role("searchbox", name="Search people to invite").fill("bob")
        await page.get_by_role("checkbox", name="Bob Marsh").check()
        await page.get_by_role("button", name="Invite 2").click()
        await expect(page.get_by_text("2 invitations to “Bakers”: 1 of them will be sent")).to_be_visible()
        await page.get_by_role("button", name="Members").click()
        await expect(page.get_by_role("complementary")).to_contain_text("Bob MarshHas not answered yet")
        await page.get_by_role("button", name="Take back the invitation of Erik").click()
        bob = peer_called(console, "Bob Marsh")
        await until(lambda: next(iter(console.groups.groups.values())).invited == (bob,))


async def test_invitations_are_accepted_or_declined(tmp_path):
    async with opened(tmp_path, "groups") as (console, page):
        asked = page.get_by_role("region", name="Invitations").get_by_role("listitem")
        await expect(asked.filter(has_text="Late radio")).to_contain_text("It needs a newer version of goop2.")
        await expect(asked.filter(has_text="Late radio").get_by_role("button")).to_have_text(["Decline"])
        await asked.filter(has_text="Late radio").get_by_role("button", name="Decline").click()
        await expect(asked).to_have_count(1)
        await asked.get_by_role("button", name="Accept").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Chess evenings")
        await expect(page.locator(".reach")).to_contain_text("Joining… · 1 member · hosted by Bob Marsh")
        group = console.groups.groups["chess"]
        console.groups.set(replace(group, state=GroupState.CONNECTED))
        await expect(page.locator(".reach")).to_contain_text("Connected")
        await expect(asked).to_have_count(0)
        console.groups.invite_us("again", "Second try", peer_called(console, "Carol Díaz"))
        await expect(asked).to_contain_text("Carol Díaz invites you")


async def test_the_room_shows_who_wrote_and_marks_what_is_new(tmp_path):
    async with opened(tmp_path, "groups") as (console, page):
        row = page.get_by_role("link", name="Reading club")
        await expect(row.locator(".count")).to_have_text("2 unread")
        await expect(page).to_have_title("(5) Groups · Alice's desk · goop2")
        await row.click()
        await expect(page.locator(".unread-line ~ .group .bubble")).to_have_text(
            ["See you on Thursday!", "Half past seven, as ever."]
        )
        await until(lambda: console.groups.unread["club"] == 0)
        await expect(page).to_have_title("(3) Groups · Alice's desk · goop2")
        await expect(page.locator(".by b")).to_have_text(
            ["Bob Marsh", "Carol Díaz", "Lighthouse library", "Erik", "Bob Marsh"]
        )
        await expect(page.locator(".mention")).to_have_text(["@Carol Díaz", "@Alice's desk"])
        await expect(page.locator(".mention.own")).to_have_text(["@Alice's desk"])
        await expect(page.locator(".bubble", has_text="on the shelf").locator(".edited")).to_have_text("edited")
        await expect(page.locator(".bubble.deleted")).to_have_text("Message deleted")
        bob, carol = peer_called(console, "Bob Marsh"), peer_called(console, "Carol Díaz")
        console.emit(Typing("club", bob, "Bob"))
        await expect(page.locator(".writing")).to_have_text("Bob Marsh is writing…")
        console.emit(Typing("club", carol, ""))
        await expect(page.locator(".writing")).to_have_text("Bob Marsh and Carol Díaz are writing…")
        console.groups.say("club", bob, "There I am", unread=1)
        await expect(page.locator(".writing")).to_have_text("Carol Díaz is writing…")
        await expect(page.locator(".bubble").last).to_be_in_viewport()
        await until(lambda: console.groups.unread["club"] == 0)


async def test_a_message_is_written_answered_edited_and_deleted(tmp_path):
    async with opened(tmp_path, "groups/club", bugs=False) as (console, page):
        room = console.groups.messages["club"]
        await write(page, "first")
        await expect(page.locator(".meta").last.get_by_label("Delivered")).to_be_visible()
        assert console.groups.typed == ["club"]
        await act_on(page, "See you on Thursday!", "Reply")
        await expect(page.get_by_text("Reply to Bob Marsh")).to_be_visible()
        await write(page, "so do I")
        await until(lambda: room[-1].content == "so do I" and room[-1].delivery == "delivered")
        assert room[-1].reply_to == next(m.id for m in room if m.content == "See you on Thursday!")
        quote = page.locator(".bubble", has_text="so do I").locator(".quote")
        await expect(quote).to_have_text(re.compile(r"Bob Marsh\s*See you on Thursday!"))
        await quote.click()
        await expect(page.locator(".said.found")).to_have_text(re.compile("See you on Thursday!"))

        await page.get_by_label(FIELD).press("ArrowUp")
        await expect(page.get_by_label(FIELD)).to_have_value("so do I")
        await write(page, "please refuse this")
        await expect(page.get_by_text("The host's program knows no edits")).to_be_visible()
        await expect(page.get_by_label(FIELD)).to_have_value("please refuse this")
        await write(page, "so do we")
        await expect(page.locator(".bubble", has_text="so do we").locator(".edited")).to_be_visible()
        await act_on(page, "so do we", "Edit")
        await page.keyboard.press("Escape")
        await expect(page.get_by_label(FIELD)).to_have_value("")

        await act_on(page, "so do we", "Delete…")
        await expect(page.get_by_role("dialog")).to_contain_text("It is deleted for everybody in the group.")
        await page.get_by_role("button", name="Delete message").click()
        await expect(page.locator(".bubble").last).to_have_text("Message deleted")
        await act_on(page, "Then we are complete.", "Copy text")
        assert await page.evaluate("navigator.clipboard.readText()") == "Then we are complete."
        said = page.locator(".said", has_text="Half past seven")
        await said.hover()
        await said.get_by_role("button").click()
        await expect(page.get_by_role("menuitem")).to_have_text(["Reply", "Copy text"])


async def test_what_waits_can_be_cancelled_and_what_failed_sent_again(tmp_path):
    async with opened(tmp_path, "groups/choir") as (console, page):
        await expect(page.locator(".reach")).to_have_text(
            "Host is away: messages wait · 2 members · hosted by Carol Díaz"
        )
        await expect(page.locator(".meta", has_text="Waits until the host is back")).to_have_count(1)
        await page.get_by_role("button", name="Cancel").click()
        await expect(page.get_by_text("Fine with me")).to_have_count(0)
        await page.get_by_role("button", name="Send again").click()
        await expect(page.locator(".meta").last.get_by_label("Delivered")).to_be_visible()
        await write(page, "and another")
        await expect(page.locator(".meta").last).to_contain_text("Waits until the host is back")
        last = console.groups.messages["choir"][-1]
        console.groups.change(last, delivery=Delivery.FAILED, error="The host refused it.")
        await page.get_by_role("button", name="Remove").click()
        await expect(page.get_by_text("and another")).to_have_count(0)
        await expect(page.get_by_role("link", name="Choir").locator(".preview")).to_have_text("Host is away")


async def test_a_message_to_somebody_away_waits_and_can_be_cancelled(tmp_path):
    async with opened(tmp_path) as (console, page):
        erik = peer_called(console, "Erik")
        await page.goto(console.url(f"people/{erik}"))
        await write(page, "when you are back")
        await expect(page.locator(".meta").last).to_contain_text("Waits until they are back")
        row = page.get_by_role("navigation", name="People").get_by_role("link", name="Erik")
        await expect(row.get_by_label("Waits")).to_be_visible()
        await page.get_by_role("button", name="Cancel").click()
        await expect(page.locator(".bubble")).to_have_count(0)
        assert console.messages[erik] == []
        await expect(row.locator(".preview")).to_contain_text("Seen ")


async def test_the_owner_manages_members_and_closes(tmp_path):
    async with opened(tmp_path, "groups/club") as (console, page):
        await page.get_by_role("button", name="Members").click()
        side = page.get_by_role("complementary", name="Members")
        await expect(side.locator(".member").filter(has_text="Erik")).to_contain_text("viewer · away")
        await side.get_by_role("button", name="More about Bob Marsh").click()
        await page.get_by_role("menuitem", name="Change role…").click()
        await page.get_by_role("textbox", name="Role").fill("editor")
        await page.keyboard.press("Enter")
        await expect(side.locator(".member").filter(has_text="Bob Marsh")).to_contain_text("editor")
        await side.get_by_role("button", name="More about Erik").click()
        await page.get_by_role("menuitem", name="Remove from group…").click()
        await page.get_by_role("button", name="Remove", exact=True).click()
        await expect(side.get_by_text("Erik")).to_have_count(0)
        await side.get_by_role("button", name="Close members").click()
        await page.get_by_role("button", name="More about Reading club").click()
        await page.get_by_role("menuitem", name="Edit group…").click()
        await page.get_by_role("textbox", name="Name").fill("Night readers")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Night readers")
        await page.get_by_role("button", name="More about Night readers").click()
        await page.get_by_role("menuitem", name="Close group…").click()
        await expect(page.get_by_role("dialog")).to_contain_text("It ends for you and 4 others.")
        await page.get_by_role("button", name="Close group", exact=True).click()
        await expect(page.get_by_role("heading", name="Choose a group")).to_be_visible()
        assert "club" not in console.groups.groups


async def test_a_member_leaves_and_old_groups_are_removed(tmp_path):
    async with opened(tmp_path, "groups/choir") as (console, page):
        await page.get_by_role("button", name="More about Choir").click()
        await expect(page.get_by_role("menuitem")).to_have_text(["Leave group…"])
        await page.keyboard.press("Enter")
        await page.get_by_role("button", name="Leave group").click()
        await expect(page.get_by_role("link", name="Choir")).to_have_count(0)
        await page.get_by_role("link", name="Moving house").click()
        await expect(page.get_by_text("Bob Marsh closed it. What was said stays here")).to_be_visible()
        await expect(page.get_by_label(FIELD)).to_have_count(0)
        await expect(page.get_by_text("Thanks to all of you!")).to_be_visible()
        await page.get_by_role("button", name="Remove from the list").click()
        await page.get_by_role("button", name="Remove", exact=True).click()
        await expect(page.get_by_role("link", name="Moving house")).to_have_count(0)
        await page.get_by_role("link", name="A group whose name").click()
        await expect(page.get_by_text("All 12 places are taken.")).to_be_visible()
        await page.get_by_role("button", name="Try again").click()
        await expect(page.locator(".reach")).to_contain_text("Joining…")
        assert console.groups.groups["full"].state == "joining"


async def test_a_group_that_the_host_closes_under_the_writer_keeps_the_words(tmp_path):
    async with opened(tmp_path, "groups/club", bugs=False) as (console, page):
        await page.get_by_label(FIELD).fill("half a word")
        await page.get_by_role("link", name="Choir").click()
        await expect(page.get_by_label(FIELD)).to_have_value("")
        await page.get_by_role("link", name="Reading club").click()
        await expect(page.get_by_label(FIELD)).to_have_value("half a word")
        console.failing = {"/api/rooms/"}
        await page.keyboard.press("Enter")
        await expect(page.locator(".meta.error")).to_contain_text("The disk is full")
        console.failing = set()
        await page.get_by_role("button", name="Send again").click()
        await expect(page.locator(".meta").last.get_by_label("Delivered")).to_be_visible()
        assert [m.content for m in console.groups.messages["club"]].count("half a word") == 1


async def test_everything_works_by_keyboard(tmp_path):
    async with opened(tmp_path, "groups/club") as (console, page):
        await expect(page.get_by_label(FIELD)).to_be_focused()
        await page.keyboard.press("Shift+Tab")
        await page.keyboard.press("ArrowUp")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("menuitem", name="Reply")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.locator(".about")).to_contain_text("See you on Thursday!")
        await expect(page.get_by_label(FIELD)).to_be_focused()
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("menuitem").first).to_be_focused()
        await page.keyboard.press("ArrowRight")
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        await expect(page.get_by_label(FIELD)).to_have_value("😅")
        await page.keyboard.press("Enter")
        await until(lambda: console.groups.messages["club"][-1].content == "😅")
        await page.get_by_role("button", name="Search in this group").press("Enter")
        await page.keyboard.type("copies")
        await page.locator(".results button").first.press("Enter")
        await expect(page.locator(".said.found")).to_contain_text("Who brings the copies?")
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("complementary")).to_have_count(0)


async def test_a_room_of_500_with_5000_messages_stays_quick(tmp_path):
    async with opened(tmp_path, "groups", filler=fill_many) as (console, page):
        began = time.monotonic()
        await page.get_by_role("link", name="A crowd").click()
        await expect(page.get_by_text("crowd message 4999", exact=True)).to_be_in_viewport()
        opening = time.monotonic() - began
        await page.get_by_role("button", name="Members").click()
        await expect(page.locator(".side .member")).to_have_count(500)
        frame = """() => new Promise((done) => { const from = performance.now();
          requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - from))); })"""
        for number in range(30):
            console.groups.say("crowd", f"12D3KooWMany{number:040d}", f"live {number}", unread=1)
        await expect(page.get_by_text("live 29", exact=True)).to_be_in_viewport()
        print(f"room of 500: opened in {opening:.2f} s, a frame takes {await page.evaluate(frame):.0f} ms")

        await page.get_by_role("button", name="Search in this group").click()
        await page.get_by_role("searchbox", name="Search in this group").fill("crowd message 1234")
        await page.locator(".results button").click()
        await expect(page.locator(".said.found")).to_contain_text("crowd message 1234")
        await expect(page.locator(".said.found")).to_be_in_viewport()
        console.groups.say("crowd", f"12D3KooWMany{1:040d}", "while you read the past")
        await expect(page.get_by_role("button", name="1 new message")).to_be_visible()
        box = page.locator(".scroll")
        for _ in range(14):  # far enough that what is behind the reader is let go
            asked = len(console.groups.asked)
            await box.evaluate("box => { box.scrollTop = box.scrollHeight }")
            await until(lambda asked=asked: len(console.groups.asked) > asked)
            await expect(page.locator(".loading")).to_have_count(0)
        assert await page.locator(".bubble").count() <= 400
        await page.get_by_role("button", name=re.compile("new message")).click()
        await expect(page.get_by_text("while you read the past", exact=True).last).to_be_in_viewport()
        assert await page.locator(".bubble").count() <= 400


async def test_what_is_read_does_not_move_when_messages_come_above_or_are_let_go(tmp_path):
    async with opened(tmp_path, "groups/crowd", filler=fill_many) as (_, page):
        await expect(page.get_by_text("crowd message 4999", exact=True)).to_be_visible()
        box = page.locator(".scroll")
        where = """box => { const top = box.getBoundingClientRect().top;
          const all = [...box.querySelectorAll('[data-message]')];
          const item = all.find((one) => one.getBoundingClientRect().top > top + 200);
          return [item.dataset.message, item.getBoundingClientRect().top]; }"""
        place = "(box, key) => box.querySelector(`[data-message='${key}']`).getBoundingClientRect().top"
        for _ in range(10):
            first = await page.locator("[data-message]").first.get_attribute("data-message")
            await box.evaluate("box => { box.scrollTop = 350 }")
            key, before = await box.evaluate(where)
            await expect(page.locator("[data-message]").first).not_to_have_attribute("data-message", first)
            assert abs(await box.evaluate(place, key) - before) < 2
        assert await page.locator(".bubble").count() <= 400
        await expect(page.get_by_role("button", name="Newest messages")).to_be_visible()


async def test_a_quote_of_something_old_is_fetched_and_leads_there(tmp_path):
    async with opened(tmp_path, "groups/crowd", filler=fill_many) as (console, page):
        old = console.groups.messages["crowd"][99]
        console.groups.say("crowd", "", "see above", reply_to=old.id)
        console.groups.say("crowd", "", "see nowhere", reply_to=999_999)
        quote = page.locator(".bubble", has_text="see above").locator(".quote")
        await expect(quote).to_contain_text(old.content)
        await expect(page.locator(".bubble", has_text="see nowhere")).to_contain_text("Not kept here")
        await quote.click()
        await expect(page.locator(".said.found")).to_contain_text(old.content)
        console.groups.change(old, content="changed meanwhile", edited_at=1)
        await expect(page.locator(".said", has_text="changed meanwhile")).to_be_in_viewport()


async def test_markup_stays_text_everywhere_in_groups(tmp_path):
    evil = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>'
    peer = "12D3KooWEvil".ljust(52, "x")

    def filler(console):
        console.state.update(name=evil)
        groups = console.groups
        members = [GroupMember(peer, evil[:40], evil, 2)]
        groups.set(Group("evil", evil, "chat", peer, False, GroupState.REFUSED, host_name=evil, reason=evil,
                         members=tuple(members), role=evil))  # fmt: skip
        groups.add("mine", f"{evil} 2", members=members, invited=(peer,))
        first = groups.say(
            "mine", peer, f'@{evil} {evil} javascript:window.pwned=1 https://x/"onclick=', from_name=evil
        )
        groups.say("mine", peer, evil, from_name=evil, reply_to=first.id, edited_at=1)
        groups.say("mine", "", evil, delivery=Delivery.FAILED, error=evil)
        groups.invite_us("asked", evil, peer, host_name=evil)
        console.emit(Typing("mine", peer, evil))

    async with opened(tmp_path, "groups/evil", filler=filler) as (console, page):
        await expect(page.locator(".banner p")).to_contain_text("<img src=x")
        await expect(page.locator(".asked")).to_contain_text("<img src=x")
        await page.goto(console.url("groups/mine"))
        await expect(page.locator(".quote")).to_contain_text("<img src=x")
        await expect(page.locator(".mention.own")).to_have_text(f"@{evil}")
        console.emit(Typing("mine", peer, evil))
        await expect(page.locator(".writing")).to_contain_text("<img src=x")
        await page.get_by_role("button", name="Members").click()
        await page.get_by_role("button", name=re.compile("More about <img")).last.click()
        await page.get_by_role("menuitem", name="Remove from group…").click()
        await expect(page.get_by_role("dialog")).to_contain_text("<img src=x")
        await page.keyboard.press("Escape")
        await page.get_by_role("button", name="Search in this group").click()
        await page.get_by_role("searchbox", name="Search in this group").fill("<img src=x")
        await expect(page.locator(".results mark").first).to_have_text("<img src=x")
        assert await page.evaluate("window.pwned") is None
        assert await page.locator("img[src=x], main script").count() == 0
        links = await page.eval_on_selector_all(".bubble a", "all => all.map((a) => a.protocol)")
        assert set(links) == {"https:"}


@pytest.mark.parametrize("size", SIZES)
async def test_the_page_fits_and_has_names(tmp_path, size):
    width, height = SIZES[size]
    for mode in ("light", "dark") if size == "wide" else ("light",):
        look = {"width": width, "height": height, "mode": mode, "phone": size == "phone"}
        folder = tmp_path / mode
        folder.mkdir()
        async with opened(folder, "site", **look) as (console, page):
            embedded = "?embedded=1" if size in ("720", "480") else ""
            for name in ("groups", "groups/club", "groups/choir", "groups/full", "groups/old"):
                await page.goto("about:blank")
                await page.goto(console.url(name + embedded))
                await page.wait_for_selector(".room" if "/" in name else ".person")
                if name == "groups/club":
                    await page.wait_for_selector(".bubble")
                    await page.get_by_role("button", name="Members").click()
                assert await page.evaluate(STICKS_OUT) == [], (size, name)
                assert await page.evaluate(NAMELESS) == [], (size, name)
                await shot(page, f"{name.replace('/', '-')}-{size}-{mode}")


async def test_an_event_that_overtakes_the_answer_counts(tmp_path):
    async with opened(tmp_path, "groups") as (console, page):
        groups = console.groups

        async def accept_slowly(route):
            answer = await route.fetch()
            groups.set(replace(groups.groups["chess"], state=GroupState.CONNECTED))
            await expect(page.get_by_role("link", name="Chess evenings")).to_contain_text("No messages yet")
            await route.fulfill(response=answer)

        await page.route("**/api/invitations/chess/accept", accept_slowly)
        await page.get_by_role("button", name="Accept").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Chess evenings")
        await expect(page.locator(".reach")).to_contain_text("Connected")
