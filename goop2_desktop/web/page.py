"""A web page that keeps to its origin and hands over every way out of it."""

from __future__ import annotations

import logging
from collections.abc import Callable

from PySide6.QtCore import QUrl, Signal
from PySide6.QtWebEngineCore import (
    QWebEngineCertificateError,
    QWebEngineNewWindowRequest,
    QWebEnginePage,
    QWebEngineProfile,
    QWebEngineSettings,
)
from PySide6.QtWidgets import QInputDialog, QWidget

from goop2_desktop.dialogs.base import Confirm, Dialog
from goop2_desktop.web.origin import Leads, leads, origin_of
from goop2_desktop.web.patience import DIALOGS, Patience

log = logging.getLogger("goop2.desktop")

MOST_WORDS = 2000  # characters of a script's question that are shown

Attribute = QWebEngineSettings.WebAttribute
OFF = (
    Attribute.ErrorPageEnabled,  # the tab shows one of its own
    Attribute.HyperlinkAuditingEnabled,
    Attribute.DnsPrefetchEnabled,
    Attribute.AllowRunningInsecureContent,
    Attribute.LocalContentCanAccessFileUrls,
    Attribute.NavigateOnDropEnabled,
    Attribute.PdfViewerEnabled,  # an extension of Chromium's with an origin of its own: a PDF is downloaded instead
)


class LockedPage(QWebEnginePage):
    """A page of one origin. `trusted` is for the console, our own pages: they open sites without a click in between."""

    outside_wanted = Signal(QUrl)  # to be opened in the system's browser, after asking
    site_wanted = Signal(QUrl)  # a site of the peer network: a goop2: link or a viewer's URL
    tab_wanted = Signal(object)  # QWebEngineNewWindowRequest: another page of the same origin

    def __init__(self, profile: QWebEngineProfile, window: Callable[[], QWidget], *, trusted: bool = False) -> None:
        super().__init__(profile)
        self.origin = ""
        self.coming = ""  # the origin that the user asked for; `origin` once its page is there
        self.site_name = ""
        self._window = window
        self._trusted = trusted
        self._patience = Patience(*DIALOGS)
        for attribute in OFF:
            self.settings().setAttribute(attribute, False)
        self.settings().setAttribute(Attribute.JavascriptCanAccessClipboard, trusted)
        self.newWindowRequested.connect(self._new_window)
        self.certificateError.connect(self._reject_certificate)

    def acceptNavigationRequest(self, url: QUrl | str, kind: QWebEnginePage.NavigationType, main_frame: bool) -> bool:
        """Stay in the origin; hand over the rest. A script's `location = …` looks like a click here (measured)."""
        del kind
        url = QUrl(url)
        where = leads(url, self.origin)
        if where is Leads.STAY or (main_frame and self.coming and origin_of(url) == self.coming):
            return True
        if main_frame:
            self._lead(where, url)
        return False

    def javaScriptConsoleMessage(
        self, level: QWebEnginePage.JavaScriptConsoleMessageLevel, message: str, line: int, source: str
    ) -> None:
        """What a page writes to its console is the page's business, and no warning of ours."""
        log.debug("page %s:%s: %s (%s)", source[:200], line, message[:500], level.name)

    def javaScriptAlert(self, origin: QUrl | str, message: str) -> None:
        """A script says something."""
        if not self._patience.lasts():
            return
        dialog = Dialog(self._window(), self._who(origin), message[:MOST_WORDS], "page-alert")
        dialog.add_action("Close", "primary")
        dialog.ask_now()

    def javaScriptConfirm(self, origin: QUrl | str, message: str) -> bool:
        """A script asks. One that asks too often hears no."""
        if not self._patience.lasts():
            return False
        return Confirm(self._window(), self._who(origin), message[:MOST_WORDS], "OK").ask_now()

    def javaScriptPrompt(self, origin: QUrl | str, message: str, default: str) -> tuple[bool, str]:
        """A script asks for a line of text."""
        if not self._patience.lasts():
            return False, ""
        text, accepted = QInputDialog.getText(self._window(), self._who(origin), message[:MOST_WORDS], text=default)
        return accepted, text

    def name_of(self, origin: QUrl) -> str:
        """Who asks, by the origin that Chromium names: the site of this page, else the host as it is."""
        return self.site_name if origin_of(origin) in ("", self.origin) else origin.host()

    def _who(self, origin: QUrl | str) -> str:
        return f"{self.name_of(QUrl(origin)) or 'This page'} says"

    def _lead(self, where: Leads, url: QUrl) -> None:
        if where is Leads.PEER:
            self.site_wanted.emit(url)
        elif where is Leads.OUTSIDE:
            self.outside_wanted.emit(url)
        else:
            log.info("a page of %s wanted to go to %s: refused", self.origin, url.toString()[:200])

    def _new_window(self, request: QWebEngineNewWindowRequest) -> None:
        where = leads(request.requestedUrl(), self.origin)
        if not (request.isUserInitiated() or self._trusted):
            log.info("a page of %s wanted to open a window by itself: refused", self.origin)
        elif where is Leads.STAY:
            self.tab_wanted.emit(request)
        else:
            self._lead(where, request.requestedUrl())

    def _reject_certificate(self, error: QWebEngineCertificateError) -> None:
        error.rejectCertificate()
