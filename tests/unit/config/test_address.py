"""Addresses to listen on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goop2_core.config import Address, parse_address


@pytest.mark.parametrize(
    ("text", "address", "loopback"),
    [
        ("127.0.0.1:8080", Address("127.0.0.1", 8080), True),
        (" localhost:0 ", Address("localhost", 0), True),
        (":8080", Address("", 8080), False),
        ("0.0.0.0:80", Address("0.0.0.0", 80), False),
        ("[::1]:65535", Address("::1", 65535), True),
        ("[::]:1", Address("::", 1), False),
        ("a-b.example.org:1", Address("a-b.example.org", 1), False),
        ("127.8.9.1:1", Address("127.8.9.1", 1), True),
    ],
)
def test_addresses(text, address, loopback):
    assert parse_address(text) == address
    assert address.loopback is loopback


@pytest.mark.parametrize(
    "text",
    ["", "8080", "host", "host:", "host:x", "host:-1", "host:65536", "::1:80", "[::1:80", "[x]:80", "1.2.3:4", "a b:1",
     "-a:1", "a..b:1", "host:٣", "1.2.3.4.5:1", "http://x:1"],
)  # fmt: skip
def test_what_is_none(text):
    with pytest.raises(ValueError, match=r"^an address"):
        parse_address(text)


@given(st.text(max_size=40))
def test_garbage(text):
    try:
        address = parse_address(text)
    except ValueError:
        return
    assert 0 <= address.port <= 65535
