"""Making a peer: its name, optionally a folder to publish, optionally another name for visitors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtWidgets import QButtonGroup, QFileDialog, QRadioButton, QWidget

from goop2_core.errors import Goop2Error
from goop2_desktop.dialogs.base import Dialog
from goop2_desktop.jobs import Jobs
from goop2_desktop.look.controls import Field, button, line_edit
from goop2_desktop.look.layout import column
from goop2_desktop.look.words import Paragraph

MOST_NAME = 100

COPY_HINT = "The folder's files are copied into the peer's own folder. The folder itself is left alone."
IN_PLACE_HINT = (
    "The folder is the site: what you change in it, visitors see at once. Deleting the peer leaves it alone."
)


@dataclass(frozen=True)
class NewPeer:
    """What was asked for. Without `folder` the peer starts with a page of its own."""

    name: str
    label: str
    folder: Path | None
    copy: bool


class NewPeerDialog(Dialog):
    """Asks for a new peer and stays open, with everything that was typed, until `create` succeeded."""

    def __init__(self, parent: QWidget | None, jobs: Jobs, create: Callable[[NewPeer], Awaitable[object]]) -> None:
        super().__init__(
            parent, "New peer", "It gets its own key, site and data, kept in one folder on this computer.", "new-peer"
        )
        self._jobs = jobs
        self._create = create
        self.name = line_edit("peer-name", placeholder="Book club", most=MOST_NAME)
        self.name_field = Field("Name", self.name, hint="Visitors see this. You can change it later.")
        self.label = line_edit("peer-label", placeholder="The same as the name", most=MOST_NAME)
        self.label_field = Field(
            "Display name (optional)", self.label, hint="Shown instead of the name, to you and to visitors."
        )
        self.folder = line_edit("peer-folder", placeholder="None: start with a page to fill in", most=4096)
        browse = button("Browse…", name="browse", press=self._browse)
        self.folder_field = Field("Folder to publish (optional)", self.folder, browse)
        self.copied = QRadioButton("Copy its files")
        self.copied.setObjectName("folder-copy")
        self.in_place = QRadioButton("Publish it in place")
        self.in_place.setObjectName("folder-in-place")
        self.copied.setChecked(True)
        group = QButtonGroup(self)
        group.addButton(self.copied)
        group.addButton(self.in_place)
        self._how_hint = Paragraph(COPY_HINT, "caption")
        self._how = column(self.copied, self.in_place, self._how_hint, gap=8, margins=(24, 0, 0, 0))
        self.body.add(self.name_field, column(self.folder_field, self._how, gap=12), self.label_field)
        self.add_cancel()
        self._accept = self.add_action("Create peer", "primary", self._try)
        self._accept.setObjectName("create-peer")
        self.name.textChanged.connect(lambda: self._clear(self.name_field))
        self.label.textChanged.connect(lambda: self._clear(self.label_field))
        self.folder.textChanged.connect(self._folder_changed)
        self.copied.toggled.connect(self._how_changed)
        self._how.hide()
        self.name.setFocus()

    def _clear(self, field: Field) -> None:
        if field.error:
            field.set_error("")
            self.fit()

    def _folder_changed(self, text: str) -> None:
        self.folder_field.set_error("")
        self._how.setVisible(bool(text.strip()))
        self.fit()

    def _how_changed(self, copied: bool) -> None:
        self._how_hint.set_words(COPY_HINT if copied else IN_PLACE_HINT)
        self.fit()

    def _browse(self) -> None:
        start = self.folder.text().strip() or str(Path.home())
        chosen = QFileDialog.getExistingDirectory(self, "Folder to publish", start)
        if chosen:
            self.folder.setText(chosen)

    def _try(self) -> None:
        wanted = self._checked()
        self.fit()
        if wanted is not None:
            self._accept.setEnabled(False)
            self._jobs.run("create peer", self._make(wanted), self._refused)

    def _checked(self) -> NewPeer | None:
        """What was typed, or `None` after the errors were put below their fields."""
        name = " ".join(self.name.text().split())
        folder_text = self.folder.text().strip()
        folder = Path(folder_text).expanduser() if folder_text else None
        self.name_field.set_error("" if name else "A peer needs a name.")
        if folder is not None and not folder.is_dir():
            missing = "is not there" if not folder.exists() else "is not a folder"
            self.folder_field.set_error(f"{folder.name or folder} {missing}. Choose a folder, or leave this empty.")
        if self.name_field.error or self.folder_field.error:
            (self.name if self.name_field.error else self.folder).setFocus()
            return None
        return NewPeer(name, " ".join(self.label.text().split()), folder, self.copied.isChecked())

    async def _make(self, wanted: NewPeer) -> None:
        try:
            await self._create(wanted)
        finally:
            self._accept.setEnabled(True)
        self.accept()

    def _refused(self, error: Goop2Error) -> None:
        """Put what went wrong below the field it belongs to: the folder's if it speaks of it, else the name's."""
        words = " ".join(part for part in (error.message or error.title, error.hint) if part)
        folder_meant = bool(self.folder.text().strip()) and "folder" in str(error).casefold()
        field = self.folder_field if folder_meant else self.name_field
        field.set_error(words)
        field.edit.setFocus()
        self.fit()
