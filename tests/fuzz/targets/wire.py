"""The protocols below goop2's own: negotiation, yamux, Noise, identify, GossipSub, mDNS, addresses, WebSocket."""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from goop2_core.identity import is_peer_id
from goop2_core.p2p import _addresses, patches
from goop2_core.p2p._gossip import CACHE_MOST, SEEN_MOST, Gossip, Mate
from goop2_core.p2p._limits import Budget
from goop2_core.p2p._mdns import Mdns, peers_of
from goop2_core.p2p._multistream import HEADER as MULTISTREAM
from goop2_core.p2p._multistream import Initiator, Responder, line, proposal
from goop2_core.p2p._muxstream import StreamOver
from goop2_core.p2p._noise import Channel, Inbox, Keys, handshake
from goop2_core.p2p._services import Identify
from goop2_core.p2p._signed import Signer
from goop2_core.p2p._websocket import WebSocket
from goop2_core.p2p._wire import WireError, cut_prefixed, encode_varint, prefixed
from goop2_core.p2p._yamux import ACK, DATA, FIN, GO_AWAY, HEADER, PING, RST, SYN, WINDOW, Mux
from tests.fuzz.engine import Target, finish
from tests.fuzz.mutate import NUMBERS, mutated, protobuf
from tests.fuzz.targets.words import PEER, PRESENCE, all_of, as_text, of_bytes, of_json

SITE = "/goop/site/1.0.0"
TOPIC = "goop.presence.v1"
OPENING = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1:4002\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
NEGOTIATIONS = (
    proposal(SITE),
    proposal("/nobody") + line(b"/meshsub/1.1.0") + line(SITE.encode()) + b"GET /\n",
    line(MULTISTREAM) + line(b"ls") + line(b"/noise"),
)
ANSWERS = (line(MULTISTREAM) + line(SITE.encode()) + b"OK 5\nhello", line(MULTISTREAM) + line(b"na"))
ADDRESSES = (
    b"/ip4/192.168.1.5/tcp/4001",
    b"/ip6/fd00::1/tcp/4001/ws",
    b"/dns4/example.org/tcp/443",
    f"/ip4/1.2.3.4/tcp/5/p2p/{PEER}".encode(),
    b"/ip4/1.2.3.4/udp/5/quic-v1",
)


def frame(kind: int, flags: int, number: int, length: int, body: bytes = b"") -> bytes:
    """A yamux frame whose header may lie about its body."""
    return HEADER.pack(0, kind, flags, number, length) + body


CONVERSATION = b"".join(
    (
        frame(WINDOW, SYN, 1, 0),
        frame(DATA, 0, 1, 300, bytes(300)),
        frame(DATA, SYN, 3, 5, b"hello"),
        frame(PING, SYN, 0, 7),
        frame(WINDOW, 0, 1, 1 << 20),
        frame(DATA, FIN, 3, 2, b"ab"),
        frame(WINDOW, ACK, 2, 0),
        frame(DATA, 0, 2, 9, b"123456789"),
        frame(WINDOW, RST, 1, 0),
        frame(WINDOW, FIN, 2, 0),
        frame(GO_AWAY, 0, 0, 0),
    )
)


def text_record(*addresses: str) -> bytes:
    """The data of a TXT record as go-libp2p's mDNS writes it."""
    strings = [f"dnsaddr={address}/p2p/{PEER}".encode() for address in addresses]
    return b"".join(bytes([len(string)]) + string for string in strings)


