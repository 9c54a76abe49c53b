"""What is said in a chat room, in REF's shapes (spec 5.9), with keys of ours that REF ignores.

On `chat.room:<gid>:<sub>` peers of ours use, beside REF's `msg`, `history` and `members`, these, which REF ignores:
`edit` (author → host: a message's later version), `sync` (member → host: what it has), `refused` (host → author) and
`typing`. A message of ours carries `rev` (how often it was changed), `edited`, `deleted` and `reply`; one that the host
passes on also `n`, its place in the sequence of all changes in the room, which is how members know what they miss.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from goop2_core.chat.text import MOST_BYTES, cleaned, shortened
from goop2_core.data.rooms import RoomRow, Said
from goop2_core.errors import Refused
from goop2_core.groups import wire
from goop2_core.identity import is_peer_id

PREFIX: Final = "chat.room:"
MOST_IN_HISTORY: Final = 100
LONGEST_ID: Final = 80
LONGEST_EPOCH: Final = 32
HIGHEST: Final = 1 << 53
MOST_REVISIONS: Final = 1 << 31
SLACK_MS: Final = 60_000

_ID: Final = re.compile(r"[\x21-\x7e]{1,80}", re.ASCII)
_OWN_ID: Final = re.compile(r"\d{1,16}-.{8}-[0-9a-f]{16}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Batch:
    """What a host passes on. A member that has everything up to `after` has everything up to `upto` then.

    With `reset` the member gets no more of what was before `after`, whatever it had until now.
    """

    messages: tuple[Said, ...]
    epoch: str = ""
    after: int = 0
    upto: int = 0
    reset: bool = False


def topic(group_id: str, sub: str) -> str:
    """`chat.room:<gid>:<sub>`."""
    return f"{PREFIX}{group_id}:{sub}"


def new_uid(peer_id: str, now: int) -> str:
    """A message's ID: REF's form, made unique."""
    return f"{now}-{peer_id[:8]}-{secrets.token_hex(8)}"


def message_of(row: RoomRow, *, ours: bool) -> dict[str, object]:
    """A message as it is sent; with our keys only to peers of ours."""
    message: dict[str, object] = {
        "id": row.uid if ours else row.uid.partition("~")[0],
        "from": row.from_id,
        "from_name": row.from_name,
        "text": row.content,
        "timestamp": row.ts,
    }
    if ours:
        message |= {"rev": row.rev, "n": row.n}
        if row.edited_at:
            message["edited"] = row.edited_at
        if row.deleted:
            message["deleted"] = True
        if row.reply_uid:
            message["reply"] = {"from": row.reply_from, "id": row.reply_uid}
    return message


def batch_of(rows: Iterable[RoomRow], epoch: str, after: int, upto: int, *, reset: bool = False) -> dict[str, object]:
    """A `history` payload for a peer of ours."""
    messages = [message_of(row, ours=True) for row in rows]
    batch = {"action": "history", "messages": messages, "epoch": epoch, "after": after, "upto": upto}
    return batch | {"reset": True} if reset else batch


def parse_said(value: object, now: int, *, by_host: bool) -> Said:
    """One message. `now` (ms) bounds its time. Raises `Refused` (400) for what is none.

    From others than a host of ours an ID counts for little: REF's is not unique, and gets its text's hash.
    """
    if not isinstance(value, dict):
        raise Refused("The message is not an object", status=400)
    uid, author, text = value.get("id"), value.get("from"), value.get("text")
    if not isinstance(uid, str) or not _ID.fullmatch(uid) or not isinstance(text, str):
        raise Refused("The message has no proper id or text", status=400)
    if not isinstance(author, str) or not is_peer_id(author):
        raise Refused("The message has no proper author", status=400)
    deleted = value.get("deleted") is True
    content = "" if deleted else shortened(cleaned(text[: 2 * MOST_BYTES]))
    if not content and not deleted:
        raise Refused("The message is empty", status=400)
    if not by_host and not _OWN_ID.fullmatch(uid):
        uid = f"{uid[: LONGEST_ID - 17]}~{hashlib.sha256(content.encode()).hexdigest()[:16]}"
    reply_from, reply_uid = _reply(value.get("reply"))
    return Said(
        uid=uid,
        from_id=author,
        from_name=wire.line(value.get("from_name"), wire.LONGEST_NAME),
        content=content,
        ts=_time(value.get("timestamp"), now) or now,
        reply_from=reply_from,
        reply_uid=reply_uid,
        rev=wire.number(value.get("rev"), MOST_REVISIONS),
        edited_at=_time(value.get("edited"), now),
        deleted=deleted,
        n=wire.number(value.get("n"), HIGHEST),
    )


def parse_message(payload: object, now: int, *, by_host: bool) -> Said:
    """The message of a `msg` or `edit` payload. Raises `Refused` (400)."""
    if not isinstance(payload, dict):
        raise Refused("The payload is not an object", status=400)
    return parse_said(payload.get("message"), now, by_host=by_host)


def parse_history(payload: object, now: int, *, ours: bool) -> Batch:
    """A `history` payload; what in it is no message is left out. Raises `Refused` (400)."""
    messages = payload.get("messages") if isinstance(payload, dict) else None
    if not isinstance(payload, dict) or not isinstance(messages, list):
        raise Refused("There is no list of messages", status=400)
    found = []
    for value in messages[:MOST_IN_HISTORY]:
        try:
            found.append(parse_said(value, now, by_host=ours))
        except Refused:
            continue
    if not ours:
        return Batch(tuple(found))
    after, upto = (wire.number(payload.get(key), HIGHEST) for key in ("after", "upto"))
    return Batch(tuple(found), parse_epoch(payload), after, max(after, upto), payload.get("reset") is True)


def parse_epoch(payload: dict[str, Any]) -> str:
    """Which sequence of changes is spoken of. Raises `Refused` (400)."""
    epoch = payload.get("epoch")
    if not isinstance(epoch, str) or not 0 <= len(epoch) <= LONGEST_EPOCH:
        raise Refused("The epoch is missing", status=400)
    return epoch


def parse_sync(payload: object) -> tuple[str, int]:
    """Epoch and number up to which a member has everything. Raises `Refused` (400)."""
    if not isinstance(payload, dict):
        raise Refused("The payload is not an object", status=400)
    return parse_epoch(payload), wire.number(payload.get("since"), HIGHEST)


def parse_refused(payload: object) -> tuple[str, str, str]:
    """ID of a message that the host does not take, code and words. Raises `Refused` (400)."""
    uid = payload.get("id") if isinstance(payload, dict) else None
    if not isinstance(payload, dict) or not isinstance(uid, str) or not _ID.fullmatch(uid):
        raise Refused("It is not said what was refused", status=400)
    return uid, wire.line(payload.get("code"), wire.LONGEST_ROLE), wire.line(payload.get("message"), wire.LONGEST_WORDS)


def parse_names(payload: object) -> dict[str, str]:
    """Who is called what, from a `members` payload. Raises `Refused` (400) if there is no list."""
    members = wire.parse_members(payload)
    return {member.peer_id: member.name for member in members if member.name}


def _reply(value: object) -> tuple[str, str]:
    if isinstance(value, dict):
        author, uid = value.get("from"), value.get("id")
        if isinstance(author, str) and is_peer_id(author) and isinstance(uid, str) and _ID.fullmatch(uid):
            return author, uid
    return "", ""


def _time(value: object, now: int) -> int:
    """A stranger's time in ms, at most a minute from now; 0 if it is none."""
    return min(wire.number(value, HIGHEST), now + SLACK_MS)
