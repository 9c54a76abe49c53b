"""What every part of the window works with: the engine's facade, jobs, memory, and the peers' changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from goop2_core.errors import Goop2Error
from goop2_core.events import (
    ChatChanged,
    ChatRead,
    Event,
    LogWritten,
    PersonChanged,
    PersonGone,
    SiteChanged,
    VisitorsChanged,
)
from goop2_desktop.jobs import Jobs
from goop2_desktop.remembered import Memory

if TYPE_CHECKING:
    from goop2_core.host import EngineHost, PeerSummary

ELSEWHERE = (LogWritten, PersonChanged, PersonGone, SiteChanged)  # only the console's pages show these


class Peers(QObject):
    """The owner's peers as the windows follow them."""

    changed = Signal(str)  # the directory of a peer whose summary is new
    listed = Signal()  # a peer was added or taken away
    message_came = Signal(str, object)  # directory, ChatChanged
    site_said = Signal(str, str, str)  # directory, title and text of a notification that a site shows

    def __init__(self, host: EngineHost) -> None:
        super().__init__()
        self._host = host
        self._end: Callable[[], None] | None = None
        self._pictures: dict[tuple[str, str], str | bytes] = {}

    def follow(self) -> None:
        """Begin to follow the engine's events on the running loop."""
        self._end = self._host.subscribe(self._on_event)

    def stop(self) -> None:
        """Follow no more."""
        if self._end is not None:
            self._end()
            self._end = None

    def all(self) -> list[PeerSummary]:
        """Every peer, by name."""
        return self._host.peers()

    def get(self, directory: str) -> PeerSummary | None:
        """One peer, if it is still in the list."""
        try:
            return self._host.peer(directory)
        except Goop2Error:
            return None

    def picture(self, directory: str, mode: str) -> str | bytes:
        """The peer's face (SVG text or picture bytes). Read from disk only after something but its visitors changed."""
        if (directory, mode) not in self._pictures:
            self._pictures[directory, mode] = self._host.avatar(directory, mode)
        return self._pictures[directory, mode]

    def _on_event(self, directory: str, event: Event) -> None:
        if isinstance(event, ELSEWHERE):
            return
        if not isinstance(event, VisitorsChanged | ChatChanged | ChatRead):
            self._pictures = {key: picture for key, picture in self._pictures.items() if key[0] != directory}
        self.changed.emit(directory)
        if isinstance(event, ChatChanged):
            self.message_came.emit(directory, event)


@dataclass(frozen=True)
class Desk:
    """The things that windows are given; they hold no others."""

    host: EngineHost
    peers: Peers
    jobs: Jobs
    memory: Memory
    data_dir: Path

    def owns(self, directory: str) -> bool:
        """Whether the peer lies in the app's own folder, and so cannot be merely taken from the list."""
        return Path(directory).parent == self.data_dir / "peers"

    def web_storage(self, peer_id: str) -> Path:
        """Where the site tabs of a peer keep cookies and caches. Never inside the peer's directory."""
        return self.data_dir / "web" / peer_id
