"""The guide: every page renders, and every link between its pages leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from goop2_core.errors import Refused
from goop2_core.guide import render
from goop2_core.resources import resource

PAGES = sorted(path.stem for path in resource("docs").glob("*.md"))


@pytest.mark.parametrize("slug", PAGES)
def test_every_page_has_a_title_and_links_that_lead_somewhere(slug: str) -> None:
    page = render(slug)
    assert page["title"] != slug
    links = re.findall(r'href="#/help/([a-z-]+)"', page["html"])
    assert [link for link in links if link not in PAGES] == []


def test_every_page_is_reachable_from_the_first() -> None:
    seen, todo = set[str](), ["index"]
    while todo:
        slug = todo.pop()
        if slug not in seen:
            seen.add(slug)
            todo += re.findall(r'href="#/help/([a-z-]+)"', render(slug)["html"])
    assert seen == set(PAGES)


@pytest.mark.parametrize("slug", ["", "..", "../index", "Index", "index.md", "a/b", "nothing-here", "x" * 60, "\0"])
def test_other_names_are_refused(slug: str) -> None:
    with pytest.raises(Refused):
        render(slug)


def test_no_markup_of_the_text_becomes_html(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "evil.md").write_text("# Evil\n<script>alert(1)</script>\n")
    monkeypatch.setattr("goop2_core.guide.resource", tmp_path.joinpath)
    assert "<script>" not in render("evil")["html"]
