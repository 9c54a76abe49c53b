"""Addresses of peers and of pages on their sites, as people paste them, and the link that goop2 writes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from goop2_core.errors import Goop2Error
from goop2_core.identity import from_base36, is_peer_id

LONGEST_LINK = 4096
_SCHEME = re.compile(r"goop2:/{0,2}", re.IGNORECASE)
_SAFE = "/:@!$&'()*+,;=-._~%?#"  # what RFC 3986 allows in path, query and fragment


@dataclass(frozen=True, slots=True)
class Link:
    """A peer (base58 peer ID) and a place on its site.

    `path` is empty or begins with one slash; a query and a fragment are part of it, percent-encoding is kept.
    """

    peer_id: str
    path: str = ""


def parse_link(text: str) -> Link:
    """The peer and path in a link.

    Understands `goop2:<peer ID>[/path]`, `goop2://<peer ID>/path`, a bare peer ID, `http(s)://…/p/<peer ID>/path`, and
    URLs whose host starts with the peer ID in base36. The base36 form does for the ID everywhere.
    Raises `Goop2Error` for anything else.
    """
    text = text.strip()
    if text and len(text) <= LONGEST_LINK and text.isprintable():
        link = _from_url(text) if text.lower().startswith(("http://", "https://")) else _from_rest(text)
        if link is not None:
            return link
    raise Goop2Error(
        "This is not the address of a peer",
        "It is neither a peer ID nor a goop2 link.",
        "A link looks like goop2:12D3KooW… and can be copied from the other peer's window.",
    )


def format_link(peer_id: str, path: str = "") -> str:
    """`goop2:<peer ID>` with the path, whose unsafe characters are percent-encoded."""
    return f"goop2:{peer_id}{_tidy(path)}"


def _from_rest(text: str) -> Link | None:
    scheme = _SCHEME.match(text)
    rest = text[scheme.end() :] if scheme else text
    end = next((at for at, letter in enumerate(rest) if letter in "/?#"), len(rest))
    peer_id = _peer_id(rest[:end])
    return Link(peer_id, _tidy(rest[end:])) if peer_id else None


def _from_url(text: str) -> Link | None:
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:
        return None
    place = parts._replace(scheme="", netloc="").geturl()
    if peer_id := _peer_id(host.partition(".")[0]):
        return Link(peer_id, "" if place == "/" else _tidy(place))
    if (at := place.find("/p/")) < 0 or "?" in place[:at] or "#" in place[:at]:
        return None
    return _from_rest(place[at + len("/p/") :])


def _peer_id(text: str) -> str:
    if is_peer_id(text):
        return text
    try:
        return from_base36(text)
    except ValueError:
        return ""


def _tidy(path: str) -> str:
    """One leading slash (two would name another host), and nothing that a URL cannot hold."""
    path = quote(path.replace("\\", "/"), safe=_SAFE).lstrip("/")
    return f"/{path}" if path else ""
