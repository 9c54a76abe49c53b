"""goop2 and js-libp2p."""

from __future__ import annotations

import pytest

from tests.interop.exchange import Exchange

pytestmark = pytest.mark.interop


@pytest.fixture
def program(js_program: list[str]) -> list[str]:
    """The counterpart."""
    return js_program


class TestJs(Exchange):
    """Everything, with js-libp2p."""
