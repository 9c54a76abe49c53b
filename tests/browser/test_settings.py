"""The settings page, over the real settings of a real goop.json."""

from __future__ import annotations

import base64
import json

import pytest
from playwright.async_api import expect

from tests.browser.opened import opened
from tests.support.wait import until

pytestmark = pytest.mark.browser


def saved(folder):
    return json.loads((folder / "goop.json").read_text())


async def test_changes_are_saved_together_and_say_what_needs_a_restart(tmp_path):
    async with opened(tmp_path, "settings") as (_, page):
        save = page.get_by_role("button", name="Save")
        await expect(save).to_have_count(0)
        await page.get_by_label("Display name").fill("Alice")
        await page.get_by_role("textbox", name="Site folder").fill("public")
        await expect(page.get_by_text("2 unsaved changes")).to_be_visible()
        await save.click()
        await expect(page.get_by_text("Saved. 1 change will take effect")).to_be_visible()
        assert saved(tmp_path)["profile"]["label"] == "Alice"
        assert saved(tmp_path)["paths"]["site_root"] == "public"
        await expect(save).to_have_count(0)
        await expect(page.get_by_text("The peer needs a restart")).to_be_visible()
        await page.get_by_label("Display name").fill("Bob")
        await page.get_by_role("button", name="Discard").click()
        await expect(page.get_by_label("Display name")).to_have_value("Alice")


async def test_in_the_desktop_the_window_says_what_needs_a_restart(tmp_path):
    async with opened(tmp_path, "settings?embedded=1") as (_, page):
        await page.get_by_role("textbox", name="Site folder").fill("public")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("Saved.")).to_have_text("Saved.")
        await expect(page.get_by_text("The peer needs a restart")).to_have_count(0)


async def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(tmp_path):
    async with opened(tmp_path, "settings", bugs=False) as (_, page):
        port = page.locator("[id='set-p2p.listen_port']")
        await page.get_by_label("Display name").fill("Alice")
        await port.fill("many")
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator(".field", has=port)).to_contain_text("Give a whole number.")
        await expect(port).to_be_focused()
        await port.fill("70000")
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator(".field", has=port).locator(".hint.error")).to_be_visible()
        await expect(port).to_have_value("70000")
        await expect(page.get_by_label("Display name")).to_have_value("Alice")
        assert saved(tmp_path).get("profile", {}).get("label") != "Alice"
        await port.fill("4001")
        await page.get_by_role("button", name="Save").click()
        await until(lambda: saved(tmp_path).get("p2p", {}).get("listen_port") == 4001)


async def test_unknown_and_unused_keys_are_shown_apart(tmp_path):
    def filler(console):
        (tmp_path / "goop.json").write_text('{"profile": {"lable": "x"}}')
        console.config.load()

    async with opened(tmp_path, "settings", filler=filler) as (_, page):
        await expect(page.get_by_text("goop.json has something that goop2 does not know")).to_be_visible()
        await expect(page.locator(".remark")).to_contain_text("profile.lable")
        unused = page.get_by_role("region", name="Not used by this version")
        assert await unused.locator("input, select, textarea").count() == 0
        assert await unused.locator("tbody tr").count() > 3
        await page.get_by_label("Find a setting").fill("listen_port")
        await expect(page.locator(".field")).to_have_count(1)


async def test_a_picture_is_chosen_and_removed(tmp_path):
    async with opened(tmp_path, "settings", bugs=False) as (console, page):
        png = await page.evaluate(
            "() => { const c = document.createElement('canvas'); c.width = 300; c.height = 200; return c.toDataURL(); }"
        )
        data = base64.b64decode(png.split(",")[1])
        files = [{"name": "me.png", "mimeType": "image/png", "buffer": data}]
        await page.get_by_label("Picture", exact=True).set_input_files(files)
        await expect(page.get_by_role("button", name="Change picture")).to_be_visible()
        assert console.avatar.startswith(b"\x89PNG")
        assert console.avatar[16:24] == (256).to_bytes(4, "big") * 2
        files = [{"name": "me.png", "mimeType": "image/png", "buffer": b"no picture"}]
        await page.get_by_label("Picture", exact=True).set_input_files(files)
        await expect(page.get_by_role("alert")).to_contain_text("cannot read this file as a picture")
        await page.get_by_role("button", name="Remove").click()
        await expect(page.get_by_role("button", name="Choose a picture")).to_be_visible()
        assert console.avatar is None
