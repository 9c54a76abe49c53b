"""Sites for peers in the lab: many files that must arrive byte for byte."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

FILES = 200
TOTAL_BYTES = 60_000_000


def make_site(folder: Path, files: int = FILES, total: int = TOTAL_BYTES, seed: int = 1) -> dict[str, str]:
    """Fill `folder` with files of uneven sizes; the answer is the SHA-256 of each path."""
    chance = random.Random(seed)
    weights = [chance.expovariate(1) for _ in range(files)]
    sizes = [int(total * weight / sum(weights)) for weight in weights]
    sizes[0] += total - sum(sizes)
    digests = {}
    for number, size in enumerate(sizes):
        path = f"/folder {number % 7}/file-{number}.bin"
        data = chance.randbytes(size)
        file = folder / path[1:]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        digests[path] = hashlib.sha256(data).hexdigest()
    return digests
