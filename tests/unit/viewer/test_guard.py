import pytest

from goop2_core.errors import Refused
from goop2_core.identity import peer_id_of, to_base36
from goop2_core.viewer.guard import (
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

PEER = peer_id_of(bytes(range(32)))
LABEL = to_base36(PEER)
HERE = "127.0.0.1:8000"
OK = 0


def status(check, *arguments, **named):
    try:
        check(*arguments, **named)
    except Refused as error:
        return error.status
    return OK


@pytest.mark.parametrize(
    ("header", "name", "port"),
    [
        ("127.0.0.1:8000", "127.0.0.1", 8000),
        ("LOCALHOST", "localhost", 80),
        ("[::1]:8000", "::1", 8000),
        ("[::1]", "::1", 80),
        ("example.org", "example.org", 80),
        ("a_b-c.example:1", "a_b-c.example", 1),
    ],
)
def test_hosts(header, name, port):
    host = parse_host(header)
    assert (host.name, host.port) == (name, port)


@pytest.mark.parametrize(
    "header",
    [
        "",
        " ",
        "a b",
        "a:0",
        "a:65536",
        "a:",
        "a:x",
        "[::1",
        "::1",
        "user@host",
        "a/b",
        "a,b",
        "ü.example",
        "a:1:2",
        "-a",
        "[]",
        ".",
        "a\x00",
        "a" * 300,
        "[" + "1" * 60 + "]",
    ],
)
def test_malformed_hosts(header):
    assert status(parse_host, header) == 400


@pytest.mark.parametrize(
    ("name", "private", "public"),
    [
        ("127.0.0.1:8000", OK, OK),
        ("localhost:8000", OK, OK),
        ("localhost:9999", OK, OK),  # through a tunnel
        ("[::1]:8000", OK, OK),
        (f"{LABEL}.localhost:8000", OK, OK),
        (f"{LABEL.upper()}.LOCALHOST:8000", OK, OK),
        (f"{LABEL[:-1]}.localhost:8000", 421, 421),
        (f"x.{LABEL}.localhost:8000", 421, 421),
        (f"{LABEL}.localhost.evil.example", 421, OK),
        ("evil.localhost", 421, 421),
        ("localhost.", 421, OK),
        ("evil.example", 421, OK),
        ("192.168.1.7:8000", 421, OK),
        ("127.0.0.1.nip.io:8000", 421, OK),
        ("0.0.0.0:8000", 421, OK),
        ("127.0.0.2:8000", 421, OK),
    ],
)
def test_which_hosts_have_sites(name, private, public):
    assert status(check_site_host, parse_host(name), public=False) == private
    assert status(check_site_host, parse_host(name), public=True) == public


def test_a_site_host_names_its_peer():
    assert parse_host(f"{LABEL}.localhost:8000").site == PEER
    assert parse_host("localhost").site == ""
    assert parse_host(f"{LABEL}.example").site == ""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (HERE, OK),
        ("localhost:8000", OK),
        ("[::1]:8000", OK),
        ("127.0.0.1:8001", 421),
        ("127.0.0.1", 421),
        ("evil.example:8000", 421),
        (f"{LABEL}.localhost:8000", 421),
        ("localhost.evil.example:8000", 421),
    ],
)
def test_which_hosts_have_the_console(name, expected):
    assert status(check_console_host, parse_host(name), 8000) == expected


LINK = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
ORIGINS = [
    ("GET", {}, OK),
    ("POST", {}, OK),  # not a browser
    ("GET", {"Origin": f"http://{HERE}"}, OK),
    ("POST", {"Origin": f"http://{HERE}"}, OK),
    ("POST", {"Origin": f"HTTP://{HERE}"}, OK),
    ("POST", {"Origin": "null"}, 403),
    ("GET", {"Origin": "null"}, 403),
    ("POST", {"Origin": ""}, 403),
    ("POST", {"Origin": f"https://{HERE}"}, 403),
    ("POST", {"Origin": "http://127.0.0.1:8001"}, 403),
    ("POST", {"Origin": "http://127.0.0.1"}, 403),
    ("POST", {"Origin": "http://localhost:8000"}, 403),
    ("POST", {"Origin": f"http://{HERE}.evil.example"}, 403),
    ("POST", {"Origin": f"http://{HERE}/"}, 403),
    ("POST", {"Origin": "http://evil.example"}, 403),
    ("GET", {"Origin": "http://evil.example"}, 403),
    ("POST", {"Origin": f"http://{LABEL}.localhost:8000"}, 403),
    ("GET", {"Sec-Fetch-Site": "same-origin"}, OK),
    ("POST", {"Sec-Fetch-Site": "same-origin", "Origin": f"http://{HERE}"}, OK),
    ("POST", {"Sec-Fetch-Site": "same-origin", "Origin": "http://evil.example"}, 403),
    ("GET", {"Sec-Fetch-Site": "none"}, OK),  # typed, or a bookmark
    ("POST", {"Sec-Fetch-Site": "none"}, 403),
    ("GET", {"Sec-Fetch-Site": "cross-site"}, 403),
    ("GET", {"Sec-Fetch-Site": "same-site"}, 403),  # another port of this computer
    ("POST", {"Sec-Fetch-Site": "cross-site", "Origin": f"http://{HERE}"}, 403),
    ("POST", {"Sec-Fetch-Site": "same-site", "Origin": f"http://{HERE}"}, 403),
    ("GET", {"Sec-Fetch-Site": "cross-site", **LINK}, OK),
    ("HEAD", {"Sec-Fetch-Site": "cross-site", **LINK}, OK),
    ("POST", {"Sec-Fetch-Site": "cross-site", **LINK}, 403),
    ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, 403),
    ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, 403),
    ("GET", {"Sec-Fetch-Site": "nonsense"}, 403),
]


