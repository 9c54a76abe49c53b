"""Dialling: all known addresses of a peer at nearly the same time, the first that proves to be the peer wins."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import trio

from goop2_core.errors import Unreachable

from ._addresses import Endpoint
from ._noise import Channel
from ._wire import WireError

log = logging.getLogger("goop2.p2p")

AT_ONCE = 8
STAGGER_SECONDS = 0.05
Attempt = Callable[[Endpoint], Awaitable[Channel]]


def order(endpoints: list[Endpoint]) -> list[Endpoint]:
    """The likeliest first: numbers before names, networks near before far, TCP before WebSocket, IPv4 first."""

    def rank(endpoint: Endpoint) -> tuple[bool, bool, bool, bool]:
        ip = endpoint.ip
        return (ip is None, ip is not None and not ip.is_private, endpoint.websocket, endpoint.kind != "ip4")

    return sorted(endpoints, key=rank)


async def race(endpoints: list[Endpoint], attempt: Attempt) -> Channel:
    """The first channel that an attempt gives; the others are given up. Raises `Unreachable` if all fail."""
    won: list[Channel] = []
    failures: list[str] = []
    slots = trio.CapacityLimiter(AT_ONCE)

    async def one(endpoint: Endpoint, failed: trio.Event, scope: trio.CancelScope) -> None:
        try:
            async with slots:
                channel = await attempt(endpoint)
        except (OSError, WireError) as error:
            failures.append(f"{endpoint}: {error}")
            failed.set()
            return
        if won:
            await channel.raw.close()
            return
        won.append(channel)
        scope.cancel()

    try:
        async with trio.open_nursery() as nursery:
            for endpoint in order(endpoints):
                failed = trio.Event()
                nursery.start_soon(one, endpoint, failed, nursery.cancel_scope)
                with trio.move_on_after(STAGGER_SECONDS):
                    await failed.wait()
    except BaseException:
        for channel in won:
            await channel.raw.close()
        raise
    if won:
        return won[0]
    raise Unreachable("The peer cannot be reached", "; ".join(failures[:4]) or "No address of it is known.")
