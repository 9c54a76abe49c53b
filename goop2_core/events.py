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
    """What became of a chat message. `WAITING` is for someone who is away, `RECEIVED` what somebody else wrote."""

    SENDING = "sending"
    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
    RECEIVED = "received"


class GroupState(StrEnum):
    """How the owner's peer stands to a group. From `WAITING` it comes back by itself; the last four are ends."""

    HOSTING = "hosting"
    CONNECTED = "connected"
    JOINING = "joining"
    WAITING = "waiting"
    FULL = "full"
    REFUSED = "refused"
    CLOSED = "closed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Trouble:
    """A `Goop2Error` as data: what happened, why, what to do.

    `remedy` names a fix that a button may offer: `use-port:<setting>:<port>`, which the host can apply, or
    `edit-config`, which is the owner's own work.
    """

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
class GroupMember:
    """Somebody in a group. `joined_at` in ms, 0 if unknown; `away` says that nothing reaches them at the moment."""

    peer_id: str
    role: str
    name: str = ""
    joined_at: int = 0
    away: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """A group that the owner's peer hosts or has joined.

    `reason` says in words why it is not connected; `max_members` 0 means no limit; `invited` are the peer IDs whose
    invitations are not answered yet; `created_at` (for a joined group: since when) in ms.
    """

    id: str
    name: str
    type: str
    host_id: str
    hosted: bool
    state: GroupState
    context: str = ""
    host_name: str = ""
    reason: str = ""
    role: str = ""
    default_role: str = ""
    max_members: int = 0
    created_at: int = 0
    members: tuple[GroupMember, ...] = ()
    invited: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Invitation:
    """Somebody asks the owner into a group. `supported` is false for a type that this version does not know."""

    group_id: str
    group_name: str
    host_id: str
    type: str
    supported: bool
    host_name: str = ""
    received_at: int = 0


@dataclass(frozen=True, slots=True)
class RoomMessage:
    """One line of a chat room. `from_id` is proven; `reply_to` is the number of another message, 0 for none."""

    id: int
    group_id: str
    from_id: str
    from_name: str
    content: str
    timestamp: int
    delivery: Delivery
    error: str = ""
    reply_to: int = 0
    edited_at: int = 0
    deleted: bool = False


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
class ChatRemoved:
    """The owner took back a message that was not delivered."""

    peer_id: str
    message_id: int


@dataclass(frozen=True, slots=True)
class GroupChanged:
    """A group is new, or anything of it changed."""

    group: Group


@dataclass(frozen=True, slots=True)
class GroupGone:
    """A group is no longer listed."""

    group_id: str


@dataclass(frozen=True, slots=True)
class InvitationChanged:
    """An invitation came."""

    invitation: Invitation


@dataclass(frozen=True, slots=True)
class InvitationGone:
    """An invitation was accepted, declined or withdrawn."""

    group_id: str


@dataclass(frozen=True, slots=True)
class RoomMessageChanged:
    """A message of a room is new, or anything of it changed. `unread` counts what the owner has not seen there."""

    message: RoomMessage
    unread: int = 0


@dataclass(frozen=True, slots=True)
class RoomMessageGone:
    """The owner took back a message that was not delivered."""

    group_id: str
    message_id: int
    unread: int = 0


@dataclass(frozen=True, slots=True)
class RoomRead:
    """The owner has seen everything in this room."""

    group_id: str


@dataclass(frozen=True, slots=True)
class Typing:
    """Somebody is writing in a room; it holds for five seconds or until their message comes."""

    group_id: str
    peer_id: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class SettingsChanged:
    """These keys of `goop.json` have new values; those in `restart` take effect at the next start."""

    keys: tuple[str, ...]
    restart: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AvatarChanged:
    """The owner's picture is another, or gone. `hash` is what presence announces of it, empty if there is none."""

    hash: str


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
    | ChatRemoved
    | GroupChanged
    | GroupGone
    | InvitationChanged
    | InvitationGone
    | RoomMessageChanged
    | RoomMessageGone
    | RoomRead
    | Typing
    | SettingsChanged
    | AvatarChanged
    | SiteChanged
    | LogWritten
)


def event_name(event: Event) -> str:
    """`PersonChanged` → `person-changed`: the name a page listens to."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", type(event).__name__).lower()


def to_json(event: Event) -> dict[str, Any]:
    """The event's fields as JSON-ready data, nested ones included."""
    return asdict(event)