def targets() -> list[Target]:
    """The machines, fed with what the network could bring."""
    library = patches.load()
    keys = Keys.of(library, bytes(range(32)))
    identify = library.identify(
        protocol_version="ipfs/0.1.0",
        agent_version="goop2/1",
        public_key=keys.identity.public_key.serialize(),
        listen_addrs=[library.multiaddr("/ip4/1.2.3.4/tcp/5").to_bytes()],
        observed_addr=library.multiaddr("/ip4/1.2.3.4/tcp/6").to_bytes(),
        protocols=[SITE, "/goop/mq/1.0.0"],
    ).SerializeToString()
    rpcs = _rpcs(library, keys)
    message = rpcs[0].publish[0].SerializeToString()
    noise = Handshake(library, keys)
    txt = text_record("/ip4/192.168.1.5/tcp/4001", "/ip6/fd00::1/tcp/4001", "/dns4/x.example/tcp/1")
    presence = of_json(PRESENCE)
    return [
        Target("varint", of_bytes(prefixed(b"hello" * 60), encode_varint(2**31)), _prefixed, (WireError,)),
        Target("multistream, asked", of_bytes(*NEGOTIATIONS), _responder, (WireError,), 2),
        Target("multistream, answered", of_bytes(*ANSWERS), _initiator, (WireError,), 2),
        Target("yamux", _frames, Muxes(), (WireError,), 2),
        Target("noise handshake", of_bytes(*noise.captures), noise.asked, (WireError,), 0.2),
        Target("noise payload", _payloads(library, keys), noise.proven, (WireError,), 0.1),
        Target("noise extensions", _protobuf(b"\x12\x0c/yamux/1.0.0\x0a\x04abcd"), noise.signed, (WireError,), 0.1),
        Target("noise messages", *_sealed(library, keys), (WireError,), 0.5),
        Target("identify", _protobuf(identify), Learned(library), (WireError,)),
        Target("gossip", _protobuf(*(rpc.SerializeToString() for rpc in rpcs)), Rpcs(library, keys), (WireError,)),
        Target("gossip signature", _protobuf(message), _checked(library, keys), (WireError,), 0.3),
        Target("gossip author", _authors(library, presence), _checked(library, keys), (WireError,), 0.1),
        Target("mDNS record", of_bytes(txt, text_record("/ip4/0.0.0.0/tcp/0")), Records(), ()),
        Target("multiaddr", of_bytes(*ADDRESSES), _address, ()),
        Target(
            "multiaddr bytes",
            of_bytes(*(_binary(library, text) for text in ADDRESSES[:3])),
            Learned(library).address,
            (),
        ),
        Target("websocket opening", of_bytes(OPENING, OPENING + b"\x82\x85abcdhello"), _opening, (WireError,), 0.3),
    ]


def _binary(library: Any, text: bytes) -> bytes:
    return bytes(library.multiaddr(text.decode()).to_bytes())


def _protobuf(*messages: bytes) -> Callable[[random.Random], bytes]:
    return all_of(lambda dice: protobuf(dice, dice.choice(messages)), of_bytes(*messages))


def _rpcs(library: Any, keys: Keys) -> list[Any]:
    signer = Signer(library, keys)
    publish = library.rpc.RPC()
    publish.publish.add().CopyFrom(signer.make(TOPIC, b'{"type":"online"}'))
    publish.subscriptions.add(subscribe=True, topicid=TOPIC)
    control = library.rpc.RPC()
    control.control.ihave.add(topicID=TOPIC, messageIDs=[os.urandom(20)])
    control.control.iwant.add(messageIDs=[os.urandom(20)])
    control.control.graft.add(topicID=TOPIC)
    control.control.prune.add(topicID=TOPIC, backoff=60)
    leave = library.rpc.RPC()
    leave.subscriptions.add(subscribe=False, topicid=TOPIC)
    return [publish, control, leave]


def _prefixed(data: bytes) -> None:
    buffer = bytearray(data)
    while (message := cut_prefixed(buffer, 4096)) is not None:
        assert len(message) <= 4096


def _responder(data: bytes) -> None:
    responder = Responder(lambda name: name == SITE, lambda: (SITE, "/ipfs/ping/1.0.0"))
    for at in range(0, len(data), 50):
        answer, rest = responder.feed(data[at : at + 50])
        assert len(answer) < 50_000
        assert not rest or responder.protocol == SITE


