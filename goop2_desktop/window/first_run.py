"""What the window shows before there is any peer."""

from __future__ import annotations

from goop2_desktop.commands import Commands
from goop2_desktop.look.banner import EmptyPage
from goop2_desktop.look.controls import button


def first_run(commands: Commands) -> EmptyPage:
    """What a peer is, the button that makes one (focused), and the way for those who have one already."""
    create = button("Create a peer", "primary", "plus", name="create-first", press=commands.new_peer)
    page = EmptyPage(
        "radio-tower",
        "Put your computer on the network",
        "A peer is your place there: your site, your people and your files. "
        "It exists while this computer is on, and nowhere else.",
        create,
        button("Open an existing folder…", "link", name="open-existing", press=commands.add_existing),
    )
    page.setObjectName("first-run")
    page.setFocusProxy(create)
    return page
