"""Every parser that sees what strangers, other programs or damaged disks give it."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.fuzz.engine import Target
from tests.fuzz.targets import answers, files, pages, wire, words


@contextlib.contextmanager
def all_targets() -> Iterator[list[Target]]:
    """The targets, ready for use. Their files are in memory where the system has a place for that."""
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="goop2-fuzz-", dir=memory) as folder, contextlib.ExitStack() as held:
        place = Path(folder)
        yield [
            *words.targets(place),
            *answers.targets(place, held),
            *pages.targets(),
            *wire.targets(),
            *files.targets(place, held),
        ]
