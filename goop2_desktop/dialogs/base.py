"""The shape of every dialog: 480 wide, a title and one sentence, buttons at the right, the primary one last."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics, QGuiApplication
from PySide6.QtWidgets import QDialog, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from goop2_desktop.look.controls import button
from goop2_desktop.look.layout import column, row
from goop2_desktop.look.look import theme
from goop2_desktop.look.words import Paragraph, Words

WIDTH = 480


class Dialog(QDialog):
    """A window-modal question. `ask()` gives whether it was accepted; Esc and closing mean no."""

    def __init__(self, parent: QWidget | None, title: str, sentence: str, name: str) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, on=False)
        self._lines = QVBoxLayout(self)
        self._lines.setContentsMargins(0, 0, 0, 0)
        self._lines.setSpacing(0)
        self._title = Words(title, "page")
        self._title.setWordWrap(True)
        self.sentence = Paragraph(sentence)
        self.sentence.setObjectName(f"{name}-sentence")
        self.sentence.setVisible(bool(sentence))
        self.body = column(
            column(self._title, self.sentence, gap=4),
            gap=16,
            margins=(24, 24, 24, 8),
        )
        self.foot = row(..., gap=8, margins=(24, 16, 24, 24))
        self._lines.addWidget(self.body)
        self._lines.addWidget(self.foot)

    def add_cancel(self, words: str = "Cancel") -> QPushButton:
        """The button that leaves everything as it is."""
        made = button(words, name="cancel", press=self.reject)
        self.foot.add(made)
        return made

    def add_action(
        self, words: str, kind: str, press: Callable[[], object] | None = None, *, on_enter: bool = True
    ) -> QPushButton:
        """A button that does it. With `on_enter`, Enter presses it wherever no other button has the focus."""
        made = button(words, kind, name="accept" if press is None else "action", press=press or self.accept)
        if on_enter:
            made.setDefault(True)
        self.foot.add(made)
        return made

    def fit(self) -> None:
        """Take the height that the wrapped texts need at this width: their size hint does not say it."""
        width = theme().px(WIDTH)
        for child in self.findChildren(QWidget):
            child.ensurePolished()
        for child in self.findChildren(QWidget):
            child.updateGeometry()  # else boxes go by what they measured last, until the loop's next turn
        self.setFixedSize(width, self._lines.totalHeightForWidth(width))

    async def ask(self) -> bool:
        """Show it and wait for the answer; the dialog is gone afterwards."""
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def answered(result: int) -> None:
            if not answer.done():
                answer.set_result(result == QDialog.DialogCode.Accepted)

        self.finished.connect(answered)
        self.fit()
        self.open()
        try:
            return await answer
        finally:
            self.hide()
            self.deleteLater()

    def ask_now(self) -> bool:
        """The same for callers that must have the answer before they return (scripts of a page)."""
        self.fit()
        accepted = self.exec() == QDialog.DialogCode.Accepted
        self.deleteLater()
        return accepted


class Confirm(Dialog):
    """A question with one verb. Enter answers no, until the other button has the focus."""

    def __init__(self, parent: QWidget | None, title: str, sentence: str, verb: str, *, danger: bool = False) -> None:
        super().__init__(parent, title, sentence, "confirm")
        self.add_cancel().setFocus()
        self.add_action(verb, "danger" if danger else "primary", on_enter=False)


class Details(Dialog):
    """Something to read and to copy, such as what exactly went wrong."""

    def __init__(self, parent: QWidget | None, title: str, sentence: str, text: str) -> None:
        super().__init__(parent, title, sentence, "details")
        self._text = QPlainTextEdit(text)
        self._text.setObjectName("details-text")
        self._text.setReadOnly(True)
        self._text.setFont(theme().font("code"))
        self._text.setAccessibleName("Details")
        lines = min(max(text.count("\n") + 1, 4), 16)
        self._text.setFixedHeight(QFontMetrics(self._text.font()).lineSpacing() * lines + theme().px(24))
        self.body.add(self._text)
        self.foot.add(button("Copy", name="copy-details", press=self._copy))
        self.add_action("Close", "primary")

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._text.toPlainText())
