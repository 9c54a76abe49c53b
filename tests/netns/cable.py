"""A cable with delay, jitter, loss and a limited rate: two taps and the process between them.

It runs as a process of its own, so that a busy test does not disturb its clock, and ends with its stdin:
`python -m tests.netns.cable NAMESPACE DEVICE NAMESPACE DEVICE`. Each line on stdin is `[there, back]`, two `Link`s as
JSON, and is answered with a line once they are in force.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import random
import select
import struct
import sys
import time
from collections import deque
from dataclasses import dataclass

from tests.netns.namespace import inside

TUNSETIFF = 0x400454CA
IFF_TAP_NO_PI = 0x1002
LONGEST_FRAME = 65535
FRAMES_PER_TURN = 64  # per direction, so that neither starves the other


@dataclass(frozen=True)
class Link:
    """One direction of a cable. Order is kept: jitter never reorders. The rate counts whole Ethernet frames."""

    delay_ms: float = 0
    jitter_ms: float = 0  # uniform, to both sides of the delay
    loss: float = 0  # 0..1
    burst: float = 1  # mean number of frames that are lost in a row
    rate_kbps: float = 0  # 0 is no limit
    queue_ms: float = 300  # how much may wait for a limited rate; the rest is dropped


class Direction:
    """The frames under way in one direction."""

    def __init__(self, link: Link, chance: random.Random) -> None:
        self.link = link
        self._chance = chance
        self._frames: deque[tuple[float, bytes]] = deque()
        self._free_at = 0.0  # when the sender has sent all that waits for the rate
        self._last_at = 0.0
        self._losing = False

    @property
    def next_at(self) -> float | None:
        """When the next frame comes out, or None."""
        return self._frames[0][0] if self._frames else None

    def put(self, frame: bytes, now: float) -> None:
        """A frame enters at `now`; it may be lost."""
        if self.link.rate_kbps:
            start = max(now, self._free_at)
            if start - now > self.link.queue_ms / 1e3:
                return
            self._free_at = now = start + len(frame) * 8 / (self.link.rate_kbps * 1e3)
        if self._lost():
            return
        jitter = self._chance.uniform(-self.link.jitter_ms, self.link.jitter_ms)
        self._last_at = max(self._last_at, now + (self.link.delay_ms + jitter) / 1e3)
        self._frames.append((self._last_at, frame))

    def take(self, now: float) -> list[bytes]:
        """The frames that come out up to `now`."""
        out = []
        while self._frames and self._frames[0][0] <= now:
            out.append(self._frames.popleft()[1])
        return out

    def _lost(self) -> bool:
        """Gilbert's model: two states, of which one loses everything; `loss` is the share of frames in that one."""
        loss = self.link.loss
        if loss in {0, 1}:
            return loss == 1
        leave = 1 / self.link.burst if self.link.burst > 1 else 1 - loss
        enter = leave * loss / (1 - loss)
        self._losing = self._chance.random() < (1 - leave if self._losing else enter)
        return self._losing


def _tap(namespace: str, device: str) -> int:
    """A new tap device; it belongs to the namespace in which it was opened."""
    with inside(namespace):
        descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TAP_NO_PI))
    return descriptor


def _move(source: int, direction: Direction) -> None:
    with contextlib.suppress(OSError):  # EAGAIN: nothing left; EIO: the interface is down
        for _ in range(FRAMES_PER_TURN):
            direction.put(os.read(source, LONGEST_FRAME), time.monotonic())


def main(first: str, first_device: str, second: str, second_device: str) -> None:
    """Carry frames between the two taps until stdin ends."""
    taps = (_tap(first, first_device), _tap(second, second_device))
    ways = tuple(Direction(Link(), random.Random()) for _ in taps)  # one state per direction
    print("ready", flush=True)
    while True:
        coming = [way.next_at for way in ways if way.next_at is not None]
        wait = max(0.0, min(coming) - time.monotonic()) if coming else None
        ready = select.select([*taps, sys.stdin.fileno()], [], [], wait)[0]
        if sys.stdin.fileno() in ready:
            if not (line := sys.stdin.readline()):
                return
            for way, link in zip(ways, json.loads(line), strict=True):
                way.link = Link(**link)
            print("set", flush=True)
        for tap, other, way in zip(taps, reversed(taps), ways, strict=True):
            if tap in ready:
                _move(tap, way)
            for frame in way.take(time.monotonic()):
                with contextlib.suppress(OSError):  # the other end is down or full: that is a loss
                    os.write(other, frame)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(*sys.argv[1:5])
