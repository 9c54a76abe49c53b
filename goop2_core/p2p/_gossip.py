"""GossipSub 1.1 without peer scoring, as spec 2.5 has it: who is told of a message, and who is told that it exists.

Everything here runs in the network thread. Strangers cannot make it keep more than its caches, each of which has a
bound: what comes too fast or too large is dropped. Relayed connections are left out, as go-libp2p-pubsub does.
https://github.com/libp2p/specs/blob/master/pubsub/gossipsub/gossipsub-v1.1.md
"""

from __future__ import annotations

import logging
import random
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import trio

from goop2_core.errors import Refused

from ._flow import Flow
from ._limits import Bucket
from ._muxstream import StreamOver
from ._signed import MOST_TOPIC, Signer, identity_of
from ._wire import WireError, prefixed
from .api import MOST_MESSAGE

if TYPE_CHECKING:
    from ._connection import Link
    from ._host import Host

log = logging.getLogger("goop2.p2p")

FLOODSUB = "/floodsub/1.0.0"
PROTOCOLS = ("/meshsub/1.1.0", "/meshsub/1.0.0", FLOODSUB)
HEARTBEAT_SECONDS = 1.0
D, D_LOW, D_HIGH, D_LAZY = 6, 5, 12, 6
HISTORY, HISTORY_GOSSIP = 5, 3
BACKOFF_SECONDS = 60.0
BACKOFF_MOST = 300.0  # whoever prunes may keep itself out of the mesh for so long
BACKOFFS_MOST = 4096
SEEN_SECONDS = 120.0
SEEN_MOST = 16384
MOST_RPC = 1 << 20
MOST_ENVELOPE = 2 << 10  # topic, author, key, signature and what else is around the data
CACHE_MOST = 8 << 20
TOPICS_MOST = 64
ENTRIES_MOST = 512  # of one RPC; what is beyond is not looked at
WANT_MOST = 512  # messages asked of, or sent on request to, one peer in one heartbeat
SEND_AHEAD_MOST = 512 << 10
MESSAGES_A_SECOND = 100.0
REOPENINGS = 5


@dataclass(slots=True)
class Mate:
    """Another peer's part in pubsub: the stream to it, what it subscribed to, how much it may still send."""

    link: Link | None = None
    flow: Flow | None = None
    heard: Flow | None = None
    protocol: str = ""
    topics: set[str] = field(default_factory=set)
    rate: Bucket = field(default_factory=lambda: Bucket(MESSAGES_A_SECOND, 2 * MESSAGES_A_SECOND))
    wanted: int = 0
    served: int = 0
    opened: int = 0