@pytest.mark.parametrize(("method", "headers", "expected"), ORIGINS)
def test_who_may_send(method, headers, expected):
    assert status(check_origin, method, headers, parse_host(HERE)) == expected


JSON = {"X-Goop2": "1", "Content-Type": "application/json", "Content-Length": "2"}
BODIES = [
    ("GET", {}, OK),
    ("HEAD", {}, OK),
    ("POST", JSON, OK),
    ("PUT", JSON, OK),
    ("POST", {**JSON, "Content-Type": "application/json; charset=utf-8"}, OK),
    ("POST", {**JSON, "Content-Type": "APPLICATION/JSON"}, OK),
    ("PUT", {**JSON, "Content-Type": "application/octet-stream"}, OK),
    ("POST", {**JSON, "Content-Type": "multipart/form-data; boundary=x"}, OK),
    ("POST", {**JSON, "Content-Type": "text/plain"}, 415),
    ("POST", {**JSON, "Content-Type": "application/x-www-form-urlencoded"}, 415),
    ("POST", {**JSON, "Content-Type": ""}, 415),
    ("POST", {**JSON, "Content-Type": "text/plain; application/json"}, 415),
    ("POST", {"X-Goop2": "1", "Content-Length": "0"}, 415),
    ("POST", {**JSON, "X-Goop2": "0"}, 403),
    ("POST", {"Content-Type": "application/json"}, 403),
    ("POST", {**JSON, "Content-Encoding": "gzip"}, 415),
    ("DELETE", {"X-Goop2": "1"}, OK),
    ("DELETE", JSON, OK),
    ("DELETE", {}, 403),
    ("DELETE", {"X-Goop2": "1", "Content-Length": "3"}, 415),
    ("DELETE", {"X-Goop2": "1", "Transfer-Encoding": "chunked"}, 415),
    ("PATCH", {}, 403),
    ("OPTIONS", {}, 403),
]


@pytest.mark.parametrize(("method", "headers", "expected"), BODIES)
def test_which_bodies_are_taken(method, headers, expected):
    assert status(check_body, method, headers) == expected


TRUSTED = parse_networks(("127.0.0.1", "10.0.0.0/8", "fd00::/8", "nonsense", ""))
CLIENTS = [
    # other end, X-Forwarded-For values, the client's address, local
    ("127.0.0.1", [], "127.0.0.1", True),
    ("::1", [], "::1", True),
    ("::ffff:127.0.0.1", [], "127.0.0.1", True),
    ("203.0.113.9", [], "203.0.113.9", False),
    ("203.0.113.9", ["127.0.0.1"], "203.0.113.9", False),  # says so itself
    ("::1", ["203.0.113.9"], "::1", False),  # a proxy nobody named: passed on, so not the owner
    ("127.0.0.1", ["203.0.113.9"], "203.0.113.9", False),
    ("127.0.0.1", ["1.2.3.4, 203.0.113.9"], "203.0.113.9", False),  # the left one was made up
    ("127.0.0.1", ["1.2.3.4", "203.0.113.9"], "203.0.113.9", False),
    ("127.0.0.1", ["203.0.113.9, 10.1.2.3"], "203.0.113.9", False),
    ("127.0.0.1", ["203.0.113.9, 10.1.2.3, fd00::7"], "203.0.113.9", False),
    ("127.0.0.1", ["127.0.0.1"], "127.0.0.1", False),
    ("127.0.0.1", ["203.0.113.9, rubbish"], "127.0.0.1", False),
    ("127.0.0.1", ["203.0.113.9, rubbish, 10.0.0.1"], "10.0.0.1", False),
    ("127.0.0.1", ["203.0.113.9:5432"], "203.0.113.9", False),
    ("127.0.0.1", ["[2001:db8::1]:443"], "2001:db8::1", False),
    ("127.0.0.1", ["2001:db8::1"], "2001:db8::1", False),
    ("127.0.0.1", [""], "127.0.0.1", False),
    ("127.0.0.1", [",".join(["1.1.1.1"] * 5000)], "1.1.1.1", False),
]


@pytest.mark.parametrize(("peer", "forwarded", "address", "local"), CLIENTS)
def test_where_a_request_comes_from(peer, forwarded, address, local):
    headers = {"X-Forwarded-For": forwarded[0]} if forwarded else {}
    client = client_of(peer, headers, forwarded, TRUSTED)
    assert (client.address, client.local) == (address, local)


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP", "X-Forwarded-Host"])
def test_what_a_proxy_passed_on_is_never_the_owners(header):
    assert not client_of("127.0.0.1", {header: "anything"}, [], ()).local


def test_only_a_trusted_proxy_says_that_it_was_tls():
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
    assert client_of("127.0.0.1", headers, ["203.0.113.9"], TRUSTED).secure
    assert not client_of("203.0.113.9", headers, ["203.0.113.9"], TRUSTED).secure


def test_one_allowance_for_an_ipv6_network():
    assert client_key("2001:db8::1") == client_key("2001:db8::ffff:1")
    assert client_key("2001:db8::1") != client_key("2001:db8:0:1::1")
    assert client_key("203.0.113.9") != client_key("203.0.113.8")
    assert client_key("::ffff:203.0.113.9") == "203.0.113.9"


def test_rates():
    now = [0.0]
    rates = Rates(per_second=2, burst=3, most=2, clock=lambda: now[0])
    assert [rates.take("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert rates.take("b") == 0
    now[0] = 0.5
    assert rates.take("a") == 0
    assert rates.take("a") == 0.5
    rates.take("b")
    rates.take("c")  # "a" is forgotten
    assert rates.take("a") == 0
