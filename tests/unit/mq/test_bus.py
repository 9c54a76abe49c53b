"""The message bus over the in-memory network: delivery, order, encryption, limits, and what strangers may send."""

from __future__ import annotations

import asyncio
import json
import time
import uuid

import pytest

from goop2_core.encryption.box import Keys, PeerKey
from goop2_core.encryption.sealer import Sealer
from goop2_core.errors import NetworkError, Refused, StreamBroken, Unreachable
from goop2_core.identity import new_nacl_pair
from goop2_core.mq import bus as bus_module
from goop2_core.mq.bus import PROTOCOL, Bus
from goop2_core.mq.inbox import STREAMS_PER_SENDER
from goop2_core.mq.message import Message
from goop2_core.p2p.api import NodeOptions
from goop2_core.tasks import TaskOwner
from tests.support.memory_network import MemoryNetwork, MemoryNode
from tests.support.wait import until


class Peer:
    """A node with a bus, and what came over it."""

    def __init__(self, node: MemoryNode) -> None:
        self.node = node
        self.id = node.peer_id
        self.tasks = TaskOwner("test")
        self.keys = Keys(*new_nacl_pair())
        self.known: dict[str, PeerKey] = {}
        self.bus = Bus(node, Sealer(self.keys, self.known.get), self.tasks)
        self.bus.start()
        self.got: list[Message] = []

    async def keep(self, message: Message) -> None:
        self.got.append(message)


class Two:
    """Two peers that know each other's addresses."""

    async def __aenter__(self) -> tuple[Peer, Peer, MemoryNetwork]:
        self.network = MemoryNetwork()
        self.peers = [Peer(await self.network.open(NodeOptions(seed=bytes([n] * 32)))) for n in (1, 2)]
        one, two = self.peers
        one.node.learn(two.id, two.node.addresses())
        two.node.learn(one.id, one.node.addresses())
        return one, two, self.network

    async def __aexit__(self, *_: object) -> None:
        for peer in self.peers:
            await peer.tasks.stop()
        await self.network.stop()


def introduce(one: Peer, two: Peer) -> None:
    one.known[two.id] = PeerKey(two.keys.public_b64, accepts=True)
    two.known[one.id] = PeerKey(one.keys.public_b64, accepts=True)


async def raw(peer: Peer, to: Peer, *pieces: bytes, half_close: bool = False) -> bytes:
    """Sends these bytes as they are; what came back until the end, or nothing if it was reset."""
    stream = await peer.node.open_stream(to.id, PROTOCOL)
    try:
        for piece in pieces:
            await stream.write(piece)
            await asyncio.sleep(0)
        if half_close:
            await stream.close_write()
        answer = b""
        while data := await stream.read():
            answer += data
        return answer
    except StreamBroken:
        return b""


async def test_a_message_arrives_and_is_acknowledged():
    async with Two() as (one, two, _):
        two.bus.subscribe("chat", two.keep)
        before = time.time_ns() // 1_000_000
        sent = await one.bus.send(two.id, "chat", {"content": "hi \U0001f600"})
        await until(lambda: two.got)
        (message,) = two.got
        assert (message.id, message.topic, message.sender) == (sent, "chat", one.id)
        assert (message.payload, message.encrypted, message.readable) == ({"content": "hi \U0001f600"}, False, True)
        assert uuid.UUID(sent).version == 4
        assert message.seq >= before
        await one.bus.send(two.id, "chat", None)
        await until(lambda: len(two.got) == 2)
        assert two.got[1].seq > message.seq
        assert two.got[1].payload is None


async def test_the_wire_form_is_that_of_the_specification():
    async with Two() as (one, two, _):
        lines = []

        async def other_program(stream):
            lines.append(await stream.readline(4096))
            message = json.loads(lines[0])
            await stream.write(json.dumps({"type": "ack", "id": message["id"], "seq": message["seq"]}).encode() + b"\n")

        two.node.handle(PROTOCOL, other_program)
        sent = await one.bus.send(two.id, "chat", {"content": "hi"})
        seq = json.loads(lines[0])["seq"]
        expected = f'"type":"msg","id":"{sent}","seq":{seq},"topic":"chat","payload":{{"content":"hi"}}'
        assert lines == [b"{" + expected.encode() + b"}\n"]


