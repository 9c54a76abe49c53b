"""The Site page: tabs, their tool strip, the pages, and the downloads at the bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QKeySequence, QShortcut
from PySide6.QtWebEngineCore import QWebEngineNewWindowRequest, QWebEnginePage, QWebEngineProfile
from PySide6.QtWidgets import QStackedWidget

from goop2_desktop.desk import Desk
from goop2_desktop.look.controls import button, tool
from goop2_desktop.look.icons import icon
from goop2_desktop.look.layout import Box, column, line, row
from goop2_desktop.web.address import AddressBar
from goop2_desktop.web.downloads import DownloadBar
from goop2_desktop.web.origin import site_address
from goop2_desktop.web.site_tab import SiteTab
from goop2_desktop.web.tab_strip import TabStrip

if TYPE_CHECKING:
    from goop2_core.host import SiteTarget

Action = QWebEnginePage.WebAction
MOST_TABS = 50
ZOOM_STEPS = (0.5, 0.67, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0)


class SiteTabs(Box):
    """Browser-like tabs of one peer; the first is its own site."""

    edit_wanted = Signal()
    trouble = Signal(str, str)

    def __init__(self, desk: Desk, directory: str, peer_id: str, profile: QWebEngineProfile) -> None:
        super().__init__(True, 0, (0, 0, 0, 0), "surface")
        self.setObjectName("site-tabs")
        self._desk = desk
        self._directory = directory
        self._peer_id = peer_id
        self._profile = profile
        self._tabs: list[SiteTab] = []
        self._strip = TabStrip()
        self._pages = QStackedWidget()
        self.downloads = DownloadBar()
        profile.downloadRequested.connect(self.downloads.take)
        self._strip_row = row(self._strip, gap=0)
        self._bar = self._make_bar()
        self.add(column(self._strip_row, self._bar, line(), gap=0, kind="window"), self._pages, self.downloads)
        self.give_room_to(self._pages)
        self._strip.chosen.connect(self._choose)
        self._strip.close_wanted.connect(self._close)
        self._strip.new_wanted.connect(self.new_tab)
        self._shortcuts()
        self._add(own=True)
        self._show_zoom()
        self.set_compact(compact=False)

    def _make_bar(self) -> Box:
        self._back = tool("arrow-left", "Back (Alt+Left)", name="back", press=lambda: self._act(Action.Back))
        self._forward = tool(
            "arrow-right", "Forward (Alt+Right)", name="forward", press=lambda: self._act(Action.Forward)
        )
        self._reload = tool("rotate-cw", "Reload (Ctrl+R)", name="reload", press=self._reload_or_stop)
        self._address = AddressBar()
        self._address.entered.connect(self._entered)
        self._address.left.connect(self._leave_address)
        self._outside = tool(
            "external-link", "Open in your browser", name="open-in-browser", press=self._open_in_browser
        )
        self._edit = button("Edit", "", "pencil", name="edit-site", press=self.edit_wanted.emit)
        self._edit.setToolTip("Change the files of your site")
        self._percent = button("", "quiet", name="zoom", press=lambda: self._zoom(0))
        self._percent.setToolTip("Zoom: back to 100 % (Ctrl+0)")
        bar = row(self._back, self._forward, self._reload, 4, self._address, 4, gap=4)
        bar.add(self._percent, self._outside, self._edit)
        bar.give_room_to(self._address)
        return bar

    def _shortcuts(self) -> None:
        for keys, do in (
            ("Ctrl+T", self.new_tab),
            ("Ctrl+W", lambda: self._close(self._place)),
            ("Ctrl+L", self.focus_address),
            ("Alt+D", self.focus_address),
            ("Ctrl+R", self._reload_or_stop),
            ("F5", self._reload_or_stop),
            ("Alt+Left", lambda: self._act(Action.Back)),
            ("Alt+Right", lambda: self._act(Action.Forward)),
            ("Ctrl+Tab", lambda: self._choose((self._place + 1) % len(self._tabs))),
            ("Ctrl+Shift+Tab", lambda: self._choose((self._place - 1) % len(self._tabs))),
            ("Ctrl++", lambda: self._zoom(1)),
            ("Ctrl+=", lambda: self._zoom(1)),
            ("Ctrl+-", lambda: self._zoom(-1)),
            ("Ctrl+0", lambda: self._zoom(0)),
        ):
            QShortcut(QKeySequence(keys), self, do)  # of the whole window, while this page is the one that is shown

    # ---- what it shows

    @property
    def current(self) -> SiteTab:
        """The tab that is shown."""
        return self._tabs[self._place]

    @property
    def tabs(self) -> list[SiteTab]:
        """All tabs, the own site first."""
        return list(self._tabs)

    @property
    def _external(self) -> bool:
        peer = self._desk.peers.get(self._directory)
        return peer is not None and peer.open_sites_external

    @property
    def _place(self) -> int:
        return max(self._pages.currentIndex(), 0)

    def show_own_site(self) -> None:
        """Load the own site if nothing has been loaded yet."""
        own = self._tabs[0]
        if own.target is None and not own.loading:
            own.visit("")

    def peer_started(self) -> None:
        """The peer runs again."""
        for tab in self._tabs:
            tab.peer_started()

    def open_address(self, address: str) -> None:
        """Open a site in a new tab; or in the system's browser, if this peer's settings say so."""
        if self._external:
            self._desk.jobs.run("open in browser", self._open_outside(address))
            return
        tab = self._add(own=False)
        if tab is not None:
            tab.visit(address)

    def new_tab(self) -> None:
        """An empty tab, with the focus in the address bar."""
        tab = self._add(own=False)
        if tab is not None:
            self._desk.jobs.run("people for a new tab", self._offer_people(tab))
            self.focus_address()

    def focus_address(self) -> None:
        """Go to the address bar."""
        self._address.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def set_compact(self, *, compact: bool) -> None:
        """Narrower margins."""
        side = 16 if compact else 24
        self._strip_row.set_margins((side, 8, side, 0))
        self._bar.set_margins((side - 6, 8, side, 8))

    def close_pages(self) -> None:
        """Let go of every web page."""
        self.downloads.cancel_all()
        for tab in self._tabs:
            tab.close_page()

    # ---- tabs

    def _add(self, *, own: bool) -> SiteTab | None:
        if len(self._tabs) >= MOST_TABS:
            self.trouble.emit("There are too many tabs", f"Close some of the {MOST_TABS} that are open first.")
            return None
        tab = SiteTab(self._desk, self._directory, self._peer_id, self._profile, own=own)
        tab.changed.connect(lambda: self._show(tab))
        tab.site_wanted.connect(self.open_address)
        tab.person_chosen.connect(self._entered)
        tab.tab_wanted.connect(self._adopt)
        tab.page.windowCloseRequested.connect(lambda: self._close_tab(tab))
        self._tabs.append(tab)
        self._pages.addWidget(tab)
        if not own:
            self._strip.add_tab()
        self._choose(len(self._tabs) - 1)
        return tab

    def _adopt(self, request: QWebEngineNewWindowRequest, target: SiteTarget) -> None:
        tab = self._add(own=False)
        if tab is not None:
            tab.adopt(target)
            request.openIn(tab.page)

    def _choose(self, place: int) -> None:
        self._pages.setCurrentIndex(place)
        self._strip.choose(place)
        for tab in self._tabs:
            self._show(tab)
        if self.current.live:
            self.current.view.setFocus()

    def _close_tab(self, tab: SiteTab) -> None:
        if tab in self._tabs:
            self._close(self._tabs.index(tab))

    def _close(self, place: int) -> None:
        tab = self._tabs[place]
        if tab.own:
            return
        self._tabs.pop(place)
        self._strip.remove_tab(place)
        self._pages.removeWidget(tab)
        tab.close_page()
        tab.hide()
        tab.deleteLater()
        self._choose(min(place, len(self._tabs) - 1))

    def _show(self, tab: SiteTab) -> None:
        if tab not in self._tabs:
            return
        self._strip.set_tab(self._tabs.index(tab), tab.title, tab.loading)
        tab.page.setZoomFactor(self._zoom_factor)
        if tab is not self.current:
            return
        self._address.set_address(tab.address)
        history = tab.page.history()
        self._back.setEnabled(tab.live and history.canGoBack())
        self._forward.setEnabled(tab.live and history.canGoForward())
        self._reload.setIcon(icon("x" if tab.loading else "rotate-cw"))
        words = "Stop loading" if tab.loading else "Reload (Ctrl+R)"
        self._reload.setToolTip(words)
        self._reload.setAccessibleName(words)
        self._outside.setEnabled(tab.target is not None)
        self._edit.setVisible(tab.own)

    async def _offer_people(self, tab: SiteTab) -> None:
        people = await self._desk.host.people(self._directory)
        if tab in self._tabs and tab.target is None and not tab.loading:
            tab.show_start(people)

    # ---- what the strip does

    def _act(self, action: QWebEnginePage.WebAction) -> None:
        if self.current.live:
            self.current.page.triggerAction(action)

    def _reload_or_stop(self) -> None:
        if self.current.loading:
            self.current.stop()
        else:
            self.current.reload()

    def _entered(self, text: str) -> None:
        """Go there; the own tab stays the own site, and another site gets a tab of its own."""
        tab = self.current
        same = tab.target is not None and text.startswith(f"goop2:{tab.target.peer_id}")
        if not same and (self._external or (tab.own and (tab.target is not None or tab.loading))):
            self.open_address(text)
            self._show(tab)  # where it stays, its address is to be seen again
        else:
            tab.visit(text)

    def _leave_address(self) -> None:
        if self.current.live:
            self.current.view.setFocus()
        else:
            self.current.setFocus()

    def _open_in_browser(self) -> None:
        tab = self.current
        if tab.target is not None:
            self._desk.jobs.run("open in browser", self._open_outside(site_address(tab.target.peer_id, tab.page.url())))

    async def _open_outside(self, address: str) -> None:
        """The browser gets a one-time URL of its own, so that there, too, the owner is the owner."""
        target = await self._desk.host.site_url(self._directory, address)
        if not QDesktopServices.openUrl(QUrl(target.url)):
            self.trouble.emit("No browser could be opened", "Choose a default browser in your system's settings.")

    def _zoom(self, direction: int) -> None:
        nearest = min(range(len(ZOOM_STEPS)), key=lambda place: abs(ZOOM_STEPS[place] - self._zoom_factor))
        place = min(max(nearest + direction, 0), len(ZOOM_STEPS) - 1)
        self._desk.memory.now.zoom[self._directory] = ZOOM_STEPS[place] if direction else 1.0
        self._desk.memory.changed()
        self._show_zoom()
        for tab in self._tabs:
            self._show(tab)

    @property
    def _zoom_factor(self) -> float:
        """How large this peer's pages are shown; 1 is their own size."""
        return self._desk.memory.now.zoom.get(self._directory, 1.0)

    def _show_zoom(self) -> None:
        """Show how large, while it is not the usual size."""
        percent = round(self._zoom_factor * 100)
        self._percent.setText(f"{percent} %")
        self._percent.setAccessibleName(f"Zoom {percent} %, back to 100 %")
        self._percent.setVisible(percent != 100)  # noqa: PLR2004 - the usual size
