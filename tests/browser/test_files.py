"""The files page: what a site holds, and every way to change it."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.opened import opened
from tests.support.wait import until

pytestmark = pytest.mark.browser

DROP = """([name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name));
  for (const type of ["dragenter", "dragover", "drop"])
    document.querySelector(".files")
      .dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


async def test_folders_are_walked_and_files_opened_and_downloaded(tmp_path):
    async with opened(tmp_path, "files") as (console, page):
        await page.get_by_role("link", name="photos").click()
        await expect(page.locator(".entry")).to_have_text(["garden.jpg"])
        await expect(page.locator("td.size")).to_have_text("2.4 MB")
        await expect(page.locator(".where")).to_contain_text("/home/alice/goop2/alice/site/photos")
        await page.get_by_role("button", name="Actions for garden.jpg").click()
        async with page.expect_download() as downloading:
            await page.get_by_role("menuitem", name="Download").click()
        download = await downloading.value
        assert download.suggested_filename == "garden.jpg"
        await page.get_by_role("navigation", name="Folder").get_by_role("link", name="Site").click()
        async with page.context.expect_page():
            await page.get_by_role("link", name="sowing table.csv").click()
        assert console.opened == [f"{console.state['link']}/sowing%20table.csv"]


async def test_files_are_uploaded_by_button_and_by_drop(tmp_path):
    async with opened(tmp_path, "files/photos") as (console, page):
        await page.get_by_label("Files to upload").set_input_files(
            [{"name": f"{n}.txt", "mimeType": "text/plain", "buffer": b"x" * 1000 * n} for n in range(1, 6)]
        )
        await expect(page.get_by_text("Uploaded 5 files")).to_be_visible()
        assert len(console.files["photos/3.txt"]) == 3000
        await page.evaluate(DROP, ["dropped.txt", "hello"])
        await until(lambda: console.files.get("photos/dropped.txt") == b"hello")


async def test_replacing_asks_first(tmp_path):
    async with opened(tmp_path, "files") as (console, page):
        await page.evaluate(DROP, ["index.html", "new"])
        await expect(page.get_by_role("dialog")).to_contain_text("Replace “index.html”?")
        await page.get_by_role("button", name="Cancel").click()
        assert console.files["index.html"] != b"new"
        await page.evaluate(DROP, ["index.html", "new"])
        await page.get_by_role("button", name="Replace").click()
        await until(lambda: console.files["index.html"] == b"new")


async def test_a_failed_upload_says_why_and_can_be_repeated(tmp_path):
    async with opened(tmp_path, "files", bugs=False) as (console, page):
        console.failing = {"/api/files/content"}
        await page.evaluate(DROP, ["late.txt", "late"])
        await expect(page.locator(".uploads")).to_contain_text("The disk is full: Nothing could be written. Make room")
        console.failing = set()
        await page.get_by_role("button", name="Try again").click()
        await until(lambda: console.files.get("late.txt") == b"late")


async def test_folder_rename_and_delete(tmp_path):
    async with opened(tmp_path, "files", bugs=False) as (console, page):
        await page.get_by_role("button", name="New folder").click()
        await page.get_by_role("textbox", name="Name").fill("a/b")
        await page.get_by_role("button", name="Create folder").click()
        await expect(page.get_by_role("dialog")).to_contain_text("A name has no “/”")
        await page.get_by_role("textbox", name="Name").fill("new")
        await page.get_by_role("textbox", name="Name").press("Enter")
        await expect(page.get_by_role("link", name="new", exact=True)).to_be_visible()
        await page.get_by_role("button", name="Actions for style.css").click()
        await page.get_by_role("menuitem", name="Rename…").click()
        field = page.get_by_label("New name")
        await page.wait_for_function("() => getSelection().toString() === 'style'")
        console.failing = {"/api/files/rename"}
        await field.fill("main.css")
        await field.press("Enter")
        await expect(page.get_by_role("dialog")).to_contain_text("The disk is full")
        await expect(field).to_have_value("main.css")
        console.failing = set()
        await field.press("Enter")
        await expect(page.get_by_role("link", name="main.css")).to_be_visible()
        await page.get_by_role("button", name="Actions for photos").click()
        await page.get_by_role("menuitem", name="Delete…").click()
        await expect(page.get_by_role("dialog")).to_contain_text("everything in it")
        await page.get_by_role("button", name="Delete", exact=True).click()
        await expect(page.get_by_role("link", name="photos")).to_have_count(0)
        assert not [path for path in console.files if path.startswith("photos")]


async def test_a_site_without_a_start_page_says_so(tmp_path):
    async with opened(tmp_path, "files") as (console, page):
        del console.files["index.html"]
        await page.reload()
        await expect(page.get_by_text("Visitors see no start page")).to_be_visible()
        console.files.clear()
        await page.reload()
        await expect(page.get_by_role("heading", name="Your site is empty")).to_be_visible()
