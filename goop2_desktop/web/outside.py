"""The way out of the peer network: asked for each time, unless the user said otherwise for that host."""

from __future__ import annotations

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QWidget

from goop2_desktop.desk import Desk
from goop2_desktop.dialogs.questions import OpenOutside
from goop2_desktop.web.patience import WAYS_OUT, Patience


class WayOut:
    """Opens links in the system's browser; ignores them while a question is open, and after too many: scripts try."""

    def __init__(self, desk: Desk, window: QWidget) -> None:
        self._desk = desk
        self._window = window
        self._asking = False
        self._patience = Patience(*WAYS_OUT)

    def open(self, site: str, url: QUrl) -> None:
        """Open `url`, which a page of the site called `site` leads to."""
        if self._asking or not self._patience.lasts():
            return
        self._asking = True
        self._desk.jobs.run("open outside", self._open(site, url))

    async def _open(self, site: str, url: QUrl) -> None:
        try:
            host = url.host() or url.path()
            if url.scheme() == "mailto" or host not in self._desk.memory.now.open_outside:
                question = OpenOutside(self._window, site, url.toString(), host)
                if not await question.ask():
                    return
                if question.always.isChecked():
                    self._desk.memory.now.open_outside.append(host)
                    self._desk.memory.changed()
            QDesktopServices.openUrl(url)
        finally:
            self._asking = False
