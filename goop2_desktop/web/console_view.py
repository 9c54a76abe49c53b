"""The console's pages (people, files, log, settings) of one peer: one web page that changes its route."""

from __future__ import annotations

import json

from PySide6.QtCore import QUrl, Signal
from PySide6.QtWebEngineCore import QWebEngineLoadingInfo, QWebEngineProfile
from PySide6.QtWebEngineWidgets import QWebEngineView
from PySide6.QtWidgets import QStackedWidget

from goop2_core.errors import Goop2Error
from goop2_desktop.desk import Desk
from goop2_desktop.look.banner import EmptyPage
from goop2_desktop.look.controls import button
from goop2_desktop.look.layout import Box
from goop2_desktop.look.look import Look, theme
from goop2_desktop.web.downloads import DownloadBar
from goop2_desktop.web.mode_script import tell_pages
from goop2_desktop.web.origin import origin_of
from goop2_desktop.web.outside import WayOut
from goop2_desktop.web.page import LockedPage

SEARCH = 'dispatchEvent(new KeyboardEvent("keydown", { key: "k", ctrlKey: true, bubbles: true, cancelable: true }))'


def embedded(url: str, page: str) -> QUrl:
    """The console's URL for use inside the window: the frame has header and tabs, the page shows neither."""
    made = QUrl(url)
    made.setFragment(f"/{page}?embedded=1")
    return made


class ConsoleView(Box):
    """Loaded when first shown; afterwards only its route changes."""

    site_wanted = Signal(str)

    def __init__(self, desk: Desk, directory: str, profile: QWebEngineProfile) -> None:
        super().__init__(True, 0, (0, 0, 0, 0), "surface")
        self.setObjectName("console")
        self._desk = desk
        self._directory = directory
        self._route = ""  # the page that is shown, or will be
        self._place = ""  # where to go on it as soon as it is loaded
        self._loaded = False
        self._loading = False
        self._search_soon = False
        self._profile = profile
        self.page = LockedPage(profile, self.window, trusted=True)
        self.page.site_name = "goop2"
        self.view = QWebEngineView()
        self.view.setPage(self.page)
        self.view.setObjectName("console-view")
        self.downloads = DownloadBar()
        profile.downloadRequested.connect(self.downloads.take)
        self._failed = EmptyPage(
            "unplug", "", "", button("Try again", "", "rotate-cw", name="retry", press=self._load_again)
        )
        self._pages = QStackedWidget()
        self._pages.addWidget(self.view)
        self._pages.addWidget(self._failed)
        self.add(self._pages, self.downloads)
        self.give_room_to(self._pages)
        self._way_out = WayOut(desk, self)
        self.page.outside_wanted.connect(lambda url: self._way_out.open("This message", url))
        self.page.site_wanted.connect(lambda url: self.site_wanted.emit(url.toString()))
        self.page.loadingChanged.connect(self._loading_changed)
        self.page.renderProcessTerminated.connect(lambda *_: self._fail("This page stopped working", "Load it again."))
        Look.of_app().changed.connect(self._dress)
        self._dress()

    def show_page(self, page: str) -> None:
        """Show one of the console's pages, and leave it as it is if it is shown already."""
        if page != self._route:
            self.show_place(page)

    def show_place(self, place: str) -> None:
        """Show a page and what it has by this name, such as `people/<peer ID>`."""
        self._route = place.partition("/")[0]
        self._place = place
        if self._loaded:
            self._go()
        elif not self._loading:
            self._load_again()

    def search(self) -> None:
        """Put the focus into the search field of the people page."""
        self.view.setFocus()
        if self._loaded:
            self.page.runJavaScript(SEARCH)
        else:
            self._search_soon = True

    def peer_started(self) -> None:
        """The peer runs again; its token is a new one."""
        self._loaded = False
        if self._route:
            self._load_again()

    def close_page(self) -> None:
        """Let go of view and page, in this order."""
        Look.of_app().changed.disconnect(self._dress)
        self.downloads.cancel_all()
        self._pages.removeWidget(self.view)
        self.view.hide()
        self.view.deleteLater()
        self.page.deleteLater()

    def _load_again(self) -> None:
        self._loading = True
        self._pages.setCurrentWidget(self.view)
        self._desk.jobs.run("console", self._load(), self._refused)

    async def _load(self) -> None:
        url = await self._desk.host.console_url(self._directory, self._route)
        self.page.origin = origin_of(QUrl(url))
        self.page.load(embedded(url, self._place))

    def _go(self) -> None:
        """Go to the place that was asked for last. Whatever is loaded later begins with its page."""
        self.page.runJavaScript(f"location.hash = {json.dumps(f'#/{self._place}?embedded=1')}")
        self._place = self._route

    def _loading_changed(self, info: QWebEngineLoadingInfo) -> None:
        status = QWebEngineLoadingInfo.LoadStatus
        if info.status() == status.LoadFailedStatus:
            self._fail("This page could not be loaded", f"{info.errorString() or 'The console did not answer'}.")
        elif info.status() == status.LoadSucceededStatus:
            self._loading = False
            self._loaded = True
            self._pages.setCurrentWidget(self.view)
            self._go()
            if self._search_soon:
                self._search_soon = False
                self.search()

    def _refused(self, error: Goop2Error) -> None:
        self._fail(error.title, " ".join(part for part in (error.message, error.hint) if part))

    def _fail(self, title: str, words: str) -> None:
        self._loading = False
        self._loaded = False
        self._failed.say(title, words)
        self._pages.setCurrentWidget(self._failed)

    def _dress(self) -> None:
        """Tell the page which mode is worn: before it draws anything, and now. And no white flash before that."""
        self.page.setBackgroundColor(theme().colour("surface"))
        source = tell_pages(self._profile, all_pages=True)
        if self._loaded:
            self.page.runJavaScript(source)
