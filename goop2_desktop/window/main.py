"""The main window."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QKeySequence, QResizeEvent, QShortcut, QShowEvent
from PySide6.QtWidgets import QRhiWidget, QStackedWidget, QWidget

from goop2_core.errors import Goop2Error
from goop2_desktop.commands import Commands
from goop2_desktop.desk import Desk
from goop2_desktop.look.banner import Banner, EmptyPage
from goop2_desktop.look.layout import Box, column
from goop2_desktop.look.look import Look, theme
from goop2_desktop.window.app_menu import app_menu
from goop2_desktop.window.first_run import first_run
from goop2_desktop.window.peer_view import PeerView
from goop2_desktop.window.sidebar import Sidebar

SIZE, LEAST = QSize(1100, 720), QSize(720, 480)
NARROW, LOW = 880, 560
NUMBERED = 9


class MainWindow(Box):
    """The list of peers, and the chosen one."""

    quit_asked = Signal()
    close_asked = Signal()  # the user closed it; whoever owns it hides it or quits

    def __init__(self, desk: Desk) -> None:
        super().__init__(False, 0, (0, 0, 0, 0), "window")
        self.setObjectName("main-window")
        self.setWindowTitle("goop2")
        self.setMinimumSize(LEAST)
        self._desk = desk
        self._views: dict[str, PeerView] = {}
        self._may_close = False
        self._web_allowed = False
        self._waiting_address = ""  # a link that came before there was a peer to open it with
        # A child that draws through the GPU, even hidden, makes Qt create the window for that from the start. The first
        # web page would else make it create the window anew: it would vanish and come back.
        self._gpu = QRhiWidget(self)
        self._gpu.setApi(QRhiWidget.Api.OpenGL)
        self._gpu.hide()
        self.commands = Commands(desk, self)
        self.sidebar = Sidebar()
        self._stack = QStackedWidget()
        self._first_run = first_run(self.commands)
        self._waiting = EmptyPage("radio-tower", "", "")
        self._stack.addWidget(self._waiting)
        self._stack.addWidget(self._first_run)
        self.trouble = Banner("error", closes=True)
        self.trouble.setObjectName("window-trouble")
        self.trouble.hide()
        right = column(self.trouble, self._stack, gap=0, kind="surface")
        right.give_room_to(self._stack)
        self.add(self.sidebar, right)
        self.give_room_to(right)
        self._connect()
        self._shortcuts()
        self._take_place()

    def _connect(self) -> None:
        self.sidebar.chosen.connect(self.choose)
        self.sidebar.new_peer.connect(self.commands.new_peer)
        self.sidebar.app_menu.connect(self._show_app_menu)
        self.sidebar.menu_wanted.connect(self._show_menu)
        self.commands.made.connect(self._show_made)
        self.commands.deleting.connect(self._drop_view)
        self.commands.site_wanted.connect(self._open_site)
        self._desk.peers.changed.connect(self._peer_changed)
        self._desk.peers.listed.connect(self.list_peers)
        Look.of_app().changed.connect(self.refresh)

    def _shortcuts(self) -> None:
        QShortcut(QKeySequence.StandardKey.New, self, self.commands.new_peer)
        QShortcut(QKeySequence.StandardKey.Quit, self, self.quit_asked.emit)
        QShortcut(QKeySequence("Ctrl+,"), self, self.commands.preferences)
        QShortcut(QKeySequence("F1"), self, self.commands.guide)
        QShortcut(QKeySequence("Ctrl+K"), self, self._search_people)
        for number in range(1, NUMBERED + 1):
            QShortcut(QKeySequence(f"Ctrl+{number}"), self, lambda number=number: self._choose_number(number))

    # ---- what it shows

    @property
    def current(self) -> PeerView | None:
        """The peer that is shown."""
        widget = self._stack.currentWidget()
        return widget if isinstance(widget, PeerView) else None

    def view(self, directory: str) -> PeerView:
        """The view of a peer, made if need be."""
        if directory not in self._views:
            view = PeerView(self._desk, self.commands, directory)
            view.set_compact(compact=self._compact)
            self._views[directory] = view
            self._stack.addWidget(view)
            if self._web_allowed:
                view.allow_web()
        return self._views[directory]

    def list_peers(self) -> None:
        """Show which peers there are, and one of them."""
        peers = self._desk.peers.all()
        self.sidebar.list_peers(peers)
        for peer in peers:
            self._show_in_list(peer.directory)
        directories = [peer.directory for peer in peers]
        if not directories:
            self._stack.setCurrentWidget(self._first_run)
            self._first_run.setFocus()
            return
        current = self.current.directory if self.current else self._desk.memory.now.chosen
        self.choose(current if current in directories else directories[0])

    def choose(self, directory: str) -> None:
        """Show this peer."""
        if self._desk.peers.get(directory) is None:
            return
        view = self.view(directory)
        view.refresh()
        self._stack.setCurrentWidget(view)
        if self._waiting_address:
            address, self._waiting_address = self._waiting_address, ""
            view.open_site(address)
        self.sidebar.choose(directory)
        if self._desk.memory.now.chosen != directory:
            self._desk.memory.now.chosen = directory
            self._desk.memory.changed()

    def refresh(self) -> None:
        """Bring everything up to date, for instance after a change of mode."""
        for peer in self._desk.peers.all():
            self._show_in_list(peer.directory)
        for view in self._views.values():
            view.refresh()

    def say(self, error: Goop2Error) -> None:
        """Show what did not work: on the peer's page, or above everything."""
        detail = " ".join(part for part in (error.message, error.hint) if part)
        if self.current is not None:
            self.current.say_trouble(error.title, detail)
        else:
            self.trouble.say(error.title, detail)

    def open_address(self, address: str) -> None:
        """Open a `goop2:` link that came from outside, in the chosen peer."""
        if self.current is not None:
            self.current.open_site(address)
        else:
            self._waiting_address = address

    def show_place(self, directory: str, place: str) -> None:
        """Show a place of a peer, such as `people/<peer ID>`, because something happened there."""
        if self._desk.peers.get(directory) is not None:
            self.choose(directory)
            self.view(directory).show_place(place)
        self.bring_up()

    def is_reading(self, directory: str) -> bool:
        """Whether the user looks at this peer's people page now."""
        view = self.current
        return self.isActiveWindow() and view is not None and view.directory == directory and view.page == "people"

    def bring_up(self) -> None:
        """Show the window above the others."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    # ---- ends

    def allow_close(self) -> None:
        """The next close is meant: the app quits."""
        self._may_close = True

    def close_web(self) -> None:
        """Let go of all web pages."""
        for view in self._views.values():
            view.close_web()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Remember the place, and leave it to the app what closing means."""
        self._desk.memory.now.geometry = self.saveGeometry().toBase64().toStdString()
        self._desk.memory.changed()
        if self._may_close:
            super().closeEvent(event)
            return
        event.ignore()
        self.close_asked.emit()

    # ---- shape

    @property
    def _compact(self) -> bool:
        return self.width() < theme().px(NARROW) or self.height() < theme().px(LOW)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Change into the narrow shape and back."""
        super().resizeEvent(event)
        compact = self._compact
        self.sidebar.set_compact(compact=compact)
        for view in self._views.values():
            view.set_compact(compact=compact)

    def showEvent(self, event: QShowEvent) -> None:
        """Load the web engine once the window has been painted: it takes half a second."""
        super().showEvent(event)
        if not self._web_allowed:
            QTimer.singleShot(0, self, self._allow_web)

    def _allow_web(self) -> None:
        self._web_allowed = True
        for view in self._views.values():
            view.allow_web()

    def _take_place(self) -> None:
        self.resize(SIZE.boundedTo(self.screen().availableSize()))
        stored = self._desk.memory.now.geometry
        if stored:
            self.restoreGeometry(QByteArray.fromBase64(QByteArray(stored.encode("ascii", "ignore"))))

    # ---- small things

    def _peer_changed(self, directory: str) -> None:
        self._show_in_list(directory)
        if directory in self._views:
            self._views[directory].refresh()

    def _show_in_list(self, directory: str) -> None:
        peer = self._desk.peers.get(directory)
        if peer is not None:
            self.sidebar.show_peer(peer, self._desk.peers.picture(directory, theme().mode))

    def _drop_view(self, directory: str) -> None:
        view = self._views.pop(directory, None)
        if view is not None:
            view.close_web()
            self._stack.removeWidget(view)
            view.deleteLater()

    def _show_menu(self, directory: str, at: QPoint) -> None:
        menu = self.commands.menu(directory, self)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(at)

    def _show_made(self, directory: str) -> None:
        self.choose(directory)
        self.sidebar.focus(directory)

    def _show_app_menu(self, control: QWidget) -> None:
        menu = app_menu(self.commands, self.quit_asked.emit, self)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(control.mapToGlobal(QPoint(0, control.height())))

    def _open_site(self, directory: str) -> None:
        self.choose(directory)
        self.view(directory).open_site()

    def _choose_number(self, number: int) -> None:
        directories = self.sidebar.directories
        if number <= len(directories):
            self.choose(directories[number - 1])

    def _search_people(self) -> None:
        if self.current is not None:
            self.current.show_page("people")
            if self.current.web is not None:
                self.current.web.console.search()