ID = b"6f6c1d0e-2b57-4c43-9f3e-0c7d1a2b3c4d"
MESSAGE = b'{"type":"msg","id":"%b","seq":7,"topic":"chat","payload":{"content":"hi"}}' % ID
ACK = b'{"type":"ack","id":"%b","seq":7}\n' % ID


@pytest.mark.parametrize(
    ("pieces", "half_close"),
    [
        ([MESSAGE + b"\n"], False),
        ([MESSAGE], False),
        ([MESSAGE], True),
        ([bytes([byte]) for byte in MESSAGE], False),
        ([b"\n ", json.dumps(json.loads(MESSAGE), indent=2).encode()], False),
        ([MESSAGE + b"\n" + MESSAGE + b"\n"], False),
    ],
)
async def test_senders_may_cut_a_message_as_they_like(pieces, half_close):
    async with Two() as (one, two, _):
        two.bus.subscribe("", two.keep)
        assert await raw(one, two, *pieces, half_close=half_close) == ACK
        await until(lambda: two.got)
        assert two.got[0].payload == {"content": "hi"}


async def test_odd_but_harmless_messages_are_taken():
    async with Two() as (one, two, _):
        two.bus.subscribe("", two.keep)
        assert await raw(one, two, b'{"topic":"x"}\n') == b'{"type":"ack","id":"","seq":0}\n'
        assert await raw(one, two, b'{"id":null,"topic":"y","payload":null,"more":[]}\n')
        await until(lambda: [message.topic for message in two.got] == ["x", "y"])


@pytest.mark.parametrize(
    "data",
    [
        b"garbage\n", b"[]\n", b"\xff\xfe\n", b'{"id":1,"topic":"t"}\n', b'{"id":"%b","topic":"t"}\n' % (b"x" * 200),
        b'{"topic":""}\n', b'{"topic":1}\n', b"{}\n", b'{"topic":"t","seq":"1"}\n', b'{"topic":"t","seq":true}\n',
        b'{"topic":"t","seq":1e3}\n', b'{"topic":"t","seq":9223372036854775808}\n', b'{"topic":"t","payload":NaN}\n',
        b'{"topic":"t","payload":' + b"[" * 70 + b"]" * 70 + b"}\n", b'{"topic":"' + b"t" * 600 + b'"}\n',
        b'{"topic":"t","payload":[' + b"0," * 100_001 + b"0]}\n",
    ],
)  # fmt: skip
async def test_what_is_no_message_gets_no_acknowledgement(data):
    async with Two() as (one, two, _):
        two.bus.subscribe("", two.keep)
        assert await raw(one, two, data) == b""
        assert await raw(one, two, b'{"topic":"alive"}\n')
        await until(lambda: two.got)
        assert [message.topic for message in two.got] == ["alive"]


async def test_too_large_is_refused_on_both_sides_and_nothing_is_kept():
    async with Two() as (one, two, _):
        two.bus.subscribe("", two.keep)
        with pytest.raises(Refused) as caught:
            await one.bus.send(two.id, "t", "x" * (8 << 20))
        assert caught.value.status == 413
        with pytest.raises(Refused):
            await one.bus.send(two.id, "t", "é" * (3 << 20))
        await one.bus.send(two.id, "t", "é" * (1 << 20))
        await until(lambda: two.got)
        assert two.got.pop().payload == "é" * (1 << 20)
        assert await raw(one, two, b'{"topic":"t","payload":"', b"x" * (9 << 20)) == b""
        assert two.bus._inboxes._budget.held == 0
        big = "x" * (7 << 20)
        await one.bus.send(two.id, "t", big)
        await until(lambda: two.got)
        assert two.got[0].payload == big
        await until(lambda: two.bus._inboxes._budget.held == 0)


