"""Pictures of every window and dialog, light and dark, in every state worth looking at, kept under tests/artefacts.

The tests assert that each can be drawn without a warning and has the size of the design; people look at the pictures.
"""

from __future__ import annotations

import asyncio

import pytest

from goop2_core.errors import Goop2Error
from goop2_core.events import PeerState, Trouble
from goop2_desktop.look.look import ModeChoice
from tests.gui.web_support import has_text
from tests.support.wait import until

MODES = ["light", "dark"]


def some_peers(host) -> None:
    host.put("Alice's desk", state=PeerState.RUNNING, words="reachable on LAN", visitors=2, unread=3)
    host.put("Chess club")
    trouble = Trouble(
        "Port in use",
        "Port 8080 is used by another program (nginx)",
        "Your site and your data are untouched.",
        "use-port:viewer.http_addr:8081",
    )
    host.put("Workshop", state=PeerState.FAILED, trouble=trouble)


async def settle(widget) -> None:
    """Let what was shown be laid out and painted."""
    await asyncio.sleep(0.05)
    await until(widget.isVisible)


@pytest.fixture(params=MODES)
def mode(request, look):
    look.choose(ModeChoice(request.param))
    return request.param


async def test_gallery(qloop, mode, keep):
    from goop2_desktop.look.gallery import gallery

    shown = gallery()
    shown.show()
    await settle(shown)
    keep(shown, f"gallery-{mode}")
    shown.close()


async def test_first_run(qloop, mode, host, window, keep):
    main = window.make(web=False)
    await settle(main)
    assert main.size().toTuple() == (1100, 720)
    keep(main, f"first-run-{mode}")


@pytest.mark.parametrize("size", [(1100, 720), (720, 480)])
async def test_main(qloop, mode, host, window, sites, keep, size):  # noqa: PLR0917 - fixtures
    some_peers(host)
    main = window.make()
    main.resize(*size)
    web = await until(lambda: main.current.web)
    await has_text(web.site_tabs.current.page, "garden")
    for person in ("bob", "carol"):
        web.site_tabs.open_address(person)
        await until(lambda: not web.site_tabs.current.loading and web.site_tabs.current.target)
    web.site_tabs._choose(0)
    await asyncio.sleep(0.3)
    keep(main, f"main-{'narrow-' if size[0] < 800 else ''}{mode}")


@pytest.mark.parametrize("size", [(1100, 720), (720, 480)])
async def test_failed(qloop, mode, host, window, keep, size):  # noqa: PLR0917 - fixtures
    some_peers(host)
    main = window.make(web=False)
    main.resize(*size)
    main.choose(main.sidebar.directories[2])
    await settle(main)
    keep(main, f"main-failed-{'narrow-' if size[0] < 800 else ''}{mode}")


async def test_stopped_starting_and_notices(qloop, mode, host, window, keep):
    some_peers(host)
    main = window.make(web=False)
    directory = main.sidebar.directories[1]
    main.choose(directory)
    await settle(main)
    keep(main, f"main-stopped-{mode}")
    host.state(directory, PeerState.STARTING, 3)
    await asyncio.sleep(0.05)
    keep(main, f"main-starting-{mode}")
    host.state(directory, PeerState.RUNNING, words="not reachable", restart_needed=("p2p.listen_port",))
    main.say(Goop2Error("The link could not be opened", "Nobody called “Dave” is known here.", "Check the name."))
    await asyncio.sleep(0.05)
    keep(main, f"main-notices-{mode}")


async def test_dialogs(qloop, mode, host, window, keep, tmp_path):  # noqa: PLR0917 - fixtures
    from goop2_desktop.dialogs.base import Details
    from goop2_desktop.dialogs.new_peer import NewPeerDialog
    from goop2_desktop.dialogs.preferences import Preferences
    from goop2_desktop.dialogs.questions import CloseApp, DeletePeer, OpenOutside, PermissionQuestion
    from goop2_desktop.dialogs.stopping import Stopping
    from goop2_desktop.window.share import SharePopover

    some_peers(host)
    main = window.make(web=False)
    peer = host.peers()[1]
    new = NewPeerDialog(main, window.desk.jobs, lambda wanted: asyncio.sleep(0))
    wrong = NewPeerDialog(main, window.desk.jobs, lambda wanted: asyncio.sleep(0))
    wrong.name.setText("Book club")
    wrong.folder.setText("/media/stick/book-club")
    wrong._try()
    window.memory.now.permissions["x y z"] = True
    shown = {
        "new-peer": new,
        "new-peer-error": wrong,
        "delete": DeletePeer(main, peer, host.facts),
        "open-outside": OpenOutside(
            main, "Bob's gallery", "https://example.org/a/very/long/path?with=query", "example.org"
        ),
        "permission": PermissionQuestion(main, "Bob's gallery", "MediaAudioVideoCapture"),
        "close-app": CloseApp(main, 2),
        "details": Details(main, "Workshop could not start", "Copy this when you ask for help.", "Port in use\nnginx"),
        "preferences": Preferences(main, window.memory),
    }
    for name, dialog in shown.items():
        dialog.fit()
        dialog.show()
        await settle(dialog)
        assert dialog.width() == 480
        keep(dialog, f"dialog-{name}-{mode}")
        dialog.close()
        dialog.deleteLater()
    stopping = Stopping()
    stopping.show()
    await settle(stopping)
    keep(stopping, f"dialog-stopping-{mode}")
    stopping.close()
    popover = SharePopover(main, peer.name, peer.link, "http://192.168.1.20:8080/p/12D3KooW/")
    popover.hang_on(main.current.header)
    await settle(popover)
    keep(popover, f"share-{mode}")
    popover.close()
