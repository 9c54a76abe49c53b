"""Fixtures that build the counterparts, or say why that is not possible here."""

from __future__ import annotations

import pytest

from tests.interop import programs
from tests.netns.fixture import lab
from tests.support.needs import need

__all__ = ["go_program", "js_program", "lab"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whichever test runs first may have to build a counterpart."""
    for item in items:
        if "interop" in item.keywords:
            item.add_marker(pytest.mark.timeout(programs.BUILD_SECONDS + 60))


@pytest.fixture(scope="session")
def go_program() -> list[str]:
    """The command line of the go-libp2p counterpart."""
    need(programs.why_not_go())
    return programs.go_program()


@pytest.fixture(scope="session")
def js_program() -> list[str]:
    """The command line of the js-libp2p counterpart."""
    need(programs.why_not_js())
    return programs.js_program()