async def test_both_sides_seal_when_keys_are_known():
    async with Two() as (one, two, _):
        introduce(one, two)
        two.bus.subscribe("", two.keep)
        for payload in ({"content": "secret"}, None, "x" * 300_000):
            await one.bus.send(two.id, "chat", payload)
        await until(lambda: len(two.got) == 3)
        assert [message.payload for message in two.got] == [{"content": "secret"}, None, "x" * 300_000]
        assert all(message.encrypted and message.readable for message in two.got)
        await one.bus.send(two.id, "identity", None)
        await until(lambda: len(two.got) == 4)
        assert not two.got[3].encrypted


async def test_what_does_not_open_is_flagged_and_never_plain_text():
    async with Two() as (one, two, _):
        introduce(one, two)
        two.known[one.id] = PeerKey(new_nacl_pair()[0], accepts=True)
        two.bus.subscribe("chat", two.keep)
        await one.bus.send(two.id, "chat", {"content": "secret"})
        await raw(one, two, b'{"topic":"chat","payload":{"enc":"not sealed at all"}}\n')
        await until(lambda: len(two.got) == 2)
        for message in two.got:
            assert (message.payload, message.encrypted, message.readable) == (None, True, False)


async def test_a_newer_key_is_fetched_and_order_is_kept_meanwhile():
    async with Two() as (one, two, _):
        introduce(one, two)
        right = two.known.pop(one.id)
        asked = asyncio.Event()

        async def fetch(peer_id):
            asked.set()
            await until(lambda: [message.topic for message in two.got] == ["identity.response"])
            two.known[peer_id] = right
            return True

        two.bus.set_key_fetcher(fetch)
        two.bus.subscribe("", two.keep)
        await one.bus.send(two.id, "chat", 1)
        await asked.wait()
        two.node.handle("/x", lambda _: asyncio.sleep(0))
        del one.known[two.id]
        await one.bus.send(two.id, "chat", 2)
        await one.bus.send(two.id, "identity.response", {"content": "One"})
        await until(lambda: len(two.got) == 3)
        assert [message.payload for message in two.got[1:]] == [1, 2]
        assert two.got[1].encrypted


async def test_order_of_one_sender_is_kept_and_others_do_not_wait():
    async with Two() as (one, two, network):
        three = Peer(await network.open(NodeOptions(seed=bytes([3] * 32))))
        three.node.learn(two.id, two.node.addresses())
        gate = asyncio.Event()
        seen: list[tuple[str, int]] = []

        async def slow(message):
            if message.sender == one.id:
                await gate.wait()
            seen.append((message.sender, message.payload))

        two.bus.subscribe("n", slow)
        two.bus.subscribe("n", two.keep)
        for number in range(50):
            await one.bus.send(two.id, "n", number)
        await three.bus.send(two.id, "n", 0)
        await until(lambda: (three.id, 0) in seen)
        await until(lambda: len(two.got) == 51)
        assert [message.payload for message in two.got if message.sender == one.id] == list(range(50))
        gate.set()
        await until(lambda: len(seen) == 51)
        assert [payload for sender, payload in seen if sender == one.id] == list(range(50))
        await three.tasks.stop()


async def test_a_failing_handler_harms_no_other(logged_errors):
    async with Two() as (one, two, _):

        async def broken(message):
            raise KeyError(message.id)

        async def refusing(_message):
            raise Refused("no")

        two.bus.subscribe("t", broken)
        two.bus.subscribe("t", refusing)
        two.bus.subscribe("t", two.keep)
        for number in range(3):
            await one.bus.send(two.id, "t", number)
        await until(lambda: len(two.got) == 3)
        await until(lambda: len(logged_errors) == 3)
        logged_errors.clear()


async def test_topics_select_by_prefix_until_unsubscribed():
    async with Two() as (one, two, _):
        other: list[Message] = []

        async def keep_other(message):
            other.append(message)

        stop = two.bus.subscribe("chat", two.keep)
        two.bus.subscribe("group:", keep_other)
        for topic in ("chat", "chat.broadcast", "group:1:join", "unknown"):
            await one.bus.send(two.id, topic, None)
        await until(lambda: other)
        assert [message.topic for message in two.got] == ["chat", "chat.broadcast"]
        stop()
        stop()
        await one.bus.send(two.id, "chat", None)
        await one.bus.send(two.id, "group:2:join", None)
        await until(lambda: len(other) == 2)
        assert len(two.got) == 2


