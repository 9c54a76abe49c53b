"""One site tab: a web page of one origin, and the native pages that stand in for it.

A page runs until the next one has begun to arrive, which its site may delay as long as it likes. So whatever names a
site (address bar, title, questions) names the one whose page is there, not the one that was asked for.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWebEngineCore import QWebEngineLoadingInfo, QWebEnginePage, QWebEngineProfile, QWebEngineScript
from PySide6.QtWebEngineWidgets import QWebEngineView
from PySide6.QtWidgets import QStackedWidget
from shiboken6 import isValid

from goop2_core.errors import Goop2Error, Refused
from goop2_core.events import Person
from goop2_desktop.desk import Desk
from goop2_desktop.look.banner import EmptyPage
from goop2_desktop.look.controls import button
from goop2_desktop.web.origin import origin_of, site_address
from goop2_desktop.web.outside import WayOut
from goop2_desktop.web.page import LockedPage
from goop2_desktop.web.permissions import Permissions
from goop2_desktop.web.start_page import StartPage

if TYPE_CHECKING:
    from goop2_core.host import SiteTarget

Action = QWebEnginePage.WebAction
SEVERAL = 409  # the status of a name that several people have
HIDDEN_ACTIONS = (
    Action.ViewSource,
    Action.SavePage,
    Action.OpenLinkInNewWindow,
    Action.OpenLinkInThisWindow,
    Action.CopyLinkToClipboard,  # it would copy this computer's own address of the site, which is of no use elsewhere
    Action.InspectElement,
)


class SiteView(QWebEngineView):
    """The view of a site, without the menu entries that make no sense for one."""

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Show what is left of the standard menu."""
        menu = self.createStandardContextMenu()
        for action in HIDDEN_ACTIONS:
            menu.removeAction(self.page().action(action))
        menu.aboutToHide.connect(menu.deleteLater)
        if not menu.isEmpty():
            menu.popup(event.globalPos())


