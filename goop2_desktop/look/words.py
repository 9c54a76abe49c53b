"""Words on a window: labels, paragraphs with a readable line height, and lines that give way."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from goop2_desktop.look.layout import restyle
from goop2_desktop.look.look import theme

LINE_HEIGHT = "135%"  # of Qt's own line, which makes 1.5 of the font's size


class Words(QLabel):
    """One line of plain text. `kind` is a type token; `muted` and `state` choose its colour."""

    def __init__(self, words: str = "", kind: str = "body", *, state: str = "", muted: bool = False) -> None:
        super().__init__(words)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setFont(theme().font(kind))
        self.setProperty("type", "muted" if muted else kind)
        self.set_state(state)

    def set_state(self, state: str) -> None:
        """Colour it as ok, attention or error; "" is the colour of its kind."""
        if self.property("state") != state:
            self.setProperty("state", state)
            restyle(self)


class Paragraph(QLabel):
    """Reading text that wraps. Takes plain text; what people wrote can never become markup."""

    def __init__(self, words: str = "", kind: str = "body", *, state: str = "", muted: bool = True) -> None:
        super().__init__()
        self._words = ""
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setWordWrap(True)
        self.setFont(theme().font(kind))
        self.setProperty("type", "muted" if muted else kind)
        self.setProperty("state", state)
        self.set_words(words)

    @property
    def words(self) -> str:
        """What it says."""
        return self._words

    def set_words(self, words: str) -> None:
        """Say something else. Line breaks are kept."""
        self._words = words
        lines = "<br>".join(escape(line) for line in words.split("\n"))
        self.setText(f'<p style="line-height:{LINE_HEIGHT}">{lines}</p>')
        self.setAccessibleName(words)


class Elided(QWidget):
    """One line that gives way instead of widening the window; what is hidden is in the tool tip."""

    def __init__(
        self,
        words: str = "",
        kind: str = "body",
        colour: str = "text",
        where: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
    ) -> None:
        super().__init__()
        self._words = words
        self._colour = colour
        self._where = where
        self.set_kind(kind)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(words)

    @property
    def words(self) -> str:
        """The whole line."""
        return self._words

    def set_words(self, words: str) -> None:
        """Say something else."""
        if words != self._words:
            self._words = words
            self.setAccessibleName(words)
            self.updateGeometry()
            self._show_tip()
            self.update()

    def set_colour(self, colour: str) -> None:
        """Another colour token."""
        if colour != self._colour:
            self._colour = colour
            self.update()

    def set_kind(self, kind: str) -> None:
        """Another type token."""
        self.setFont(theme().font(kind))
        self.setFixedHeight(QFontMetrics(self.font()).height() + theme().px(2))

    def hug(self) -> None:
        """Take no more room than the words need, so that the next thing stands beside them."""
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """The room for the whole line."""
        return QSize(QFontMetrics(self.font()).horizontalAdvance(self._words) + 1, self.height())

    def minimumSizeHint(self) -> QSize:
        """The room for a few letters."""
        return QSize(min(theme().px(24), self.sizeHint().width()), self.height())

    def event(self, event: QEvent) -> bool:
        """Keep the tool tip right."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.FontChange):
            self._show_tip()
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw as much as fits."""
        del event
        painter = QPainter(self)
        painter.setFont(self.font())
        painter.setPen(theme().colour(self._colour if self.isEnabled() else "disabled"))
        shown = QFontMetrics(self.font()).elidedText(self._words, self._where, self.width())
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)
        painter.end()

    def _show_tip(self) -> None:
        self.setToolTip(escape(self._words) if self.sizeHint().width() > self.width() + 1 else "")
