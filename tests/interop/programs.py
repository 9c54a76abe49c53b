"""The counterparts as programs: built once from sources beside this file, in folders that git ignores."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
GO_LEAST = (1, 21)  # from there on Go fetches by itself the version that go.mod names
NODE_LEAST = (20, 3)
BUILD_SECONDS = 900  # the first build fetches and compiles all of go-libp2p


def why_not_go() -> str | None:
    """The reason why the Go counterpart cannot be built, or None."""
    return _too_old(["go", "env", "GOVERSION"], GO_LEAST)


def why_not_js() -> str | None:
    """The reason why the JavaScript counterpart cannot run, or None."""
    return _too_old(["node", "--version"], NODE_LEAST) or (None if shutil.which("npm") else "needs npm on PATH")


def _too_old(asked: list[str], least: tuple[int, ...]) -> str | None:
    """Why the program that answers with its version is not good enough."""
    wanted = f"needs {asked[0]} {'.'.join(map(str, least))} or newer on PATH"
    if shutil.which(asked[0]) is None:
        return wanted
    said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    found = tuple(int(number) for number in re.findall(r"\d+", said))
    return None if found >= least else f"{wanted}, not {said.strip()}"


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
