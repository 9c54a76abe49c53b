"""What the desktop session prefers: dark or light, and whether things may move."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, QTimer, Slot
from PySide6.QtGui import QGuiApplication

from goop2_desktop.look.theme import Mode

PORTAL = "org.freedesktop.portal.Desktop"
PORTAL_PATH = "/org/freedesktop/portal/desktop"
PORTAL_SETTINGS = "org.freedesktop.portal.Settings"
PREFER_DARK = 1
ASK_PORTAL_AFTER_MS = 400  # not before the window is there: loading D-Bus takes a tenth of a second


class SystemPreference(QObject):
    """Follows the session's colour scheme and animation setting, and calls `changed` when one of them changes.

    Qt knows the scheme on most desktops. Where it does not (no platform theme), the settings portal is asked, once,
    without waiting; without a portal the session counts as light, and animations as allowed.
    """

    def __init__(self, changed: Callable[[], None], parent: QObject) -> None:
        super().__init__(parent)
        self.motion = True
        self._changed = changed
        self._portal_dark = False
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._scheme_changed)
        QTimer.singleShot(ASK_PORTAL_AFTER_MS, self, self._ask_portal)

    @property
    def mode(self) -> Mode:
        """The mode that the session asks for."""
        scheme = QGuiApplication.styleHints().colorScheme()
        if scheme is Qt.ColorScheme.Unknown:
            return "dark" if self._portal_dark else "light"
        return "dark" if scheme is Qt.ColorScheme.Dark else "light"

    @Slot()
    def _scheme_changed(self) -> None:
        self._changed()

    def _ask_portal(self) -> None:
        from PySide6.QtDBus import QDBusConnection, QDBusMessage, QDBusPendingCallWatcher  # noqa: PLC0415 - slow to load

        bus = QDBusConnection.sessionBus()
        if not bus.isConnected():
            return
        for namespace, key in (
            ("org.freedesktop.appearance", "color-scheme"),
            ("org.gnome.desktop.interface", "enable-animations"),
        ):
            question = QDBusMessage.createMethodCall(PORTAL, PORTAL_PATH, PORTAL_SETTINGS, "ReadOne")
            question.setArguments([namespace, key])
            watcher = QDBusPendingCallWatcher(bus.asyncCall(question), self)
            watcher.finished.connect(self._portal_answered)
            watcher.setObjectName(key)

    @Slot("QDBusPendingCallWatcher*")
    def _portal_answered(self, watcher: object) -> None:
        from PySide6.QtDBus import QDBusMessage, QDBusPendingCallWatcher  # noqa: PLC0415 - loaded by now

        assert isinstance(watcher, QDBusPendingCallWatcher)
        watcher.deleteLater()
        reply = watcher.reply()
        if reply.type() is not QDBusMessage.MessageType.ReplyMessage or not reply.arguments():
            return
        value = reply.arguments()[0]
        value = value.variant() if hasattr(value, "variant") else value
        if watcher.objectName() == "color-scheme":
            self._portal_dark = value == PREFER_DARK
        else:
            self.motion = value is not False
        self._changed()
