"""The look that the running application wears now: which mode, why, and the switch between modes."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from PySide6.QtCore import QObject, QTemporaryDir, Signal
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QApplication

from goop2_desktop.look.system import SystemPreference
from goop2_desktop.look.theme import Theme
from goop2_desktop.resources import resource

LARGEST_USUAL_POINTS = 11.5  # desktops ship 9 to 11; above this the user asked for larger text
LARGEST_SCALE = 2.0


class ModeChoice(StrEnum):
    """What the user chose in the preferences."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class Look(QObject):
    """Dresses the application and keeps it dressed. There is one, a child of the `QApplication`: `Look.of_app()`."""

    changed = Signal()

    def __init__(self, app: QApplication, choice: ModeChoice = ModeChoice.SYSTEM) -> None:
        super().__init__(app)
        self.setObjectName("look")
        self._app = app
        self._choice = choice
        points = app.font().pointSizeF()
        self._scale = min(max(points / LARGEST_USUAL_POINTS, 1.0), LARGEST_SCALE)
        self._images = QTemporaryDir()  # a style sheet takes images only from files
        self._system = SystemPreference(self._refresh, self)
        for file in sorted([*resource("fonts").glob("*.otf"), *resource("fonts").glob("*.ttf")]):
            QFontDatabase.addApplicationFont(str(file))
        app.setStyle("Fusion")  # a native style would mix its own metrics with the style sheet's
        self._theme = self._wanted()
        self._dress()

    @staticmethod
    def of_app() -> Look:
        """The look of this program."""
        app = QApplication.instance()
        look = app.findChild(Look, "look") if app is not None else None
        if look is None:
            raise RuntimeError("no Look has been made for this application")
        return look

    @property
    def theme(self) -> Theme:
        """The tokens in the mode worn now."""
        return self._theme

    @property
    def motion(self) -> bool:
        """Whether the session allows things to move."""
        return self._system.motion

    @property
    def choice(self) -> ModeChoice:
        """What the user chose."""
        return self._choice

    def choose(self, choice: ModeChoice) -> None:
        """Wear another mode from now on, in every window that is open."""
        self._choice = choice
        self._refresh()

    def _wanted(self) -> Theme:
        if self._choice is ModeChoice.SYSTEM:
            return Theme(self._system.mode, self._scale)
        return Theme("dark" if self._choice is ModeChoice.DARK else "light", self._scale)

    def _refresh(self) -> None:
        wanted = self._wanted()
        if wanted != self._theme:
            self._theme = wanted
            self._dress()
        self.changed.emit()

    def _dress(self) -> None:
        self._app.setPalette(self._theme.palette())
        self._app.setFont(self._theme.font("body"))
        self._app.setStyleSheet(self._theme.stylesheet(Path(self._images.path())))


def theme() -> Theme:
    """The tokens worn now. For widgets, which ask anew each time they paint."""
    return Look.of_app().theme
