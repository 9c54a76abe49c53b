"""Reading one message off a stream, however its sender cut it into pieces."""

from __future__ import annotations

from goop2_core.errors import Refused, StreamBroken
from goop2_core.mq.inbox import Budget, cost_of
from goop2_core.mq.message import MOST_BYTES, Wire, parse_message
from goop2_core.p2p.api import Stream

CHUNK = 65536
HEAD_BYTES = 64
SEALED = 4  # the envelope, the opened text, and that as characters
PARSED_AT_MOST = 4 * MOST_BYTES


async def read_message(stream: Stream, budget: Budget) -> tuple[Wire, int]:
    """The message and what it holds of `budget`, which the caller gives back.

    It ends with its closing brace: a newline usually follows, but neither that nor a half-closed stream is needed, as
    the existing program decodes one JSON value (spec 4.3). Raises `Refused` for what is no message, is too large or
    does not fit the budget, and `StreamBroken` if the stream ends before the message does.
    """
    data = bytearray()
    taken = parsed = 0
    try:
        while True:
            chunk = await stream.read(CHUNK)
            budget.take(len(chunk))
            taken += len(chunk)
            data += chunk
            if len(data) > MOST_BYTES:
                raise Refused("The message is too large", status=413)
            if not chunk and not data:
                raise StreamBroken("The stream ended before a message came")
            head = bytes(data[:HEAD_BYTES]).lstrip()
            if head and not head.startswith(b"{"):
                raise Refused("The message is not an object", status=400)
            if chunk and not _may_end(chunk):
                continue
            parsed += len(data)
            if parsed > PARSED_AT_MOST:
                raise Refused("The message comes in too many pieces", status=413)
            needed = max(taken, cost_of(data))
            budget.take(needed - taken)
            taken = needed
            try:
                wire = parse_message(bytes(data))
            except Refused:
                if chunk and not data.endswith(b"}\n"):
                    continue
                raise
            if wire.sealed is not None:
                needed = max(taken, SEALED * len(data))
                budget.take(needed - taken)
                taken = needed
            return wire, taken
    except BaseException:
        budget.give(taken)
        raise


def _may_end(chunk: bytes) -> bool:
    """Whether a JSON object may end with this piece; tells pieces of a long message apart without parsing each."""
    tail = chunk.rstrip()
    return not tail or tail.endswith(b"}")
