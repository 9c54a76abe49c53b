"""What one can press and fill in, in the shapes of the design."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QLineEdit, QPushButton, QToolButton, QWidget

from goop2_desktop.look.icons import icon
from goop2_desktop.look.layout import Box, column, restyle, row
from goop2_desktop.look.look import theme
from goop2_desktop.look.marks import Sign
from goop2_desktop.look.words import Paragraph, Words

ON_COLOUR = {"primary": "on-accent", "danger": "on-danger", "link": "accent"}


def button(
    words: str, kind: str = "", sign: str = "", *, name: str, press: Callable[[], object] | None = None
) -> QPushButton:
    """A button with words. `kind`: "" (default), primary, danger, quiet, link. `name` is its object name."""
    made = QPushButton(words)
    made.setObjectName(name)
    made.setFont(theme().font("strong"))
    made.setAutoDefault(True)  # Enter presses the button that has the focus, never another one
    if kind:
        made.setProperty("kind", kind)
    if sign:
        set_sign(made, sign, ON_COLOUR.get(kind, "text"))
    if press is not None:
        made.clicked.connect(lambda _checked=False: press())
    return made


def set_sign(of: QPushButton, sign: str, colour: str = "text") -> None:
    """Put an icon before a button's words."""
    of.setIcon(icon(sign, colour, theme().px(4)))
    of.setIconSize(QSize(theme().px(20), theme().px(16)))


def set_kind(of: QWidget, kind: str) -> None:
    """Change what the style sheet knows a control by."""
    if of.property("kind") != kind:
        of.setProperty("kind", kind)
        restyle(of)


def tool(
    sign: str,
    tip: str,
    *,
    name: str,
    press: Callable[[], object] | None = None,
    kind: str = "",
    colour: str = "text",
    size: int = 20,
) -> QToolButton:
    """A button with an icon alone; `tip` is its tool tip and what a screen reader says."""
    made = QToolButton()
    made.setObjectName(name)
    made.setIcon(icon(sign, colour))
    made.setIconSize(QSize(theme().px(size), theme().px(size)))
    made.setToolTip(tip)
    made.setAccessibleName(tip)
    made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    if kind:
        made.setProperty("kind", kind)
    if press is not None:
        made.clicked.connect(lambda _checked=False: press())
    return made


class Field(Box):
    """A labelled field: its name above, one line of help or the error below. What was typed always stays."""

    def __init__(self, title: str, edit: QWidget, *beside: QWidget, hint: str = "") -> None:
        super().__init__(True, 6, (0, 0, 0, 0))
        self.edit = edit
        self._hint = hint
        self._error = ""
        label = Words(title, "strong")
        label.setBuddy(edit)
        edit.setAccessibleName(title)
        line = row(edit, *beside)
        line.give_room_to(edit)
        self._sign = Sign("circle-alert", "error")
        self._note = Paragraph(hint, "caption")
        self._note.setObjectName(f"{edit.objectName()}-note")
        self._below = row(self._sign, self._note, gap=6)
        self._below.give_room_to(self._note)
        self._below.lines.setAlignment(self._sign, Qt.AlignmentFlag.AlignTop)
        top = QFontMetrics(self._note.font()).height() - self._sign.height()
        self._sign.setContentsMargins(0, max(top, 0), 0, 0)
        self.add(label, line, self._below)
        self.set_error("")

    @property
    def error(self) -> str:
        """What is wrong with it, "" if nothing."""
        return self._error

    def set_hint(self, hint: str) -> None:
        """Another line of help."""
        self._hint = hint
        if not self._error:
            self.set_error("")

    def set_error(self, error: str) -> None:
        """Say what is wrong, or with "" show the help again."""
        self._error = error
        self._sign.setVisible(bool(error))
        self._note.setProperty("state", "error" if error else "")
        restyle(self._note)
        self._note.set_words(error or self._hint)
        self._below.setVisible(bool(error or self._hint))
        self.edit.setAccessibleDescription(error or self._hint)
        if isinstance(self.edit, QLineEdit):
            self.edit.setProperty("state", "error" if error else "")
            restyle(self.edit)


def line_edit(name: str, text: str = "", *, placeholder: str = "", most: int = 200) -> QLineEdit:
    """A field for one line of at most `most` characters."""
    edit = QLineEdit(text)
    edit.setObjectName(name)
    edit.setPlaceholderText(placeholder)
    edit.setMaxLength(most)
    edit.setFont(theme().font("body"))
    return edit


def titled(title: str, *widgets: QWidget) -> Box:
    """A group of choices under a title."""
    return column(Words(title, "strong"), *widgets)
