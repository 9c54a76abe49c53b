"""What browsers, proxies and those who pretend to be one write into requests."""

from __future__ import annotations

from pydantic import ValidationError

from goop2_core.errors import Refused
from goop2_core.settings_routes import _Changes
from goop2_core.viewer.console import _Open
from goop2_core.viewer.files import etag_of, matches, part_of
from goop2_core.viewer.guard import (
    Host,
    Rates,
    check_body,
    check_console_host,
    check_origin,
    check_site_host,
    client_key,
    client_of,
    parse_host,
    parse_networks,
)
from goop2_core.viewer.session import OneTimeTokens, Sessions, guest_of
from goop2_core.viewer.sites import _decoded, _location
from tests.fuzz.engine import Target
from tests.fuzz.targets.words import LABEL, PEER, as_text, of_bytes, of_json

HOSTS = (
    b"127.0.0.1:8080",
    b"localhost",
    b"[::1]:80",
    f"{LABEL}.localhost:65535".encode(),
    b"example.org",
    b"[fe80::1%25eth0]:80",
    b"127.0.0.1:080",
)
HOPS = (
    b"203.0.113.9, 10.0.0.1",
    b"[2001:db8::1]:443, 127.0.0.1",
    b"::ffff:127.0.0.1",
    b"1.2.3.4:5678",
    b"unknown, _hidden",
    b"fe80::1%eth0",
    b"127.0.0.1," * 30,
)
ORIGINS = (
    b"http://127.0.0.1:8080",
    b"null",
    b"https://evil.example",
    b"http://127.0.0.1:8080@evil",
    b"HTTP://LOCALHOST",
)
RANGES = (
    b"bytes=0-5",
    b"bytes=-5",
    b"bytes=5-",
    b"bytes=0-1,3-4",
    b'"abc", W/"def"',
    b"*",
    b"bytes=99999999999999999999-",
)
PLACES = (b"/a/b%20c", b"//evil.example/", b"/%2f%2fevil", b"/\\evil", b"/?x=1#y", f"/p/{PEER}/x".encode(), b"/%C3%28")
COOKIES = (b"0123456789abcdef" * 2, b"A" * 43, b"a_-" * 14 + b"x", b"goop2_guest=1; goop2_console=2")
TRUSTED = parse_networks(("127.0.0.0/8", "10.0.0.1", "::1", "no network", ""))
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "")
SETTINGS = (
    {
        "changes": {
            "profile.label": "x",
            "viewer.debug": True,
            "p2p.listen_port": 4001,
            "viewer.trusted_proxies": ["::1"],
        }
    },
)


def targets() -> list[Target]:
    """Headers, cookies and bodies."""
    return [
        Target("host header", of_bytes(*HOSTS), _host, (Refused,), 2),
        Target("forwarded for", of_bytes(*HOPS), _forwarded, (), 2),
        Target("trusted proxies", of_bytes(b"10.0.0.0/8", b"::1", b"fe80::/10"), _networks, ()),
        Target("origin", of_bytes(*ORIGINS, *HOSTS), _origin, ()),
        Target(
            "body type",
            of_bytes(b"application/json; charset=utf-8", b"text/plain", b"multipart/form-data"),
            _body,
            (Refused,),
        ),
        Target("range and etag", of_bytes(*RANGES), _range, (Refused,)),
        Target("place", of_bytes(*PLACES), _place, (Refused,), 2),
        Target("cookie", of_bytes(*COOKIES), Doors(), ()),
        Target("settings post", of_json(*SETTINGS), _Changes.model_validate_json, (ValidationError,)),
        Target("open post", of_json({"address": PEER}), _Open.model_validate_json, (ValidationError,)),
    ]


def _host(data: bytes) -> None:
    host = parse_host(data.decode("latin-1"))
    assert 0 < host.port < 65536
    if host.loopback:
        assert host.name in ("localhost", "127.0.0.1", "::1")
    check_site_host(host, public=False)
    check_console_host(host, 8080)


def _forwarded(data: bytes) -> None:
    value = data.decode("latin-1")
    for peer in ("127.0.0.1", "198.51.100.7", "", value):
        client = client_of(peer, {"X-Forwarded-For": value, "X-Forwarded-Proto": value}, [value, value], TRUSTED)
        assert not client.local, "what came through a proxy counts as local"
        client_key(client.address)
    client = client_of("198.51.100.7", {"X-Forwarded-For": value}, [value], TRUSTED)
    assert client.address == "198.51.100.7", "an untrusted proxy was believed"


def _networks(data: bytes) -> None:
    parse_networks((as_text(data), "10.0.0.0/8"))


def _origin(data: bytes) -> None:
    value = data.decode("latin-1")
    own = Host("127.0.0.1", 8080, "127.0.0.1:8080")
    for headers in (
        {"Origin": value},
        {"Sec-Fetch-Site": value},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": value},
    ):
        try:
            check_origin("POST", headers, own)
        except Refused:
            continue
        assert value.lower() in ("http://127.0.0.1:8080", "same-origin"), f"{headers} was let in"


def _body(data: bytes) -> None:
    value = data.decode("latin-1")
    for method in METHODS:
        check_body(method, {"X-Goop2": "1", "Content-Type": value})
        check_body(method, {"X-Goop2": value, "Content-Length": value, "Transfer-Encoding": value})


def _range(data: bytes) -> None:
    value = data.decode("latin-1")
    etag = etag_of((1, 2, 3))
    matches(value, etag)
    part = part_of({"Range": value, "If-Range": value}, 1000, etag)
    assert part is None or 0 <= part.start < part.start + part.count <= 1000
    part = part_of({"Range": value}, 1000, etag)
    assert part is None or 0 <= part.start < part.start + part.count <= 1000


def _place(data: bytes) -> None:
    raw = data.decode("utf-8", "replace")
    place = str(_location(_decoded(raw), raw))
    assert place.startswith("/")
    assert not place.startswith(("//", "/\\"))
    assert place.isascii()
    assert place.isprintable()


class Doors:
    """Sessions and tokens, of which nobody has one."""

    def __init__(self) -> None:
        self._sessions = Sessions()
        self._tokens = OneTimeTokens(60.0)
        self._rates = Rates(1.0, 2.0, most=100)
        self._session = self._sessions.open("door")
        self._tokens.issue("door")

    def __call__(self, data: bytes) -> None:
        value = data.decode("latin-1")
        assert not self._sessions.valid(value, "door")
        assert not self._tokens.take(value, "door")
        assert guest_of(value).id.startswith("guest-")
        assert self._sessions.valid(self._session, "door")
        self._rates.take(value)
