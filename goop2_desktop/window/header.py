"""The head of the chosen peer: who it is, how it is, and the one button that changes that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

from goop2_core.events import PeerState
from goop2_desktop.dialogs.questions import counted
from goop2_desktop.look.controls import button, set_kind, set_sign, tool
from goop2_desktop.look.layout import Box, column, row
from goop2_desktop.look.look import theme
from goop2_desktop.look.marks import Avatar, Dot, Sign
from goop2_desktop.look.words import Elided, Words
from goop2_desktop.states import Sign as PeerSign
from goop2_desktop.states import short_link, sign_of

if TYPE_CHECKING:
    from goop2_core.host import PeerSummary

HIGH, LOW = 76, 52

ACTS = {
    PeerState.STOPPED: ("Start", "primary", "play"),
    PeerState.STARTING: ("Stop", "", "square"),
    PeerState.RUNNING: ("Stop", "", "square"),
    PeerState.STOPPING: ("Stop", "", "square"),
    PeerState.FAILED: ("Try again", "", "rotate-cw"),
}


class TitleLine(Box):
    """Name and state. Where both do not fit, the state loses its detail, as a whole, and only then the name is cut."""

    def __init__(self) -> None:
        super().__init__(False, 12, (0, 0, 0, 0))
        self.name = Elided("", "page")
        self.name.hug()
        self.name.setObjectName("peer-title")
        self._dot = Dot()
        self._word = Words("", "body")
        self._word.setObjectName("peer-state")
        self._detail = Elided("", "body")
        self._detail.hug()
        self._detail.setObjectName("peer-state-detail")
        self._state = row(self._dot, row(self._word, self._detail, gap=4), gap=6)
        self.add(self.name, self._state, ...)

    def show_peer(self, name: str, sign: PeerSign) -> None:
        """Show this name and state."""
        self.name.set_words(name)
        self._dot.set_state(sign.dot)
        self._word.setText(sign.word)
        self._word.set_state(sign.colour)
        self._detail.set_words(f"· {sign.detail}" if sign.detail else "")
        self._detail.set_colour(sign.colour or "text")
        self._word.setAccessibleName(sign.line)
        self._share_room()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the new room."""
        super().resizeEvent(event)
        self._share_room()

    def _share_room(self) -> None:
        self._detail.setVisible(bool(self._detail.words) and self._whole_width() <= self.width())
        self._state.setToolTip("" if self._detail.isVisibleTo(self) else self._word.accessibleName())

    def _whole_width(self) -> int:
        """The room for everything, in pixels, whether or not the detail is shown now."""
        words = (self.name, self._word, self._detail)
        return self._dot.width() + sum(part.sizeHint().width() for part in words) + theme().px(12 + 6 + 4)


class Header(Box):
    """Name, state, address and visitors; Share, more, and Start, Stop or Try again."""

    start = Signal()
    stop = Signal()
    share = Signal(QWidget)  # the button to hang the popover on
    copy = Signal()
    more = Signal(QWidget)

    def __init__(self) -> None:
        super().__init__(False, 8, (24, 0, 24, 0), "surface")
        self.setObjectName("header")
        self._state = PeerState.STOPPED
        self._compact = False
        self.avatar = Avatar(40)
        self._title = TitleLine()
        self._facts = self._make_facts()
        self._text = column(self._title, self._facts, gap=2)
        self._share = button("Share", "", "share-2", name="share", press=lambda: self.share.emit(self._share))
        self._share_small = tool(
            "share-2",
            "Share: link and QR code",
            name="share-small",
            press=lambda: self.share.emit(self._share_small),
        )
        self._act = button("Start", "primary", "play", name="start-stop", press=self._pressed)
        self._more = tool("ellipsis-vertical", "More", name="more", press=lambda: self.more.emit(self._more))
        self.add(self.avatar, self._text, self._share, self._share_small, self._act, self._more)
        self.give_room_to(self._text)
        self.set_compact(compact=False)

    def _make_facts(self) -> Box:
        self._link = Words("", "code", muted=True)
        self._link.setObjectName("peer-link")
        self._link.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
        self._copy = tool(
            "copy", "Copy link", name="copy-link", press=self.copy.emit, kind="small", colour="muted", size=16
        )
        self._visitors = Words("", "caption")
        self._visitors.setObjectName("visitors")
        self._visitors_box = row(Sign("eye"), self._visitors)
        self._lock_box = row(Sign("lock"), Words("Encrypted", "caption"))
        facts = row(self._link, self._copy, 12, self._visitors_box, 12, self._lock_box, ..., gap=4)
        self._lock_box.setToolTip("Everything between peers is encrypted.")
        return facts

    def set_compact(self, *, compact: bool) -> None:
        """One line of 52, or two in 76."""
        self._compact = compact
        self.setFixedHeight(theme().px(LOW if compact else HIGH))
        side = 16 if compact else 24
        self.set_margins((side, 0, side - 8, 0))
        self._text.set_margins((0, 0, 0, 0) if compact else (4, 12, 0, 10))
        for widget in (self.avatar, self._facts, self._share):
            widget.setVisible(not compact)
        self._share_small.setVisible(compact)

    def show_peer(self, peer: PeerSummary, picture: str | bytes) -> None:
        """Show this snapshot."""
        sign = sign_of(peer)
        self._state = peer.state
        self.avatar.set_source(picture)
        self._title.show_peer(peer.name, sign)
        self._link.setText(short_link(peer.link))
        self._facts.setEnabled(bool(peer.link))
        running = peer.state is PeerState.RUNNING
        self._visitors_box.setVisible(running)
        self._lock_box.setVisible(running)
        self._visitors.setText(counted(peer.visitors, "visitor"))
        self._share.setEnabled(bool(peer.link))
        self._share_small.setEnabled(bool(peer.link))
        words, kind, icon_name = ACTS[peer.state]
        self._act.setText(words)
        set_kind(self._act, kind)
        set_sign(self._act, icon_name, "on-accent" if kind == "primary" else "text")
        self._act.setEnabled(peer.state is not PeerState.STOPPING)
        self._act.setAccessibleName(f"{words} {peer.name}")

    def _pressed(self) -> None:
        if self._state in (PeerState.STOPPED, PeerState.FAILED):
            self.start.emit()
        else:
            self.stop.emit()
