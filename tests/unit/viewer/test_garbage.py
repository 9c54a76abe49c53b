"""What strangers may write into headers and paths never ends in anything but an answer or a refusal."""

from __future__ import annotations

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from goop2_core.errors import Refused
from goop2_core.viewer.files import Part, etag_of, matches, part_of
from goop2_core.viewer.guard import check_body, check_origin, client_key, client_of, parse_host, parse_networks
from goop2_core.viewer.session import OneTimeTokens, Sessions, guest_of
from goop2_core.viewer.sites import _decoded, _location

HEADER = st.text(max_size=200) | st.text('0123456789abcdef.:[],%- =bytes/*W"', max_size=60)
METHOD = st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "X"])
NAMES = ["Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Content-Type", "X-Goop2", "Content-Length"]
TRUSTED = parse_networks(("127.0.0.0/8", "::/0"))


@settings(max_examples=1500, deadline=None)
@given(HEADER)
def test_hosts(header):
    with contextlib.suppress(Refused):
        host = parse_host(header)
        assert 0 < host.port < 65536
        assert host.site == "" or len(host.site) == 52


@settings(max_examples=1500, deadline=None)
@given(HEADER, st.lists(HEADER, max_size=3))
def test_forwarding(peer, forwarded):
    for address in (peer, "127.0.0.1"):
        client = client_of(address, {"X-Forwarded-For": ""}, forwarded, TRUSTED)
        assert not client.local
        client_key(client.address)


@settings(max_examples=1500, deadline=None)
@given(HEADER, st.integers(0, 1 << 60), HEADER)
def test_ranges_and_tags(header, size, tag):
    etag = etag_of((1, size, 2))
    matches(tag, etag)
    with contextlib.suppress(Refused):
        part = part_of({"Range": header, "If-Range": etag}, size, etag)
        assert part is None or (isinstance(part, Part) and 0 <= part.start < part.start + part.count <= size)


@settings(max_examples=1000, deadline=None)
@given(METHOD, st.dictionaries(st.sampled_from(NAMES), HEADER))
def test_who_sent_it(method, headers):
    host = parse_host("127.0.0.1:1")
    with contextlib.suppress(Refused):
        check_origin(method, headers, host)
        assert headers.get("Origin", "http://127.0.0.1:1").lower() == "http://127.0.0.1:1"
    with contextlib.suppress(Refused):
        check_body(method, headers)
        assert method in ("GET", "HEAD") or headers["X-Goop2"] == "1"


@settings(max_examples=1500, deadline=None)
@given(HEADER | st.text("%0123456789abcdef/\\.", max_size=60), HEADER)
def test_places(raw, query):
    with contextlib.suppress(Refused):
        place = str(
            _location(_decoded(raw.encode("utf-8", "replace").decode()), query.encode("utf-8", "replace").decode())
        )
        assert place.startswith("/")
        assert not place.startswith(("//", "/\\"))
        assert place.isascii()
        assert place.isprintable()


@settings(max_examples=500, deadline=None)
@given(HEADER)
def test_cookies_and_tokens(value):
    assert not Sessions().valid(value, "x")
    assert not OneTimeTokens(1).take(value, "x")
    assert guest_of(value).id.startswith("guest-")
