"""The encrypted channel: who is proven, what is refused, and that broken handshakes end in `WireError` alone."""

from __future__ import annotations

import os
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
import trio.testing

from goop2_core.p2p import patches
from goop2_core.p2p._connection import secure
from goop2_core.p2p._noise import Channel, Keys
from goop2_core.p2p._wire import WireError


class Memory:
    """A `Raw` in memory. `change` may alter what is sent."""

    host = "127.0.0.1"
    address = "/ip4/127.0.0.1/tcp/1"

    def __init__(self, send: trio.MemorySendChannel[bytes], receive: trio.MemoryReceiveChannel[bytes]) -> None:
        self._send = send
        self._receive = receive
        self.change: Callable[[bytes], bytes] = lambda data: data

    async def send(self, data: bytes) -> None:
        await self._send.send(self.change(data))

    async def receive(self) -> bytes:
        with trio.move_on_after(1):
            try:
                return await self._receive.receive()
            except trio.EndOfChannel:
                return b""
        return b""

    async def finish(self) -> None:
        self._send.close()

    async def close(self) -> None:
        self._send.close()


def memory_pair() -> tuple[Memory, Memory]:
    one_send, two_receive = trio.open_memory_channel[bytes](100)
    two_send, one_receive = trio.open_memory_channel[bytes](100)
    return Memory(one_send, one_receive), Memory(two_send, two_receive)


def keys() -> Keys:
    return Keys.of(patches.load(), os.urandom(32))


def id_of(some: Keys) -> str:
    return patches.load().peer_id.from_pubkey(some.identity.public_key).to_base58()


async def meet(
    one: Memory, two: Memory, ours: Keys, theirs: Keys, expected: str = ""
) -> tuple[Channel | Exception, Channel | Exception]:
    found: list[Any] = [None, None]

    async def side(index: int, work: Callable[[], Awaitable[Channel]]) -> None:
        try:
            found[index] = await work()
        except (WireError, OSError) as error:
            found[index] = error
            await (one, two)[index].close()

    library = patches.load()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(side, 0, lambda: secure(library, one, ours, initiator=True, expected=expected))
        nursery.start_soon(side, 1, lambda: secure(library, two, theirs, initiator=False))
    return found[0], found[1]


def test_both_sides_know_each_other_and_messages_arrive() -> None:
    async def main() -> None:
        ours, theirs = keys(), keys()
        one, two = memory_pair()
        first, second = await meet(one, two, ours, theirs, id_of(theirs))
        assert isinstance(first, Channel)
        assert isinstance(second, Channel)
        assert (first.peer_id, second.peer_id) == (id_of(theirs), id_of(ours))
        messages = [b"", b"short", os.urandom(65519)]
        await first.send(messages)
        assert await second.receive() == messages
        await second.send([b"back"])
        assert await first.receive() == [b"back"]

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_another_peer_than_expected_is_refused() -> None:
    async def main() -> None:
        one, two = memory_pair()
        first, _ = await meet(one, two, keys(), keys(), id_of(keys()))
        assert isinstance(first, WireError)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_a_changed_message_is_refused() -> None:
    async def main() -> None:
        one, two = memory_pair()
        first, second = await meet(one, two, keys(), keys())
        assert isinstance(first, Channel)
        assert isinstance(second, Channel)
        one.change = lambda data: data[:-1] + bytes([data[-1] ^ 1])
        await first.send([b"words"])
        with pytest.raises(WireError):
            await second.receive()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_a_handshake_changed_anywhere_ends_in_an_error_on_one_side_at_least() -> None:
    async def main() -> None:
        chance = random.Random(7)
        for _ in range(60):
            one, two = memory_pair()

            def change(data: bytes) -> bytes:
                at = chance.randrange(len(data))
                kind = chance.random()
                if kind < 0.5:
                    return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]
                return data[:at] if kind < 0.8 else data[:at] + chance.randbytes(20) + data[at:]

            chance.choice((one, two)).change = change
            first, second = await meet(one, two, keys(), keys())
            assert isinstance(first, Exception) or isinstance(second, Exception)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


@pytest.mark.parametrize("initiator", [True, False])
def test_rubbish_instead_of_a_handshake_ends_in_an_error(initiator: bool) -> None:
    async def main() -> None:
        chance = random.Random(3)
        for size in (0, 1, 3, 100, 5000):
            one, two = memory_pair()
            await two.send(chance.randbytes(size))
            await two.finish()
            with pytest.raises(WireError):
                await secure(patches.load(), one, keys(), initiator=initiator)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_plaintext_is_not_accepted() -> None:
    async def main() -> None:
        from goop2_core.p2p._multistream import line, proposal

        one, two = memory_pair()
        await two.send(proposal("/plaintext/2.0.0"))
        await two.finish()
        with pytest.raises(WireError):
            await secure(patches.load(), one, keys(), initiator=False)
        assert await two.receive() == line(b"/multistream/1.0.0") + line(b"na")

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
