"""What sites may use (camera, microphone, notifications …): asked once for each site, and remembered."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWebEngineCore import QWebEnginePermission
from PySide6.QtWidgets import QWidget

from goop2_desktop.desk import Desk
from goop2_desktop.dialogs.questions import PermissionQuestion

MOST_WAITING = 4  # questions of one tab; a page that asks for more gets no for an answer


class Permissions(QObject):
    """Answers the permission requests of one tab. One question at a time."""

    def __init__(self, desk: Desk, peer_id: str, window: QWidget) -> None:
        super().__init__(window)
        self._desk = desk
        self._peer_id = peer_id
        self._window = window
        self._waiting: list[tuple[str, QWebEnginePermission]] = []
        self._asking = False

    def requested(self, site: str, permission: QWebEnginePermission) -> None:
        """A page of the site called `site` wants to use something."""
        known = self._desk.memory.now.permissions.get(self._key(permission))
        if known is not None:
            _answer(permission, known)
        elif len(self._waiting) >= MOST_WAITING:
            permission.deny()
        else:
            self._waiting.append((site, QWebEnginePermission(permission)))
            QTimer.singleShot(0, self, self._next)

    def _next(self) -> None:
        if self._waiting and not self._asking:
            self._asking = True
            self._desk.jobs.run("permission", self._ask())

    async def _ask(self) -> None:
        try:
            while self._waiting:
                site, permission = self._waiting.pop(0)
                key = self._key(permission)
                known = self._desk.memory.now.permissions.get(key)
                if known is None:
                    question = PermissionQuestion(self._window, site, permission.permissionType().name)
                    known = await question.ask()
                    if question.decided:
                        self._desk.memory.now.permissions[key] = known
                        self._desk.memory.changed()
                _answer(permission, known)
        finally:
            self._asking = False

    def _key(self, permission: QWebEnginePermission) -> str:
        return f"{self._peer_id} {permission.origin().toString()} {permission.permissionType().name}"


def _answer(permission: QWebEnginePermission, granted: bool) -> None:
    if granted:
        permission.grant()
    else:
        permission.deny()
