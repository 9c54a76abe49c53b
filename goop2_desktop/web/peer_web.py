"""All web pages of one peer, and the profiles that keep them apart from those of the others."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWebEngineCore import QWebEngineNotification, QWebEngineProfile, QWebEngineProfileBuilder
from shiboken6 import isValid

from goop2_desktop.desk import Desk
from goop2_desktop.look.look import Look
from goop2_desktop.web.console_view import ConsoleView
from goop2_desktop.web.guard import SameOriginGuard
from goop2_desktop.web.mode_script import tell_pages
from goop2_desktop.web.site_tabs import SiteTabs

CACHE_BYTES = 64 << 20
PROFILE_AFTER_MS = 50  # pages end in the next turns of the loop, and must have ended before their profile


class PeerWeb(QObject):
    """Site tabs and console of one peer.

    Each peer has a profile on disk for the sites that it visits, and one in memory for its own console: so the
    console's session never lies where strangers' pages run, and is gone when the app is.
    """

    page_wanted = Signal(str)
    trouble = Signal(str, str)
    site_wanted = Signal(str)

    def __init__(self, desk: Desk, directory: str, peer_id: str, parent: QObject) -> None:
        super().__init__(parent)
        self._sites = _profile_on_disk(desk, peer_id)
        self._console = QWebEngineProfile()
        self._guards = (SameOriginGuard(), SameOriginGuard())
        for profile, guard in zip((self._sites, self._console), self._guards, strict=True):
            profile.setUrlRequestInterceptor(guard)
        self._sites.setNotificationPresenter(partial(_present, desk, directory))
        self.site_tabs = SiteTabs(desk, directory, peer_id, self._sites)
        self.console = ConsoleView(desk, directory, self._console)
        self.site_tabs.edit_wanted.connect(lambda: self.page_wanted.emit("files"))
        self.site_tabs.trouble.connect(self.trouble)
        self.console.site_wanted.connect(self.site_wanted)
        desk.memory.forgotten.connect(self._forget_answers)
        Look.of_app().changed.connect(self._dress)
        self._dress()

    def peer_started(self) -> None:
        """The peer was stopped and runs again."""
        self.site_tabs.peer_started()
        self.console.peer_started()

    def _dress(self) -> None:
        source = tell_pages(self._sites, all_pages=False)
        for tab in self.site_tabs.tabs:
            tab.page.runJavaScript(source)

    def _forget_answers(self) -> None:
        """The engine too keeps what it was told, as long as it runs."""
        for permission in self._sites.listAllPermissions():
            permission.reset()

    def close(self) -> None:
        """Let go of views, then pages, then (a little later) profiles. Any other order crashes QtWebEngine."""
        Look.of_app().changed.disconnect(self._dress)
        self.site_tabs.close_pages()
        self.console.close_page()
        for widget in (self.site_tabs, self.console):
            widget.hide()
            widget.deleteLater()
        for profile in (self._sites, self._console):
            QTimer.singleShot(PROFILE_AFTER_MS, partial(_end, profile))
        self.deleteLater()


def _present(desk: Desk, directory: str, notification: QWebEngineNotification) -> None:
    """Hand a notification of a site, which the user allowed, to the tray. It says which site it is of."""
    notification.show()
    site = notification.origin().host().partition(".")[0]
    desk.peers.site_said.emit(directory, notification.title(), f"{notification.message()}\n{site}".strip())


def _end(profile: QWebEngineProfile) -> None:
    if isValid(profile):
        profile.deleteLater()


def _profile_on_disk(desk: Desk, peer_id: str) -> QWebEngineProfile:
    storage = desk.web_storage(peer_id)
    builder = QWebEngineProfileBuilder()
    builder.setPersistentStoragePath(str(storage / "storage"))
    builder.setCachePath(str(storage / "cache"))
    builder.setHttpCacheType(QWebEngineProfile.HttpCacheType.DiskHttpCache)
    builder.setHttpCacheMaximumSize(CACHE_BYTES)
    builder.setPersistentCookiesPolicy(QWebEngineProfile.PersistentCookiesPolicy.AllowPersistentCookies)
    # answers are kept on disk in one place, ours: Qt would keep some kinds of permission and not others
    builder.setPersistentPermissionsPolicy(QWebEngineProfile.PersistentPermissionsPolicy.StoreInMemory)
    profile = builder.createProfile(f"peer-{peer_id}")
    if profile is None:
        raise RuntimeError(f"another profile uses {storage}")
    return profile
