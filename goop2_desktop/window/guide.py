"""The user guide in a window of its own: there before the first peer is, and beside whatever it speaks of."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from markdown_it import MarkdownIt
from PySide6.QtCore import QSize, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QKeySequence, QShortcut
from PySide6.QtWidgets import QTextBrowser, QWidget

from goop2_desktop.look.controls import button, tool
from goop2_desktop.look.layout import Box, line, row
from goop2_desktop.look.look import Look, theme
from goop2_desktop.resources import resource

SIZE = QSize(760, 640)
FIRST = "index"
PAGE = re.compile(r"(?:\./)?([a-z][a-z-]*)\.md")
STYLE = """
p, li {{ line-height: 135%; }}
p, pre {{ margin: 8px 0; }}
.h1 {{ font-size: {page}px; font-weight: 600; }}
.h2 {{ font-size: {title}px; font-weight: 600; margin: 20px 0 4px 0; }}
strong {{ font-weight: 600; }}
a {{ color: {accent}; text-decoration: none; }}
code, pre {{ font-family: "JetBrains Mono"; font-size: {small}px; }}
pre {{ background-color: {quiet}; }}
th {{ text-align: left; font-weight: 500; }}
td, th {{ padding: 4px 12px 4px 0; line-height: 135%; }}
"""


def guide_html(file: Path) -> str:
    """A page of the guide as HTML for `QTextBrowser`, which would enlarge headings beyond the size of their style.

    Raises `OSError` if it cannot be read.
    """
    text = MarkdownIt("commonmark", {"html": False}).enable("table").render(file.read_text(encoding="utf-8"))
    return re.sub(r"<(/?)h([12])>", lambda tag: "</p>" if tag[1] else f'<p class="h{tag[2]}">', str(text))


class Guide(Box):
    """Shows one page at a time; `page` is the name of its file in `resources/docs`."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(True, 0, (0, 0, 0, 0), "surface")
        self.setParent(parent, Qt.WindowType.Window)
        self.setObjectName("guide")
        self.setWindowTitle("Guide")
        self.resize(theme().px(SIZE.width()), theme().px(SIZE.height()))
        self.page = ""
        self._before: list[tuple[str, int]] = []
        self._back = tool("arrow-left", "Back (Alt+Left)", name="guide-back", press=self.back)
        contents = button("Contents", "quiet", name="guide-contents", press=partial(self.open, FIRST))
        self.text = QTextBrowser()
        self.text.setObjectName("guide-text")
        self.text.setAccessibleName("Guide")
        self.text.setOpenLinks(False)
        self.text.setFrameShape(QTextBrowser.Shape.NoFrame)
        self.text.document().setDocumentMargin(theme().px(24))
        self.text.anchorClicked.connect(self._follow)
        self.add(row(self._back, contents, ..., gap=4, margins=(14, 8, 16, 8)), line(), self.text)
        self.give_room_to(self.text)
        QShortcut(QKeySequence("Alt+Left"), self, self.back)
        QShortcut(QKeySequence("Esc"), self, self.close)
        Look.of_app().changed.connect(self._show)
        self.open(FIRST)

    def open(self, page: str) -> None:
        """Go to a page."""
        if page == self.page:
            return
        if self.page:
            self._before.append((self.page, self.text.verticalScrollBar().value()))
        self.page = page
        self._show()

    def back(self) -> None:
        """Go to where one was before."""
        if self._before:
            self.page, place = self._before.pop()
            self._show()
            self.text.verticalScrollBar().setValue(place)

    def bring_up(self) -> None:
        """Show the window above the others."""
        self.show()
        self.raise_()
        self.activateWindow()
        self.text.setFocus()

    def _show(self) -> None:
        worn = theme()
        self.text.document().setDefaultFont(worn.font("body"))
        self.text.document().setDefaultStyleSheet(
            STYLE.format(
                page=worn.px(20),
                title=worn.px(15),
                small=worn.px(12),
                accent=worn.colour("accent").name(),
                quiet=worn.colour("quiet").name(),
            )
        )
        self.text.setHtml(guide_html(resource("docs", f"{self.page}.md")))
        self._back.setEnabled(bool(self._before))

    def _follow(self, url: QUrl) -> None:
        if page := PAGE.fullmatch(url.path()):
            self.open(page[1])
        elif url.scheme() in ("http", "https"):
            QDesktopServices.openUrl(url)
