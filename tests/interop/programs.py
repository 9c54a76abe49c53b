"""The counterparts as programs: built once from sources beside this file, in folders that git ignores."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
BUILD_SECONDS = 900  # the first build fetches and compiles all of go-libp2p


def why_not(*tools: str) -> str | None:
    """The reason why these programs cannot be built, or None."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    return f"needs {' and '.join(missing)} on PATH" if missing else None


@cache
def go_program() -> list[str]:
    """The command line of the go-libp2p counterpart. Go's own cache makes a second build cheap."""
    program = HERE / "go" / "build" / "interop"
    _run(["go", "build", "-mod=readonly", "-buildvcs=false", "-o", str(program), "."], HERE / "go")
    return [str(program)]


@cache
def js_program() -> list[str]:
    """The command line of the js-libp2p counterpart. Installs again only if the lock file has changed."""
    folder = HERE / "js"
    lock = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    installed = folder / "node_modules" / ".installed"
    if not installed.exists() or installed.read_text() != lock:
        _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], folder)
        installed.write_text(lock)
    return ["node", str(folder / "peer.mjs")]


def _run(argv: list[str], folder: Path) -> None:
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)} failed:\n{done.stdout}{done.stderr}")
