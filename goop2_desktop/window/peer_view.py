"""The right part of the window for one peer: header, tabs, what must be said, and the chosen page."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QPushButton, QStackedWidget, QToolTip, QWidget

from goop2_core.events import PeerState
from goop2_desktop.commands import Commands
from goop2_desktop.desk import Desk
from goop2_desktop.look.banner import Banner, EmptyPage
from goop2_desktop.look.controls import button
from goop2_desktop.look.layout import Box
from goop2_desktop.look.look import theme
from goop2_desktop.states import can_start, reaches_others, remedy_words, short_address
from goop2_desktop.window.header import Header
from goop2_desktop.window.share import SharePopover
from goop2_desktop.window.tabs import PAGES, PageTabs

if TYPE_CHECKING:
    from collections.abc import Callable

    from goop2_core.host import PeerSummary
    from goop2_desktop.web.peer_web import PeerWeb

NEEDS_RUNNING = {
    "site": ("The site is offline", "Visitors see nothing until this peer runs. You can still edit its files."),
    "people": ("Nobody can be seen from here", "A stopped peer meets nobody. Start it to find people and to chat."),
    "groups": ("Groups meet while it runs", "Start the peer to see its groups and to write in their rooms."),
    "files": ("Files are managed while it runs", "Start the peer to manage its files here, or open its folder."),
    "log": ("The log begins with the peer", "Start the peer to read here what it does."),
    "settings": (
        "Settings need the peer",
        "Start the peer to change its settings here, or change them in goop.json and save it before you start.",
    ),
}
SETTINGS_OF_FAILED = "Open goop.json, correct what is wrong, save it, and press Try again."
SIGNS = {
    "site": "globe",
    "people": "radio-tower",
    "groups": "users",
    "files": "folder",
    "log": "file-text",
    "settings": "settings",
}


class PeerView(Box):
    """One peer, wholly. Its web pages are made when they are first needed and let go of by `close_web`."""

    page_changed = Signal(str)

    def __init__(self, desk: Desk, commands: Commands, directory: str) -> None:
        super().__init__(True, 0, (0, 0, 0, 0), "surface")
        self.setObjectName(f"view:{directory}")
        self.directory = directory
        self.page = "site"
        self._desk = desk
        self._commands = commands
        self._web: PeerWeb | None = None
        self._web_allowed = False
        self._was_running = False
        self._waiting = ""  # an address to open once the peer runs
        self._place = ""  # a conversation to open on the chosen page once the peer runs
        self._compact = False
        self.header = Header()
        self.tabs = PageTabs()
        self.failure = Banner("error")
        self.failure.setObjectName("failure")
        self.notice = Banner("attention", closes=True)
        self.notice.setObjectName("notice")
        self.trouble = Banner("error", closes=True)
        self.trouble.setObjectName("trouble")
        self._pages = QStackedWidget()
        self._offline: dict[str, EmptyPage] = {}
        self.add(self.header, self.tabs, self.failure, self.notice, self.trouble, self._pages)
        self.give_room_to(self._pages)
        for banner in (self.failure, self.notice, self.trouble):
            banner.hide()
        self._connect()
        self.tabs.choose(self.page)

    def _connect(self) -> None:
        self.header.start.connect(lambda: self._commands.start(self.directory))
        self.header.stop.connect(lambda: self._commands.stop(self.directory))
        self.header.copy.connect(self._copy_link)
        self.header.share.connect(self._share)
        self.header.more.connect(self._more)
        self.tabs.chosen.connect(self.show_page)

    # ---- what it shows

    def refresh(self) -> None:
        """Bring everything up to date with the peer's snapshot."""
        peer = self._desk.peers.get(self.directory)
        if peer is None:
            return
        self.header.show_peer(peer, self._desk.peers.picture(self.directory, theme().mode))
        self.tabs.set_unread(peer.unread - peer.unread_rooms, peer.unread_rooms)
        self._show_failure(peer)
        self._show_restart(peer)
        running = peer.state is PeerState.RUNNING
        if running and not self._was_running and self._web is not None:
            self._web.peer_started()
        self._was_running = running
        self._show_content(peer)

    def show_page(self, page: str) -> None:
        """Choose one of the tabs."""
        if page not in dict(PAGES):
            return
        changed = page != self.page
        self.page = page
        self.tabs.choose(page)
        if changed:
            self._place = ""
        self.refresh()
        if changed:
            self.page_changed.emit(page)

    def show_place(self, place: str) -> None:
        """Choose the tab of a place such as `people/<peer ID>`, and show there what it names."""
        page, _, rest = place.partition("/")
        self.show_page(page)
        if rest and page == self.page:
            self._place = place
            self.refresh()

    def set_compact(self, *, compact: bool) -> None:
        """Wear the narrow shape."""
        self._compact = compact
        self.header.set_compact(compact=compact)
        self.tabs.set_compact(compact=compact)
        side = 16 if compact else 24
        for banner in (self.failure, self.notice, self.trouble):
            banner.set_margins((side, 12, side, 12))
        if self._web is not None:
            self._web.site_tabs.set_compact(compact=compact)

    def say_trouble(self, title: str, detail: str) -> None:
        """Something that the user asked for did not work."""
        self.trouble.say(title, detail)

    # ---- web pages

    @property
    def web(self) -> PeerWeb | None:
        """The web pages, if any has been needed yet."""
        return self._web

    def allow_web(self) -> None:
        """From now on web pages may be made: the window is on the screen."""
        self._web_allowed = True
        self.refresh()

    def open_site(self, address: str = "") -> None:
        """Show the own site, or open `address` (peer ID, link or name) in a new tab, as soon as the peer runs."""
        peer = self._desk.peers.get(self.directory)
        outside = peer is not None and peer.state is PeerState.RUNNING and peer.open_sites_external
        if address and outside and self._web is not None:
            self._web.site_tabs.open_address(address)  # the browser shows it, and this page stays
            return
        self._waiting = address
        self.show_page("site")

    def close_web(self) -> None:
        """Let go of every web page and profile, in the order that QtWebEngine needs."""
        if self._web is not None:
            self._pages.removeWidget(self._web.site_tabs)
            self._pages.removeWidget(self._web.console)
            self._web.close()
            self._web = None

    def _need_web(self) -> PeerWeb:
        if self._web is None:
            from goop2_desktop.web.peer_web import PeerWeb  # noqa: PLC0415 - takes half a second: after the window

            peer = self._desk.host.peer(self.directory)
            self._web = PeerWeb(self._desk, self.directory, peer.peer_id, self)
            self._pages.addWidget(self._web.site_tabs)
            self._pages.addWidget(self._web.console)
            self._web.page_wanted.connect(self.show_page)
            self._web.trouble.connect(self.say_trouble)
            self._web.site_wanted.connect(self.open_site)
            self._web.site_tabs.set_compact(compact=self._compact)
            self._lead_to_tabs(self._web)
        return self._web

    def _lead_to_tabs(self, web: PeerWeb) -> None:
        """The keys for tabs and address bar work on every page, and lead to the site's."""
        for keys, do in (
            ("Ctrl+L", web.site_tabs.focus_address),
            ("Alt+D", web.site_tabs.focus_address),
            ("Ctrl+T", web.site_tabs.new_tab),
        ):
            QShortcut(QKeySequence(keys), web.console, partial(self._on_site, do))

    def _on_site(self, do: Callable[[], object]) -> None:
        self.show_page("site")
        do()

    # ---- parts

    def _show_content(self, peer: PeerSummary) -> None:
        if peer.state is PeerState.RUNNING and self._web_allowed:
            web = self._need_web()
            if self.page == "site":
                web.site_tabs.show_own_site()
                if self._waiting:
                    address, self._waiting = self._waiting, ""
                    web.site_tabs.open_address(address)
                self._pages.setCurrentWidget(web.site_tabs)
            else:
                if self._place:
                    place, self._place = self._place, ""
                    web.console.show_place(place)
                else:
                    web.console.show_page(self.page)
                self._pages.setCurrentWidget(web.console)
            return
        page = self._offline_page(self.page)
        title, words = NEEDS_RUNNING[self.page] if peer.state is not PeerState.RUNNING else ("Opening…", "")
        if peer.state in (PeerState.STARTING, PeerState.STOPPING):
            title = "Starting…" if peer.state is PeerState.STARTING else "Stopping…"
            words = f"{peer.label} ({peer.step} of {peer.steps})" if peer.steps else peer.label
            page.show_progress(peer.step, peer.steps)
        else:
            page.show_progress(0, 0)
        if peer.state is PeerState.FAILED and self.page == "settings":
            words = SETTINGS_OF_FAILED
        if self._waiting and self.page == "site":
            words = f"{words} {short_address(self._waiting)} opens as soon as this peer runs.".strip()
        page.say(title, words)
        start = page.findChild(QPushButton, "offline-start")
        if start is not None:
            page.set_action_visible(start, peer.state is PeerState.STOPPED)
        for name in ("offline-config", "offline-folder"):
            if (action := page.findChild(QPushButton, name)) is not None:
                page.set_action_visible(action, can_start(peer))
        self._pages.setCurrentWidget(page)

    def _offline_page(self, page: str) -> EmptyPage:
        if page not in self._offline:
            # not primary: the header's Start is
            start = button(
                "Start", "", "play", name="offline-start", press=lambda: self._commands.start(self.directory)
            )
            folder = button(
                "Open folder",
                "link",
                name="offline-folder",
                press=lambda: self._commands.open_folder(self.directory),
            )
            actions = [start, folder]
            if page == "settings":
                show = partial(self._commands.open_config, self.directory)
                actions.insert(1, button("Open goop.json", "", "file-code", name="offline-config", press=show))
            made = EmptyPage(SIGNS[page], "", "", *actions)
            made.setObjectName(f"offline-{page}")
            self._offline[page] = made
            self._pages.addWidget(made)
        return self._offline[page]

    def _show_failure(self, peer: PeerSummary) -> None:
        trouble = peer.trouble
        if peer.state is not PeerState.FAILED or trouble is None:
            self.failure.hide()
            return
        whole = "\n".join(part for part in (trouble.title, trouble.message, trouble.hint) if part)
        heading = f"{peer.name} could not start"
        details = button(
            "Details",
            name="failure-details",
            press=lambda: self._commands.details(heading, "Copy this when you ask somebody for help.", whole),
        )
        buttons = [details]
        if words := remedy_words(trouble.remedy):
            buttons.append(
                button(
                    words,
                    "primary",
                    name="failure-remedy",
                    press=lambda: self._commands.remedy(self.directory, trouble.remedy),
                )
            )
        why = " ".join(part for part in (_sentence(trouble.message or trouble.title), trouble.hint) if part)
        if self.failure.words != f"{heading} {why}" or not self.failure.isVisibleTo(self):
            self.failure.say(heading, why, *buttons)

    def _show_restart(self, peer: PeerSummary) -> None:
        if not peer.restart_needed:
            if self.notice.property("why") == "restart":
                self.notice.hide()
            self.notice.setProperty("why", "")
            return
        keys = ", ".join(peer.restart_needed)
        if self.notice.property("why") == "restart" and self.notice.property("keys") == keys:
            return
        self.notice.setProperty("why", "restart")
        self.notice.setProperty("keys", keys)
        self.notice.say(
            "Some settings take effect at the next start",
            _settings(peer.restart_needed),
            button("Restart peer", name="restart-peer", press=lambda: self._commands.restart(self.directory)),
        )

    def _share(self, control: QWidget) -> None:
        peer = self._desk.peers.get(self.directory)
        if peer is not None:
            url = peer.site_url if reaches_others(peer.site_url) else ""
            SharePopover(self, peer.name, peer.link, url).hang_on(control)

    def _more(self, control: QWidget) -> None:
        menu = self._commands.menu(self.directory, self)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(control.mapToGlobal(QPoint(0, control.height())))

    def _copy_link(self) -> None:
        self._commands.copy_link(self.directory)
        control = self.findChild(QWidget, "copy-link")
        if control is not None:
            QToolTip.showText(control.mapToGlobal(QPoint(0, control.height())), "Copied", control)


def _settings(keys: tuple[str, ...]) -> str:
    """The names of settings, with their keys."""
    from goop2_core.config import describe  # noqa: PLC0415 - nobody needs it at the start

    titles = {field.key: field.title for section in describe() for field in section.fields}
    return ", ".join(f"{titles[key]} ({key})" if key in titles else key for key in keys)


def _sentence(words: str) -> str:
    return words if words.endswith((".", "!", "?", "…")) else f"{words}."
