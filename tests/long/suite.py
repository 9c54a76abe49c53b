"""What a long suite is: a module of this folder with `options(parser)` and `run(arguments) -> Report`."""

from __future__ import annotations

import argparse
import os
import platform
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass
class Report:
    """What a suite found: `good` says whether that is as it should be, `lines` tell a person more."""

    good: bool
    lines: list[str] = field(default_factory=list)


class Suite(Protocol):
    """The module."""

    def options(self, parser: argparse.ArgumentParser) -> None:
        """Add the suite's own options."""

    def run(self, arguments: argparse.Namespace) -> Report:
        """Run it, for `arguments.minutes` minutes from `arguments.seed`."""


def machine() -> str:
    """Date and machine, without which figures mean nothing."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), ""
    )
    memory = next((int(line.split()[1]) >> 20 for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    return (
        f"{time.strftime('%Y-%m-%d %H:%M')}, {os.cpu_count()} cores {model}, {memory} GiB, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    )


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
