"""Multiaddr text as this node dials and announces it: IP or DNS name, TCP, optionally WebSocket."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

import ifaddr

MOST_TEXT = 256
_DNS_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
_HOST_KINDS = ("ip4", "ip6", "dns", "dns4", "dns6")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to connect to or to listen at. `kind` is the multiaddr protocol of `host`."""

    kind: str
    host: str
    port: int
    websocket: bool

    def __str__(self) -> str:
        return f"/{self.kind}/{self.host}/tcp/{self.port}" + ("/ws" if self.websocket else "")

    @property
    def dialable(self) -> bool:
        """Whether one peer can be there: not port 0, nor an address that stands for many."""
        ip = self.ip
        return self.port > 0 and (ip is None or not (ip.is_unspecified or ip.is_multicast))

    @property
    def ip(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
        """The address, if it is a number; the IPv4 address if it is one in the clothes of IPv6."""
        ip = ipaddress.ip_address(self.host) if self.kind in ("ip4", "ip6") else None
        return ip.ipv4_mapped or ip if isinstance(ip, ipaddress.IPv6Address) else ip

    @property
    def here(self) -> bool:
        """Whether it leads to the machine, or the cable, of whoever reads it."""
        if self.ip is None:
            return f".{self.host.lower().rstrip('.')}".endswith(".localhost")
        return is_here(self.ip)


def parse(text: object, peer_id: str = "") -> Endpoint | None:
    """The endpoint that multiaddr `text` names; `None` for any other transport, for nonsense, and for other peers.

    A trailing `/p2p/<id>` is accepted if `peer_id` is empty or the same.
    """
    if not isinstance(text, str) or len(text) > MOST_TEXT or not text.startswith("/"):
        return None
    parts = text[1:].split("/")
    if len(parts) >= 2 and parts[-2] == "p2p":  # noqa: PLR2004  the two parts of /p2p/<id>
        if peer_id and parts[-1] != peer_id:
            return None
        parts = parts[:-2]
    websocket = parts[-1:] == ["ws"]
    if websocket:
        parts = parts[:-1]
    if len(parts) != 4 or parts[0] not in _HOST_KINDS or parts[2] != "tcp":  # noqa: PLR2004  /kind/host/tcp/port
        return None
    kind, host, port = parts[0], parts[1], parts[3]
    if not (port.isascii() and port.isdigit() and int(port) <= 65535):  # noqa: PLR2004  the highest port
        return None
    if "%" in host:  # a scope names an interface of one machine
        return None
    if kind.startswith("dns"):
        return Endpoint(kind, host, int(port), websocket) if _DNS_NAME.fullmatch(host) else None
    try:
        address = ipaddress.IPv4Address(host) if kind == "ip4" else ipaddress.IPv6Address(host)
    except ValueError:
        return None
    return Endpoint(kind, str(address), int(port), websocket)


def of_socket(host: str, port: int, *, websocket: bool = False) -> Endpoint:
    """The endpoint of a socket's address; a scope (`%eth0`) is dropped, a mapped IPv4 address is unwrapped."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return Endpoint(f"ip{address.version}", str(address), port, websocket)


def interface_addresses() -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """Every address of this machine's network interfaces, loopback included; empty if the system does not say."""
    found = []
    try:
        for adapter in ifaddr.get_adapters():
            for ip in adapter.ips:
                text = ip.ip if isinstance(ip.ip, str) else ip.ip[0]
                found.append(ipaddress.ip_address(text.partition("%")[0]))
    except (OSError, ValueError):
        return []
    return sorted(set(found), key=lambda ip: (ip.version, int(ip)))


def is_here(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether this address means another machine to everybody: loopback, link-local or unspecified."""
    return ip.is_loopback or ip.is_link_local or ip.is_unspecified


def expand(
    endpoints: Iterable[Endpoint], interfaces: Iterable[ipaddress.IPv4Address | ipaddress.IPv6Address]
) -> list[str]:
    """The listen addresses with `0.0.0.0` and `::` replaced by the addresses of the interfaces."""
    interfaces = list(interfaces)
    found: dict[str, None] = {}
    for endpoint in endpoints:
        ip = endpoint.ip
        if ip is not None and ip.is_unspecified:
            for address in interfaces:
                if address.version == ip.version:
                    found[str(Endpoint(endpoint.kind, str(address), endpoint.port, endpoint.websocket))] = None
        else:
            found[str(endpoint)] = None
    return list(found)


def announceable(addresses: Iterable[str]) -> list[str]:
    """Those that others can use: neither loopback nor link-local (spec 2.2)."""
    return [text for text in addresses if (endpoint := parse(text)) is None or not endpoint.here]


def is_loopback(text: str) -> bool:
    """Whether this address leads back to the machine that reads it."""
    endpoint = parse(text)
    if endpoint is None:
        return False
    return endpoint.here if endpoint.ip is None else endpoint.ip.is_loopback
