"""Attacks over libp2p: on the ports, in the handshake, between the frames, and in every protocol."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import trio

from goop2_core.encryption.box import Keys as Box
from goop2_core.encryption.box import box_of, seal_in
from goop2_core.p2p import patches
from goop2_core.p2p._multistream import proposal
from goop2_core.p2p._signed import Signer
from goop2_core.p2p._wire import prefixed
from goop2_core.p2p._yamux import FIN, RST
from tests.fuzz.engine import Count
from tests.fuzz.live.enemy import Enemy, Gone, Pace, keys_of
from tests.fuzz.live.victim import Victim
from tests.fuzz.mutate import json_text, mutated, protobuf
from tests.fuzz.targets import words
from tests.fuzz.targets.wire import CONVERSATION, NEGOTIATIONS, OPENING, TOPIC, Handshake, _frames, _rpcs

CONNECTIONS_A_SECOND = 15.0  # for each attack: the victim takes 25 from one address, and 50 in all
SLOTS = 24
IDENTITIES = 4
STREAMS_A_SLOT = 15  # then a new connection, of which the victim asks who it is
LINGER = 0.15
PORTION = 30_000
SITE, MQ = "/goop/site/1.0.0", "/goop/mq/1.0.0"

Make = Callable[[random.Random], bytes]


@dataclass
class Plan:
    """How many inputs each attack gets, and from which seed."""

    seed: int
    scale: float = 1.0

    def dice(self, name: str) -> random.Random:
        """The chance of one attack."""
        return random.Random(f"{self.seed} live {name}")

    def count(self, inputs: int) -> int:
        """So many inputs of a plan of 1.0."""
        return max(1, int(inputs * self.scale))


class Attackers:
    """The attackers' keys and what they say, for one victim."""

    def __init__(self, victim: Victim, plan: Plan) -> None:
        self.victim = victim
        self.plan = plan
        self.library = patches.load()
        self.seeds = [random.Random(f"{plan.seed} {number}").randbytes(32) for number in range(IDENTITIES)]
        self._answers = plan.dice("answers")
        self._box = box_of(Box(words.KEYS.public_b64, words.KEYS.private_b64), victim.public_key)
        keys = keys_of(self.seeds[0])
        self._rpcs = [rpc.SerializeToString() for rpc in _rpcs(self.library, keys)]
        self._signers = [Signer(self.library, keys_of(seed)) for seed in self.seeds]
        self._identify = self.library.identify(
            protocol_version="ipfs/0.1.0",
            agent_version="fuzz",
            public_key=keys.identity.public_key.serialize(),
            listen_addrs=[self.library.multiaddr("/ip4/127.0.0.9/tcp/9").to_bytes()],
            protocols=[SITE, MQ, "/meshsub/1.1.0", "/ipfs/ping/1.0.0"],
        ).SerializeToString()

    # ---- what is said

    def answer(self, protocol: str) -> bytes | None:
        """What the victim hears when it asks; about half of the identifications are sound, so that it goes on."""
        dice = self._answers
        match protocol:
            case "/ipfs/id/1.0.0":
                sound = dice.random() < 0.5
                return prefixed(self._identify if sound else protobuf(dice, self._identify))
            case "/goop/mq/1.0.0":
                return json_text(dice, [{"type": "ack", "id": "1", "seq": 1}])
            case "/meshsub/1.1.0" | "/meshsub/1.0.0" | "/floodsub/1.0.0":
                return b""
            case "/ipfs/ping/1.0.0":
                return dice.randbytes(dice.choice((0, 31, 32, 33)))
            case _:
                return mutated(dice, words.HEADERS)

    def protocols(self) -> dict[str, Make]:
        """What is sent behind the negotiation of each protocol."""
        return {
            MQ: self._message,
            SITE: lambda dice: mutated(dice, words.REQUESTS),
            "/goop/avatar/1.0.0": lambda dice: dice.randbytes(dice.choice((0, 1, 500))),
            "/goop/content/1.0.0": lambda dice: dice.randbytes(dice.choice((0, 1, 500))),
            "/goop/diag/1.0.0": lambda dice: mutated(dice, (b"status\n", b"")),
            "/ipfs/id/1.0.0": lambda dice: dice.randbytes(dice.choice((0, 1, 500))),
            "/ipfs/id/push/1.0.0": lambda dice: self._lied(dice, protobuf(dice, self._identify)),
            "/ipfs/ping/1.0.0": lambda dice: dice.randbytes(dice.choice((0, 1, 32, 33, 4000))),
            "/meshsub/1.1.0": self._rpc,
            "/meshsub/1.0.0": self._rpc,
            "/floodsub/1.0.0": self._rpc,
        }

    def _message(self, dice: random.Random) -> bytes:
        """A message over the bus: plain, or properly sealed with something wrong inside."""
        if dice.random() < 0.7:
            return json_text(dice, words.MESSAGES) + b"\n"
        topic = dice.choice(("chat", "chat", "call.offer", "group:x", "identity.response", "unheard.of"))
        inside = json_text(dice, [words.CHAT, words.IDENTITY])
        message = {
            "type": "msg",
            "id": dice.randbytes(8).hex(),
            "seq": dice.randrange(2**40),
            "topic": topic,
            "payload": {"enc": seal_in(self._box, inside)},
        }
        return json.dumps(message).encode() + b"\n"

    def _rpc(self, dice: random.Random) -> bytes:
        """Pubsub: spoilt RPCs, and properly signed messages that say something spoilt."""
        if dice.random() < 0.6:
            return self._lied(dice, protobuf(dice, dice.choice(self._rpcs)))
        signer = dice.choice(self._signers)
        rpc = self.library.rpc.RPC()
        said = json_text(dice, [words.PRESENCE | {"peerId": self.library.peer_id(signer._own).to_base58()}])
        rpc.publish.add().CopyFrom(signer.make(TOPIC, said))
        return prefixed(bytes(rpc.SerializeToString()))

    @staticmethod
    def _lied(dice: random.Random, message: bytes) -> bytes:
        return prefixed(message) if dice.random() < 0.9 else mutated(dice, [prefixed(message) or b"x"])


