"""What a request must look like before anything is done for it: host, origin, kind of body, client address, rate.

Pure functions over headers, so that a table of cases tests them; the two faces combine them. Every refusal is a
`Refused` with the HTTP status that says the same.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from goop2_core.errors import Refused
from goop2_core.identity import from_base36

SAFE_METHODS = frozenset({"GET", "HEAD"})
BODY_TYPES = frozenset({"application/json", "application/octet-stream", "multipart/form-data"})
PROXY_HEADERS = ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Forwarded", "Via")
MOST_HOPS = 20
HIGHEST_PORT = 65535

# What a site may do (spec/application.md 3.3). Beyond the known program's line: `media-src` and `form-action`, because
# sites have sound and films, and because without it a form could send what a visitor types anywhere.
SITE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data: blob:; font-src 'self' data:; "
    "media-src 'self' blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)
CONSOLE_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; object-src 'none'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
SERVER = "goop2"  # strangers need not know more
COMMON_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=(), serial=(), hid=()",
}
SITE_HEADERS = {**COMMON_HEADERS, "Content-Security-Policy": SITE_POLICY}
CONSOLE_HEADERS = {**COMMON_HEADERS, "Content-Security-Policy": CONSOLE_POLICY}

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]{2,45}\]|[a-z0-9_](?:[a-z0-9_.-]{0,252}))(?::(?P<port>\d{1,5}))?", re.ASCII)
_HOP = re.compile(r"\[(?P<v6>[0-9A-Fa-f:.]+)\](?::\d+)?|(?P<v4>[0-9.]+):\d+|(?P<plain>[0-9A-Fa-f:.]+)", re.ASCII)

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


# ---- host


@dataclass(frozen=True, slots=True)
class Host:
    """A parsed `Host` header: `name` in lower case, without brackets; `text` as it belongs into an origin."""

    name: str
    port: int
    text: str

    @property
    def loopback(self) -> bool:
        """Whether it names this computer itself (not one of the site origins below `localhost`)."""
        return self.name in ("localhost", "127.0.0.1", "::1")

    @property
    def site(self) -> str:
        """The peer ID whose site origin it is (`<base36>.localhost`), or `""`."""
        label, dot, rest = self.name.partition(".")
        if dot and rest == "localhost":
            with contextlib.suppress(ValueError):
                return from_base36(label)
        return ""


def parse_host(header: str) -> Host:
    """The `Host` header, or `Refused` (400)."""
    match = _HOST.fullmatch(header.lower())
    port = int(match["port"] or 80) if match else 0
    if match is None or not 0 < port <= HIGHEST_PORT:
        raise Refused("This request names no host", "The Host header is missing or malformed.", status=400)
    return Host(match["name"].strip("[]"), port, match[0])


def check_site_host(host: Host, *, public: bool) -> None:
    """Sites answer to loopback names and to site origins, and to every name only where anybody may come anyway.

    Bound to loopback, an unknown name means that some page rebound its own name to this computer: 421.
    """
    if host.loopback or host.site:
        return
    if not public or host.name.endswith(".localhost"):
        raise Refused("This is not the address of a site", f"Nothing here is called {host.name}.", status=421)


def check_console_host(host: Host, port: int) -> None:
    """The console answers to the three names of this computer, at its own port; else 421."""
    if not host.loopback or host.port != port:
        raise Refused("This is not the address of the console", f"It is at http://127.0.0.1:{port}/.", status=421)


# ---- who sent it


def check_origin(method: str, headers: Mapping[str, str], host: Host, scheme: str = "http") -> None:
    """Refuse (403) what another page sent: an `Origin` or `Sec-Fetch-Site` that is not this very origin.

    Following a link here is allowed: a top-level `GET` without an `Origin`. Programs that are no browsers send
    neither header and pass; they need the session like everybody.
    """
    origin = headers.get("Origin")
    if origin is not None and origin.lower() != f"{scheme}://{host.text}":
        raise Refused("Another page may not do this", "The request comes from another origin.", status=403)
    fetch_site = headers.get("Sec-Fetch-Site", "same-origin")
    if fetch_site == "same-origin" or (fetch_site == "none" and method in SAFE_METHODS):
        return
    follows_link = headers.get("Sec-Fetch-Mode") == "navigate" and headers.get("Sec-Fetch-Dest") == "document"
    if not (follows_link and method in SAFE_METHODS):
        raise Refused("Another page may not do this", "The request comes from another site.", status=403)


def check_body(method: str, headers: Mapping[str, str]) -> None:
    """Changes need a body type that no form of another page can send (415), and `X-Goop2: 1` (403)."""
    if method in SAFE_METHODS:
        return
    if headers.get("X-Goop2") != "1":
        raise Refused("Another page may not do this", "The X-Goop2 header is missing.", status=403)
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    empty = headers.get("Content-Length", "0") == "0" and "Transfer-Encoding" not in headers
    if kind not in BODY_TYPES and not (method == "DELETE" and empty and not kind):
        raise Refused("This kind of body is not accepted", "Send application/json.", status=415)
    if "Content-Encoding" in headers:
        raise Refused("Compressed bodies are not accepted", "Send it as it is.", status=415)


# ---- where it came from


@dataclass(frozen=True, slots=True)
class Client:
    """Where a request came from: the visitor's address, whether a proxy passed it on, whether over TLS."""

    address: str
    proxied: bool
    secure: bool

    @property
    def local(self) -> bool:
        """Whether it is surely a program on this computer: the only place from where the owner comes."""
        return not self.proxied and _is_loopback(self.address)


