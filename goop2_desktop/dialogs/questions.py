"""The short questions: deleting a peer, leaving a site, what a site asks to use, and closing while peers run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QLocale
from PySide6.QtWidgets import QCheckBox, QWidget

from goop2_desktop.dialogs.base import Confirm, Dialog
from goop2_desktop.look.words import Elided
from goop2_desktop.states import can_start

if TYPE_CHECKING:
    from goop2_core.host import DeletionFacts, PeerSummary


def counted(number: int, one: str, many: str = "") -> str:
    """`1 message`, `214 messages`."""
    return f"{QLocale().toString(number)} {one if number == 1 else many or one + 's'}"


def what_is_lost(facts: DeletionFacts) -> str:
    """What deleting the peer destroys, in a sentence or two."""
    parts = ["Its key"]
    if facts.messages:
        parts.append(counted(facts.messages, "message"))
    if facts.people:
        parts.append(counted(facts.people, "known person", "known people"))
    if facts.site_files and not facts.site_outside:
        size = QLocale().formattedDataSize(facts.site_bytes, 1)
        parts.append(f"{counted(facts.site_files, 'file')} of its site ({size})")
    listed = parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + f" and {parts[-1]}"
    kept = " The folder that it publishes stays where it is." if facts.site_outside else ""
    return f"{listed} will be deleted from this computer. Nobody can restore its address afterwards.{kept}"


class DeletePeer(Confirm):
    """Asks once, and names what is lost, be it only that a running peer stops."""

    def __init__(self, parent: QWidget | None, peer: PeerSummary, facts: DeletionFacts) -> None:
        first = "" if can_start(peer) else "It is running, and will be stopped first. "
        super().__init__(parent, f"Delete “{peer.name}”?", first + what_is_lost(facts), "Delete peer", danger=True)


class OpenOutside(Dialog):
    """A link that leaves the site. Scripts can follow links too, so nothing opens without this question."""

    def __init__(self, parent: QWidget | None, site: str, url: str, host: str) -> None:
        super().__init__(
            parent,
            "Open in your browser?",
            f"{site or 'This site'} wants to open a page outside the peer network. "
            f"{host} and everyone on the way will see that you visit it.",
            "open-outside",
        )
        address = Elided(url, "code")
        address.setObjectName("outside-url")
        self.body.add(address)
        self.always = QCheckBox(f"Always open links to {host}")
        self.always.setObjectName("always-host")
        self.body.add(self.always)
        self.add_cancel().setFocus()
        self.add_action("Open in browser", "primary", on_enter=False)


PERMISSION_WORDS = {
    "Geolocation": "know where you are",
    "MediaAudioCapture": "use your microphone",
    "MediaVideoCapture": "use your camera",
    "MediaAudioVideoCapture": "use your camera and microphone",
    "DesktopVideoCapture": "see your screen",
    "DesktopAudioVideoCapture": "see your screen and hear this computer",
    "MouseLock": "take over the mouse pointer",
    "Notifications": "show notifications",
    "ClipboardReadWrite": "read your clipboard",
    "LocalFontsAccess": "see which fonts are installed",
}


class PermissionQuestion(Dialog):
    """What a site asks to use. The answer is kept for that site; the preferences can forget it.

    `decided` says whether there was one: Esc only turns the question away.
    """

    def __init__(self, parent: QWidget | None, site: str, permission: str) -> None:
        what = PERMISSION_WORDS.get(permission, f"use “{permission}”")
        super().__init__(
            parent,
            f"Let {site} {what}?",
            "Your answer is remembered for this site. You can take it back in the preferences.",
            "permission",
        )
        self.decided = False
        refuse, allow = self.add_cancel("Don't allow"), self.add_action("Allow", "primary", on_enter=False)
        for choice in (refuse, allow):
            choice.clicked.connect(self._decide)
        refuse.setFocus()

    def _decide(self) -> None:
        self.decided = True


class CloseApp(Confirm):
    """The window is closed where there is no tray to keep the peers in."""

    def __init__(self, parent: QWidget | None, running: int) -> None:
        super().__init__(
            parent,
            "Quit goop2?",
            f"{counted(running, 'peer is', 'peers are')} running. There is no tray here to keep "
            f"{'it' if running == 1 else 'them'} in, so visitors will find nobody until you open goop2 again.",
            "Stop and quit",
        )
