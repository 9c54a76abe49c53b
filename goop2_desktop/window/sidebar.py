"""The list of peers at the window's left: name, face, state in one word, visitors now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QPushButton, QScrollArea, QVBoxLayout, QWidget

from goop2_desktop.look.controls import button, tool
from goop2_desktop.look.layout import Box, centred, column, row
from goop2_desktop.look.look import theme
from goop2_desktop.look.marks import Avatar, Count, Dot, Sign
from goop2_desktop.look.words import Elided, Words
from goop2_desktop.states import sign_of

if TYPE_CHECKING:
    from goop2_core.host import PeerSummary

WIDE, NARROW = 248, 64


class PeerRow(QPushButton):
    """One peer. Checked is the one that the window shows."""

    def __init__(self, directory: str) -> None:
        super().__init__()
        self.directory = directory
        self._halo = "background"
        self.setObjectName(f"peer:{directory}")
        self.setProperty("kind", "row")
        self.setCheckable(True)
        self.setAutoExclusive(True)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.avatar = Avatar(32)
        self._name = Elided("", "strong")
        self._dot = Dot()
        self._word = Words("", "caption")
        self._eye = Sign("eye", "muted", 14)
        self._visitors = Words("", "caption")
        self._unread = Count()
        status = row(self._dot, self._word, ..., self._eye, self._visitors, self._unread, gap=6)
        status.setFixedHeight(theme().px(18))
        text = column(self._name, status, gap=1, margins=(0, 8, 0, 8))
        self._inside = row(self.avatar, text, gap=12)
        self._inside.give_room_to(text)
        self._text = text
        self._inside.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        lines = QVBoxLayout(self)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.addWidget(self._inside)
        self._corner = Dot("stopped", "background")
        self._corner.setParent(self)
        self._corner.move(theme().px(30), theme().px(33))
        self.toggled.connect(self._lie_on)
        self.set_compact(compact=False)

    def set_compact(self, *, compact: bool) -> None:
        """Show the face and the state's sign alone, or everything."""
        self._text.setVisible(not compact)
        self._corner.setVisible(compact)
        side = 7 if compact else 11
        self._inside.set_margins((side, 0, side, 0))
        self._corner.raise_()

    def show_peer(self, peer: PeerSummary, picture: str | bytes) -> None:
        """Show this snapshot."""
        sign = sign_of(peer)
        self.avatar.set_source(picture)
        self.avatar.set_dim(sign.dot == "stopped")
        self._name.set_words(peer.name)
        self._dot.set_state(sign.dot)
        self._corner.set_state(sign.dot, self._halo)
        self._word.setText(sign.word)
        self._word.set_state("error" if sign.dot == "failed" else "")
        self._eye.setVisible(peer.visitors > 0)
        self._visitors.setVisible(peer.visitors > 0)
        self._visitors.setText(str(peer.visitors))
        self._unread.set_number(peer.unread)
        visitors = f", {peer.visitors} visitors" if peer.visitors else ""
        unread = f", {peer.unread} unread" if peer.unread else ""
        self.setAccessibleName(f"{peer.name}, {sign.line}{visitors}{unread}")
        self.setToolTip(f"{peer.name}: {sign.line}")

    def _lie_on(self, checked: bool) -> None:
        self._halo = "raised" if checked else "background"
        self._corner.set_state(self._corner.state, self._halo)