class Gossip:
    """One node's pubsub."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._rpc = host.library.rpc
        self._signer = Signer(host.library, host.keys)
        self._mates: dict[str, Mate] = {}
        self._subscriptions: dict[str, list[Callable[[str, bytes], object]]] = {}
        self._most: dict[str, int] = {}
        self._mesh: dict[str, set[str]] = {}
        self._backoff: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._seen: OrderedDict[bytes, float] = OrderedDict()
        self._cache: dict[bytes, Any] = {}
        self._cache_bytes = 0
        self._windows: deque[list[tuple[bytes, str]]] = deque([[]])
        for protocol in PROTOCOLS:
            host.serve(protocol, self._read)

    # --- what the node does

    def subscribe(self, topic: str, deliver: Callable[[str, bytes], object], most: int = MOST_MESSAGE) -> None:
        """`deliver(author, data)` gets every checked message of `topic` from now on.

        One of more than `most` bytes is neither delivered nor passed on; of several subscriptions the largest counts.
        """
        self._most[topic] = max(most, self._most.get(topic, 0))
        handlers = self._subscriptions.setdefault(topic, [])
        handlers.append(deliver)
        if len(handlers) == 1:
            self._mesh[topic] = set()
            rpc = self._rpc.RPC()
            rpc.subscriptions.add(subscribe=True, topicid=topic)
            for peer_id in list(self._mates):
                self._send(peer_id, rpc)
            self._fill_mesh(topic)

    def publish(self, topic: str, data: bytes) -> None:
        """Sign `data` and send it. Raises `Refused` (413) for more than the topic's limit, or than fits an RPC."""
        most = self._most.get(topic, MOST_MESSAGE)
        message = self._signer.make(topic, data)
        if len(data) > most or message.ByteSize() > MOST_RPC - 64:
            limit = f"{len(data)} bytes, at most {min(most, MOST_RPC) >> 10} KiB can be published."
            raise Refused("The message is too large", limit, status=413)
        self._remember(identity_of(message), topic, message)
        self._forward(topic, message, ())

    # --- peers come and go

    def peer_found(self, link: Link, protocols: tuple[str, ...]) -> None:
        """A peer said what it speaks."""
        if link.relayed:
            return
        protocol = next((name for name in PROTOCOLS if name in protocols), "")
        mate = self._mates.setdefault(link.peer_id, Mate())
        mate.protocol = protocol
        if protocol and mate.link is None:
            mate.link = link
            self._host.start("pubsub stream", self._open, link.peer_id, mate)

    def link_gone(self, link: Link) -> None:
        """A connection ended; if it carried the stream, another one takes over."""
        mate = self._mates.get(link.peer_id)
        if mate is not None and mate.link is link:
            mate.flow = mate.link = None

    def move_to(self, link: Link | None, spare: Link) -> None:
        """Leave a connection that is one too many for the one that is to stay."""
        mate = self._mates.get(spare.peer_id)
        if mate is None or mate.link is not spare or link is None or link is spare:
            return
        if mate.flow is not None:
            mate.flow.close()
        mate.flow, mate.link = None, link
        self._host.start("pubsub stream", self._open, spare.peer_id, mate)

    def peer_gone(self, peer_id: str) -> None:
        """The last connection to a peer ended."""
        self._mates.pop(peer_id, None)
        for members in self._mesh.values():
            members.discard(peer_id)

    async def _open(self, peer_id: str, mate: Mate) -> None:
        link = mate.link
        if link is None:
            return
        try:
            mate.opened += 1
            flow = await self._host.open_on(link, mate.protocol, lazy=True)
            mate.flow = flow
            rpc = self._rpc.RPC()
            for topic in self._subscriptions:
                rpc.subscriptions.add(subscribe=True, topicid=topic)
            flow.post(prefixed(rpc.SerializeToString()))
            for topic in self._subscriptions:
                self._fill_mesh(topic)
            while await flow.receive():
                pass  # nothing is said on this side's stream; its end is what matters
        except (StreamOver, WireError) as error:
            log.debug("pubsub stream to %s: %s", peer_id, error)
        if mate.link is link:
            mate.flow = mate.link = None

    # --- receiving

    async def _read(self, flow: Flow) -> None:
        if flow.link.relayed:
            raise WireError("pubsub does not run over relayed connections")
        if flow.link.ended:
            return
        peer_id = flow.link.peer_id
        mate = self._mates.setdefault(peer_id, Mate())
        if mate.heard is not None:  # each peer has one stream; a new one means that it gave up the old one
            mate.heard.reset("another stream took its place")
        mate.heard = flow
        while (data := await flow.message(MOST_RPC)) is not None:
            rpc = self._rpc.RPC()
            try:
                rpc.ParseFromString(data)
            except Exception as error:
                raise WireError(f"not a pubsub RPC: {error}") from error
            if self._mates.get(peer_id) is not mate:
                break  # its last connection is gone
            self._receive(peer_id, mate, rpc)
            await trio.lowlevel.checkpoint()
        flow.close()

    def _receive(self, peer_id: str, mate: Mate, rpc: Any) -> None:
        for change in rpc.subscriptions[:ENTRIES_MOST]:
            self._subscribed(peer_id, mate, str(change.topicid), on=bool(change.subscribe))
        for message in rpc.publish[:ENTRIES_MOST]:
            self._message(peer_id, mate, message)
        if rpc.HasField("control"):
            self._control(peer_id, mate, rpc.control)

    def _subscribed(self, peer_id: str, mate: Mate, topic: str, *, on: bool) -> None:
        if not on:
            mate.topics.discard(topic)
            self._mesh.get(topic, set()).discard(peer_id)
        elif len(topic) <= MOST_TOPIC and len(mate.topics) < TOPICS_MOST:
            mate.topics.add(topic)
            self._fill_mesh(topic)

    def _message(self, peer_id: str, mate: Mate, message: Any) -> None:
        topic = str(message.topicIDs[0]) if len(message.topicIDs) == 1 else ""
        if topic not in self._subscriptions or identity_of(message) in self._seen or not mate.rate.take():
            return
        if len(message.data) > self._most[topic] or message.ByteSize() > self._most[topic] + MOST_ENVELOPE:
            return  # whoever passed it on may not know that it is too large here
        try:
            checked = self._signer.check(message)
        except WireError as error:
            log.debug("pubsub message from %s: %s", peer_id, error)
            mate.rate.take(10)  # checking costs us; a peer that sends rubbish is soon not listened to
            return
        if checked.author == self._host.peer_id:
            return
        self._remember(checked.identity, topic, message)
        for deliver in self._subscriptions[topic]:
            deliver(checked.author, checked.data)
        self._forward(topic, message, (peer_id, checked.author))

    def _control(self, peer_id: str, mate: Mate, control: Any) -> None:
        answer = self._rpc.RPC()
        wanted: dict[bytes, None] = {}
        for have in control.ihave[:ENTRIES_MOST]:
            if have.topicID in self._subscriptions:
                wanted.update(
                    (bytes(name), None) for name in have.messageIDs[:ENTRIES_MOST] if bytes(name) not in self._seen
                )
        names = list(wanted)[: max(0, WANT_MOST - mate.wanted)]
        if names:
            mate.wanted += len(names)
            answer.control.iwant.add().messageIDs.extend(names)
        for want in control.iwant[:ENTRIES_MOST]:
            for name in want.messageIDs[:ENTRIES_MOST]:
                message = self._cache.get(bytes(name))
                if message is not None and mate.served < WANT_MOST:
                    mate.served += 1
                    self._send_message(peer_id, message)
        for graft in control.graft[:ENTRIES_MOST]:
            self._grafted(peer_id, str(graft.topicID), answer)
        for prune in control.prune[:ENTRIES_MOST]:
            self._pruned(peer_id, str(prune.topicID), float(prune.backoff))
        if answer.ByteSize():
            self._send(peer_id, answer)

    def _grafted(self, peer_id: str, topic: str, answer: Any) -> None:
        members = self._mesh.get(topic)
        if members is None or peer_id in members:
            return
        if len(members) >= D_HIGH or self._backoff.get((topic, peer_id), 0.0) > time.monotonic():
            self._set_backoff(topic, peer_id, BACKOFF_SECONDS)
            answer.control.prune.add(topicID=topic, backoff=int(BACKOFF_SECONDS))
        else:
            members.add(peer_id)

    def _pruned(self, peer_id: str, topic: str, backoff: float) -> None:
        if topic in self._mesh:
            self._mesh[topic].discard(peer_id)
            self._set_backoff(topic, peer_id, min(backoff or BACKOFF_SECONDS, BACKOFF_MOST))

    def _set_backoff(self, topic: str, peer_id: str, seconds: float) -> None:
        key = (topic, peer_id)
        self._backoff[key] = max(self._backoff.pop(key, 0.0), time.monotonic() + seconds)
        if len(self._backoff) > BACKOFFS_MOST:
            self._backoff.popitem(last=False)

    # --- sending

    def _forward(self, topic: str, message: Any, without: tuple[str, ...]) -> None:
        members = self._mesh.get(topic, set())
        interested = [
            peer_id for peer_id, mate in self._mates.items() if topic in mate.topics and mate.flow is not None
        ]
        others = [peer_id for peer_id in interested if peer_id not in members]
        chosen = set(members)
        chosen.update(peer_id for peer_id in others if self._mates[peer_id].protocol == FLOODSUB)
        if not without and len(chosen) < D:  # an own message: do not wait for the mesh to fill
            chosen.update(random.sample(others, min(len(others), D - len(chosen))))
        for peer_id in chosen.difference(without):
            self._send_message(peer_id, message)

    def _send_message(self, peer_id: str, message: Any) -> None:
        rpc = self._rpc.RPC()
        rpc.publish.add().CopyFrom(message)
        self._send(peer_id, rpc)

    def _send(self, peer_id: str, rpc: Any) -> None:
        mate = self._mates.get(peer_id)
        if mate is None or mate.flow is None:
            return
        stream = mate.flow.stream
        if stream.waiting > (0 if stream.mux.outgoing.crowded else SEND_AHEAD_MOST):
            return
        try:
            mate.flow.post(prefixed(rpc.SerializeToString()))
        except StreamOver:
            mate.flow = None

    def _remember(self, identity: bytes, topic: str, message: Any) -> None:
        self._seen[identity] = time.monotonic() + SEEN_SECONDS
        while len(self._seen) > SEEN_MOST:
            self._seen.popitem(last=False)
        self._cache[identity] = message
        self._cache_bytes += message.ByteSize()
        self._windows[0].append((identity, topic))
        while self._cache_bytes > CACHE_MOST:
            self._forget(next(iter(self._cache)))

    def _forget(self, identity: bytes) -> None:
        message = self._cache.pop(identity, None)
        if message is not None:
            self._cache_bytes -= message.ByteSize()

    # --- heartbeat

    async def run(self) -> None:
        """Keep the meshes in shape and gossip about what was heard, every second."""
        while True:
            await trio.sleep(HEARTBEAT_SECONDS)
            self._heartbeat(time.monotonic())

    def _heartbeat(self, now: float) -> None:
        for key in [key for key, end in self._backoff.items() if end < now]:
            del self._backoff[key]
        while self._seen and next(iter(self._seen.values())) < now:
            self._seen.popitem(last=False)
        for peer_id, mate in self._mates.items():
            mate.wanted = mate.served = 0
            if mate.protocol and mate.link is None and mate.opened < REOPENINGS:
                mate.link = self._host.best_link(peer_id)
                if mate.link is not None and not mate.link.relayed:
                    self._host.start("pubsub stream", self._open, peer_id, mate)
        for topic, members in self._mesh.items():
            members.intersection_update(peer_id for peer_id, mate in self._mates.items() if mate.flow is not None)
            self._fill_mesh(topic)
            if len(members) > D_HIGH:
                self._prune(topic, random.sample(sorted(members), len(members) - D))
            self._gossip_about(topic)
        self._windows.appendleft([])
        while len(self._windows) > HISTORY:
            for identity, _ in self._windows.pop():
                self._forget(identity)

    def _fill_mesh(self, topic: str) -> None:
        members = self._mesh.get(topic)
        if members is None or len(members) >= D_LOW:
            return
        now = time.monotonic()
        free = [
            peer_id
            for peer_id in self._meshable(topic)
            if peer_id not in members and self._backoff.get((topic, peer_id), 0.0) < now
        ]
        for peer_id in random.sample(free, min(len(free), D - len(members))):
            members.add(peer_id)
            rpc = self._rpc.RPC()
            rpc.control.graft.add(topicID=topic)
            self._send(peer_id, rpc)

    def _meshable(self, topic: str) -> Iterable[str]:
        return (
            peer_id
            for peer_id, mate in self._mates.items()
            if mate.flow is not None and topic in mate.topics and mate.protocol != FLOODSUB
        )

    def _prune(self, topic: str, peers: list[str]) -> None:
        for peer_id in peers:
            self._mesh[topic].discard(peer_id)
            self._set_backoff(topic, peer_id, BACKOFF_SECONDS)
            rpc = self._rpc.RPC()
            rpc.control.prune.add(topicID=topic, backoff=int(BACKOFF_SECONDS))
            self._send(peer_id, rpc)

    def _gossip_about(self, topic: str) -> None:
        names = [
            name
            for window in list(self._windows)[:HISTORY_GOSSIP]
            for name, about in window
            if about == topic and name in self._cache
        ][:ENTRIES_MOST]
        if not names:
            return
        others = [peer_id for peer_id in self._meshable(topic) if peer_id not in self._mesh[topic]]
        rpc = self._rpc.RPC()
        have = rpc.control.ihave.add(topicID=topic)
        have.messageIDs.extend(names)
        for peer_id in random.sample(others, min(len(others), D_LAZY)):
            self._send(peer_id, rpc)
