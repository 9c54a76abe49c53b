"""The main window, clicked through like a person would: making, starting, failing, stopping and deleting peers."""

from __future__ import annotations

import asyncio
import re

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QMenu, QPushButton, QRadioButton, QWidget

from goop2_core.errors import Goop2Error
from goop2_core.events import PeerState, Trouble, VisitorsChanged
from goop2_desktop.dialogs.questions import CloseApp
from goop2_desktop.window.peer_view import NEEDS_RUNNING, SIGNS
from goop2_desktop.window.tabs import PAGES
from tests.support.wait import until


def click(parent: QWidget, name: str) -> None:
    control = parent.findChild(QWidget, name)
    assert control is not None, f"no control called {name}"
    assert control.isVisible(), f"{name} is not visible"
    assert control.isEnabled(), f"{name} cannot be used"
    QTest.mouseClick(control, Qt.MouseButton.LeftButton)


async def dialog_called(name: str) -> QWidget:
    def shown():
        found = [w for w in QApplication.topLevelWidgets() if w.objectName() == name and w.isVisible()]
        return found[0] if found else None

    return await until(shown)


def fill(dialog: QWidget, name: str, text: str) -> None:
    field = dialog.findChild(QLineEdit, name)
    field.clear()
    QTest.keyClicks(field, text)


async def test_a_peer_is_made_started_and_remembered(qloop, host, window):
    host.gate = asyncio.Event()
    main = window.make(web=False)
    assert main.current is None
    click(main, "create-first")
    dialog = await dialog_called("new-peer")
    fill(dialog, "peer-name", "Book club")
    click(dialog, "create-peer")
    await until(lambda: main.current is not None)
    peer = main.current.directory
    await until(lambda: host.peer(peer).state is PeerState.STARTING)
    state = main.current.findChild(QWidget, "peer-state")
    await until(lambda: state.text() == "Starting…")
    assert main.current.findChild(QWidget, "peer-state-detail").words == "· step 1 of 5"
    assert "Reading the settings (1 of 5)" in main.current.findChild(QWidget, "offline-site").words
    host.gate.set()
    await until(lambda: state.text() == "Running")
    assert main.current.findChild(QPushButton, "start-stop").text() == "Stop"
    assert QApplication.activeModalWidget() is None
    assert window.memory.now.running == [peer]
    assert main.focusWidget().objectName() == f"peer:{peer}"


async def test_a_new_peer_needs_a_name_and_a_folder_that_is_there(qloop, host, window, tmp_path):
    main = window.make(web=False)
    click(main, "create-first")
    dialog = await dialog_called("new-peer")
    fill(dialog, "peer-folder", str(tmp_path / "nowhere"))
    assert dialog.findChild(QRadioButton, "folder-copy").isVisible()
    click(dialog, "create-peer")
    assert dialog.name_field.error == "A peer needs a name."
    assert "is not there" in dialog.folder_field.error
    fill(dialog, "peer-name", "Book club")
    assert dialog.name_field.error == ""
    fill(dialog, "peer-folder", str(tmp_path))
    click(dialog, "folder-in-place")
    host.failing["Book club"] = Goop2Error("Not made", "This folder is used by another peer.", "Choose another.")
    click(dialog, "create-peer")
    await until(lambda: dialog.folder_field.error)
    assert dialog.folder_field.error == "This folder is used by another peer. Choose another."
    assert dialog.folder.text() == str(tmp_path)
    assert dialog.isVisible()
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    await until(lambda: not dialog.isVisible())
    assert host.peers() == []


