"""The popover behind Share: the peer's link, to copy, and as a QR code for a phone or another computer."""

from __future__ import annotations

import segno
from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage, QPixmap
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from goop2_desktop.look.controls import button, line_edit
from goop2_desktop.look.layout import Box, centred, column, row
from goop2_desktop.look.look import theme
from goop2_desktop.look.words import Paragraph, Words

INSIDE, QR_SIDE = 320, 208
QUIET_MODULES = 4  # the white margin that ISO/IEC 18004 asks for


def qr_image(text: str) -> QImage:
    """The QR code of a text, one pixel a module, with its quiet zone. Black on white in both modes, for cameras."""
    matrix = segno.make_qr(text, error="m").matrix
    side = len(matrix) + 2 * QUIET_MODULES
    image = QImage(QSize(side, side), QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.white)
    black = QColor(Qt.GlobalColor.black)
    for y, modules in enumerate(matrix):
        for x, dark in enumerate(modules):
            if dark:
                image.setPixelColor(x + QUIET_MODULES, y + QUIET_MODULES, black)
    return image


class SharePopover(QWidget):
    """Closes by Esc or a click beside it."""

    def __init__(self, parent: QWidget, name: str, link: str, url: str = "") -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("share-popover")
        self.setProperty("kind", "popover")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        address, self._copy = _copied_line("share-link", "Link", link, "primary")
        code = QLabel()
        code.setObjectName("share-qr")
        code.setProperty("kind", "paper")
        code.setAlignment(Qt.AlignmentFlag.AlignCenter)
        code.setAccessibleName(f"QR code of the link of {name}")
        side = theme().px(QR_SIDE)
        code.setFixedSize(side, side)
        code.setPixmap(_sharp(qr_image(link), side - theme().px(8), self.devicePixelRatioF()))
        inside = column(
            Words(f"Share {name}", "title"),
            Paragraph("Whoever opens this link in goop2 reaches your site while this computer is on."),
            address,
            centred(code),
            *([_for_browsers(url)] if url else []),
            gap=12,
            margins=(16, 16, 16, 16),
        )
        inside.setFixedWidth(theme().px(INSIDE) + theme().px(32))
        lines = QVBoxLayout(self)
        lines.setContentsMargins(1, 1, 1, 1)
        lines.addWidget(inside)
        height = lines.totalHeightForWidth(inside.width() + 2)
        self.resize(inside.width() + 2, height)

    def hang_on(self, control: QWidget) -> None:
        """Open below a control, inside its screen."""
        corner = control.mapToGlobal(QPoint(control.width() - self.width(), control.height() + theme().px(4)))
        room = control.screen().availableGeometry()
        x = min(max(corner.x(), room.left()), room.right() - self.width())
        y = min(corner.y(), room.bottom() - self.height())
        self.move(x, max(y, room.top()))
        self.show()
        self._copy.setFocus()


def _copied_line(name: str, title: str, text: str, kind: str) -> tuple[Box, QPushButton]:
    """A text to copy, and the button that does."""
    edit = line_edit(name, text, most=1000)
    edit.setReadOnly(True)
    edit.setFont(theme().font("code"))
    edit.setCursorPosition(0)
    edit.setAccessibleName(title)

    def copy_text() -> None:
        QGuiApplication.clipboard().setText(text)
        made.setText("Copied")

    made = button("Copy", kind, "copy", name=f"{name}-copy", press=copy_text)
    line = row(edit, made)
    line.give_room_to(edit)
    return line, made


def _for_browsers(url: str) -> Box:
    """The address for people without goop2."""
    line, _ = _copied_line("share-url", "Address for browsers", url, "")
    return column(Words("Without goop2, in any browser", "strong"), line, gap=6)


def _sharp(code: QImage, side: int, ratio: float) -> QPixmap:
    """The code at the largest whole number of device pixels a module that fits `side`."""
    modules = code.width()
    pixels = modules * max(int(side * ratio) // modules, 1)
    picture = QPixmap.fromImage(code.scaled(pixels, pixels))
    picture.setDevicePixelRatio(ratio)
    return picture
