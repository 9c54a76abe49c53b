"""What a page says in between: a banner across it, or a page that has nothing to show yet."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QProgressBar, QPushButton, QWidget

from goop2_desktop.look.controls import tool
from goop2_desktop.look.layout import Box, centred, column, restyle, row
from goop2_desktop.look.look import theme
from goop2_desktop.look.marks import Sign
from goop2_desktop.look.words import Paragraph, Words

SIGNS = {"error": "triangle-alert", "attention": "triangle-alert", "ok": "circle-check"}
TEXT_WIDTH = 420


class Banner(Box):
    """What happened, why, and the buttons that help. `state`: error, attention, ok."""

    dismissed = Signal()

    def __init__(self, state: str = "error", *, in_page: bool = False, closes: bool = False) -> None:
        super().__init__(False, 8, (16, 10, 16, 10) if in_page else (24, 12, 24, 12), "banner")
        self.setProperty("state", state)
        if in_page:
            self.setProperty("place", "page")
        self._sign = Sign(SIGNS[state], state, 20)
        self._title = Words("", "strong")
        self._title.setWordWrap(True)
        self._detail = Paragraph()
        text = column(self._title, self._detail, gap=2)
        self._buttons = row()
        self.add(self._sign, 4, text, 8, self._buttons)
        self.give_room_to(text)
        if closes:
            self.add(tool("x", "Dismiss", name="dismiss", press=self._dismiss, size=16))

    def say(self, title: str, detail: str = "", *buttons: QPushButton) -> None:
        """Show these words and buttons instead of what it showed."""
        self._title.setText(title)
        self._detail.set_words(detail)
        self._detail.setVisible(bool(detail))
        middle = Qt.AlignmentFlag.AlignTop if detail else Qt.AlignmentFlag.AlignVCenter
        self.lines.setAlignment(self._sign, middle)
        while (item := self._buttons.lines.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        self._buttons.add(*buttons)
        self._buttons.setVisible(bool(buttons))
        self.setAccessibleName(f"{title}. {detail}")
        self.show()

    @property
    def words(self) -> str:
        """What it says, for tests and screen readers."""
        return f"{self._title.text()} {self._detail.words}".strip()

    def set_state(self, state: str) -> None:
        """Another colour and sign."""
        self.setProperty("state", state)
        self._sign.set_sign(SIGNS[state], state)
        restyle(self)

    def _dismiss(self) -> None:
        self.hide()
        self.dismissed.emit()


class EmptyPage(Box):
    """A page with nothing on it yet: what it is for, and the one action that fills it."""

    def __init__(self, sign: str, title: str, words: str, *actions: QWidget) -> None:
        super().__init__(True, 8, (24, 24, 24, 24), "surface")
        disc = row(..., Sign(sign, "accent", 28), ..., gap=0, kind="disc")
        disc.setFixedSize(theme().px(64), theme().px(64))
        self._title = Words(title, "page")
        self._title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._title.setWordWrap(True)
        self._words = Paragraph(words)
        self._words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._words.setFixedWidth(theme().px(TEXT_WIDTH))
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedWidth(theme().px(240))
        self._bar.hide()
        self.add(..., centred(disc), 8, self._title, centred(self._words), centred(self._bar), 12)
        self._actions = {action: centred(action) for action in actions}
        self.add(*self._actions.values(), ..., 24)

    @property
    def words(self) -> str:
        """What it says."""
        return f"{self._title.text()} {self._words.words}"

    def say(self, title: str, words: str) -> None:
        """Other words."""
        self._title.setText(title)
        self._words.set_words(words)

    def set_action_visible(self, action: QWidget, visible: bool) -> None:
        """Show one of its actions, or take away its line."""
        self._actions[action].setVisible(visible)

    def show_progress(self, step: int, steps: int) -> None:
        """Show a bar at step `step` of `steps`; 0 steps hide it."""
        self._bar.setVisible(steps > 0)
        self._bar.setRange(0, max(steps, 1))
        self._bar.setValue(step)