def _initiator(data: bytes) -> None:
    initiator = Initiator(SITE)
    for at in range(0, len(data), 50):
        rest = initiator.feed(data[at : at + 50])
        assert not rest or initiator.accepted is not None
        if initiator.accepted is False:
            initiator.propose("/other")


# ---- yamux


def _frames(dice: random.Random) -> bytes:
    if dice.random() < 0.4:
        return mutated(dice, (CONVERSATION,))
    out = b""
    for _ in range(dice.randint(1, 30)):
        count = dice.choice((0, 1, 5, 300, 20_000, *NUMBERS[-5:-3])) % 2**32
        body = bytes(min(count, 20_000))
        number = dice.choice((0, 1, 1, 2, 3, 5, 7, 2**31, 2**32 - 1))
        out += frame(dice.choice((0, 0, 0, 1, 2, 3, 4)), dice.randrange(16), number, count, body)
    return out


class Muxes:
    """A connection's streams, some of which are read, written and closed meanwhile."""

    def __init__(self) -> None:
        self._budget = Budget(1 << 20)
        self._dice = random.Random(0)

    def __call__(self, data: bytes) -> None:
        mux = Mux(
            client=False,
            budget=self._budget,
            on_stream=lambda stream: len(stream.mux.streams) < 8,
            wake=lambda: None,
            cross=lambda work: work(),
        )
        mux.open()
        try:
            for at in range(0, len(data), 4000):
                mux.feed(data[at : at + 4000])
                assert self._budget.used <= 1 << 20
                self._use(mux)
                mux.batch(200_000)
        finally:
            mux.fail("over")
            for stream in list(mux.streams.values()):
                stream.reset("over")

    def _use(self, mux: Mux) -> None:
        for stream in list(mux.streams.values()):
            try:
                match self._dice.randrange(5):
                    case 0 | 1:
                        stream.take(10_000, lambda: None)
                    case 2:
                        stream.claim(100)
                        stream.queue(bytes(100))
                    case 3:
                        stream.close()
                    case _:
                        stream.reset("enough")
            except StreamOver:
                continue


# ---- Noise


class Wire:
    """One side's raw connection: what is sent is kept, what is received was put there."""

    host, address = "127.0.0.1", "/ip4/127.0.0.1/tcp/1"

    def __init__(self, *arriving: bytes) -> None:
        self.sent: list[bytes] = []
        self.arriving = list(arriving)

    async def send(self, data: bytes) -> None:
        """Keep it."""
        self.sent.append(data)

    async def receive(self) -> bytes:
        """What was put there, then the end."""
        return self.arriving.pop(0) if self.arriving else b""

    async def finish(self) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Nothing to do."""


class Handshake:
    """The responder's side of the handshake."""

    def __init__(self, library: Any, keys: Keys) -> None:
        self._library = library
        self._keys = keys
        wire = Wire()
        with contextlib.suppress(WireError):
            finish(handshake(library, Inbox(wire), keys, ("/yamux/1.0.0",), initiator=True))
        self.captures = (wire.sent[0], b"\x00\x20" + bytes(32), b"\x00\x20" + b"\xff" * 32, wire.sent[0] + bytes(200))

    def asked(self, data: bytes) -> None:
        """Raw bytes in place of the first and third message."""
        finish(handshake(self._library, Inbox(Wire(data)), self._keys, ("/yamux/1.0.0",), initiator=False))

    def signed(self, data: bytes) -> None:
        """A sound exchange with a right signature, and `data` as the extensions of the payload."""
        static = self._library.create_x25519()
        signature = self._library.sign_noise(self._keys.identity.private_key, static.public_key)
        own = self._library.noise_payload(self._keys.identity.public_key, signature).serialize()
        channel = self.proven(own + b"\x22" + encode_varint(len(data)) + data, static)
        assert is_peer_id(channel.peer_id)
        assert len(channel.muxers) <= 8

    def proven(self, data: bytes, static: Any = None) -> Channel:
        """A sound exchange whose last, sealed message carries `data`."""
        library = self._library
        state = library.noise_state.from_name(b"Noise_XX_25519_ChaChaPoly_SHA256")
        static = static or library.create_x25519()
        state.set_keypair_from_private_bytes(library.noise_keypair.STATIC, static.private_key.to_bytes())
        state.set_as_initiator()
        state.start_handshake()
        first = bytes(state.write_message(b""))

        class Answering(Wire):
            async def receive(self) -> bytes:
                if not self.sent:
                    return len(first).to_bytes(2, "big") + first
                if self.arriving:
                    return b""
                state.read_message(self.sent[0][2:])
                last = bytes(state.write_message(data[:60_000]))
                self.arriving.append(last)
                return len(last).to_bytes(2, "big") + last

        return finish(handshake(library, Inbox(Answering()), self._keys, (), initiator=False))


