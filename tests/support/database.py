"""A store for the length of a `with`, closed whatever happens in it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from goop2_core.data.store import Store


@contextlib.asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Store]:
    """An open `Store`."""
    store = Store(path)
    await store.open()
    try:
        yield store
    finally:
        await store.close()
