"""One app for each user and data directory: a second start hands its link to the first and ends."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import stat
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

log = logging.getLogger("goop2.desktop")

CONNECT_MS = 500
ANSWER_MS = 3000
MOST_BYTES = 8192
LONGEST_PATH = 90  # bytes: a socket's may have 107, and Qt makes it under a longer name first
DONE = b"ok\n"


def server_name(data_dir: Path) -> str:
    """The name of the local socket of this user's app on this data directory.

    It lies where no other user can make one before: in the user's runtime folder, else in the data directory. Only if
    that is too deep for a socket it lies where Qt puts it, in the temporary folder of everybody.
    """
    digest = hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:16]
    name = f"goop2-{os.getuid()}-{digest}"
    for folder in (os.environ.get("XDG_RUNTIME_DIR", ""), str(data_dir.resolve())):
        path = os.path.join(folder, name)  # noqa: PTH118 (a text for Qt)
        if _is_private(folder) and len(os.fsencode(path)) <= LONGEST_PATH:
            return path
    return name


def _is_private(folder: str) -> bool:
    """Whether nobody but this user can make files there."""
    try:
        facts = os.lstat(folder)
    except OSError:
        return False
    return stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.getuid() and not facts.st_mode & 0o022


def call_first(name: str, link: str) -> bool | None:
    """Ask the app that runs already to show its window and to open `link`.

    Gives `None` if none runs, `True` if it answered, `False` if it is there but does not answer.
    """
    socket = QLocalSocket()
    socket.connectToServer(name)
    if not socket.waitForConnected(CONNECT_MS):
        return None
    socket.write(json.dumps({"open": link}).encode() + b"\n")
    socket.waitForBytesWritten(CONNECT_MS)
    answered = socket.waitForReadyRead(ANSWER_MS) and bytes(socket.readAll().data()).startswith(DONE)
    socket.disconnectFromServer()
    return answered


class FirstInstance(QObject):
    """Listens for later starts. `called` carries the link that they were given, or ""."""

    called = Signal(str)

    def __init__(self, name: str, parent: QObject) -> None:
        super().__init__(parent)
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._connected)
        if not self._server.listen(name):
            QLocalServer.removeServer(name)  # left behind by an app that was killed: nobody answered there
            if not self._server.listen(name):
                log.warning("later starts cannot find this one: %s", self._server.errorString())

    def close(self) -> None:
        """Listen no more."""
        self._server.close()

    def _connected(self) -> None:
        while (socket := self._server.nextPendingConnection()) is not None:
            socket.readyRead.connect(lambda socket=socket: self._read(socket))
            socket.disconnected.connect(socket.deleteLater)
            self._read(socket)

    def _read(self, socket: QLocalSocket) -> None:
        if socket.bytesAvailable() > MOST_BYTES:
            socket.abort()
        elif socket.canReadLine():
            link = _link_in(bytes(socket.readLine(MOST_BYTES).data()))
            socket.write(DONE)
            socket.flush()
            self.called.emit(link)


def _link_in(line: bytes) -> str:
    """The link in a call; "" if there is none, or if it is no call of ours."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return ""
    link = value.get("open") if isinstance(value, dict) else None
    return link if isinstance(link, str) and link.startswith("goop2:") else ""
