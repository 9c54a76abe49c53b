"""Every control in every state, to be looked at: `python -m goop2_desktop.look.gallery [light|dark]`.

Here default Qt shows itself before a user meets it.
"""

from __future__ import annotations

import sys

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QLabel,
    QListWidget,
    QMenu,
    QPlainTextEdit,
    QProgressBar,
    QRadioButton,
    QSlider,
    QSpinBox,
    QWidget,
)

from goop2_desktop.look.banner import Banner
from goop2_desktop.look.controls import Field, button, line_edit, tool
from goop2_desktop.look.focus import FocusRings
from goop2_desktop.look.layout import Box, column, row
from goop2_desktop.look.look import Look, ModeChoice, theme
from goop2_desktop.look.marks import STATE_COLOURS, Count, Dot
from goop2_desktop.look.words import Elided, Paragraph, Words

STATE_WORDS = {
    "starting": "Starting…",
    "running": "Running",
    "attention": "Running · not reachable",
    "stopped": "Stopped",
    "failed": "Failed",
    "stopping": "Stopping…",
}


def group(title: str, *parts: QWidget) -> Box:
    """A card of things of one kind."""
    return column(Words(title, "strong", muted=True), *parts, gap=12, margins=(16, 14, 16, 16), kind="card")


def buttons() -> Box:
    """All kinds of button."""
    kinds = (("Default", ""), ("Primary", "primary"), ("Delete", "danger"))
    usual = [button(words, kind, name=words) for words, kind in kinds]
    dead = [button(words, kind, name=words) for words, kind in kinds]
    for one in dead:
        one.setEnabled(False)
    tools = [tool("copy", "Copy", name="copy"), tool("ellipsis-vertical", "More", name="more")]
    small = tool("x", "Close", name="close", kind="small", colour="muted", size=14)
    off = tool("arrow-right", "Forward", name="forward")
    off.setEnabled(False)
    quiet, link = button("Quiet", "quiet", "plus", name="quiet"), button("Link", "link", name="link")
    focused = button("Primary", "primary", name="focused")
    return group(
        "Buttons: one primary a view",
        row(*usual, quiet, link, ...),
        row(*dead, ...),
        row(focused, *tools, small, off, ..., gap=12, margins=(4, 4, 4, 4)),
    )


def fields() -> Box:
    """All kinds of field."""
    empty = line_edit("empty", placeholder="Placeholder is muted, never disabled")
    typed, dead = line_edit("typed", "Book club"), line_edit("dead", "12D3KooW…")
    dead.setEnabled(False)
    address = line_edit("address", "goop2:12D3…BfeSB/garden/")
    address.setProperty("kind", "address")
    combo, number = QComboBox(), QSpinBox()
    combo.addItems(["Members only", "Everyone"])
    number.setRange(1, 64)
    number.setValue(4)
    number.lineEdit().setTextMargins(theme().px(9), 0, 0, 0)  # a spin box's editor ignores the style sheet's padding
    wrong = Field("Port", line_edit("port", "70000"), button("Browse…", name="browse"), hint="1024 to 65535")
    wrong.set_error("A port is a number from 1 to 65535.")
    fine = Field("Name", line_edit("name", "Book club"), hint="Visitors see this. You can change it later.")
    text = QPlainTextEdit("Traceback (most recent call last):\n  …")
    text.setFont(theme().font("code"))
    text.setFixedHeight(theme().px(56))
    return group("Fields", empty, row(typed, dead, address), row(combo, number), fine, wrong, text)


def choices() -> Box:
    """What one ticks, moves, and waits for."""
    on, no, half, dead = (QCheckBox(words) for words in ("On", "Off", "Some", "Disabled"))
    on.setChecked(True)
    half.setTristate(True)
    half.setCheckState(Qt.CheckState.PartiallyChecked)
    dead.setEnabled(False)
    this, that = QRadioButton("This"), QRadioButton("That")
    this.setChecked(True)
    slider, bar = QSlider(Qt.Orientation.Horizontal), QProgressBar()
    slider.setValue(60)
    bar.setValue(42)
    bar.setTextVisible(False)
    words = Words("Starting… joining the network (2 of 4)", "caption")
    return group("Choices and progress", row(on, no, half, dead, this, that, ..., gap=16), slider, words, bar)


def states() -> Box:
    """A peer's states."""
    signs = [row(Dot(state), Words(STATE_WORDS[state], "caption"), gap=6) for state in STATE_COLOURS]
    number, many = Count(), Count()
    number.set_number(3)
    many.set_number(128)
    long = Elided("A name that is far too long for the place that it has been given here", "strong")
    long.setFixedWidth(theme().px(200))
    return group(
        "States: a shape, a colour, a word",
        row(*signs[:3], ..., gap=20),
        row(*signs[3:], number, many, ..., gap=20),
        long,
    )


def lists() -> Box:
    """A menu and a list."""
    menu = QMenu()
    for words, keys in (
        ("Copy link", "Ctrl+Shift+C"),
        ("Open site", ""),
        ("", ""),
        ("Open folder", ""),
        ("Delete…", ""),
    ):
        if words:
            menu.addAction(words).setShortcut(keys)
        else:
            menu.addSeparator()
    menu.ensurePolished()
    menu.setActiveAction(menu.actions()[1])
    menu.resize(menu.sizeHint())
    shown = QLabel()
    shown.setPixmap(menu.grab())
    files = QListWidget()
    files.ensurePolished()  # else its rows keep the height that they were first measured with, unstyled
    files.addItems([f"shelf-{number:02}.html" for number in range(1, 12)])
    files.setCurrentRow(1)
    files.setFixedHeight(menu.sizeHint().height())
    return group("Menu and list", row(shown, files, gap=16))


def banners() -> Box:
    """What a page says in between."""
    failed, warned, done = (Banner(state, in_page=True, closes=state == "ok") for state in ("error", "attention", "ok"))
    failed.say("Could not save", "The disk is full.", button("Try again", name="again"))
    warned.say("Nobody outside this network can reach you.", "", button("Fix…", name="fix"))
    done.say("Saved. 14 files, 2.1 MB.")
    ask = column(
        Words("Delete “Chess club”?", "title"),
        Paragraph("Its key and 214 messages will be deleted from this computer. Nobody can restore its address."),
        row(..., button("Cancel", name="cancel"), button("Delete peer", "danger", name="delete")),
        gap=12,
        margins=(20, 18, 20, 18),
        kind="card",
    )
    return column(failed, warned, done, ask, gap=8)


def gallery() -> Box:
    """The whole gallery."""
    left = column(buttons(), fields(), ..., gap=16)
    right = column(choices(), states(), lists(), banners(), ..., gap=16)
    made = row(left, right, gap=16, margins=(24, 24, 24, 24), kind="window")
    made.give_room_to(left, right)
    width = theme().px(1100)
    made.resize(width, made.lines.totalHeightForWidth(width))
    made.setWindowTitle("goop2: gallery")
    return made


def main(argv: list[str]) -> int:
    """Show the gallery until it is closed."""
    app = QApplication(argv)
    Look(app, ModeChoice(argv[1]) if len(argv) > 1 else ModeChoice.SYSTEM)
    FocusRings(app)
    shown = gallery()
    shown.show()
    return app.exec()


if __name__ == "__main__":
    sys.exit(main(sys.argv))
