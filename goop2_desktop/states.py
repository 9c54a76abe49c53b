"""A peer's state as people read it: a sign, one word, and at most a few more."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from goop2_core.events import PeerState

if TYPE_CHECKING:
    from goop2_core.host import PeerSummary

MOST_DETAIL_WORDS = 4
NOT_REACHABLE = "not reachable"
EDIT_CONFIG = "edit-config"  # the remedy of a configuration that cannot be used

WORDS = {
    PeerState.STARTING: "Starting…",
    PeerState.RUNNING: "Running",
    PeerState.STOPPING: "Stopping…",
    PeerState.STOPPED: "Stopped",
    PeerState.FAILED: "Failed",
}
COLOURS = {"running": "ok", "attention": "attention", "failed": "error"}


@dataclass(frozen=True)
class Sign:
    """What a peer's state looks like: `dot` as `Dot` knows it, `word`, and `detail` (may be empty)."""

    dot: str
    word: str
    detail: str

    @property
    def line(self) -> str:
        """Word and detail."""
        return f"{self.word} · {self.detail}" if self.detail else self.word

    @property
    def colour(self) -> str:
        """The state colour of the words; "" for the usual one."""
        return COLOURS.get(self.dot, "")


def sign_of(peer: PeerSummary) -> Sign:
    """How to show this peer's state."""
    dot, detail = peer.state.value, ""
    if peer.state is PeerState.RUNNING:
        detail = peer.words.removeprefix(f"{WORDS[peer.state]} · ")
        if detail.casefold().startswith(NOT_REACHABLE):
            dot = "attention"
    elif peer.state in (PeerState.STARTING, PeerState.STOPPING) and peer.steps:
        detail = f"step {peer.step} of {peer.steps}"
    elif peer.state is PeerState.FAILED and peer.trouble is not None:
        title = peer.trouble.title
        detail = title[:1].lower() + title[1:] if len(title.split()) <= MOST_DETAIL_WORDS else ""
    return Sign(dot, WORDS[peer.state], detail)


def moving(peer: PeerSummary) -> bool:
    """Whether it is on its way to another state."""
    return peer.state in (PeerState.STARTING, PeerState.STOPPING)


def can_start(peer: PeerSummary) -> bool:
    """Whether Start makes sense now."""
    return peer.state in (PeerState.STOPPED, PeerState.FAILED)


def remedy_words(remedy: str) -> str:
    """What the button for a `Trouble.remedy` says: `use-port:viewer.http_addr:8081` → Use port 8081; "" if unknown."""
    if remedy == EDIT_CONFIG:
        return "Open goop.json"
    kind, _, rest = remedy.partition(":")
    port = rest.rpartition(":")[2]
    return f"Use port {port}" if kind == "use-port" and port.isdecimal() else ""


def short_link(link: str) -> str:
    """A `goop2:` link with the peer ID in its short form, as it is shown where nobody copies it by hand."""
    peer_id = link.removeprefix("goop2:")
    short = f"{peer_id[:4]}…{peer_id[-5:]}" if len(peer_id) > 12 else peer_id  # noqa: PLR2004 - shorter is no shortening
    return f"goop2:{short}"


def short_address(address: str) -> str:
    """`goop2:12D3…BfeSB/garden/` for a link; anything else, such as a name, as it is."""
    if not address.startswith("goop2:"):
        return address
    peer_id, slash, path = address.removeprefix("goop2:").lstrip("/").partition("/")
    return f"{short_link('goop2:' + peer_id)}{slash}{path}"


def reaches_others(url: str) -> bool:
    """Whether a URL means something on another computer, too."""
    host = urlsplit(url).hostname or ""
    return bool(host) and host != "localhost" and not host.endswith(".localhost") and not _is_loopback(host)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