@lru_cache(maxsize=64)
def parse_networks(texts: tuple[str, ...]) -> tuple[IPNetwork, ...]:
    """Addresses and networks (`10.0.0.0/8`) of `viewer.trusted_proxies`; what does not parse trusts nobody."""
    networks: list[IPNetwork] = []
    for text in texts:
        with contextlib.suppress(ValueError):
            networks.append(ipaddress.ip_network(text.strip(), strict=False))
    return tuple(networks)


def trusts(networks: tuple[IPNetwork, ...], address: str) -> bool:
    """Whether `address` is one of the trusted proxies."""
    parsed = _parse_ip(address)
    return parsed is not None and any(parsed in network for network in networks)


def client_of(peer: str, headers: Mapping[str, str], forwarded: list[str], trusted: tuple[IPNetwork, ...]) -> Client:
    """The client behind `peer`, the other end of the connection.

    `forwarded` are the values of `X-Forwarded-For`, which count only if `peer` is a trusted proxy: then the client is
    the rightmost hop that is not. A hop that is not an address ends the search at the last good one.
    """
    address = _plain(peer)
    proxied = any(name in headers for name in PROXY_HEADERS)
    if not trusts(trusted, address):
        return Client(address, proxied, secure=False)
    secure = headers.get("X-Forwarded-Proto", "").strip().lower() == "https"
    hops = [hop.strip() for value in forwarded for hop in value.split(",")]
    for hop in reversed(hops[-MOST_HOPS:]):
        match = _HOP.fullmatch(hop)
        parsed = _parse_ip(match["v6"] or match["v4"] or match["plain"]) if match else None
        if parsed is None:
            break
        address = str(parsed)
        if not trusts(trusted, address):
            break
    return Client(address, proxied, secure)


def client_key(address: str) -> str:
    """What shares one allowance: an IPv4 address, or an IPv6 network of 64 bits, since one visitor has them all."""
    parsed = _parse_ip(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed or address)


def _parse_ip(text: str) -> IPAddress | None:
    try:
        parsed = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed


def _plain(text: str) -> str:
    return str(_parse_ip(text) or text)


def _is_loopback(address: str) -> bool:
    parsed = _parse_ip(address)
    return parsed is not None and parsed.is_loopback


# ---- how often


class Rates:
    """A token bucket for each client: `burst` requests at once, `per_second` after that.

    At most `most` clients are remembered; one who is forgotten starts with a full bucket, which costs less than to
    remember everybody.
    """

    def __init__(
        self, per_second: float, burst: float, most: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_second = per_second
        self._burst = burst
        self._most = most
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> float:
        """0 if the client may go on, else the seconds after which it may."""
        now = self._clock()
        level, then = self._buckets.pop(key, (self._burst, now))
        level = min(self._burst, level + (now - then) * self._per_second)
        allowed = level >= 1
        self._buckets[key] = (level - 1 if allowed else level, now)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - level) / self._per_second