def _payloads(library: Any, keys: Keys) -> Callable[[random.Random], bytes]:
    extensions = library.noise_extensions(stream_muxers=["/yamux/1.0.0"])
    good = library.noise_payload(keys.identity.public_key, bytes(64), extensions=extensions).serialize()
    return _protobuf(good)


def _sealed(library: Any, keys: Keys) -> tuple[Callable[[random.Random], bytes], Callable[[bytes], object]]:
    """Messages sealed by one end of a channel, and the other end, which always starts anew."""
    ends = _joined(library, keys)
    near, far = ends
    finish(near.send([b"x" * 5, b"y" * 3000, b"", CONVERSATION]))
    near_wire: Any = near.raw
    good = near_wire.sent[-1]

    def take(data: bytes) -> None:
        far._received, far._rest = 0, b""
        wire: Any = far.raw
        wire.arriving = [data[:1000], data[1000:]]
        while messages := finish(far.receive()):
            assert all(len(message) <= 65519 for message in messages)

    return of_bytes(good), take


def _joined(library: Any, keys: Keys) -> tuple[Channel, Channel]:
    """Two ends of a proven channel. Both handshakes take turns, each as far as it gets."""
    wires = Wire(), Wire()
    works = [
        handshake(library, Inbox(_Waiting(wires[index], wires[1 - index])), keys, (), initiator=index == 0)
        for index in (0, 1)
    ]
    ends: list[Channel | None] = [None, None]
    while None in ends:
        for index, work in enumerate(works):
            if ends[index] is None:
                try:
                    work.send(None)
                except StopIteration as stop:
                    ends[index] = stop.value
                    stop.value.raw = wires[index]
    near, far = ends
    assert near is not None
    assert far is not None
    return near, far


class _Waiting(Wire):
    """A raw connection that receives what the other one sends, giving way until there is something."""

    def __init__(self, own: Wire, other: Wire) -> None:
        super().__init__()
        self._other = other
        self._taken = 0
        self.sent = own.sent

    async def receive(self) -> bytes:
        while len(self._other.sent) <= self._taken:
            await _turn()
        self._taken += 1
        return self._other.sent[self._taken - 1]


class _turn:  # noqa: N801 (it is awaited like a function)
    def __await__(self) -> Any:
        yield


# ---- identify and gossip


class Learned:
    """What identify tells the host."""

    def __init__(self, library: Any) -> None:
        host: Any = SimpleNamespace(library=library, serve=lambda *_: None, identified=self._identified)
        self._identify = Identify(host)

    def __call__(self, data: bytes) -> None:
        self._identify._learn(SimpleNamespace(), data)

    def address(self, data: bytes) -> None:
        """One multiaddr in its binary form."""
        _addresses.parse(self._identify._text(data))

    @staticmethod
    def _identified(_link: object, names: tuple[str, ...], agent: str, addresses: list[str]) -> None:
        assert len(names) <= 256
        assert len(agent) <= 256
        assert all(isinstance(name, str) for name in names)
        for address in addresses:
            _addresses.parse(address)


