"""The opening of a WebSocket: what is none ends as a broken rule, never as anything else."""

from __future__ import annotations

from typing import Any

import pytest

from goop2_core.p2p._addresses import Endpoint
from goop2_core.p2p._websocket import MOST_REQUEST, WebSocket
from goop2_core.p2p._wire import WireError
from tests.fuzz.engine import finish
from tests.fuzz.targets.wire import OPENING, Wire


def accept(*arriving: bytes) -> Wire:
    tcp: Any = Wire(*arriving)
    tcp.local = Endpoint("ip4", "127.0.0.1", 1, websocket=False)
    finish(WebSocket.accept(tcp))
    return tcp


def test_an_opening():
    assert accept(OPENING[:50], OPENING[50:]).sent[0].startswith(b"HTTP/1.1 101")


@pytest.mark.parametrize("origin", [b"Origin: http://x", b"oRIGIN: null", b"Origin:"])
def test_web_pages_are_refused(origin):
    tcp: Any = Wire(OPENING.removesuffix(b"\r\n") + origin + b"\r\n\r\n")
    tcp.local = Endpoint("ip4", "127.0.0.1", 1, websocket=False)
    with pytest.raises(WireError, match="web page"):
        finish(WebSocket.accept(tcp))
    assert tcp.sent[0].startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize(
    "request_",
    [
        b"",
        OPENING[:-4],
        b"GET / HTTP/1.1\r\n\r\n",
        OPENING.replace(b"127.0.0.1", "127.0.0.\N{ARABIC-INDIC DIGIT ONE}".encode()),
        OPENING.replace(b"13", b"\xff"),
        OPENING.replace(b"GET", b"POST"),
        b"GET / HTTP/1.1\r\nX: " + b"x" * MOST_REQUEST,
    ],
)
def test_what_is_none(request_):
    with pytest.raises(WireError):
        accept(request_)
