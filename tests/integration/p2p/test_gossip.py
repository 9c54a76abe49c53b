"""Pubsub between real nodes."""

from __future__ import annotations

import asyncio
import time

import pytest

from goop2_core.errors import Refused
from goop2_core.p2p import _gossip
from goop2_core.p2p._wire import encode_varint
from tests.support.wait import until

from .nodes import some

TOPIC = "goop.presence.v1"


async def test_a_message_reaches_everybody_once_with_its_author() -> None:
    got: list[tuple[int, str, bytes]] = []
    async with some(6) as here:
        for index, node in enumerate(here.nodes):
            node.subscribe(TOPIC, lambda author, data, index=index: got.append((index, author, data)))
        hub = here.nodes[0]
        await asyncio.gather(*(node.connect(hub.peer_id) for node in here.nodes[1:]))
        gossip = hub._host.gossip
        await until(lambda: len(gossip._mesh[TOPIC]) == 5)
        for index, node in enumerate(here.nodes):
            await node.publish(TOPIC, b"from %d" % index)
        await until(lambda: len(got) >= 30)
        await asyncio.sleep(0.1)
        assert sorted(got) == sorted(
            (index, node.peer_id, b"from %d" % number)
            for number, node in enumerate(here.nodes)
            for index in range(6)
            if index != number
        )


async def test_only_subscribers_get_a_message_and_publishing_needs_no_subscription() -> None:
    got: list[bytes] = []
    async with some(2) as here:
        one, two = here.nodes
        two.subscribe(TOPIC, lambda _author, data: got.append(data))
        two.subscribe("other", lambda _author, data: got.append(data))
        await one.connect(two.peer_id)
        mates = one._host.gossip._mates
        await until(lambda: two.peer_id in mates and mates[two.peer_id].flow and TOPIC in mates[two.peer_id].topics)
        await one.publish("unheard", b"1")
        await one.publish(TOPIC, b"2")
        await until(lambda: got == [b"2"])


async def test_a_message_that_is_too_large_is_refused_and_one_of_a_megabyte_nearly_is_not() -> None:
    got: list[int] = []
    async with some(2) as here:
        one, two = here.nodes
        for node in here.nodes:
            node.subscribe(TOPIC, lambda _author, data: got.append(len(data)), most=1 << 20)
        await one.connect(two.peer_id)
        await until(lambda: one._host.gossip._mesh[TOPIC] and two._host.gossip._mesh[TOPIC])
        with pytest.raises(Refused) as caught:
            await one.publish(TOPIC, bytes(1 << 20))
        assert caught.value.status == 413
        await one.publish(TOPIC, bytes(1_000_000))
        await until(lambda: got == [1_000_000])


async def test_what_is_too_large_for_its_topic_is_not_passed_on() -> None:
    got: list[tuple[int, int]] = []
    async with some(3) as here:
        two, one, three = here.nodes
        one.subscribe(TOPIC, lambda _author, _data: None, most=1 << 20)
        two.subscribe(TOPIC, lambda _author, data: got.append((2, len(data))))
        three.subscribe(TOPIC, lambda _author, data: got.append((3, len(data))), most=1 << 20)
        for node in (one, three):
            await node.connect(two.peer_id)
        await until(lambda: len(two._host.gossip._mesh[TOPIC]) == 2 and one._host.gossip._mesh[TOPIC])
        await one.publish(TOPIC, bytes(65537))
        padded = one._host.gossip._signer.make(TOPIC, b"")
        padded.MergeFromString(b"\xfa\x01" + encode_varint(70_000) + bytes(70_000))  # a field that nobody knows
        one._crossing.to_trio(one._host.gossip._forward, TOPIC, padded, ())
        await one.publish(TOPIC, bytes(65536))
        await until(lambda: {who for who, _ in got} == {2, 3})
        assert sorted(got) == [(2, 65536), (3, 65536)]
        with pytest.raises(Refused):
            await two.publish(TOPIC, bytes(65537))


async def test_what_strangers_make_it_remember_of_pruning_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_gossip, "BACKOFFS_MOST", 100)
    async with some(1) as here:
        gossip = here.nodes[0]._host.gossip
        gossip._mesh[TOPIC] = set()
        for number in range(1000):
            gossip._pruned(f"stranger {number}", TOPIC, 2.0**60)
        assert len(gossip._backoff) == 100
        assert (TOPIC, "stranger 999") in gossip._backoff
        assert max(gossip._backoff.values()) <= time.monotonic() + 300


async def test_a_late_peer_is_told_of_what_it_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_gossip, "HEARTBEAT_SECONDS", 0.2)
    got: list[bytes] = []
    async with some(2) as here:
        one, two = here.nodes
        one.subscribe(TOPIC, lambda _author, _data: None)
        two.subscribe(TOPIC, lambda _author, data: got.append(data))
        one._host.gossip._set_backoff(TOPIC, two.peer_id, 60)  # not in the mesh: only gossip reaches it
        two._host.gossip._set_backoff(TOPIC, one.peer_id, 60)
        await one.publish(TOPIC, b"before they met")
        await one.connect(two.peer_id)
        await until(lambda: got == [b"before they met"])


async def test_pubsub_comes_back_after_a_reconnection() -> None:
    got: list[bytes] = []
    async with some(2) as here:
        one, two = here.nodes
        for node in here.nodes:
            node.subscribe(TOPIC, lambda _author, data: got.append(data))
        for number in range(3):
            await one.connect(two.peer_id)
            await until(lambda: one._host.gossip._mesh[TOPIC])
            await one.publish(TOPIC, b"%d" % number)
            await until(lambda number=number: b"%d" % number in got)
            await one.disconnect(two.peer_id)
            await until(lambda: not one.connections() and not two.connections())


async def test_the_parameters_are_those_of_the_specification() -> None:
    assert (_gossip.D, _gossip.D_LOW, _gossip.D_HIGH, _gossip.D_LAZY) == (6, 5, 12, 6)
    assert (_gossip.HEARTBEAT_SECONDS, _gossip.SEEN_SECONDS, _gossip.MOST_RPC) == (1.0, 120.0, 1 << 20)
    assert (_gossip.HISTORY, _gossip.HISTORY_GOSSIP, _gossip.BACKOFF_SECONDS) == (5, 3, 60.0)
