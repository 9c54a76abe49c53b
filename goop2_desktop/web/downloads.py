"""Downloads of a peer's pages: saved to the Downloads folder, never over another file, shown in a bar at the bottom."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QLocale, QStandardPaths, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWebEngineCore import QWebEngineDownloadRequest
from PySide6.QtWidgets import QProgressBar

from goop2_desktop.look.controls import button, tool
from goop2_desktop.look.layout import Box, column
from goop2_desktop.look.look import theme
from goop2_desktop.look.marks import Sign
from goop2_desktop.look.words import Elided
from goop2_desktop.web.patience import DOWNLOADS, Patience

MOST_AT_ONCE = 5
MOST_TRIES = 1000
State = QWebEngineDownloadRequest.DownloadState
ENDED = (State.DownloadCompleted, State.DownloadCancelled, State.DownloadInterrupted)


def free_name(folder: Path, wanted: str) -> str:
    """A file name like `wanted` that the folder does not hold yet: `plan.pdf`, `plan (2).pdf`."""
    name = Path(wanted).name.lstrip(".") or "download"
    stem, suffix = Path(name).stem, Path(name).suffix
    for number in range(1, MOST_TRIES):
        candidate = name if number == 1 else f"{stem} ({number}){suffix}"
        if not (folder / candidate).exists():
            return candidate
    raise FileExistsError(f"{folder} holds a thousand files called {name}")


def downloads_folder() -> Path:
    """The user's Downloads folder."""
    return Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DownloadLocation) or Path.home())


class DownloadLine(Box):
    """One download: name, progress, Cancel; then Open folder."""

    closed = Signal()

    def __init__(self, request: QWebEngineDownloadRequest) -> None:
        super().__init__(False, 8, (24, 6, 16, 6))
        self._request = request
        self._sign = Sign("download", "muted")
        self._name = Elided(request.downloadFileName(), "strong")
        self._facts = Elided("", "caption", "muted")
        self._facts.setObjectName("download-facts")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedWidth(theme().px(160))
        self._stop = button("Cancel", name="download-cancel", press=request.cancel)
        self._open = button("Open folder", name="download-folder", press=self._open_folder)
        self._close = tool("x", "Dismiss", name="download-dismiss", press=self.closed.emit, size=16)
        text = column(self._name, self._facts, gap=0)
        self.add(self._sign, text, self._bar, self._stop, self._open, self._close)
        self.give_room_to(text)
        request.receivedBytesChanged.connect(self._show)
        request.totalBytesChanged.connect(self._show)
        request.stateChanged.connect(self._show)
        self._show()

    @property
    def running(self) -> bool:
        """Whether it has not come to its end."""
        return self._request.state() not in ENDED

    def cancel(self) -> None:
        """Stop it, if it runs."""
        if self.running:
            self._request.cancel()

    def _show(self) -> None:
        request = self._request
        received, total = request.receivedBytes(), request.totalBytes()
        size = QLocale().formattedDataSize(received, 1)
        state = request.state()
        if state == State.DownloadCompleted:
            self._sign.set_sign("circle-check", "ok")
            words = f"Saved to {Path(request.downloadDirectory()).name} · {size}"
        elif state == State.DownloadCancelled:
            words = "Cancelled"
        elif state == State.DownloadInterrupted:
            self._sign.set_sign("circle-alert", "error")
            words = f"Stopped: {request.interruptReasonString()}. Try it again from the page."
        else:
            words = f"{size} of {QLocale().formattedDataSize(total, 1)}" if total > 0 else size
        self._facts.set_words(words)
        self._bar.setRange(0, 100 if total > 0 else 0)
        self._bar.setValue(int(received * 100 / total) if total > 0 else 0)
        finished = state in ENDED  # `isFinished` turns true only after the last change of the state was told
        self._bar.setVisible(not finished)
        self._stop.setVisible(not finished)
        self._open.setVisible(state == State.DownloadCompleted)
        self._close.setVisible(finished)

    def _open_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(self._request.downloadDirectory()))


class DownloadBar(Box):
    """All downloads of a peer that were not dismissed."""

    def __init__(self, folder: Path | None = None) -> None:
        super().__init__(True, 0, (0, 0, 0, 0), "bottom")
        self.setObjectName("downloads")
        self._folder = folder
        self._lines: list[DownloadLine] = []
        self._patience = Patience(*DOWNLOADS)
        self.hide()

    def take(self, request: QWebEngineDownloadRequest) -> None:
        """Accept a download that a page began, unless too many run already, or were begun a moment ago."""
        if sum(line.running for line in self._lines) >= MOST_AT_ONCE or not self._patience.lasts():
            request.cancel()
            return
        folder = self._folder or downloads_folder()
        folder.mkdir(parents=True, exist_ok=True)
        request.setDownloadDirectory(str(folder))
        request.setDownloadFileName(free_name(folder, request.suggestedFileName() or request.downloadFileName()))
        request.accept()
        line = DownloadLine(request)
        line.closed.connect(lambda: self._drop(line))
        self._lines.append(line)
        self.add(line)
        self.show()

    def cancel_all(self) -> None:
        """Stop what runs, before the profile goes."""
        for line in self._lines:
            line.cancel()

    def _drop(self, line: DownloadLine) -> None:
        if line in self._lines:
            self._lines.remove(line)
            line.hide()
            line.deleteLater()
        self.setVisible(bool(self._lines))
