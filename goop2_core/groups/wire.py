"""What goes between a group's host and its members, in REF's exact shapes (spec 5.1 to 5.6), and how it is read.

Peers of ours tell each other by the key `goop2`, which REF ignores: members put it into `join`, and hosts answer with
it only to those.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from goop2_core.errors import Refused
from goop2_core.identity import is_peer_id
from goop2_core.presence.message import clean_line

INVITE_TOPIC: Final = "group.invite"
PREFIX: Final = "group:"
EXTENSION: Final = "goop2"
EXTENSION_VERSION: Final = 1
MOST_MEMBERS: Final = 500
LONGEST_NAME: Final = 100
LONGEST_ROLE: Final = 40
LONGEST_WORDS: Final = 300
LATEST_TIME: Final = 1 << 53

_GROUP_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
_KIND: Final = re.compile(r"[a-z_-]{1,32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class WireMember:
    """An entry of a member list; `away` is only told among peers of ours."""

    peer_id: str
    role: str
    joined_at: int = 0
    name: str = ""
    away: bool = False


@dataclass(frozen=True, slots=True)
class Welcome:
    """What a host answers to `join`; `ours` says that it knows our extensions."""

    name: str
    type: str
    context: str
    max_members: int
    members: tuple[WireMember, ...]
    ours: bool


@dataclass(frozen=True, slots=True)
class Meta:
    """A group's name and limit after a change; an empty name leaves the old one."""

    name: str
    max_members: int


@dataclass(frozen=True, slots=True)
class Invite:
    """What an invitation says of its group. Who sent it is its host, whatever the payload says."""

    group_id: str
    name: str
    type: str
    context: str


def is_group_id(text: object) -> bool:
    """Whether this can be a group's ID: such a text is also safe in topics, paths and log lines."""
    return isinstance(text, str) and _GROUP_ID.fullmatch(text) is not None


def topic(group_id: str, kind: str) -> str:
    """`group:<gid>:<type>`."""
    return f"{PREFIX}{group_id}:{kind}"


def parse_topic(text: str, prefix: str = PREFIX) -> tuple[str, str]:
    """Group ID and message type of a topic. Raises `Refused` (400)."""
    group_id, colon, kind = text.removeprefix(prefix).partition(":")
    if not text.startswith(prefix) or not colon or not is_group_id(group_id) or not _KIND.fullmatch(kind):
        raise Refused("This is not a group's topic", status=400)
    return group_id, kind


def wrapped(kind: str, group_id: str, **more: object) -> dict[str, object]:
    """The wrapped style of join, leave, close, ping and pong."""
    return {"type": kind, "group": group_id, **more}


def error(group_id: str, code: str, message: str) -> dict[str, object]:
    """An `error` with both nestings: REF's hosts nest, REF's members look at the top (spec 5.4)."""
    words = {"code": code, "message": message}
    return wrapped("error", group_id, **words, payload=words)


def member_list(members: Iterable[WireMember], *, ours: bool) -> list[dict[str, object]]:
    """A member list; names and who is away are told to peers of ours alone."""
    found: list[dict[str, object]] = []
    for member in members:
        entry: dict[str, object] = {"peer_id": member.peer_id, "role": member.role, "joined_at": member.joined_at}
        if ours and member.name:
            entry["name"] = member.name
        if ours and member.away:
            entry["away"] = True
        found.append(entry)
    return found


def is_ours(payload: object) -> bool:
    """Whether the sender of this `join` or `welcome` knows our extensions."""
    return isinstance(payload, dict) and payload.get(EXTENSION) == EXTENSION_VERSION


def parse_members(payload: object) -> tuple[WireMember, ...]:
    """The entries of a `members` payload that make sense. Raises `Refused` (400) if there is no list."""
    entries = payload.get("members") if isinstance(payload, dict) else None
    if not isinstance(entries, list):
        raise Refused("There is no member list", status=400)
    found: dict[str, WireMember] = {}
    for entry in entries[: MOST_MEMBERS + 1]:
        peer_id = entry.get("peer_id") if isinstance(entry, dict) else None
        if isinstance(peer_id, str) and is_peer_id(peer_id):
            found[peer_id] = WireMember(
                peer_id,
                line(entry.get("role"), LONGEST_ROLE),
                number(entry.get("joined_at"), LATEST_TIME),
                line(entry.get("name"), LONGEST_NAME),
                entry.get("away") is True,
            )
    return tuple(found.values())


def parse_welcome(payload: object) -> Welcome:
    """A `welcome`; every key may be missing. Raises `Refused` (400) if it is not an object."""
    if not isinstance(payload, dict):
        raise Refused("The welcome is not an object", status=400)
    members = parse_members(payload) if isinstance(payload.get("members"), list) else ()
    return Welcome(
        line(payload.get("group_name"), LONGEST_NAME),
        line(payload.get("group_type"), LONGEST_ROLE),
        line(payload.get("group_context"), LONGEST_NAME),
        number(payload.get("max_members")),
        members,
        is_ours(payload),
    )


def parse_meta(payload: object) -> Meta:
    """A `meta`. Raises `Refused` (400) if it is not an object."""
    if not isinstance(payload, dict):
        raise Refused("The change is not an object", status=400)
    return Meta(line(payload.get("group_name"), LONGEST_NAME), number(payload.get("max_members")))


def parse_error(payload: object) -> tuple[str, str]:
    """Code and words of an `error`, from whichever nesting has them; both may be empty."""
    if not isinstance(payload, dict):
        return "", ""
    inner = payload.get("payload")
    places = [place for place in (payload, inner) if isinstance(place, dict)]
    code = next((c for place in places if (c := line(place.get("code"), LONGEST_ROLE))), "")
    return code, next((m for place in places if (m := line(place.get("message"), LONGEST_WORDS))), "")


def parse_close(payload: object) -> bool:
    """Whether a `close` means that this member was removed, which only hosts of ours tell apart."""
    return isinstance(payload, dict) and payload.get("reason") == "removed"


def parse_invite(payload: object) -> Invite:
    """An invitation. Raises `Refused` (400) if it names no group."""
    if not isinstance(payload, dict) or not is_group_id(payload.get("group_id")):
        raise Refused("The invitation names no group", status=400)
    return Invite(
        payload["group_id"],
        line(payload.get("group_name"), LONGEST_NAME) or payload["group_id"],
        line(payload.get("group_type"), LONGEST_ROLE),
        line(payload.get("group_context"), LONGEST_NAME),
    )


def line(value: object, most: int) -> str:
    """A stranger's text as one clean line of at most `most` characters; empty if it is no text."""
    return clean_line(value, most) if isinstance(value, str) else ""


def number(value: object, most: int = 1 << 31) -> int:
    """A stranger's whole number between 0 and `most`; 0 if it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < most else 0
