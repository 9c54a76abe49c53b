"""Links to peers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goop2_core.errors import Goop2Error
from goop2_core.identity import is_peer_id, to_base36
from goop2_core.link import Link, format_link, parse_link

ID = "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB"
LABEL = to_base36(ID)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (ID, ""),
        (f"  {ID}\n", ""),
        (LABEL, ""),
        (LABEL.upper(), ""),
        (f"goop2:{ID}", ""),
        (f"GOOP2:{ID}/", ""),
        (f"goop2:{ID}/a/b.html?x=1#top", "/a/b.html?x=1#top"),
        (f"goop2:{ID}?x=1", "/?x=1"),
        (f"goop2:{ID}#top", "/#top"),
        (f"goop2://{ID}/a%20b", "/a%20b"),
        (f"goop2:{LABEL}/x", "/x"),
        (f"goop2:{ID}/a b/ü", "/a%20b/%C3%BC"),
        (f"goop2:{ID}//evil.example/x", "/evil.example/x"),
        (f"goop2:{ID}/\\evil.example/x", "/evil.example/x"),
        (f"http://127.0.0.1:8080/p/{ID}/a/", "/a/"),
        (f"http://127.0.0.1:8080/p/{ID}", ""),
        (f"https://example.org/goop/p/{ID}/a?x=/p/y", "/a?x=/p/y"),
        (f"HTTP://example.org/p/{ID}/", ""),
        (f"http://{LABEL}.localhost:8080/a?x#y", "/a?x#y"),
        (f"http://{LABEL.upper()}.localhost:8080/", ""),
        (f"http://{LABEL}.localhost", ""),
        (f"https://{LABEL}.sites.example.org//x", "/x"),
    ],
)
def test_what_is_a_link(text, path):
    assert parse_link(text) == Link(ID, path)


@pytest.mark.parametrize(
    "text",
    ["", " ", "Alice", "goop2:", "goop2:Alice/x", "goop2:///" + ID, "http://example.org/", f"http://example.org/?x=/p/{ID}/",
     f"http://example.org/#/p/{ID}/", f"http://example.org/p/{ID[:-1]}/", "http://[::1/p/x",
     f"ftp://h/p/{ID}", f"x{ID}",
     f"{ID}\x00", f"goop2:{ID}/\x07", f"goop2:{ID}/\u202e", f"goop2:{ID}/" + "a" * 5000, f"javascript:goop2:{ID}"],
)  # fmt: skip
def test_what_is_none(text):
    with pytest.raises(Goop2Error, match="not the address of a peer"):
        parse_link(text)


@pytest.mark.parametrize(
    ("path", "link"),
    [
        ("", f"goop2:{ID}"),
        ("/", f"goop2:{ID}"),
        ("///", f"goop2:{ID}"),
        ("a/b", f"goop2:{ID}/a/b"),
        ("/ü x?a=b#c", f"goop2:{ID}/%C3%BC%20x?a=b#c"),
    ],
)
def test_format(path, link):
    assert format_link(ID, path) == link
    assert parse_link(link).peer_id == ID


@given(st.text(max_size=60))
def test_what_is_formatted_can_be_parsed(path):
    try:
        link = parse_link(format_link(ID, path))
    except Goop2Error:
        raise AssertionError(path) from None
    assert link.peer_id == ID
    assert not link.path.startswith("//")
    assert parse_link(format_link(link.peer_id, link.path)) == link


@given(
    st.sampled_from(["", "goop2:", "goop2://", "http://h/p/", "https://", f"http://{LABEL}.x"]),
    st.sampled_from(["", ID, LABEL, ID[:-2]]),
    st.text(max_size=40),
)
def test_garbage(start, middle, end):
    try:
        link = parse_link(start + middle + end)
    except Goop2Error:
        return
    assert is_peer_id(link.peer_id)
    assert link.path == "" or (link.path[0] == "/" and link.path[1:2] != "/")
    assert link.path.isascii()
