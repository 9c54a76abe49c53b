"""What peers say about themselves: the presence message in gossip and the identity object over the bus (spec 2.6, 2.8).

Both become the same `Facts`, cleaned for showing: nothing downstream ever sees a stranger's control characters.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from goop2_core import strict_json
from goop2_core.encryption.box import is_key
from goop2_core.errors import Refused

MOST_BYTES = 64 << 10
LONGEST_PEER_ID = 256
LONGEST_NAME = 200
MOST_ADDRESSES = 20
LONGEST_ADDRESS = 256

Line = Annotated[str, Field(max_length=4096)]
Short = Annotated[str, Field(max_length=320)]
Address = Annotated[str, Field(max_length=LONGEST_ADDRESS)]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a peer says of itself. `public_key` is empty or valid, `accepts` says that it decrypts what is sealed."""

    content: str = ""
    email: str = ""
    avatar_hash: str = ""
    video_disabled: bool = False
    active_template: str = ""
    public_key: str = ""
    accepts: bool = False
    version: str = ""


class IdentityObject(BaseModel):
    """The payload of `identity.response` (spec 2.8); keys that say nothing about the peer itself are ignored."""

    model_config = ConfigDict(
        alias_generator=to_camel, frozen=True, strict=True, extra="ignore", hide_input_in_errors=True
    )

    content: Line = ""
    email: Short = ""
    avatar_hash: Short = ""
    video_disabled: bool = False
    active_template: Short = ""
    public_key: Short = ""
    encryption_supported: bool = False
    goop_client_version: Short = ""

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: Any) -> Any:
        """A null says as much as an absent key."""
        return {key: item for key, item in value.items() if item is not None} if isinstance(value, dict) else value

    def facts(self) -> Facts:
        """The same, cleaned."""
        return Facts(
            content=clean_line(self.content),
            email=clean_line(self.email),
            avatar_hash=self.avatar_hash if re.fullmatch("[0-9a-f]{16}", self.avatar_hash) else "",
            video_disabled=self.video_disabled,
            active_template=clean_line(self.active_template),
            public_key=self.public_key if is_key(self.public_key) else "",
            accepts=self.encryption_supported,
            version=clean_line(self.goop_client_version, 64),
        )


class PresenceMsg(IdentityObject):
    """A presence message (spec 2.6), within the limits that the rendezvous server sets too (spec 7.4)."""

    type: Literal["online", "update", "offline", "punch"]
    peer_id: Annotated[str, Field(min_length=1, max_length=LONGEST_PEER_ID)]
    target: Annotated[str, Field(max_length=LONGEST_PEER_ID)] = ""
    addrs: Annotated[list[Address], Field(max_length=MOST_ADDRESSES)] = Field(default_factory=list)
    ts: Annotated[int, Field(ge=0)] = 0


def parse_presence(data: bytes) -> PresenceMsg:
    """The message in `data`. Raises `Refused` (400) for anything else."""
    if len(data) > MOST_BYTES:
        raise Refused("The presence message is too large", status=413)
    try:
        return PresenceMsg.model_validate(strict_json.loads(data, most_values=1000))
    except ValidationError as error:
        raise Refused("This is no presence message", str(error), status=400) from error


def parse_identity(payload: Any) -> Facts:
    """What an `identity.response` says. Raises `Refused` (400) unless it is an object with a name (spec 2.8)."""
    try:
        facts = IdentityObject.model_validate(payload).facts()
    except ValidationError as error:
        raise Refused("This is no identity", str(error), status=400) from error
    if not facts.content:
        raise Refused("This identity has no name", status=400)
    return facts


def format_presence(kind: str, peer_id: str, facts: Facts, addresses: list[str], ts: int) -> bytes:
    """A presence message of the own peer, key included (spec 10.4); `offline` says nothing but that."""
    told: dict[str, Any] = {"type": kind, "peerId": peer_id}
    if kind != "offline":
        told |= _said(facts)
        fitting = [address for address in addresses if len(address) <= LONGEST_ADDRESS]
        if fitting:
            told["addrs"] = fitting[:MOST_ADDRESSES]
    return strict_json.dumps(told | {"ts": ts})


def format_identity(peer_id: str, facts: Facts) -> dict[str, Any]:
    """The payload of an `identity.response` of the own peer (spec 2.8)."""
    return {"peerID": peer_id, "content": facts.content} | _said(facts) | {"reachable": True}


def _said(facts: Facts) -> dict[str, Any]:
    said = {
        "content": facts.content,
        "email": facts.email,
        "avatarHash": facts.avatar_hash,
        "videoDisabled": facts.video_disabled,
        "activeTemplate": facts.active_template,
        "publicKey": facts.public_key,
        "encryptionSupported": facts.accepts,
        "goopClientVersion": facts.version,
    }
    return {key: value for key, value in said.items() if value}


def clean_line(text: str, most: int = LONGEST_NAME) -> str:
    """`text` as one line that can be shown: no control characters, no text-direction overrides, at most `most` long."""
    kept = "".join(" " if character.isspace() else character for character in text[: 4 * most] if _is_shown(character))
    return " ".join(kept.split())[:most].rstrip()


def _is_shown(character: str) -> bool:
    """The joiner is kept, as emoji are built with it; of other invisible characters none is."""
    if character.isspace() or character == "\u200d":
        return True
    return unicodedata.category(character) not in {"Cc", "Cf", "Cs"}