class Rpcs:
    """A node's pubsub with three neighbours, one of which sends rubbish."""

    def __init__(self, library: Any, keys: Keys) -> None:
        host: Any = SimpleNamespace(
            library=library,
            keys=Keys.of(library, b"\x11" * 32),
            peer_id=PEER,
            serve=lambda *_: None,
            start=lambda *_: None,
            best_link=lambda _: None,
        )
        self._library = library
        self._gossip = Gossip(host)
        self._gossip.subscribe(TOPIC, lambda _author, _data: None)
        self._count = 0
        self._now = 1.0

    def __call__(self, data: bytes) -> None:
        rpc = self._library.rpc.RPC()
        try:
            rpc.ParseFromString(data)
        except Exception as error:  # as the reading task does
            raise WireError(str(error)) from error
        gossip = self._gossip
        for peer_id in ("a", "b", "c"):
            gossip._mates.setdefault(peer_id, Mate())
        gossip._receive("a", gossip._mates["a"], rpc)
        self._count += 1
        if self._count % 50 == 0:
            self._now += 1
            gossip._heartbeat(self._now)
            gossip._mates["a"].rate = Mate().rate
        assert gossip._cache_bytes <= CACHE_MOST
        assert len(gossip._seen) <= SEEN_MOST
        assert len(gossip._backoff) <= 6
        assert all(len(mate.topics) <= 64 for mate in gossip._mates.values())


def _checked(library: Any, keys: Keys) -> Callable[[bytes], None]:
    signer = Signer(library, keys)

    def take(data: bytes) -> None:
        message = library.rpc.Message()
        try:
            message.ParseFromString(data)
        except Exception as error:
            raise WireError(str(error)) from error
        checked = signer.check(message)
        assert is_peer_id(checked.author)
        assert len(signer._keys) <= 512

    return take


def _authors(library: Any, presence: Callable[[random.Random], bytes]) -> Callable[[random.Random], bytes]:
    """Properly signed messages of ever other authors, some of them spoilt after that."""

    def make(dice: random.Random) -> bytes:
        signer = Signer(library, Keys.of(library, dice.randbytes(32)))
        message = bytes(signer.make(TOPIC, presence(dice)).SerializeToString())
        return protobuf(dice, message) if dice.random() < 0.5 else message

    return make


# ---- mDNS, addresses, WebSocket


class Records:
    """What is heard on the LAN."""

    def __init__(self) -> None:
        self._mdns = Mdns("goop-mdns", "own", lambda: (), self._found)

    def __call__(self, data: bytes) -> None:
        for peer_id, addresses in peers_of(data).items():
            assert is_peer_id(peer_id)
            assert 0 < len(addresses) <= 16
        record: Any = SimpleNamespace(new=SimpleNamespace(name="abc._goop-mdns.goop-mdns.local.", text=data))
        self._mdns._records([record, SimpleNamespace(new=SimpleNamespace(name=as_text(data)[:200]))])

    @staticmethod
    def _found(peer_id: str, addresses: tuple[str, ...]) -> None:
        assert is_peer_id(peer_id)
        assert addresses


def _address(data: bytes) -> None:
    endpoint = _addresses.parse(as_text(data))
    if endpoint is not None:
        assert _addresses.parse(str(endpoint)) == endpoint
        _ = endpoint.dialable
        _addresses.announceable([str(endpoint)])
        _addresses.is_loopback(str(endpoint))


def _opening(data: bytes) -> None:
    tcp: Any = Wire(data[:100], data[100:])
    tcp.local = _addresses.Endpoint("ip4", "127.0.0.1", 1, websocket=False)
    finish(WebSocket.accept(tcp))