# ---- before the connection is proven


async def on_the_port(who: Attackers, name: str, where: tuple[str, int], makes: list[Make], inputs: int) -> Count:
    """Whole conversations that go wrong somewhere, each on a connection of its own from an address to a port."""
    source, port = where
    count, dice, pace = Count(name), who.plan.dice(name), Pace(CONNECTIONS_A_SECOND)

    async def one(data: bytes, rst: bool) -> None:
        try:
            connection = await trio.open_tcp_stream("127.0.0.1", port, local_address=source)
        except OSError:
            return
        try:
            for at in range(0, len(data), PORTION):
                await connection.send_all(data[at : at + PORTION])
            count.inputs += 1
            with trio.move_on_after(LINGER):
                while await connection.receive_some(65536):
                    pass
        except trio.BrokenResourceError:
            count.refused += 1
        if rst:
            connection.socket.setsockopt(1, 13, struct.pack("ii", 1, 0))  # SO_LINGER of 0: close with RST
        await trio.aclose_forcefully(connection)

    async with trio.open_nursery() as nursery:
        for _ in range(inputs):
            await pace.turn()
            nursery.start_soon(one, dice.choice(makes)(dice), dice.random() < 0.3)
    return count


def port_inputs(who: Attackers) -> list[Make]:
    """What is sent to the TCP port."""
    noise = Handshake(who.library, keys_of(who.seeds[1])).captures[0]
    hello = proposal("/noise")
    return [
        partial(mutated, captures=(hello, hello + noise, *NEGOTIATIONS, proposal("/plaintext/2.0.0"))),
        lambda dice: hello + mutated(dice, (noise,)),
        lambda dice: hello + noise + mutated(dice, (bytes(300), b"\x00\xc8" + bytes(200))),
        lambda dice: mutated(dice, (OPENING,)),
    ]


def websocket_inputs(who: Attackers) -> list[Make]:
    """What is sent to the WebSocket port: spoilt openings, and spoilt frames behind a sound one."""
    hello = proposal("/noise")
    framed = b"\x82" + bytes([0x80 | len(hello)]) + bytes(4) + hello
    frames = (framed, b"\x89\x80abcd", b"\x88\x82abcd\x00\x00", b"\x81\x85abcdhello", b"\x02\x81abcdx" + framed)
    return [
        lambda dice: mutated(dice, (OPENING, OPENING + framed)),
        lambda dice: OPENING + mutated(dice, frames),
        lambda dice: OPENING + framed + mutated(dice, frames),
    ]


# ---- after it


