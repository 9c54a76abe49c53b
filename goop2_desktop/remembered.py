"""What the app remembers between two runs: its window, its look, which peers ran, and answers that sites were given."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from goop2_desktop.look.look import ModeChoice

log = logging.getLogger("goop2.desktop")

MOST_BYTES = 4 << 20
SAVE_AFTER_MS = 300


@dataclass
class Remembered:
    """The contents of `desktop.json`. A value of the wrong type is left at its default when it is read."""

    geometry: str = ""  # QWidget.saveGeometry, base64
    mode: str = ModeChoice.SYSTEM.value
    chosen: str = ""  # directory of the peer that was shown
    running: list[str] = field(default_factory=list)  # directories of the peers that the user wants running
    zoom: dict[str, float] = field(default_factory=dict)  # by directory
    open_outside: list[str] = field(default_factory=list)  # hosts whose links open in the browser without asking
    permissions: dict[str, bool] = field(default_factory=dict)  # "<peer id> <origin> <permission>": granted
    told_about_tray: bool = False

    def clean(self) -> None:
        """Drop list and dictionary entries that have the wrong type."""
        self.running = [item for item in self.running if isinstance(item, str)]
        self.open_outside = [item for item in self.open_outside if isinstance(item, str)]
        self.zoom = {key: float(value) for key, value in self.zoom.items() if isinstance(value, int | float)}
        self.permissions = {key: value for key, value in self.permissions.items() if isinstance(value, bool)}


def read(file: Path) -> Remembered:
    """What is in the file. One that cannot be read is put aside as `desktop.json.broken` and nothing is remembered."""
    remembered = Remembered()
    try:
        if file.stat().st_size > MOST_BYTES:
            raise ValueError("it is far too large")
        value: Any = json.loads(file.read_text("utf-8"))
        if not isinstance(value, dict):
            raise TypeError("it is not a JSON object")
    except FileNotFoundError:
        return remembered
    except (OSError, ValueError, TypeError, RecursionError) as error:
        log.warning("%s cannot be read (%s); it is kept as %s.broken", file, error, file.name)
        with contextlib.suppress(OSError):
            file.replace(file.with_name(file.name + ".broken"))
        return remembered
    for key, default in asdict(remembered).items():
        if type(value.get(key)) is type(default):
            setattr(remembered, key, value[key])
    remembered.clean()
    return remembered


class Memory(QObject):
    """Keeps `Remembered` on disk: written a moment after a change, in one step, readable by its owner alone."""

    forgotten = Signal()  # the answers that sites were given

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file
        self.now = read(file)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SAVE_AFTER_MS)
        self._timer.timeout.connect(self.save)

    def changed(self) -> None:
        """Something in `now` was changed."""
        if not self._timer.isActive():
            self._timer.start()

    def save(self) -> None:
        """Write now. A disk that refuses is logged: nothing that is remembered here is worth a window."""
        self._timer.stop()
        temporary = self.file.with_name(self.file.name + ".new")
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with open(temporary, "w", encoding="utf-8", opener=_private) as out:
                json.dump(asdict(self.now), out, indent=2)
            temporary.replace(self.file)
        except OSError as error:
            log.warning("%s cannot be written: %s", self.file, error)

    def want_running(self, directory: str, wanted: bool) -> None:
        """Note whether the user wants this peer to run, also after the next start."""
        running = [item for item in self.now.running if item != directory]
        if wanted:
            running.append(directory)
        if running != self.now.running:
            self.now.running = running
            self.changed()

    def forget_answers(self) -> None:
        """Sites must ask again."""
        self.now.permissions.clear()
        self.now.open_outside.clear()
        self.changed()
        self.forgotten.emit()

    def forget_peer(self, directory: str, peer_id: str) -> None:
        """Nothing is remembered about a peer that is gone."""
        self.want_running(directory, wanted=False)
        self.now.zoom.pop(directory, None)
        self.now.permissions = {
            key: granted for key, granted in self.now.permissions.items() if not key.startswith(f"{peer_id} ")
        }
        self.changed()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