class Sidebar(Box):
    """Every peer, New peer, and the menu of the app."""

    chosen = Signal(str)
    new_peer = Signal()
    app_menu = Signal(QWidget)  # the button to hang the menu on
    menu_wanted = Signal(str, QPoint)  # directory, global position

    def __init__(self) -> None:
        super().__init__(True, 4, (0, 0, 1, 8), "sidebar")
        self.setObjectName("sidebar")
        self._rows: dict[str, PeerRow] = {}
        self._compact = False
        self._gear = tool(
            "settings", "Preferences, help and more", name="app-menu", press=lambda: self.app_menu.emit(self._gear)
        )
        self._gear_narrow = tool(
            "settings",
            "Preferences, help and more",
            name="app-menu-narrow",
            press=lambda: self.app_menu.emit(self._gear_narrow),
        )
        self._head = row(Words("Peers", "title"), ..., self._gear, margins=(20, 0, 12, 0))
        self._head.setFixedHeight(theme().px(56))
        self._none = row(Words("None yet. They will be listed here.", "caption"), margins=(20, 0, 12, 0))
        self._list = column(gap=4, margins=(8, 0, 8, 0))
        self._list.add(...)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.verticalScrollBar().setProperty("kind", "sidebar")
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(self._list)
        scroll.viewport().setAutoFillBackground(False)
        self._list.setAutoFillBackground(False)
        self._new = button("New peer", "quiet", "plus", name="new-peer", press=self.new_peer.emit)
        self._new.setToolTip("New peer (Ctrl+N)")
        self._wide_foot = row(self._new, margins=(8, 0, 8, 0))
        self._wide_foot.give_room_to(self._new)
        self._narrow_foot = column(
            centred(tool("plus", "New peer (Ctrl+N)", name="new-peer-narrow", press=self.new_peer.emit)),
            centred(self._gear_narrow),
            gap=4,
        )
        self._top = QWidget()
        self._top.setFixedHeight(theme().px(8))
        self.add(self._head, self._top, self._none, scroll, self._wide_foot, self._narrow_foot)
        self.give_room_to(scroll)
        self.set_compact(compact=False)

    def set_compact(self, *, compact: bool) -> None:
        """Faces only, or names too."""
        self._compact = compact
        self.setFixedWidth(theme().px(NARROW if compact else WIDE))
        for widget, narrow in ((self._head, False), (self._wide_foot, False), (self._narrow_foot, True)):
            widget.setVisible(compact is narrow)
        self._top.setVisible(compact)
        self._none.setVisible(not compact and not self._rows)
        self._wide_foot.setVisible(not compact and bool(self._rows))
        for peer_row in self._rows.values():
            peer_row.set_compact(compact=compact)

    def list_peers(self, peers: list[PeerSummary]) -> None:
        """Have exactly these rows, in this order."""
        wanted = {peer.directory for peer in peers}
        for directory in [directory for directory in self._rows if directory not in wanted]:
            gone = self._rows.pop(directory)
            gone.hide()
            gone.deleteLater()
        before: QWidget = self._gear
        for place, peer in enumerate(peers):
            peer_row = self._rows.get(peer.directory) or self._new_row(peer.directory)
            self._list.lines.insertWidget(place, peer_row)
            QWidget.setTabOrder(before, peer_row)
            before = peer_row
        self.set_compact(compact=self._compact)

    def show_peer(self, peer: PeerSummary, picture: str | bytes) -> None:
        """Bring one row up to date."""
        if peer.directory in self._rows:
            self._rows[peer.directory].show_peer(peer, picture)

    def choose(self, directory: str) -> None:
        """Mark the row of the peer that is shown."""
        if directory in self._rows:
            self._rows[directory].setChecked(True)

    def focus(self, directory: str) -> None:
        """Give the focus to the row of a peer."""
        if directory in self._rows:
            self._rows[directory].show()  # a new row else shows itself only later, and cannot have the focus before
            self._rows[directory].setFocus()

    @property
    def directories(self) -> list[str]:
        """The peers from top to bottom."""
        found = []
        for place in range(self._list.lines.count()):
            item = self._list.lines.itemAt(place)
            widget = item.widget() if item is not None else None
            if isinstance(widget, PeerRow):
                found.append(widget.directory)
        return found

    def _new_row(self, directory: str) -> PeerRow:
        made = PeerRow(directory)
        made.clicked.connect(lambda: self.chosen.emit(directory))
        made.customContextMenuRequested.connect(
            lambda at: self.menu_wanted.emit(directory, made.mapToGlobal(at)),
        )
        self._rows[directory] = made
        return made
