"""The look: promised contrasts, icons that exist, the switch of modes, and the focus ring."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QIcon
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QHeaderView, QLabel, QWidget

import goop2_desktop
from goop2_desktop.look.contrast import broken_promises, contrast
from goop2_desktop.look.controls import button, line_edit
from goop2_desktop.look.icons import icon
from goop2_desktop.look.layout import column
from goop2_desktop.look.look import ModeChoice, theme
from goop2_desktop.look.marks import STATE_COLOURS, Avatar, Count, Dot
from goop2_desktop.look.theme import Theme, tokens
from goop2_desktop.look.words import Elided, Paragraph
from goop2_desktop.resources import resource
from tests.support.wait import until

SOURCES = sorted(Path(goop2_desktop.__file__).parent.rglob("*.py"))


def test_every_promised_contrast_holds():
    assert broken_promises() == []
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#767676", "#FFFFFF") == pytest.approx(4.54, abs=0.01)


def test_a_broken_promise_is_found(monkeypatch):
    monkeypatch.setitem(tokens()["colour"]["light"], "muted", "#BBBBBB")
    assert any(line.startswith("light: muted on surface is") for line in broken_promises())


def test_the_icons_used_are_the_icons_fetched():
    """Each name that the sources give as an icon is in the list that vendoring follows."""
    fetched = {line.split("#")[0].strip() for line in resource("icons", "icons.txt").read_text().splitlines()}
    names = {path.stem for path in resource("icons", "lucide").glob("*.svg")}
    words = set()
    for source in SOURCES:
        words |= set(re.findall(r'"([a-z0-9]+(?:-[a-z0-9]+)*)"', source.read_text()))
    asked = set(
        re.findall(r'(?:tool|icon|Sign|set_sign|EmptyPage)\(\s*"([a-z0-9-]+)"', "\n".join(map(Path.read_text, SOURCES)))
    )
    assert asked <= fetched
    assert words & names <= fetched


def test_the_style_sheet_is_understood(tmp_path, look):
    for mode in ("light", "dark"):
        sheet = Theme(mode).stylesheet(tmp_path)
        assert "@" not in sheet
        assert sheet.count("{") == sheet.count("}")
        assert all(Path(name).is_file() for name in re.findall(r"url\(([^)]+)\)", sheet))
    larger = Theme("light", 1.5).stylesheet(tmp_path)
    assert "min-height: 45px" in larger
    assert "border: 1px solid" in larger


def test_type_and_lengths_follow_the_systems_font():
    assert Theme("light").font("body").pixelSize() == 13
    assert Theme("light", 1.5).font("body").pixelSize() == 20
    assert Theme("light", 1.5).px(248) == 372
    assert Theme("light").font("code").families()[0] == "JetBrains Mono"


async def test_the_mode_changes_while_windows_are_open(qloop, look):
    box = column(button("Primary", "primary", name="b"), margins=(8, 8, 8, 8), kind="surface")
    box.show()
    await until(box.isVisible)
    before = box.grab().toImage().pixelColor(2, 2).name()
    look.choose(ModeChoice.DARK)
    await asyncio.sleep(0.05)
    assert before.upper() == "#FFFFFF"
    assert box.grab().toImage().pixelColor(2, 2).name().upper() == "#1D2025"
    assert theme().mode == "dark"
    box.close()


def test_icons_are_drawn_in_the_colour_of_the_mode(look):
    def darkest(made: QIcon) -> str:
        image = made.pixmap(QSize(32, 32)).toImage()
        colours = [
            image.pixelColor(x, y) for x in range(32) for y in range(32) if image.pixelColor(x, y).alpha() == 255
        ]
        return min(colours, key=lambda colour: colour.lightness()).name().upper() if colours else ""

    made = icon("square", "accent")
    assert darkest(made) == Theme("light").colours["accent"]
    look.choose(ModeChoice.DARK)
    assert darkest(made) == Theme("dark").colours["accent"]
    sharp = made.pixmap(QSize(20, 20), 2.0)
    assert (sharp.width(), sharp.devicePixelRatio()) == (40, 2.0)
    inked = sharp.toImage()
    assert any(inked.pixelColor(x, 35).alpha() > 200 for x in range(40)), "drawn over the whole picture"
    copy = QIcon(made)
    copy.addPixmap(made.pixmap(8, 8))  # detaches, and so clones the engine
    assert not copy.pixmap(16, 16).isNull()


async def test_the_focus_ring_is_for_the_keyboard(qloop, look):
    first, second, field = button("One", name="one"), button("Two", name="two"), line_edit("field")
    box = column(first, second, field, margins=(24, 24, 24, 24), kind="surface")
    box.show()
    box.activateWindow()
    await until(box.isActiveWindow)

    def ring() -> QWidget | None:
        found = box.findChild(QWidget, "focus-ring")
        return found if found is not None and found.isVisible() else None

    QTest.mouseClick(box.windowHandle(), Qt.MouseButton.LeftButton, pos=first.geometry().center())
    first.setFocus()
    await asyncio.sleep(0.05)
    assert ring() is None
    QTest.keyClick(box.windowHandle(), Qt.Key.Key_Tab)
    await until(second.hasFocus)
    shown = await until(ring)
    assert shown.geometry() == second.geometry().adjusted(-4, -4, 4, 4)
    QTest.keyClick(box.windowHandle(), Qt.Key.Key_Tab)
    await until(field.hasFocus)
    await until(lambda: ring() is None)
    QTest.keyClick(box.windowHandle(), Qt.Key.Key_Backtab)
    await until(ring)
    QTest.mouseClick(box.windowHandle(), Qt.MouseButton.LeftButton, pos=first.geometry().center())
    await until(lambda: ring() is None)
    box.close()


def test_file_dialogs_that_come_and_go_do_no_harm(qapp, look, tmp_path):
    """Their windows are made and destroyed by Qt alone, and Python may still hold one that is no more."""
    window = QWidget()
    window.show()
    for _ in range(4):
        QTimer.singleShot(150, lambda: qapp.activeModalWidget().reject())
        assert QFileDialog.getExistingDirectory(window, "Folder", str(tmp_path)) == ""
    window.close()


@pytest.mark.parametrize("mode", ["light", "dark"])
async def test_the_columns_of_qts_own_file_dialog_can_be_read(qloop, look, tmp_path, keep, mode):
    """It is shown where the desktop offers none of its own."""
    look.choose(ModeChoice(mode))
    dialog = QFileDialog(None, "Open a peer's folder", str(tmp_path))
    dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
    dialog.setViewMode(QFileDialog.ViewMode.Detail)
    dialog.show()
    header = dialog.findChild(QHeaderView)
    await until(header.isVisible)
    keep(dialog, f"file-dialog-{mode}")
    assert header.viewport().height() == header.height(), "the frame of a list takes no room of it"
    assert header.viewport().height() >= header.fontMetrics().height() + 8
    assert header.grab().toImage().pixelColor(2, 2).name().upper() == Theme(mode).colours["surface"]
    dialog.close()
    dialog.deleteLater()


async def test_the_arc_turns_only_while_it_is_seen(qloop, look):
    dot = Dot("starting")
    dot.show()
    await until(dot._timer.isActive)
    before = dot._angle
    await until(lambda: dot._angle != before)
    dot.set_state("running")
    assert not dot._timer.isActive()
    dot.set_state("stopping")
    dot.hide()
    assert not dot._timer.isActive()


@pytest.mark.parametrize("state", STATE_COLOURS)
def test_states_differ_without_colour(look, state):
    """Grey pictures of the signs are all different."""
    from PySide6.QtGui import QImage

    def grey(name: str) -> bytes:
        dot = Dot(name)
        dot.resize(12, 12)
        image = dot.grab().toImage().convertToFormat(QImage.Format.Format_Mono)
        return bytes(image.constBits())

    others = [other for other in STATE_COLOURS if other != state and {other, state} != {"starting", "stopping"}]
    assert grey(state) not in [grey(other) for other in others]


def test_what_people_wrote_never_becomes_markup(look):
    text = Paragraph("<img src=x><b>Bob</b> & co\nsecond line")
    assert "<img" not in text.text()
    assert "&lt;b&gt;Bob" in text.text()
    label = Elided("<b>Bob</b>")
    label.resize(20, 20)
    assert "<b>" not in label.toolTip()
    assert text.textFormat() is Qt.TextFormat.RichText
    assert isinstance(text, QLabel)


def test_a_face_is_drawn_from_svg_png_and_garbage(look):
    face = Avatar(32)
    for source in ('<svg xmlns="http://www.w3.org/2000/svg"/>', b"\x89PNG garbage", "no svg at all", b"", ""):
        face.set_source(source)
        assert not face.grab().isNull()


def test_counts(look):
    count = Count()
    count.set_number(0)
    assert count.isHidden()
    count.set_number(128)
    assert count.text() == "99+"
