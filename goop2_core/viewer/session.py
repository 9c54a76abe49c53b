"""Who a browser is: one-time tokens that let the owner in, the sessions they open, and guests.

All of it lives in memory: a restart ends every session. Values are random (256 bits, a guest's 128) and are kept as
hashes, so that neither a lookup's timing nor a memory dump gives one away.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

SITE_TOKEN_SECONDS = 60.0
CONSOLE_TOKEN_SECONDS = 600.0
MOST_TOKENS = 1000
MOST_SESSIONS = 1000

_VALUE = re.compile(r"[A-Za-z0-9_-]{43}")
_GUEST = re.compile(r"[0-9a-f]{32}")


def _kept(value: str) -> bytes:
    return hashlib.sha256(value.encode()).digest()


class OneTimeTokens:
    """Tokens that open one door once, within `seconds`. The door is any text, such as the peer ID of a site origin."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._doors: OrderedDict[bytes, tuple[str, float]] = OrderedDict()

    def issue(self, door: str) -> str:
        """A new token for `door`. The oldest of more than `MOST_TOKENS` unused ones is forgotten."""
        value = secrets.token_urlsafe(32)
        self._doors[_kept(value)] = (door, self._clock() + self._seconds)
        if len(self._doors) > MOST_TOKENS:
            self._doors.popitem(last=False)
        return value

    def take(self, value: str, door: str) -> bool:
        """Whether `value` opens `door` now. It opens nothing ever after, also if this was a wrong one."""
        if not _VALUE.fullmatch(value):
            return False
        found = self._doors.pop(_kept(value), None)
        return found is not None and found[0] == door and self._clock() < found[1]


class Sessions:
    """Sessions that the owner's tokens opened, each good at one door only."""

    def __init__(self) -> None:
        self._doors: OrderedDict[bytes, str] = OrderedDict()

    def open(self, door: str) -> str:
        """A new session's cookie value. Of more than `MOST_SESSIONS`, the one used longest ago ends."""
        value = secrets.token_urlsafe(32)
        self._doors[_kept(value)] = door
        if len(self._doors) > MOST_SESSIONS:
            self._doors.popitem(last=False)
        return value

    def valid(self, value: str, door: str) -> bool:
        """Whether `value` is a session of this `door`."""
        if not _VALUE.fullmatch(value):
            return False
        kept = _kept(value)
        if self._doors.get(kept) != door:
            return False
        self._doors.move_to_end(kept)
        return True


@dataclass(frozen=True, slots=True)
class Guest:
    """A browser without rights. `id` is shown to others; `secret` stays in its cookie, and is new if `fresh`."""

    id: str
    secret: str
    fresh: bool


def guest_of(cookie: str) -> Guest:
    """The guest that this cookie value names, or a new one if it is not such a value."""
    fresh = not _GUEST.fullmatch(cookie)
    secret = secrets.token_hex(16) if fresh else cookie
    shown = hashlib.sha256(b"goop2 guest " + secret.encode()).hexdigest()[:16]
    return Guest(f"guest-{shown}", secret, fresh)
