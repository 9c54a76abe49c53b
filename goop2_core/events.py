"""Everything an engine says to a front end: a closed set of frozen classes, and nothing else.

Front ends never poll and never get live objects: they read a snapshot once, then follow these events. Each event is
plain data (JSON after `to_json`), because a front end may be a window in this process or a page in a browser.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class PeerState(StrEnum):
    """What one of the owner's peers is doing, in the one word that is shown."""

    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    FAILED = "failed"


class Path(StrEnum):
    """How another peer is reached."""

    DIRECT = "direct"
    RELAYED = "relayed"
    NONE = "none"


class Delivery(StrEnum):
    """What became of a chat message. `RECEIVED` is one that somebody else wrote."""

    SENDING = "sending"
    DELIVERED = "delivered"
    FAILED = "failed"
    RECEIVED = "received"


@dataclass(frozen=True, slots=True)
class Trouble:
    """A `Goop2Error` as data: what happened, why, what to do. `remedy` names a fix that a button may offer."""

    title: str
    message: str = ""
    hint: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """Another peer as the people page shows it. Times are Unix milliseconds, 0 when unknown."""

    peer_id: str
    name: str = ""
    email: str = ""
    avatar_hash: str = ""
    video_disabled: bool = False
    active_template: str = ""
    version: str = ""
    online: bool = False
    reachable: bool = False
    path: Path = Path.NONE
    encrypted: bool = False
    verified: bool = False
    favorite: bool = False
    last_seen: int = 0


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One line of a direct conversation. `peer_id` is whom it is with, `from_id` who wrote it, `timestamp` in ms."""

    id: int
    peer_id: str
    from_id: str
    content: str
    timestamp: int
    delivery: Delivery
    error: str = ""


@dataclass(frozen=True, slots=True)
class PeerChanged:
    """One of the owner's peers changed its state; while it starts or stops, it is at `step` of `steps` (`label`)."""

    state: PeerState
    step: int = 0
    steps: int = 0
    label: str = ""
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True)
class ReachabilityChanged:
    """How others can reach this peer, in words, and the addresses it announces."""

    words: str
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VisitorsChanged:
    """How many visitors the site has now (people and browsers that asked for something in the last minute)."""

    count: int


@dataclass(frozen=True, slots=True)
class PersonChanged:
    """A person is new, or something about them changed."""

    person: Person


@dataclass(frozen=True, slots=True)
class PersonGone:
    """A person has been offline for so long that they are no longer listed."""

    peer_id: str


@dataclass(frozen=True, slots=True)
class ChatChanged:
    """A message came, was sent, or its delivery changed. `unread` counts what the owner has not seen of this person."""

    message: ChatMessage
    unread: int = 0


@dataclass(frozen=True, slots=True)
class ChatRead:
    """The owner has seen, or cleared, the conversation with this person."""

    peer_id: str
    cleared: bool = False


@dataclass(frozen=True, slots=True)
class SettingsChanged:
    """These keys of `goop.json` have new values; those in `restart` take effect at the next start."""

    keys: tuple[str, ...]
    restart: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SiteChanged:
    """A file of the own site was written or removed."""

    path: str


@dataclass(frozen=True, slots=True)
class LogWritten:
    """A line of the log. `timestamp` in ms, `level` as in `logging`."""

    number: int
    timestamp: int
    level: str
    area: str
    text: str


Event = (
    PeerChanged
    | ReachabilityChanged
    | VisitorsChanged
    | PersonChanged
    | PersonGone
    | ChatChanged
    | ChatRead
    | SettingsChanged
    | SiteChanged
    | LogWritten
)


def event_name(event: Event) -> str:
    """`PersonChanged` → `person-changed`: the name a page listens to."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", type(event).__name__).lower()


def to_json(event: Event) -> dict[str, Any]:
    """The event's fields as JSON-ready data, nested ones included."""
    return asdict(event)
