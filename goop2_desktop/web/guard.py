"""Keeps the pages of a site to their own origin: nothing is loaded from anywhere else, not even a picture."""

from __future__ import annotations

import logging

from PySide6.QtCore import QUrl
from PySide6.QtWebEngineCore import QWebEngineUrlRequestInfo, QWebEngineUrlRequestInterceptor

from goop2_desktop.web.origin import INNER_SCHEMES, origin_of

log = logging.getLogger("goop2.desktop")

SOCKETS = {"ws": "http", "wss": "https"}


def allowed(request: QUrl, page: QUrl) -> bool:
    """Whether a page may load this: from its own origin (sockets included), or made by itself."""
    if request.scheme() in INNER_SCHEMES:
        return True
    url = QUrl(request)
    url.setScheme(SOCKETS.get(url.scheme(), url.scheme()))
    origin = origin_of(url)
    return bool(origin) and origin == origin_of(page)


class SameOriginGuard(QWebEngineUrlRequestInterceptor):
    """Blocks what `allowed` does not allow. Where a whole tab goes is decided by its page, not here.

    Whoever sets it on a profile must keep it: a profile keeps the Qt object, and without this one nobody is asked.
    """

    def interceptRequest(self, info: QWebEngineUrlRequestInfo) -> None:
        """Called for every request of the profile, on the GUI thread."""
        kind = QWebEngineUrlRequestInfo.ResourceType
        if info.resourceType() in (kind.ResourceTypeMainFrame, kind.ResourceTypeNavigationPreloadMainFrame):
            return
        page = info.firstPartyUrl()
        if not page.host():  # a worker has no page; who asked is all there is
            page = info.initiator()
        if not allowed(info.requestUrl(), page):
            log.debug("blocked %s for %s", info.requestUrl().toString(), origin_of(page))
            info.block(True)
