"""What identify tells the node: text only, whatever a stranger put into the message."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from goop2_core.p2p import patches
from goop2_core.p2p._services import MOST_PROTOCOLS, Identify
from goop2_core.p2p._wire import WireError


@pytest.fixture
def learned():
    """What an identify message teaches."""
    library = patches.load()
    heard: list[tuple[Any, ...]] = []
    host: Any = SimpleNamespace(
        library=library, serve=lambda *_: None, identified=lambda _link, *facts: heard.append(facts)
    )
    identify = Identify(host)

    def learn(data: bytes) -> tuple[Any, ...]:
        identify._learn(SimpleNamespace(), data)
        return heard.pop()

    return learn


def field(number: int, data: bytes) -> bytes:
    return bytes([number << 3 | 2, len(data)]) + data


def test_names_that_are_not_text_are_left_out(learned):
    names, agent, addresses = learned(field(3, b"/x\xff") + field(3, b"/goop/mq/1.0.0") + field(6, b"go\xff"))
    assert names == ("/goop/mq/1.0.0",)
    assert agent == ""
    assert addresses == []


def test_bounds(learned):
    names, agent, addresses = learned(field(3, b"/x") * 1000 + field(6, b"a") + field(2, b"\xff\xff") + field(2, b""))
    assert len(names) == MOST_PROTOCOLS
    assert agent == "a"
    assert addresses in ([], ["/"])


def test_garbage(learned):
    with pytest.raises(WireError):
        learned(b"\x0a\xff\xff")
