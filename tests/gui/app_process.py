"""An app in a process of its own, and what it says."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[2]


class AppProcess:
    """Started with `tests.gui.fake_app`; `wait_for(words)` gives the line that begins with them."""

    def __init__(self, data_dir: Path, *arguments: str, env: dict[str, str] | None = None) -> None:
        self.lines: list[str] = []
        self._queue: queue.Queue[str] = queue.Queue()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.gui.fake_app", str(data_dir), *arguments],
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._readers = [threading.Thread(target=self._read, daemon=True), threading.Thread(target=self._read_errors)]
        self.errors: list[str] = []
        for reader in self._readers:
            reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self._queue.put(line.strip())

    def _read_errors(self) -> None:
        self.errors.extend(self.process.stderr)

    def wait_for(self, words: str, seconds: float = 20) -> str:
        """The next line that begins with `words`."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                line = self._queue.get(timeout=0.2)
            except queue.Empty:
                if self.process.poll() is not None and self._queue.empty():
                    break
                continue
            self.lines.append(line)
            if line.startswith(words):
                return line
        raise AssertionError(f"it never said {words!r}, but {self.lines}\n{''.join(self.errors)}")

    def end(self, seconds: float = 15) -> int:
        """Wait for its end; gives its exit code."""
        code = self.process.wait(seconds)
        for reader in self._readers:
            reader.join(5)
        while not self._queue.empty():
            self.lines.append(self._queue.get())
        return code

    def close(self) -> None:
        """Whatever is left of it ends now."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        for reader in self._readers:
            reader.join(5)
        self.process.stdout.close()
        self.process.stderr.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        self.close()