class SiteTab(QStackedWidget):
    """A tab. `own` is the first one, which shows the peer's own site and cannot be closed."""

    changed = Signal()  # title, address, history or loading
    person_chosen = Signal(str)  # the peer ID of somebody whom the start page offers
    site_wanted = Signal(str)  # the address of another site, to open in a new tab
    tab_wanted = Signal(object, object)  # QWebEngineNewWindowRequest, SiteTarget

    def __init__(self, desk: Desk, directory: str, peer_id: str, profile: QWebEngineProfile, *, own: bool) -> None:
        super().__init__()
        self.own = own
        self.loading = False
        self.target: SiteTarget | None = None
        self._desk = desk
        self._directory = directory
        self._asked = ""  # what the user asked for, until it is there
        self._coming: tuple[str, SiteTarget] | None = None  # what was asked for, and where that is; being loaded
        self._path = ""  # where to come back to after the peer was stopped
        self.page = LockedPage(profile, self.window)
        self.view = SiteView()
        self.view.setPage(self.page)
        self.view.setObjectName("site-view")
        self._failed = EmptyPage(
            "unplug", "", "", button("Try again", "", "rotate-cw", name="retry", press=self.reload)
        )
        self._failed.setObjectName("site-failed")
        self._start = StartPage()
        self._start.visit.connect(self.person_chosen)
        self._way_out = WayOut(desk, self)
        self._permissions = Permissions(desk, peer_id, self)
        for page in (self._start, self.view, self._failed):
            self.addWidget(page)
        self._connect()

    def _connect(self) -> None:
        page = self.page
        page.loadingChanged.connect(self._loading_changed)
        page.titleChanged.connect(self.changed)
        page.urlChanged.connect(self._url_changed)
        page.outside_wanted.connect(lambda url: self._way_out.open(self.name, url))
        page.site_wanted.connect(self._lead_to_site)
        page.tab_wanted.connect(lambda request: self.tab_wanted.emit(request, self.target))
        page.permissionRequested.connect(
            lambda permission: self._permissions.requested(page.name_of(permission.origin()), permission)
        )
        page.renderProcessTerminated.connect(self._crashed)

    # ---- what it shows

    @property
    def name(self) -> str:
        """Whose site it is."""
        return self.target.name if self.target is not None else ""

    @property
    def title(self) -> str:
        """What the tab says."""
        if self.own:
            return "My site"
        if self.target is None:
            return self._asked or "New tab"
        title, url = self.page.title().strip(), self.page.url()
        if title and "://" not in title and not title.startswith(url.host() or title):
            return title
        return url.fileName() or self.name  # a text or a picture, which Chromium calls by its address

    @property
    def address(self) -> str:
        """The `goop2:` link of what is shown, or what was asked for while there is no page."""
        if self.target is None or (self._asked and not self.live):
            return self._asked
        return site_address(self.target.peer_id, self.page.url())

    @property
    def live(self) -> bool:
        """Whether a web page is shown, and not one of the native ones."""
        return self.currentWidget() is self.view

    def visit(self, address: str) -> None:
        """Open a site by its peer ID, link or name; "" is the own one."""
        self._asked = address
        self._set_loading(loading=True)
        self._desk.jobs.run("visit", self._visit(address), self._refused)

    def show_start(self, people: list[Person]) -> None:
        """Show where one could go from here."""
        self._start.offer(people)
        self.setCurrentWidget(self._start)

    def adopt(self, target: SiteTarget) -> None:
        """Become another tab of a site that is open already: its page arrives by itself."""
        self._set_target(target)
        self.setCurrentWidget(self.view)

    def reload(self) -> None:
        """Load it again, in whatever state it is."""
        if self.live and self.target is not None:
            self.page.triggerAction(Action.Reload)
        elif self.target is not None or self._asked or self.own:
            self.visit(self.address or self._path)

    def peer_started(self) -> None:
        """The peer runs again: sessions of before have ended, so come back by a new one-time URL."""
        if self._asked:
            self.visit(self._asked)
        elif self.target is not None:
            self.visit(site_address(self.target.peer_id, self.page.url()))

    def stop(self) -> None:
        """Stop loading."""
        self.page.triggerAction(Action.Stop)
        self._set_loading(loading=False)

    def close_page(self) -> None:
        """Let go of view and page, in this order."""
        self.removeWidget(self.view)
        self.view.hide()
        self.view.deleteLater()
        self.page.deleteLater()

    # ---- steps

    async def _visit(self, address: str) -> None:
        target = await self._desk.host.site_url(self._directory, address)
        if self._asked != address:
            return  # something else was asked for in the meantime
        self._coming = address, target
        self.page.coming = target.origin
        if target.origin == self.page.origin:
            self._arrive()
        self._load(target, address)

    def _load(self, target: SiteTarget, address: str) -> None:
        """Load this address; the one that is shown already, by a new one-time URL, is no step in the history."""
        now = self.page.url()
        shown = self.live and origin_of(now) == target.origin and site_address(target.peer_id, now) == address
        self.setCurrentWidget(self.view)

        def replaced(done: object) -> None:
            if done is not True and isValid(self.page):  # it runs no scripts, the only way to do so
                self.page.load(QUrl(target.url))

        if shown:
            world = QWebEngineScript.ScriptWorldId.ApplicationWorld.value
            self.page.runJavaScript(f"location.replace({json.dumps(target.url)}); true", world, replaced)
        else:
            self.page.load(QUrl(target.url))

    def _arrive(self) -> None:
        """What was asked for is what is there now."""
        if self._coming is None or self.page.coming not in (self.page.origin, origin_of(self.page.url())):
            return
        address, target = self._coming
        self._coming, self.page.coming = None, ""
        if self._asked == address:
            self._asked = ""
        self._set_target(target)

    def _set_target(self, target: SiteTarget) -> None:
        self.target = target
        self.page.origin = target.origin
        self.page.site_name = target.name
        self.changed.emit()

    def _refused(self, error: Goop2Error) -> None:
        if isinstance(error, Refused) and error.status == SEVERAL:
            self._desk.jobs.run("namesakes", self._offer_namesakes(self._asked, error.title))
        self._fail(error.title, " ".join(part for part in (error.message, error.hint) if part))

    async def _offer_namesakes(self, name: str, title: str) -> None:
        people = await self._desk.host.people(self._directory)
        found = [person for person in people if person.name.casefold() == name.strip().casefold()]
        if found and self._asked == name:
            self._start.offer_namesakes(title, found)
            self.setCurrentWidget(self._start)

    def _fail(self, title: str, words: str) -> None:
        self._failed.say(title, words)
        self.setCurrentWidget(self._failed)
        self._set_loading(loading=False)

    def _set_loading(self, *, loading: bool) -> None:
        self.loading = loading
        self.changed.emit()

    def _loading_changed(self, info: QWebEngineLoadingInfo) -> None:
        status = QWebEngineLoadingInfo.LoadStatus
        if info.status() == status.LoadSucceededStatus:
            self._arrive()
        self._set_loading(loading=info.status() == status.LoadStartedStatus)
        # an answer like 404 counts as failed too, but has a page of its own
        own_page = info.errorDomain() == QWebEngineLoadingInfo.ErrorDomain.HttpStatusCodeDomain
        if info.status() == status.LoadFailedStatus and not own_page:
            self._fail("This page could not be loaded", f"{info.errorString() or 'The viewer did not answer'}.")
        elif info.status() == status.LoadSucceededStatus and self.target is not None:
            self.setCurrentWidget(self.view)

    def _url_changed(self, url: QUrl) -> None:
        """Another page is there, as Qt tells when the first of it has arrived, and not when it was asked for."""
        del url
        self._arrive()
        self.changed.emit()

    def _lead_to_site(self, url: QUrl) -> None:
        self.site_wanted.emit(url.toString())

    def _crashed(self, status: QWebEnginePage.RenderProcessTerminationStatus, code: int) -> None:
        if status == QWebEnginePage.RenderProcessTerminationStatus.NormalTerminationStatus:
            return
        self._fail(
            "This page stopped working",
            f"Its process ended unexpectedly (code {code}). Your peer and your other tabs are untouched.",
        )