async def test_a_failing_start_says_why_and_its_remedy_helps(qloop, host, window, keep):
    peer = host.put("Workshop").directory
    other = host.put("Zoo", state=PeerState.RUNNING).directory
    error = Goop2Error("Port in use", "Port 8080 is used by another program (nginx).", "Your site is untouched.")
    error.remedy = "use-port:viewer.http_addr:8081"
    host.failing[peer] = error
    main = window.make(web=False)
    main.choose(peer)
    click(main.current, "start-stop")
    await until(main.current.failure.isVisible)
    assert main.current.failure.words == (
        "Workshop could not start Port 8080 is used by another program (nginx). Your site is untouched."
    )
    assert main.current.findChild(QPushButton, "start-stop").text() == "Try again"
    assert host.peer(other).state is PeerState.RUNNING
    assert not main.current.trouble.isVisible()
    click(main.current, "failure-details")
    details = await dialog_called("details")
    click(details, "copy-details")
    assert "nginx" in QGuiApplication.clipboard().text()
    click(details, "accept")
    click(main.current, "failure-remedy")
    await until(lambda: host.peer(peer).state is PeerState.RUNNING)
    await until(lambda: not main.current.failure.isVisible())
    assert host.remedies == [(peer, "use-port:viewer.http_addr:8081")]


async def test_stop_and_the_word_in_the_list(qloop, host, window):
    peer = host.put("Alice", state=PeerState.RUNNING, words="reachable on LAN").directory
    main = window.make(web=False)
    window.memory.want_running(peer, wanted=True)
    row = main.sidebar.findChild(QWidget, f"peer:{peer}")
    assert row.accessibleName() == "Alice, Running · reachable on LAN"
    host.emit(peer, VisitorsChanged(4), visitors=4)
    await until(lambda: row.accessibleName().endswith("4 visitors"))
    assert main.current.findChild(QWidget, "visitors").text() == "4 visitors"
    click(main.current, "start-stop")
    await until(lambda: host.peer(peer).state is PeerState.STOPPED)
    await until(lambda: row.accessibleName() == "Alice, Stopped")
    assert window.memory.now.running == []


async def test_deleting_names_what_is_lost_and_asks(qloop, host, window):
    peer = host.put("Chess club").directory
    main = window.make(web=False)
    main.commands.delete(peer)
    dialog = await dialog_called("confirm")
    said = dialog.sentence.words
    assert "214 messages, 6 known people and 14 files of its site" in said
    click(dialog, "cancel")
    await until(lambda: not dialog.isVisible())
    assert [one.directory for one in host.peers()] == [peer]
    main.commands.delete(peer)
    click(await dialog_called("confirm"), "accept")
    await until(lambda: not host.peers())
    await until(lambda: main.findChild(QWidget, "first-run").isVisible())


async def test_a_running_peer_is_stopped_before_it_is_deleted(qloop, host, window):
    peer = host.put("Chess club", state=PeerState.RUNNING).directory
    main = window.make(web=False)
    main.commands.delete(peer)
    dialog = await dialog_called("confirm")
    assert dialog.windowTitle() == "Delete “Chess club”?"
    assert dialog.sentence.words.startswith("It is running, and will be stopped first. Its key, 214 messages")
    click(dialog, "accept")
    await until(lambda: not host.peers())
    assert host.history[peer][-1] is PeerState.STOPPED


async def test_enter_presses_the_button_with_the_focus_and_no_other(qloop, host, window):
    peer = host.put("Chess club").directory
    main = window.make(web=False)
    main.commands.delete(peer)
    dialog = await dialog_called("confirm")
    await until(dialog.isActiveWindow)
    for _ in range(2):  # to Delete, and back to Cancel
        QTest.keyClick(dialog.focusWidget(), Qt.Key.Key_Tab)
    assert dialog.focusWidget().objectName() == "cancel"
    QTest.keyClick(dialog.focusWidget(), Qt.Key.Key_Return)
    await until(lambda: not dialog.isVisible())
    assert [one.directory for one in host.peers()] == [peer]


async def test_enter_on_cancel_makes_no_peer(qloop, host, window):
    main = window.make(web=False)
    click(main, "create-first")
    dialog = await dialog_called("new-peer")
    fill(dialog, "peer-name", "Book club")
    dialog.findChild(QWidget, "cancel").setFocus()
    QTest.keyClick(dialog.focusWidget(), Qt.Key.Key_Return)
    await until(lambda: not dialog.isVisible())
    assert host.peers() == []


async def test_enter_while_closing_keeps_the_app(qloop, host, window):
    dialog = CloseApp(window.make(web=False), 2)
    answer = asyncio.ensure_future(dialog.ask())
    await until(dialog.isActiveWindow)
    QTest.keyClick(dialog.focusWidget(), Qt.Key.Key_Return)
    assert await answer is False


