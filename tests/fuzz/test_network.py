"""Many malformed inputs for every parser of the network, and flipped and cut recordings of real connections.

The parsers get 200,000 inputs; a node gets 1,200 connections, each a recording with a few bytes changed. Afterwards it
still serves, has logged no error, and has its memory back.
"""

from __future__ import annotations

import contextlib
import gc
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from goop2_core.p2p import Limits, _addresses, _noise, patches
from goop2_core.p2p._connection import secure
from goop2_core.p2p._limits import Budget
from goop2_core.p2p._mdns import peers_of
from goop2_core.p2p._multistream import Initiator, Responder, proposal
from goop2_core.p2p._noise import Keys
from goop2_core.p2p._signed import Signer
from goop2_core.p2p._transport import dial
from goop2_core.p2p._wire import WireError, cut_prefixed, prefixed
from goop2_core.p2p._yamux import HEADER, Mux
from tests.integration.p2p.nodes import ECHO, some, works
from tests.support.wait import until

SEED = int(os.environ.get("GOOP2_FUZZ_SEED", "20260101"))
MIB = 1 << 20


def mutated(chance: random.Random, data: bytes) -> bytes:
    """`data` with bits flipped, bytes cut out, doubled or put in."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(changed) + 1)
        match chance.randrange(5):
            case 0 | 1 if at < len(changed):
                changed[at] ^= 1 << chance.randrange(8)
            case 2:
                del changed[at : at + chance.randint(1, 8)]
            case 3:
                changed[at:at] = changed[at : at + chance.randint(1, 16)]
            case _:
                changed[at:at] = chance.randbytes(chance.randint(1, 8))
    return bytes(changed[: chance.randint(0, len(changed))] if chance.random() < 0.2 else changed)


def parsers() -> Iterator[tuple[str, bytes, Callable[[bytes], object], int]]:
    """Each parser with a good input and how many bad ones it gets."""
    library = patches.load()
    keys = Keys.of(library, os.urandom(32))
    signer = Signer(library, keys)
    peer_id = library.peer_id.from_pubkey(keys.identity.public_key).to_base58()
    message = signer.make("topic", b"data")
    rpc = library.rpc.RPC()
    rpc.subscriptions.add(subscribe=True, topicid="topic")
    rpc.publish.add().CopyFrom(message)
    rpc.control.ihave.add(topicID="topic", messageIDs=[b"1", b"2"])
    identify = library.identify(
        protocols=["/a/1"], agent_version="x", listen_addrs=[library.multiaddr("/ip4/1.2.3.4/tcp/1").to_bytes()]
    )
    txt = f"dnsaddr=/ip4/10.0.0.1/tcp/4001/p2p/{peer_id}".encode()
    frames = b"".join(
        HEADER.pack(0, kind, flags, number, length) + bytes(length if kind == 0 else 0)
        for kind, flags, number, length in ((1, 1, 1, 0), (0, 0, 1, 20), (2, 1, 0, 7), (1, 0, 1, 99), (0, 4, 1, 3))
    )
    signature = library.sign_noise(keys.identity.private_key, keys.noise.public_key)
    payload = library.noise_payload(keys.identity.public_key, signature).serialize()
    state = library.noise_state

    def mux(data: bytes) -> None:
        one = Mux(
            client=False,
            budget=Budget(MIB),
            on_stream=lambda _: True,
            wake=lambda: None,
            cross=lambda function: function(),
        )
        one.feed(data)
        one.batch(1 << 16)

    def check(data: bytes) -> None:
        parsed = library.rpc.Message()
        with contextlib.suppress(Exception):  # protobuf's refusal is expected; what passes it must be checked by us
            parsed.ParseFromString(data)
        signer.check(parsed)

    def handshake(data: bytes) -> None:
        assert state is not None
        with contextlib.suppress(ValueError):
            library.noise_payload.deserialize(data)

    def protobuf(kind: Any) -> Callable[[bytes], None]:
        def parse(data: bytes) -> None:
            with contextlib.suppress(Exception):
                kind().ParseFromString(data)

        return parse

    yield "yamux", frames, mux, 60_000
    yield (
        "responder",
        proposal("/a/1"),
        lambda data: Responder({"/a/1"}.__contains__, lambda: ("/a/1",)).feed(data),
        40_000,
    )
    yield "initiator", proposal("/a/1"), lambda data: Initiator("/a/1").feed(data), 30_000
    yield "prefixed", prefixed(b"x" * 40), lambda data: cut_prefixed(bytearray(data), 100), 20_000
    yield "address", b"/ip4/10.0.0.1/tcp/4001/ws", lambda data: _addresses.parse(data.decode("latin-1")), 20_000
    yield "txt record", bytes([len(txt)]) + txt, peers_of, 10_000
    yield "pubsub message", message.SerializeToString(), check, 10_000
    yield "pubsub rpc", rpc.SerializeToString(), protobuf(library.rpc.RPC), 5_000
    yield "identify", identify.SerializeToString(), protobuf(library.identify), 5_000
    yield "noise payload", payload, handshake, 3_000


def test_two_hundred_thousand_malformed_inputs_end_in_an_error_or_in_nothing() -> None:
    chance = random.Random(SEED)
    total = 0
    for name, good, parse, count in parsers():
        for _ in range(count):
            data = mutated(chance, good)
            total += 1
            try:
                parse(data)
            except WireError:
                continue
            except Exception as error:
                raise AssertionError(f"{name}: {data.hex()}") from error
    assert total >= 200_000


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.timeout(300)
async def test_changed_recordings_of_real_connections_leave_a_node_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits(connections=500, connections_per_address=500, inbound_dials_per_second=100_000, pending_inbound=500)
    recordings: dict[int, list[bytes]] = {}
    real = _noise.Channel.send

    async def record(channel: _noise.Channel, messages: list[bytes]) -> None:
        recordings.setdefault(id(channel), []).extend(messages)
        await real(channel, messages)

    chance = random.Random(SEED)
    async with some(2, limits=limits) as here:
        node, friend = here.nodes
        for each in here.nodes:
            each.subscribe("topic", lambda _author, _data: None)
        monkeypatch.setattr(_noise.Channel, "send", record)
        for _ in range(3):
            await works(friend, node, 2000)
            await friend.ping(node.peer_id)
            await friend.publish("topic", b"x" * 300)
            await friend.disconnect(node.peer_id)
        monkeypatch.setattr(_noise.Channel, "send", real)
        tapes = [tape for tape in recordings.values() if any(ECHO.encode() in message for message in tape)]
        assert tapes
        endpoint = _addresses.parse(node.listen_addresses()[0])
        assert endpoint is not None
        crossing = here.network._crossing
        assert crossing is not None

        async def replay() -> None:
            keys = Keys.of(patches.load(), chance.randbytes(32))
            channel = await secure(patches.load(), await dial(endpoint), keys, initiator=True, expected=node.peer_id)
            try:
                for message in chance.choice(tapes):
                    data = mutated(chance, message) if chance.random() < 0.3 else message
                    for at in range(0, len(data), 60_000):
                        await channel.send([data[at : at + 60_000]])
                with trio.move_on_after(0.02):
                    await channel.receive()
            except (OSError, WireError):
                pass
            finally:
                await channel.raw.close()

        async def many(count: int) -> None:
            for _ in range(count // 20):
                async with trio.open_nursery() as nursery:
                    for _ in range(20):
                        nursery.start_soon(replay)

        await crossing.call(many, 200)
        gc.collect()
        before = resident()
        await crossing.call(many, 1000)
        await works(friend, node, 100_000)
        gc.collect()
        assert resident() - before < 64 * MIB
        await until(lambda: node._host._budget.used == 0 and len(node._host.gossip._mates) <= 1)
