"""What goes over the bus: one JSON line for a message, one for its acknowledgement (spec 4.1, 4.4, 4.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from goop2_core import strict_json
from goop2_core.errors import Refused

MOST_BYTES = 8 << 20
LONGEST_ID = 128
LONGEST_TOPIC = 512
LONGEST_SEQ = 1 << 63
ACK_BYTES = 1024

# A key becomes known by these two, so they are never sealed and never wait behind a message that cannot be opened.
IDENTITY_TOPICS = frozenset({"identity", "identity.response"})
LOCAL_PREFIXES = ("peer:", "listen:", "relay:", "log:", "call:loopback:")


@dataclass(frozen=True, slots=True)
class Message:
    """A message as its subscribers get it. `sender` is the peer ID that libp2p proved, `seq` is the sender's.

    `encrypted` says that it came sealed. If it could not be opened, `readable` is false and `payload` is `None`.
    """

    id: str
    seq: int
    topic: str
    payload: Any
    sender: str
    encrypted: bool = False
    readable: bool = True


@dataclass(frozen=True, slots=True)
class Wire:
    """A message as it came in, its payload still sealed if it was."""

    id: str
    seq: int
    topic: str
    payload: Any

    @property
    def sealed(self) -> str | None:
        """The sealed text, if the payload is an envelope (spec 4.4)."""
        return sealed_text(self.payload)


def is_local(topic: str) -> bool:
    """Whether a topic is for the own browser alone: never sent, and dropped when it comes from a peer (spec 10.4)."""
    return topic.startswith(LOCAL_PREFIXES)


def sealed_text(payload: Any) -> str | None:
    """The text of an object whose only key is `enc`, else `None`."""
    if isinstance(payload, dict) and len(payload) == 1:
        text = payload.get("enc")
        return text if isinstance(text, str) else None
    return None


def parse_message(data: bytes) -> Wire:
    """The message in `data`. A missing id, seq or payload is tolerated. Raises `Refused` (400) for anything else."""
    value = strict_json.loads(data)
    if not isinstance(value, dict):
        raise Refused("The message is not an object", status=400)
    message_id, seq, topic = value.get("id") or "", value.get("seq") or 0, value.get("topic")
    if not isinstance(message_id, str) or len(message_id) > LONGEST_ID:
        raise Refused("The message has no proper id", status=400)
    if not isinstance(seq, int) or isinstance(seq, bool) or abs(seq) >= LONGEST_SEQ:
        raise Refused("The message has no proper seq", status=400)
    if not isinstance(topic, str) or not 0 < len(topic) <= LONGEST_TOPIC:
        raise Refused("The message has no proper topic", status=400)
    return Wire(message_id, seq, topic, value.get("payload"))


def format_message(message_id: str, seq: int, topic: str, payload: bytes) -> bytes:
    """The line for a message; `payload` is JSON already, because a retry sends the same one under another id."""
    return b'{"type":"msg","id":"%b","seq":%d,"topic":%b,"payload":%b}\n' % (
        message_id.encode(),
        seq,
        strict_json.dumps(topic),
        payload,
    )


def format_ack(wire: Wire) -> bytes:
    """The line that acknowledges a message."""
    return b'{"type":"ack","id":%b,"seq":%d}\n' % (strict_json.dumps(wire.id), wire.seq)


def acknowledges(line: bytes, message_id: str) -> bool:
    """Whether `line` is the acknowledgement of that message."""
    try:
        value = strict_json.loads(line, most_values=16)
    except Refused:
        return False
    return isinstance(value, dict) and value.get("id") == message_id
