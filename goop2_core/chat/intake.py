"""Which messages that arrive are taken: not the same one twice, and not more than a person could write.

A lost acknowledgement makes the sender repeat a message under a new id (spec 4.2), so ids do not tell. Two messages are
taken for one only with proof: peers of ours mark each message with a `cid` that a repetition keeps, and the browsers of
the existing program add the `timestamp` of writing. What carries neither is never taken for a repetition: to show
something twice is a nuisance, to lose an acknowledged “ok” is not acceptable.

Identities cost nothing, so a limit for each sender stops nobody: those who never wrote before share one.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

log = logging.getLogger("goop2.chat")

RATE: Final = 20.0
BURST: Final = 50.0
NEWCOMER_RATE: Final = 1.0
NEWCOMER_BURST: Final = 30.0
COMPLAIN_SECONDS: Final = 60.0
MOST_SENDERS: Final = 1024
MOST_MARKS: Final = 128
LONGEST_CID: Final = 64


@dataclass(slots=True)
class _Sender:
    """What is remembered of one sender: its allowance in messages, and the marks of its last messages."""

    allowance: float
    at: float
    complained: bool = False
    marks: OrderedDict[bytes, None] = field(default_factory=OrderedDict)


class Intake:
    """Remembers the last 1024 senders, and 128 messages of each. `now` gives seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._senders: OrderedDict[str, _Sender] = OrderedDict()
        self._newcomers = NEWCOMER_BURST
        self._newcomers_at = now()
        self._complained_at = float("-inf")
        self._turned_away = 0

    def takes(self, sender: str, payload: dict[str, object], content: str, *, known: bool = True) -> bool:
        """Whether this message is to be kept: 20 a second on average, 50 at once, none twice.

        Of senders who are not `known` (no conversation, no favourite) one a second is heard, 30 at once.
        """
        if not known and not self._lets_in():
            return False
        state = self._state(sender)
        if state.allowance < 1:
            if not state.complained:
                log.info("%s writes too fast: messages are dropped", sender)
                state.complained = True
            return False
        mark = _mark(payload, content)
        if mark is not None:
            if mark in state.marks:
                return False
            state.marks[mark] = None
            if len(state.marks) > MOST_MARKS:
                state.marks.popitem(last=False)
        state.allowance -= 1
        return True

    def _lets_in(self) -> bool:
        now = self._now()
        self._newcomers = min(NEWCOMER_BURST, self._newcomers + (now - self._newcomers_at) * NEWCOMER_RATE)
        self._newcomers_at = now
        if self._newcomers >= 1:
            self._newcomers -= 1
            return True
        self._turned_away += 1
        if now - self._complained_at >= COMPLAIN_SECONDS:
            log.info("too many new people write at once: %d messages were dropped", self._turned_away)
            self._complained_at = now
            self._turned_away = 0
        return False

    def _state(self, sender: str) -> _Sender:
        now = self._now()
        state = self._senders.get(sender)
        if state is None:
            state = self._senders[sender] = _Sender(BURST, now)
            if len(self._senders) > MOST_SENDERS:
                self._senders.popitem(last=False)
        self._senders.move_to_end(sender)
        state.allowance = min(BURST, state.allowance + (now - state.at) * RATE)
        state.at = now
        if state.allowance >= BURST:
            state.complained = False
        return state


def _mark(payload: dict[str, object], content: str) -> bytes | None:
    """What two deliveries of one message share and two messages do not; `None` if nothing says so."""
    cid, timestamp = payload.get("cid"), payload.get("timestamp")
    if isinstance(cid, str) and 0 < len(cid) <= LONGEST_CID:
        text = f"cid {cid}"
    elif isinstance(timestamp, int | float) and not isinstance(timestamp, bool) and timestamp > 0:
        text = f"timestamp {timestamp} {content}"
    else:
        return None
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()[:16]