async def between_frames(who: Attackers, inputs: int, source: str) -> Count:
    """Frames that no yamux would send. Each batch that the victim took, or ended the connection for, counts.

    So do the answers that its own questions got meanwhile.
    """
    name = "live yamux frames"
    count, dice, pace = Count(name), who.plan.dice(name), Pace(CONNECTIONS_A_SECOND)

    async def one() -> None:
        await pace.turn()
        try:
            enemy = await Enemy.connect(
                who.victim.tcp_port, who.victim.peer.peer_id, dice.choice(who.seeds), source, who.answer
            )
        except Gone:
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(enemy.read)
            for _ in range(20):
                try:
                    await enemy.send(_frames(dice) if dice.random() < 0.7 else mutated(dice, (CONVERSATION,)))
                except Gone:
                    break
                count.inputs += 1
                if not await enemy.alive(LINGER):
                    count.refused += 1
                    break
            count.inputs += enemy.answered
            await enemy.close()
            nursery.cancel_scope.cancel()

    async def some() -> None:
        while count.inputs < inputs:
            await one()

    async with trio.open_nursery() as nursery:
        for _ in range(6):
            nursery.start_soon(some)
    return count


class Streams:
    """Streams of one protocol after the other, in parallel, over a few connections that are made anew when they end."""

    def __init__(self, who: Attackers, inputs: int, source: str) -> None:
        self._who = who
        self._left = inputs
        self._source = source
        self._dice = who.plan.dice("streams")
        self._pace = Pace(2.0)
        self._makes = who.protocols()
        self.counts = {name: Count(f"live {name}") for name in [*self._makes, "negotiation"]}
        self.answers = Count("live answers")

    async def run(self) -> list[Count]:
        """All of them."""
        async with trio.open_nursery() as nursery:
            for seed in self._who.seeds:
                nursery.start_soon(self._connection, seed)
        return [*self.counts.values(), self.answers]

    async def _connection(self, seed: bytes) -> None:
        while self._left > 0:
            await self._pace.turn()
            victim = self._who.victim
            try:
                enemy = await Enemy.connect(victim.tcp_port, victim.peer.peer_id, seed, self._source, self._who.answer)
            except Gone:
                continue
            async with trio.open_nursery() as nursery:
                nursery.start_soon(enemy.read)
                await self._introduce(enemy)
                async with trio.open_nursery() as slots:
                    for _ in range(SLOTS):
                        slots.start_soon(self._slot, enemy)
                self.answers.inputs += enemy.answered
                await enemy.close()
                nursery.cancel_scope.cancel()

    async def _introduce(self, enemy: Enemy) -> None:
        """Tell a key, so that sealed messages open."""
        told = {"type": "msg", "id": "", "seq": 1, "topic": "identity.response", "payload": words.IDENTITY}
        try:
            await enemy.stream(proposal(MQ) + json.dumps(told).encode() + b"\n", FIN, 2.0)
        except Gone:
            return

    async def _slot(self, enemy: Enemy) -> None:
        for _ in range(STREAMS_A_SLOT):
            if self._left <= 0:
                return
            self._left -= 1
            dice = self._dice
            if dice.random() < 0.1:
                name, data = "negotiation", mutated(dice, NEGOTIATIONS)
            else:
                name = dice.choice((MQ, MQ, MQ, SITE, SITE, "/meshsub/1.1.0", *self._makes))
                data = proposal(name) + self._makes[name](dice)
            count = self.counts[name]
            try:
                done = await enemy.stream(data[:200_000], dice.choice((FIN, FIN, FIN, FIN, FIN, RST, 0)), LINGER * 4)
            except Gone:
                self._left += 1  # it may not have arrived
                return
            count.inputs += 1
            count.refused += not done


Attack = Callable[[], Awaitable[Count | list[Count]]]


def attacks(victim: Victim, plan: Plan) -> list[Attack]:
    """All of them, to be run side by side."""
    who = Attackers(victim, plan)
    tcp, ws = port_inputs(who), websocket_inputs(who)
    return [
        partial(on_the_port, who, "live TCP port", ("127.0.0.2", victim.tcp_port), tcp, plan.count(600)),
        partial(on_the_port, who, "live WebSocket port", ("127.0.0.3", victim.ws_port), ws, plan.count(400)),
        partial(between_frames, who, plan.count(700), "127.0.0.4"),
        Streams(who, plan.count(16_000), "127.0.0.5").run,
    ]
