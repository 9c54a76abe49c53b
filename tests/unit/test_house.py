"""Rules of the house that no linter knows: module sizes, no unfinished work, no words about the workplace."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.needs import need

TOP = Path(__file__).resolve().parents[2]
LONGEST_MODULE = 800
ALLOWED_AT_TOP = {
    "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "requirements.lock",
    "goop2_core", "goop2_desktop", "resources", "tests", "packaging",
}  # fmt: skip
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b|coming soon", re.IGNORECASE)


def tracked(*patterns: str) -> list[Path]:
    """Files that git knows."""
    try:
        listed = subprocess.run(["git", "ls-files", *patterns], cwd=TOP, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        need("this must be a git checkout, and git installed")
        return []
    return [TOP / line for line in listed.stdout.splitlines() if (TOP / line).is_file()]


def test_the_top_level_is_tidy() -> None:
    names = {path.relative_to(TOP).parts[0] for path in tracked()}
    assert {name for name in names if not name.startswith(".")} <= ALLOWED_AT_TOP


@pytest.mark.parametrize("package", ["goop2_core", "goop2_desktop"])
def test_modules_are_short(package: str) -> None:
    lengths = sorted((len(path.read_text().splitlines()), path.name) for path in tracked(f"{package}/*.py"))
    sizes = [length for length, _ in lengths]
    assert sizes[-1] <= LONGEST_MODULE, lengths[-3:]
    assert sizes[len(sizes) // 2] <= 170
    assert sizes[int(len(sizes) * 0.9)] <= 480


def test_nothing_is_unfinished() -> None:
    sources = tracked("goop2_core/*.py", "goop2_desktop/*.py", "resources/console/*.js", "packaging/*")
    found = [
        f"{path.relative_to(TOP)}:{number}: {line.strip()}"
        for path in sources
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if UNFINISHED.search(line)
    ]
    assert found == []
