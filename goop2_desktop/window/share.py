"""The popover behind Share: the peer's link, to copy, and as a QR code for a phone or another computer."""

from __future__ import annotations

import segno
from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage, QPixmap
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from goop2_desktop.look.controls import button, line_edit
from goop2_desktop.look.layout import centred, column, row
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

    def __init__(self, parent: QWidget, name: str, link: str) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("share-popover")
        self.setProperty("kind", "popover")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._link = line_edit("share-link", link, most=1000)
        self._link.setReadOnly(True)
        self._link.setFont(theme().font("code"))
        self._link.setCursorPosition(0)
        self._link.setAccessibleName("Link")
        self._copy = button("Copy", "primary", "copy", name="share-copy", press=self._copy_link)
        address = row(self._link, self._copy)
        address.give_room_to(self._link)
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

    def _copy_link(self) -> None:
        QGuiApplication.clipboard().setText(self._link.text())
        self._copy.setText("Copied")


def _sharp(code: QImage, side: int, ratio: float) -> QPixmap:
    """The code at the largest whole number of device pixels a module that fits `side`."""
    modules = code.width()
    pixels = modules * max(int(side * ratio) // modules, 1)
    picture = QPixmap.fromImage(code.scaled(pixels, pixels))
    picture.setDevicePixelRatio(ratio)
    return picture
