"""The lines of the protocols, well and badly written."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goop2_core.errors import Refused, StreamBroken
from goop2_core.site.mime import mime_of, settle
from goop2_core.site.wire import Header, NotUnderstood, decode, header_line, parse_header, requested_path

WORDS = [b"OK", b"EOK", b"ERR", b"NONE", b" ", b"text/html", b"; charset=utf-8", b"12", b"-1", b"0x5", b"9" * 16]
DIRT = [b"\n", b"\r", b"\0", b"\xff", b"not found", b"\xd9\xa3", b"+5", b"_1"]
PIECES = st.lists(st.sampled_from(WORDS + DIRT) | st.binary(max_size=6), max_size=10).map(b"".join)


@pytest.mark.parametrize(
    ("line", "header"),
    [
        (b"OK text/html; charset=utf-8 12\n", Header(sealed=False, mime="text/html; charset=utf-8", size=12)),
        (b"EOK image/png 40\n", Header(sealed=True, mime="image/png", size=40)),
        (b"OK  0\r\n", Header(sealed=False, mime="", size=0)),
        (b"OK 7\n", Header(sealed=False, mime="", size=7)),
    ],
)
def test_headers(line: bytes, header: Header) -> None:
    assert parse_header(line) == header


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("mime", ["", "text/css; charset=utf-8"])
def test_what_is_written_can_be_read(sealed: bool, mime: str) -> None:
    line = header_line(sealed=sealed, size=5, mime=mime)
    assert parse_header(line, with_mime=bool(mime)) == Header(sealed=sealed, mime=mime, size=5)


def test_refusals() -> None:
    for words, status in (("not found", 404), ("forbidden", 403), ("site disabled", 502), ("anything", 502)):
        with pytest.raises(Refused) as caught:
            parse_header(f"ERR {words}\n".encode())
        assert caught.value.status == status
    with pytest.raises(NotUnderstood):
        parse_header(b"ERR bad request\n")
    assert parse_header(b"NONE\n", with_mime=False) is None


@given(PIECES, st.booleans())
@settings(max_examples=1000, deadline=None)
def test_any_header_is_typed_or_refused(line: bytes, with_mime: bool) -> None:
    header, words = None, ""
    try:
        header = parse_header(line, with_mime=with_mime)
    except (StreamBroken, Refused) as error:
        words = str(error)
    if header is None:
        assert words.isprintable()
        assert words or not with_mime
    else:
        assert 0 <= header.size < 10**15
        assert with_mime or not header.mime


@given(PIECES | st.binary(max_size=300))
@settings(max_examples=1000, deadline=None)
def test_any_request_has_a_path_or_none(line: bytes) -> None:
    path = requested_path(decode(b"GET " + line))
    assert path is None or path == path.strip()
    requested_path(decode(line))


@given(st.text(max_size=80), st.text(max_size=30), st.binary(max_size=600))
@settings(max_examples=1000, deadline=None)
def test_any_type_is_one_that_a_header_may_carry(said: str, name: str, head: bytes) -> None:
    for mime in (settle(said, name, head), settle(f"text/{said}", name, head), mime_of(name, head)):
        assert re.fullmatch(r"[\x21-\x7e]+/[\x20-\x7e]+", mime)
