"""Where a navigation of a page leads: it stays, goes to another peer's site, leaves the peer network, or is refused."""

from __future__ import annotations

from enum import Enum, auto

from PySide6.QtCore import QUrl, QUrlQuery

LOOPBACK = {"127.0.0.1", "localhost", "[::1]", "::1"}
OUTSIDE_SCHEMES = {"http", "https", "mailto"}
INNER_SCHEMES = {"about", "blob", "data"}  # made by the page itself
TOKEN = "goop-token"  # noqa: S105 - the name of a parameter
DEFAULT_PORTS = {"http": 80, "https": 443}


class Leads(Enum):
    """What may become of a navigation."""

    STAY = auto()
    PEER = auto()  # a site of the peer network: opened by its address, in a tab of its own
    OUTSIDE = auto()  # opened in the system's browser, after asking
    NOWHERE = auto()


def origin_of(url: QUrl) -> str:
    """`http://host:port`, as `SiteTarget.origin` has it; "" for what has no host."""
    if not url.host():
        return ""
    port = url.port(DEFAULT_PORTS.get(url.scheme(), -1))
    shown = "" if port == DEFAULT_PORTS.get(url.scheme()) else f":{port}"
    return f"{url.scheme()}://{url.host().lower()}{shown}"


def leads(url: QUrl, origin: str) -> Leads:
    """Where a page of `origin` goes with this URL."""
    scheme = url.scheme().lower()
    if scheme == "goop2":
        return Leads.PEER
    if scheme in INNER_SCHEMES:
        return Leads.STAY
    if scheme not in OUTSIDE_SCHEMES:
        return Leads.NOWHERE
    if scheme == "mailto":
        return Leads.OUTSIDE
    if not url.host():
        return Leads.NOWHERE
    if origin_of(url) == origin:
        return Leads.STAY
    if is_site(url):
        return Leads.PEER
    host = url.host().lower()
    return Leads.NOWHERE if host in LOOPBACK or host.endswith(".localhost") else Leads.OUTSIDE


def is_site(url: QUrl) -> bool:
    """Whether this is a peer's site as a viewer on this computer serves it: in its own origin, or under `/p/`."""
    host = url.host().lower()
    if url.scheme() != "http":
        return False
    return host.endswith(".localhost") or (host in LOOPBACK and url.path().startswith("/p/"))


def without_token(url: QUrl) -> QUrl:
    """The URL without a one-time token, for showing and copying."""
    query = QUrlQuery(url)
    if not query.hasQueryItem(TOKEN):
        return url
    query.removeAllQueryItems(TOKEN)
    clean = QUrl(url)
    clean.setQuery(query)
    return clean


def site_address(peer_id: str, url: QUrl) -> str:
    """The `goop2:` link of a page of a peer's site."""
    clean = without_token(url)
    path = clean.path(QUrl.ComponentFormattingOption.FullyEncoded)
    rest = "" if path in ("", "/") else path
    if clean.hasQuery() and clean.query():
        rest += ("" if rest else "/") + "?" + clean.query(QUrl.ComponentFormattingOption.FullyEncoded)
    if clean.hasFragment():
        rest += ("" if rest else "/") + "#" + clean.fragment(QUrl.ComponentFormattingOption.FullyEncoded)
    return f"goop2:{peer_id}{rest}"