async def test_local_topics_neither_go_out_nor_come_in():
    async with Two() as (one, two, _):
        two.bus.subscribe("", two.keep)
        for topic in ("peer:announce", "peer:gone", "listen:g:state", "relay:status", "log:mq", "call:loopback:x"):
            with pytest.raises(Refused):
                await one.bus.send(two.id, topic, None)
            assert await raw(one, two, b'{"topic":"%b"}\n' % topic.encode())
        await one.bus.send(two.id, "call:x", None)
        await until(lambda: two.got)
        assert [message.topic for message in two.got] == ["call:x"]
        assert two.bus._inboxes._budget.held == 0


async def test_repeats_are_acknowledged_and_handed_over_once():
    async with Two() as (one, two, _):
        two.bus.subscribe("", two.keep)
        assert await raw(one, two, MESSAGE) == ACK
        assert await raw(one, two, MESSAGE) == ACK
        await one.bus.send(two.id, "last", None)
        await until(lambda: two.got and two.got[-1].topic == "last")
        assert [message.topic for message in two.got] == ["chat", "last"]


async def test_a_failed_attempt_is_repeated_once_under_a_new_id():
    async with Two() as (one, two, _):
        seen = []

        async def deaf_once(stream):
            message = json.loads(await stream.readline(4096))
            seen.append(message)
            if len(seen) > 1:
                await stream.write(json.dumps({"id": message["id"]}).encode() + b"\n")

        two.node.handle(PROTOCOL, deaf_once)
        sent = await one.bus.send(two.id, "t", 5)
        assert [message["payload"] for message in seen] == [5, 5]
        assert seen[0]["id"] != seen[1]["id"] == sent
        assert seen[0]["seq"] < seen[1]["seq"]


@pytest.mark.parametrize("answer", [b"", b"\n", b"x" * 5000, b'{"type":"ack","id":"another"}\n', b"[]\n", b"\xff\n"])
async def test_a_wrong_acknowledgement_is_none(answer):
    async with Two() as (one, two, _):

        async def wrong(stream):
            await stream.readline(4096)
            await stream.write(answer)

        two.node.handle(PROTOCOL, wrong)
        with pytest.raises(StreamBroken):
            await one.bus.send(two.id, "t", None, retry=False)


async def test_no_answer_ends_in_an_error(monkeypatch):
    monkeypatch.setattr(bus_module, "ACK_SECONDS", 0.05)
    async with Two() as (one, two, _):
        two.node.handle(PROTOCOL, lambda _: asyncio.sleep(30))
        with pytest.raises(StreamBroken):
            await one.bus.send(two.id, "t", None, retry=False)
        with pytest.raises(Unreachable):
            await one.bus.send("12D3KooWNobody", "t", None)


@pytest.mark.parametrize("payload", [{"enc": "text"}, float("nan"), {1, 2}])
async def test_what_must_not_be_sent(payload):
    async with Two() as (one, two, _):
        with pytest.raises(Refused):
            await one.bus.send(two.id, "t", payload)


async def test_a_flood_of_streams_is_bounded_and_the_bus_survives(monkeypatch):
    monkeypatch.setattr(bus_module, "READ_SECONDS", 0.2)
    async with Two() as (one, two, _):
        two.bus.subscribe("", two.keep)
        results = await asyncio.gather(*(raw(one, two, b'{"topic":') for _ in range(STREAMS_PER_SENDER * 3)))
        assert set(results) == {b""}
        assert two.bus._inboxes._budget.held == 0
        await one.bus.send(two.id, "alive", None)
        await until(lambda: two.got)


async def test_messages_that_nobody_handles_fast_enough_are_refused_not_kept():
    async with Two() as (one, two, _):
        gate = asyncio.Event()

        async def stuck(_message):
            await gate.wait()

        two.bus.subscribe("t", stuck)
        refused = 0
        for number in range(300):
            try:
                await one.bus.send(two.id, "t", number, retry=False)
            except NetworkError:
                refused += 1
        assert 40 <= refused <= 60
        gate.set()
        await until(lambda: two.bus._inboxes.of(one.id).idle)
        assert two.bus._inboxes._budget.held == 0