async def test_keys_choose_peers_and_make_one(qloop, host, window):
    names = [host.put(name).directory for name in ("Alice", "Bob", "Carol")]
    main = window.make(web=False)
    await until(main.isActiveWindow)
    QTest.keyClick(main, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    assert main.current.directory == names[1]
    QTest.keyClick(main, Qt.Key.Key_9, Qt.KeyboardModifier.ControlModifier)
    assert main.current.directory == names[1]
    QTest.keyClick(main, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    dialog = await dialog_called("new-peer")
    assert dialog.focusWidget().objectName() == "peer-name"
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    await until(lambda: not dialog.isVisible())


async def test_a_long_name_gives_way_and_the_whole_is_in_the_tip(qloop, host, window):
    name = "The very long name of a peer that somebody has called like this for no good reason at all"
    host.put(name, state=PeerState.RUNNING, words="reachable on LAN and from the internet")
    main = window.make(web=False)
    main.resize(720, 480)
    await until(lambda: main.width() == 720)
    title = main.current.findChild(QWidget, "peer-title")
    await until(lambda: title.width() < title.sizeHint().width())
    assert title.toolTip() == name
    assert main.sidebar.width() == 64
    assert main.current.findChild(QWidget, "share-small").isVisible()
    assert main.minimumSizeHint().width() <= 720


async def test_the_state_loses_its_detail_as_a_whole_before_the_name_is_cut(qloop, host, window, keep):
    peer = host.put("Neighbourhood library", state=PeerState.RUNNING, words="reachable on LAN")
    main = window.make(web=False)
    title, word, detail = (
        main.current.findChild(QWidget, name) for name in ("peer-title", "peer-state", "peer-state-detail")
    )
    await until(detail.isVisible)
    seen = set()
    for width in range(1100, 719, -10):
        main.resize(width, 720)
        await until(lambda width=width: main.width() == width)
        QApplication.processEvents()
        whole_name = title.width() >= title.sizeHint().width()
        whole_detail = detail.width() >= detail.sizeHint().width()
        assert word.width() >= word.sizeHint().width()
        assert not detail.isVisible() or (whole_name and whole_detail)
        seen.add((detail.isVisible(), whole_name))
        if not detail.isVisible():
            assert word.parent().parent().toolTip() == "Running · reachable on LAN"
    keep(main, "header-narrow")
    assert (True, True) in seen
    assert (False, True) in seen, "the detail goes first"
    host.state(peer.directory, PeerState.RUNNING, name="Ada")
    await until(detail.isVisible)
    main.resize(1100, 720)
    await until(lambda: main.width() == 1100)
    assert detail.isVisible()
    assert word.parent().parent().toolTip() == ""


async def test_sharing_gives_link_and_qr_code(qloop, host, window):
    peer = host.put("Alice")
    main = window.make(web=False)
    click(main.current, "share")
    popover = await dialog_called("share-popover")
    assert popover.findChild(QLineEdit, "share-link").text() == peer.link
    assert popover.findChild(QLineEdit, "share-url") is None
    click(popover, "share-link-copy")
    assert QGuiApplication.clipboard().text() == peer.link
    popover.close()
    QGuiApplication.clipboard().clear()
    click(main.current, "copy-link")
    assert QGuiApplication.clipboard().text() == peer.link


async def test_the_qr_code_holds_the_link(qloop):
    """Decoded by hand: the matrix is the one that segno makes, module by module, with its quiet zone."""
    import segno

    from goop2_desktop.window.share import QUIET_MODULES, qr_image

    link = "goop2:12D3KooWBfeSBqwertyuiopasdfghjklzxcvbnm1234567890"
    image = qr_image(link)
    matrix = segno.make_qr(link, error="m").matrix
    assert image.width() == len(matrix) + 8
    dark = {(x, y) for y, line in enumerate(matrix) for x, module in enumerate(line) if module}
    drawn = {
        (x - QUIET_MODULES, y - QUIET_MODULES)
        for x in range(image.width())
        for y in range(image.height())
        if image.pixelColor(x, y).lightness() < 128
    }
    assert drawn == dark


async def test_settings_that_need_a_restart_are_announced(qloop, host, window):
    peer = host.put("Alice", state=PeerState.RUNNING).directory
    main = window.make(web=False)
    host.state(peer, PeerState.RUNNING, restart_needed=("p2p.listen_port",))
    await until(main.current.notice.isVisible)
    assert "Port (p2p.listen_port)" in main.current.notice.words
    click(main.current.notice, "dismiss")
    host.emit(peer, VisitorsChanged(1), visitors=1)
    await asyncio.sleep(0)
    assert not main.current.notice.isVisible()
    host.state(peer, PeerState.RUNNING, restart_needed=("p2p.listen_port", "p2p.mdns_tag"))
    await until(main.current.notice.isVisible)
    click(main.current.notice, "restart-peer")
    await until(lambda: PeerState.STOPPED in host.history[peer])
    await until(lambda: host.history[peer][-1] is PeerState.RUNNING)


async def test_the_window_remembers_its_place_and_its_peer(qloop, host, window):
    for name in ("Alice", "Bob"):
        host.put(name)
    main = window.make(web=False)
    second = main.sidebar.directories[1]
    main.choose(second)
    main.resize(900, 600)
    await until(lambda: main.width() == 900)
    main.close()
    window.memory.save()
    from goop2_desktop.remembered import read

    kept = read(window.memory.file)
    assert kept.chosen == second
    assert kept.geometry
    assert main.isVisible(), "closing is the app's decision"


async def test_trouble_while_a_peer_cannot_be_read(qloop, host, window):
    """A configuration that is broken shows as failed from the beginning, with the reason."""
    trouble = Trouble("goop.json has 2 mistakes", "viewer.http_addr: not an address", "Correct it and try again.")
    peer = host.put("Broken", state=PeerState.FAILED, trouble=trouble).directory
    main = window.make(web=False)
    assert main.current.directory == peer
    assert "viewer.http_addr: not an address. Correct it and try again." in main.current.failure.words


async def test_every_page_of_a_stopped_peer_says_what_it_needs(qloop, host, window):
    host.put("Calm")
    main = window.make(web=False)
    for page, _ in PAGES:
        click(main.current, f"tab-{page}")
        offline = main.current.findChild(QWidget, f"offline-{page}")
        assert offline.isVisible()
        assert offline.words
    assert set(NEEDS_RUNNING) == set(SIGNS) == set(dict(PAGES))


async def test_settings_of_a_peer_that_does_not_run_are_in_goop_json(qloop, host, window, monkeypatch, keep):
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", staticmethod(lambda url: opened.append(url.toLocalFile()) or True))
    trouble = Trouble("goop.json has 2 mistakes", "viewer.http_addr: not an address", "", "edit-config")
    broken = host.put("Broken", state=PeerState.FAILED, trouble=trouble).directory
    stopped = host.put("Calm").directory
    main = window.make(web=False)
    main.choose(broken)
    remedy = main.current.findChild(QPushButton, "failure-remedy")
    assert remedy.text() == "Open goop.json"
    click(main.current, "failure-remedy")
    click(main.current, "tab-settings")
    page = main.current.findChild(QWidget, "offline-settings")
    keep(main, "settings-of-a-failed-peer")
    assert "correct what is wrong, save it, and press Try again" in page.words
    assert page.findChild(QWidget, "offline-folder").isVisible()
    click(page, "offline-config")
    main.choose(stopped)
    click(main.current, "tab-settings")
    page = main.current.findChild(QWidget, "offline-settings")
    assert "change them in goop.json and save it" in page.words
    click(page, "offline-config")
    assert opened == [f"{broken}/goop.json", f"{broken}/goop.json", f"{stopped}/goop.json"]
    assert host.remedies == []
    assert host.peer(broken).state is PeerState.FAILED
    click(main.current, "tab-log")
    assert main.current.findChild(QWidget, "offline-log").findChild(QWidget, "offline-config") is None


async def test_a_system_without_a_program_for_the_settings_file_says_where_it_is(qloop, host, window, monkeypatch):
    monkeypatch.setattr(QDesktopServices, "openUrl", staticmethod(lambda _url: False))
    peer = host.put("Calm").directory
    main = window.make(web=False)
    main.commands.open_config(peer)
    assert main.current.trouble.isVisible()
    assert main.current.trouble.words == (
        f"goop.json could not be opened {peer}/goop.json Open it with a text editor of your choice."
    )


async def test_every_control_has_a_name_for_screen_readers(qloop, host, window):
    host.put("Alice", state=PeerState.FAILED, trouble=Trouble("Port in use", "8080", "", "use-port:p2p.listen_port:1"))
    main = window.make(web=False)
    nameless = [
        control
        for control in main.findChildren(QPushButton)
        if control.isVisible() and not (control.accessibleName() or control.text())
    ]
    assert nameless == []
    unnamed = [control.text() for control in main.findChildren(QPushButton) if not control.objectName()]
    assert unnamed == []


async def test_the_gear_opens_the_menu_of_the_app(qloop, host, window):
    host.put("Alice")
    main = window.make(web=False)
    click(main, "app-menu")
    menu = await until(QApplication.activePopupWidget)
    assert isinstance(menu, QMenu)
    words = [action.text().partition("\t")[0] for action in menu.actions() if action.text()]
    assert words == ["New peer…", "Open an existing folder…", "Preferences…", "Help", "Quit"]
    menu.close()


async def test_help_is_there_before_any_peer_is(qloop, host, window, keep):
    main = window.make(web=False)
    await until(main.isActiveWindow)
    QTest.keyClick(main, Qt.Key.Key_F1)
    guide = await dialog_called("guide")
    assert "First steps: make a peer" in guide.text.toPlainText()
    guide.text.anchorClicked.emit(QUrl("settings.md"))
    assert "p2p.mdns_tag" in guide.text.toPlainText()
    keep(guide, "guide")
    click(guide, "guide-back")
    assert guide.page == "index"
    await until(guide.isActiveWindow)
    QTest.keyClick(guide, Qt.Key.Key_Escape)
    await until(lambda: not guide.isVisible())
    click(main, "app-menu")
    menu = await until(QApplication.activePopupWidget)
    help_entry = menu.actions()[4]
    assert help_entry.text() == "Help\tF1"
    menu.close()
    help_entry.trigger()
    assert guide.isVisible()


def test_the_guide_has_no_dead_links(qapp):
    from goop2_desktop.resources import resource
    from goop2_desktop.window.guide import PAGE, guide_html

    pages = sorted(resource("docs").glob("*.md"))
    assert len(pages) > 5
    for page in pages:
        for target in re.findall(r'href="([^"]+)"', guide_html(page)):
            if "://" not in target:
                found = PAGE.fullmatch(target)
                assert found, f"{page.name}: {target}"
                assert resource("docs", f"{found[1]}.md").is_file(), f"{page.name}: {target}"


async def test_tab_goes_from_left_to_right_and_from_top_to_bottom(qloop, host, window, sites):
    names = [host.put(name, state=PeerState.RUNNING).directory for name in ("Bob", "Carol")]
    main = window.make()
    names.insert(0, host.put("Alice").directory)
    main.list_peers()
    await until(lambda: main.current.web is not None and main.current.web.site_tabs.isVisible())
    tabs = main.current.web.site_tabs
    tabs.new_tab()
    await until(lambda: tabs.findChild(QWidget, "site-tab").isVisible())
    first = main.findChild(QWidget, "app-menu")
    order, control = [first], first.nextInFocusChain()
    while control is not first:
        if control.isVisible() and control.isEnabled() and control.focusPolicy() & Qt.FocusPolicy.TabFocus:
            order.append(control)
        control = control.nextInFocusChain()
    called = [control.objectName() for control in order]
    assert called[:5] == ["app-menu", *(f"peer:{name}" for name in names), "new-peer"]
    strip = called.index("own-tab")
    assert called[strip : strip + 4] == ["own-tab", "site-tab", "close-tab", "new-tab"]
    assert called.index("new-tab") < called.index("reload") < called.index("address")
    assert called.index("tab-settings") < strip
