"""Addresses: what parses, what is announced, what is remembered."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goop2_core.p2p import _addresses
from goop2_core.p2p._book import ADDRESSES_MOST, PEERS_MOST, AddressBook
from goop2_core.p2p._dial import order
from goop2_core.p2p._mdns import peers_of

ID = "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB"


@pytest.mark.parametrize(
    "text",
    ["/ip4/192.168.1.2/tcp/4001", "/ip6/2001:db8::1/tcp/4001", "/dns4/example.org/tcp/80/ws", "/ip4/1.2.3.4/tcp/0/ws"],
)
def test_addresses_that_can_be_dialled_come_back_as_they_were(text: str) -> None:
    assert str(_addresses.parse(text)) == text
    assert _addresses.parse(f"{text}/p2p/{ID}", ID) == _addresses.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "/ip4/1.2.3.4",
        "/ip4/1.2.3.4/tcp/65536",
        "/ip4/1.2.3.4/tcp/-1",
        "/ip4/1.2.3.4/tcp/٣",
        "/ip4/1.2.3/tcp/1",
        "/ip4/1.2.3.4/udp/1/quic-v1",
        "/ip4/1.2.3.4/tcp/1/wss",
        "/ip4/1.2.3.4/tcp/1/p2p/12D3KooWother",
        f"/ip4/1.2.3.4/tcp/1/p2p/{ID}/p2p-circuit",
        "/ip6/fe80::1%eth0/tcp/1",
        "/dns/a b/tcp/1",
        "/dns/" + "a" * 300 + "/tcp/1",
        None,
        7,
    ],
)
def test_anything_else_does_not_parse(text: object) -> None:
    assert _addresses.parse(text, ID) is None


@given(st.text(max_size=80))
def test_rubbish_does_not_parse_or_comes_back(text: str) -> None:
    endpoint = _addresses.parse("/ip4/" + text)
    assert endpoint is None or _addresses.parse(str(endpoint)) == endpoint


def test_an_unspecified_address_stands_for_every_interface_of_its_kind() -> None:
    interfaces = [
        ipaddress.ip_address(text) for text in ("127.0.0.1", "192.168.1.2", "169.254.1.1", "::1", "2001:db8::1")
    ]
    wildcard = [_addresses.parse("/ip4/0.0.0.0/tcp/4001"), _addresses.parse("/ip6/::/tcp/4001/ws")]
    listening = _addresses.expand([end for end in wildcard if end], interfaces)
    assert listening == [
        "/ip4/127.0.0.1/tcp/4001",
        "/ip4/192.168.1.2/tcp/4001",
        "/ip4/169.254.1.1/tcp/4001",
        "/ip6/::1/tcp/4001/ws",
        "/ip6/2001:db8::1/tcp/4001/ws",
    ]
    assert _addresses.announceable(listening) == ["/ip4/192.168.1.2/tcp/4001", "/ip6/2001:db8::1/tcp/4001/ws"]


def test_a_mapped_address_and_a_scope_are_unwrapped() -> None:
    assert str(_addresses.of_socket("::ffff:10.0.0.1", 5)) == "/ip4/10.0.0.1/tcp/5"
    assert str(_addresses.of_socket("fe80::1%eth0", 5)) == "/ip6/fe80::1/tcp/5"


def test_the_book_forgets_in_time_and_keeps_no_more_than_it_may() -> None:
    now = 0.0
    book = AddressBook(lambda: now)
    book.learn(ID, ["/ip4/1.2.3.4/tcp/1", "nonsense", f"/ip4/1.2.3.4/tcp/2/p2p/{ID}", "/ip4/1.2.3.4/tcp/0"], 1.0)
    assert sorted(end.port for end in book.known(ID)) == [1, 2]
    now = 119.0
    assert len(book.known(ID)) == 2
    now = 121.0
    assert book.known(ID) == []
    book.learn(ID, [f"/ip4/1.2.3.4/tcp/{port}" for port in range(1, 100)], 600)
    assert len(book.known(ID)) == ADDRESSES_MOST
    for number in range(PEERS_MOST + 10):
        book.learn(f"peer{number}", ["/ip4/1.2.3.4/tcp/1"], 600)
    assert book.known(ID) == []
    assert len(book.known(f"peer{PEERS_MOST + 9}")) == 1


def test_of_hearsay_few_addresses_are_dialled_until_one_is_proven() -> None:
    book = AddressBook()
    near = [f"/ip4/192.168.1.{n}/tcp/1" for n in range(1, 11)]
    far = [f"/ip4/8.8.4.{n}/tcp/1" for n in range(1, 11)]
    book.learn(ID, near + far, 600, hearsay=True)
    dialled = [end for end, _ in book.to_dial(ID)]
    assert len(dialled) == 6
    assert sum(end.ip is not None and end.ip.is_private for end in dialled) == 3
    assert book.to_dial(ID, dialled) == [(end, True) for end in book.known(ID) if end in dialled]
    assert {end for _ in range(200) for end, _ in book.to_dial(ID)} == set(book.known(ID)), "each has its turn"
    book.learn(ID, near[:1], 600)
    book.proven(ID, _parsed(far[0]))
    book.learn(ID, near + far, 600, hearsay=True)  # said again, and still known to be true
    assert {str(end) for end, hearsay in book.to_dial(ID) if not hearsay} == {near[0], far[0]}
    assert len(book.to_dial(ID)) == 8
    book.proven("nobody", _parsed(far[0]))
    assert book.known("nobody") == []


def _parsed(text: str) -> _addresses.Endpoint:
    endpoint = _addresses.parse(text)
    assert endpoint is not None
    return endpoint


@pytest.mark.parametrize(
    "host",
    [
        "ip4/127.0.0.1", "ip4/127.9.9.9", "ip4/0.0.0.0", "ip4/169.254.169.254", "ip6/::1", "ip6/0:0:0:0:0:0:0:1",
        "ip6/::", "ip6/::ffff:127.0.0.1", "ip6/::ffff:7f00:1", "ip6/fe80::1", "dns/localhost",
        "dns4/LOCALHOST.", "dns6/a.localhost",
    ],
)  # fmt: skip
def test_what_leads_to_the_readers_own_machine_is_not_announced(host: str) -> None:
    assert _addresses.announceable([f"/{host}/tcp/631", f"/{host}/tcp/631/ws"]) == []


def test_what_leads_elsewhere_is_announced() -> None:
    texts = ["/ip4/10.0.0.1/tcp/1", "/ip6/fd00::1/tcp/1", "/dns4/localhost.example.org/tcp/1", "/ip4/1.2.3.4/udp/1"]
    assert _addresses.announceable(texts) == texts


def test_near_addresses_are_dialled_first() -> None:
    texts = ["/dns/example.org/tcp/1", "/ip4/8.8.8.8/tcp/1", "/ip4/192.168.1.2/tcp/1/ws", "/ip4/192.168.1.2/tcp/1"]
    ends = [end for text in texts if (end := _addresses.parse(text))]
    assert [str(end) for end in order(ends)] == list(reversed(texts))


def strings(*texts: bytes) -> bytes:
    return b"".join(bytes([len(text)]) + text for text in texts)


def test_a_txt_record_names_peers() -> None:
    text = strings(
        b"dnsaddr=/ip4/10.0.0.1/tcp/1/p2p/" + ID.encode(),
        b"dnsaddr=/ip4/10.0.0.2/tcp/1/p2p/" + ID.encode(),
        b"dnsaddr=/ip4/10.0.0.2/udp/1/quic-v1/p2p/" + ID.encode(),
        b"dnsaddr=/ip4/10.0.0.2/tcp/1/p2p/nobody",
        b"dnsaddr=/ip4/10.0.0.2/tcp/1",
        b"other=1",
    )
    assert peers_of(text) == {ID: ("/ip4/10.0.0.1/tcp/1", "/ip4/10.0.0.2/tcp/1")}


@given(st.binary(max_size=600))
def test_any_txt_record_can_be_read(text: bytes) -> None:
    assert isinstance(peers_of(text), dict)
    assert isinstance(peers_of(strings(b"dnsaddr=" + text[:200])), dict)
