"""Rules for every test: coroutine tests run on a fresh loop, and a logged error or a left-over task fails the test."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Iterator
from typing import Any

import pytest

TEST_SECONDS = 60.0


class ErrorCatcher(logging.Handler):
    """Keeps what was logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture(autouse=True)
def logged_errors(request: pytest.FixtureRequest) -> Iterator[list[logging.LogRecord]]:
    """What was logged as an error in this test; anything left in the list at its end fails the test."""
    catcher = ErrorCatcher()
    logging.getLogger().addHandler(catcher)
    goop2 = logging.getLogger("goop2")
    goop2.setLevel(logging.DEBUG)
    yield catcher.records
    logging.getLogger().removeHandler(catcher)
    if catcher.records:
        lines = [logging.Formatter("%(name)s: %(message)s").format(record) for record in catcher.records]
        pytest.fail("errors were logged:\n" + "\n".join(lines))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run `async def` tests: on a Qt loop if they ask for `qloop` (tests/gui does that), else with asyncio."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj) or "qloop" in pyfuncitem.funcargs:
        return None
    names = pyfuncitem._fixtureinfo.argnames
    arguments: dict[str, Any] = {name: pyfuncitem.funcargs[name] for name in names}

    async def run() -> None:
        await asyncio.wait_for(pyfuncitem.obj(**arguments), TEST_SECONDS)
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task() and not task.done()]
        assert not left, f"tasks left running: {[task.get_name() for task in left]}"

    asyncio.run(run())
    return True
