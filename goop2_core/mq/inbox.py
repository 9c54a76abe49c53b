"""What one peer sent over the bus and is not yet handed over: in order, without repeats, and within bounds."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from dataclasses import dataclass, field

from goop2_core.errors import Refused
from goop2_core.mq.message import Wire

STREAMS_PER_SENDER = 32
WAITING_PER_SENDER = 256
COST_PER_SENDER = 32 << 20
COST_IN_ALL = 40 << 20
COST_OF_A_VALUE = 200
WIDE_TEXT = 8
SPLIT_TEXT = 14
ROOM_SECONDS = 0.02
IDS_KEPT = 256
RATE = 2000.0
BURST = 2000.0
LONGEST_DELAY = 2.0
SENDERS_KEPT = 1024


def cost_of(data: bytes | bytearray) -> int:
    """What JSON text of this form can take in memory while it is parsed and after, in bytes.

    Python keeps four bytes a character as soon as one of them needs that, twice while parsing, and replacing lone
    surrogates takes more copies; every value is an object of its own.
    """
    factor = 1
    if b"\\ud" in data or b"\\uD" in data:
        factor = SPLIT_TEXT
    elif not data.isascii() or b"\\u" in data:
        factor = WIDE_TEXT
    return factor * len(data) + COST_OF_A_VALUE * (data.count(b",") + data.count(b"[") + data.count(b"{"))


class Budget:
    """Bytes that may be held at once; `take` refuses what does not fit."""

    def __init__(self, most: int, parent: Budget | None = None) -> None:
        self.most = most
        self.held = 0
        self._parent = parent

    def take(self, cost: int) -> None:
        """Raises `Refused` (429) and takes nothing if it does not fit."""
        if self.held + cost > self.most:
            raise Refused("Too much at once", "Messages come faster than they are handled", status=429)
        if self._parent is not None:
            self._parent.take(cost)
        self.held += cost

    def force(self, cost: int) -> None:
        """Takes what was accepted already and turned out to be larger; `overdrawn` then until others give back."""
        self.held += cost
        if self._parent is not None:
            self._parent.force(cost)

    @property
    def overdrawn(self) -> bool:
        """Whether more is held than there should be, here or above."""
        return self.held > self.most or (self._parent is not None and self._parent.overdrawn)

    def give(self, cost: int) -> None:
        """Gives back what was taken."""
        self.held -= cost
        if self._parent is not None:
            self._parent.give(cost)


@dataclass(slots=True, eq=False)
class Letter:
    """A message on its way to its subscribers. `cost` is what it holds of the budget, `readers` who still has it."""

    wire: Wire
    cost: int
    acked: bool = False
    readers: int = 0


@dataclass(slots=True, eq=False)
class Inbox:
    """The letters of one sender."""

    sender: str
    budget: Budget
    streams: int = 0
    waiting: int = 0
    letters: deque[Letter] = field(default_factory=deque)
    draining: bool = False
    _ids: OrderedDict[str, None] = field(default_factory=OrderedDict)
    _tokens: float = BURST
    _filled: float = field(default_factory=time.monotonic)

    @property
    def idle(self) -> bool:
        """Whether nothing of this sender is under way."""
        return not self.streams and not self.waiting

    def enter(self) -> None:
        """One more stream; `leave` ends it. Raises `Refused` (429) if there are too many, or too much waits."""
        if self.streams >= STREAMS_PER_SENDER or self.waiting + self.streams >= WAITING_PER_SENDER:
            raise Refused("Too many messages at once", status=429)
        self.streams += 1

    def leave(self) -> None:
        """The stream has ended."""
        self.streams -= 1

    async def pace(self) -> None:
        """Waits until this sender's rate allows another message. Raises `Refused` (429) if that would take too long."""
        now = time.monotonic()
        self._tokens = min(BURST, self._tokens + (now - self._filled) * RATE)
        self._filled = now
        if self._tokens < 1.0 - LONGEST_DELAY * RATE:
            raise Refused("Too many messages", status=429)
        self._tokens -= 1.0
        if self._tokens < 0.0:
            await asyncio.sleep(-self._tokens / RATE)

    def is_repeat(self, message_id: str) -> bool:
        """Whether this id came before (among the latest); it is remembered."""
        if not message_id:
            return False
        if message_id in self._ids:
            return True
        self._ids[message_id] = None
        if len(self._ids) > IDS_KEPT:
            self._ids.popitem(last=False)
        return False

    def hold(self, letter: Letter) -> None:
        """The letter waits; its cost is already taken."""
        self.waiting += 1
        letter.readers = 1

    async def room(self) -> None:
        """Waits until letters that were opened before, and grew by that, are handled."""
        while self.budget.overdrawn:  # noqa: ASYNC110 (rare, and not worth an event on every release)
            await asyncio.sleep(ROOM_SECONDS)

    def grown(self, letter: Letter, cost: int) -> None:
        """The letter was opened and takes this much more."""
        letter.cost += cost
        self.budget.force(cost)

    def release(self, letter: Letter) -> None:
        """One reader fewer; after the last one the letter's cost is given back."""
        letter.readers -= 1
        if letter.readers == 0:
            self.waiting -= 1
            self.budget.give(letter.cost)


class Inboxes:
    """An inbox a sender; idle ones of long ago are forgotten."""

    def __init__(self) -> None:
        self._budget = Budget(COST_IN_ALL)
        self._inboxes: OrderedDict[str, Inbox] = OrderedDict()

    def of(self, sender: str) -> Inbox:
        """The inbox of a sender."""
        inbox = self._inboxes.get(sender)
        if inbox is None:
            self._make_room()
            inbox = self._inboxes[sender] = Inbox(sender, Budget(COST_PER_SENDER, self._budget))
        else:
            self._inboxes.move_to_end(sender)
        return inbox

    def _make_room(self) -> None:
        while len(self._inboxes) >= SENDERS_KEPT:
            oldest = next((name for name, inbox in self._inboxes.items() if inbox.idle), None)
            if oldest is None:
                raise Refused("Too many peers send at once", status=429)
            del self._inboxes[oldest]
