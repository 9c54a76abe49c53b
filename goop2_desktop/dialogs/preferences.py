"""What concerns the app and not one peer: how it looks, and which answers of yours it keeps."""

from __future__ import annotations

from PySide6.QtWidgets import QButtonGroup, QRadioButton, QWidget

from goop2_desktop.dialogs.base import Dialog
from goop2_desktop.dialogs.questions import counted
from goop2_desktop.look.controls import button, titled
from goop2_desktop.look.layout import row
from goop2_desktop.look.look import Look, ModeChoice
from goop2_desktop.look.words import Paragraph
from goop2_desktop.remembered import Memory

MODES = (
    (ModeChoice.SYSTEM, "Like the system"),
    (ModeChoice.LIGHT, "Light"),
    (ModeChoice.DARK, "Dark"),
)


class Preferences(Dialog):
    """Every choice takes effect at once."""

    def __init__(self, parent: QWidget | None, memory: Memory) -> None:
        super().__init__(
            parent, "Preferences", "For this app. Each peer has settings of its own on its page.", "preferences"
        )
        self._memory = memory
        look = Look.of_app()
        group = QButtonGroup(self)
        choices: list[QWidget] = []
        for mode, words in MODES:
            choice = QRadioButton(words)
            choice.setObjectName(f"mode-{mode.value}")
            choice.setChecked(look.choice is mode)
            choice.toggled.connect(lambda on, mode=mode: self._choose(mode) if on else None)
            group.addButton(choice)
            choices.append(choice)
        self._kept = Paragraph()
        self._kept.setObjectName("kept-answers")
        self._forget = button("Forget them", name="forget-answers", press=self._forget_answers)
        answers = row(self._kept, self._forget)
        answers.give_room_to(self._kept)
        self.body.add(titled("Appearance", *choices), titled("Answers you gave to sites", answers))
        self.add_action("Close", "primary")
        self._count()

    def _choose(self, mode: ModeChoice) -> None:
        Look.of_app().choose(mode)
        self._memory.now.mode = mode.value
        self._memory.changed()

    def _count(self) -> None:
        permissions, hosts = len(self._memory.now.permissions), len(self._memory.now.open_outside)
        kept = [counted(permissions, "permission")] if permissions else []
        kept += [f"links to {counted(hosts, 'website')}"] if hosts else []
        self._kept.set_words(f"Remembered: {' and '.join(kept)}." if kept else "None is remembered.")
        self._forget.setVisible(bool(kept))

    def _forget_answers(self) -> None:
        self._memory.forget_answers()
        self._count()
        self.fit()
