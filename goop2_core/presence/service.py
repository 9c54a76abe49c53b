"""Who is there: announces the own peer, hears the others, and keeps the list of people true (spec 2.2 to 2.8, 10.4)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any

from goop2_core.config import Config
from goop2_core.data.people import PeopleStore
from goop2_core.encryption.box import PeerKey
from goop2_core.errors import Goop2Error, Refused
from goop2_core.events import Event, Person
from goop2_core.identity import is_peer_id, short
from goop2_core.link import parse_link
from goop2_core.mq.bus import Bus
from goop2_core.p2p import announceable
from goop2_core.p2p.api import (
    AddressesChanged,
    Connected,
    Disconnected,
    Identified,
    Node,
    NodeEvent,
    PeerFound,
)
from goop2_core.presence.announcer import TOPIC, Announcer
from goop2_core.presence.greeter import Greeter
from goop2_core.presence.keeper import Keeper
from goop2_core.presence.listing import Listing
from goop2_core.presence.message import Facts, PresenceMsg, clean_line, parse_presence
from goop2_core.presence.prober import Prober
from goop2_core.presence.table import PeerTable, Row
from goop2_core.presence.throttle import Bucket, Throttle
from goop2_core.tasks import TaskOwner

log = logging.getLogger("goop2.presence")

ADDRESS_SECONDS = 120.0
PRUNE_SECONDS = 1.0
MINUTE = 60.0
FLUSH_SECONDS = 2.0
DEFAULT_GRACE_MINUTES = 15
MOST_GRACE_MINUTES = 60
GOODBYE_SECONDS = 0.5
MESH_SECONDS = 1.0
KEY_AGAIN = 10.0
LOSS_PAUSES = (0.5, 2.5)
SILENT_SHARE = 0.6
LOSSES_AT_ONCE = 256
DIALS_AT_START = 64
AUTHOR_RATE, AUTHOR_BURST = 5.0, 20.0
NEWCOMER_RATE, NEWCOMER_BURST = 20.0, 200.0


class Presence:
    """The people on the network.

    `public_key` is the own NaCl key in base64, empty if this peer cannot decrypt. `config` and `avatar_hash` are asked
    anew for each announcement, so that a changed setting reaches the others with the next one.
    """

    def __init__(
        self,
        node: Node,
        bus: Bus,
        *,
        public_key: str,
        store: PeopleStore,
        config: Callable[[], Config],
        avatar_hash: Callable[[], str],
        tasks: TaskOwner,
        emit: Callable[[Event], None],
    ) -> None:
        self._node = node
        self._public_key = public_key
        self._config = config
        self._tasks = tasks.child("presence")
        self._table = PeerTable()
        self._listing = Listing(node, self._table, self.encrypts_for, emit)
        self._keeper = Keeper(store, self._table)
        self._prober = Prober(node, self._table, self._tasks, self._listing.show)
        self._announcer = Announcer(node, public_key, config, avatar_hash)
        self._greeter = Greeter(
            bus,
            self._tasks,
            peer_id=node.peer_id,
            own_facts=self._announcer.facts,
            met=self._on_met,
            asked=self._on_asked,
            key=self._key,
        )
        self._authors = Throttle(AUTHOR_RATE, AUTHOR_BURST)
        self._newcomers = Bucket(NEWCOMER_RATE, NEWCOMER_BURST)
        self._following: set[str] = set()
        self._stop_hearing: Callable[[], None] = lambda: None
        self._running = False

    async def start(self) -> None:
        """Load who is known, listen, and announce this peer as online."""
        for row in await self._keeper.load():
            if row.peer_id != self._node.peer_id and self._table.seed(row):
                self._learn(row, ADDRESS_SECONDS)
        self._running = True
        self._stop_hearing = self._greeter.start()
        self._node.listen(self._on_node_event)
        self._node.subscribe(TOPIC, self._on_gossip)
        known = sorted(self._table.rows.values(), key=lambda row: (row.favorite, row.last_seen), reverse=True)
        for row in known[:DIALS_AT_START]:
            if row.addresses:
                self._prober.connect_soon(row.peer_id)
        for connection in self._node.connections():
            self._meet(connection.peer_id)
        await self._announcer.publish("online")
        # Whoever connected a moment ago may have missed that, as in `_on_connected`, and asked who this is too early.
        asyncio.get_running_loop().call_later(MESH_SECONDS, self.announce)
        self._tasks.spawn("heartbeat", self._announcer.beat())
        self._tasks.spawn("announce", self._announcer.tell_news())
        self._tasks.spawn("prune", self._tick())

    async def stop(self) -> None:
        """Say goodbye, and write down what is known of the others. Takes half a second plus one write at most."""
        if not self._running:
            return
        self._running = False
        self._stop_hearing()
        await self._tasks.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_SECONDS):
                await self._announcer.publish("offline")
        await self._keep(self._keeper.flush(everything=True))

    def people(self) -> list[Person]:
        """Everyone known: favourites first, then who is online, then by name."""
        return self._listing.people()

    def person(self, peer_id: str) -> Person | None:
        """One of them."""
        row = self._table.get(peer_id)
        return None if row is None else self._listing.person(row)

    def resolve(self, text: str) -> str:
        """The peer ID that a peer ID, a link or a person's name means.

        Raises `Refused`: 404 if nobody has that name, 409 if several have.
        """
        name = clean_line(text)
        if is_peer_id(name):
            return name
        with contextlib.suppress(Goop2Error):
            return parse_link(text).peer_id
        found = [row.peer_id for row in self._table.rows.values() if row.facts.content.casefold() == name.casefold()]
        if len(found) > 1:
            raise Refused(f"{len(found)} people are called {name}", "", "Use the peer ID instead.", status=409)
        if not found or not name:
            raise Refused(f"Nobody is called {name or 'nothing'}", "", "Use a peer ID or a goop2: link.", status=404)
        return found[0]

    async def set_favorite(self, peer_id: str, favorite: bool) -> Person:
        """Mark somebody as favourite, or not; it is stored when this returns. Raises `Refused` (404)."""
        row = self._known(peer_id)
        await self._keeper.set_favorite(row, favorite)
        row.favorite = favorite
        self._listing.show(row)
        return self._listing.person(row)

    async def probe(self, peer_id: str) -> Person:
        """Find out now whether somebody can be reached. Raises `Refused` (404) for somebody unknown."""
        row = self._known(peer_id)
        if await self._prober.probe(peer_id):
            self._meet(peer_id)
        return self._listing.person(row)

    def announce(self) -> None:
        """Something that others see has changed (a setting, the avatar, an address): tell them at once."""
        self._announcer.news.set()

    def key_of(self, peer_id: str) -> PeerKey | None:
        """A peer's NaCl key, if it told one."""
        row = self._table.get(peer_id)
        if row is None or not row.facts.public_key:
            return None
        return PeerKey(row.facts.public_key, row.facts.accepts)

    def encrypts_for(self, peer_id: str) -> bool:
        """Whether what goes to this peer is sealed: both sides can decrypt, and its key is known (spec 9.2)."""
        key = self.key_of(peer_id)
        return bool(self._public_key) and key is not None and key.accepts

    def _known(self, peer_id: str) -> Row:
        row = self._table.get(peer_id)
        if row is None:
            raise Refused("This person is not known here", short(peer_id), status=404)
        return row

    def _key(self, peer_id: str) -> str:
        row = self._table.get(peer_id)
        return "" if row is None else row.facts.public_key

    # What others say

    def _on_gossip(self, author: str, data: bytes) -> None:
        if not self._running or author == self._node.peer_id or not self._authors.allows(author):
            return
        try:
            message = parse_presence(data)
        except Refused as error:
            log.debug("presence of %s refused: %s", author, error)
            return
        if message.peer_id != author or self._table.is_old_news(author, message.ts, self._ttl):
            log.debug("presence of %s by %s refused: forged or old", message.peer_id, author)
        elif message.type == "offline":
            self._on_goodbye(author, message.ts)
        elif message.type in {"online", "update"}:
            self._on_presence(message)

    def _on_presence(self, message: PresenceMsg) -> None:
        row = self._upsert(message.peer_id, message.facts(), tuple(message.addrs), message.ts)
        if row is None:
            return
        self._learn(row, max(self._ttl, ADDRESS_SECONDS))
        if message.type == "online" or not row.reachable:
            self._prober.probe_soon(row.peer_id)
        self._meet(row.peer_id)

    def _learn(self, row: Row, ttl: float) -> None:
        """Remember where a peer says it is, but for what it cannot know: nobody far away is on this machine."""
        self._node.learn(row.peer_id, announceable(row.addresses), ttl=ttl, hearsay=True)

    def _on_goodbye(self, peer_id: str, ts: int) -> None:
        row = self._table.get(peer_id)
        if row is not None and self._table.mark_offline(peer_id, ts):
            self._listing.show(row)

    def _on_met(self, peer_id: str, facts: Facts) -> None:
        """Somebody answered who they are, which also proves that they are there."""
        if peer_id == self._node.peer_id or not self._running or not self._authors.allows(peer_id):
            return
        self._upsert(peer_id, facts, (), 0, reached=True)

    def _on_asked(self, peer_id: str) -> None:
        """Somebody asked who this is: so they are there, and may be new."""
        self._meet(peer_id)
        row = self._table.get(peer_id)
        if row is not None:
            self._table.touch(row)
            self._listing.show(row)

    def _upsert(
        self, peer_id: str, facts: Facts, addresses: tuple[str, ...], ts: int, *, reached: bool = False
    ) -> Row | None:
        if self._table.get(peer_id) is None and not self._newcomers.allows():
            return None
        row = self._table.upsert(peer_id, facts, addresses, ts)
        if row is not None:
            if reached:
                self._table.set_reachable(peer_id, reachable=True)
            self._keeper.note(row)
            self._listing.show(row)
        return row

    # What the network says

    def _on_node_event(self, event: NodeEvent) -> None:
        if not self._running:
            return
        match event:
            case PeerFound(peer_id, addresses) if peer_id != self._node.peer_id:
                self._node.learn(peer_id, addresses, ttl=ADDRESS_SECONDS)
                if self._node.connections(peer_id):
                    self._meet(peer_id)
                else:
                    self._prober.connect_soon(peer_id)
            case Connected(peer_id, relayed):
                self._on_connected(peer_id, relayed=relayed)
            case Disconnected(peer_id):
                self._on_disconnected(peer_id)
            case Identified(peer_id, protocols) if peer_id in self._table.rows:
                self._tasks.spawn("protocols", self._keep(self._keeper.set_protocols(peer_id, protocols)))
            case AddressesChanged():
                self.announce()

    def _on_connected(self, peer_id: str, *, relayed: bool) -> None:
        row = self._table.get(peer_id)
        if row is not None:
            if not relayed:
                self._table.set_reachable(peer_id, reachable=True)
            self._listing.show(row)
        self._meet(peer_id)
        # Gossip needs a moment to find out that the newcomer listens to it, so it is told twice.
        self.announce()
        asyncio.get_running_loop().call_later(MESH_SECONDS, self.announce)

    def _meet(self, peer_id: str) -> None:
        """Ask whoever shows up and is not known to be there who they are, and whoever told no key for it.

        For the key that is done rarely: a peer may have none, and two such would ask each other for ever.
        """
        row = self._table.get(peer_id)
        if row is None or not row.online:
            self._greeter.ask_soon(peer_id)
        elif not row.facts.public_key and self._public_key:
            self._greeter.ask_soon(peer_id, again=KEY_AGAIN)

    def _on_disconnected(self, peer_id: str) -> None:
        row = self._table.get(peer_id)
        if row is None:
            return
        self._listing.show(row)
        if row.online and peer_id not in self._following and len(self._following) < LOSSES_AT_ONCE:
            self._following.add(peer_id)
            self._tasks.spawn("follow a loss", self._follow_loss(peer_id, row.heard))

    async def _follow_loss(self, peer_id: str, heard: float) -> None:
        """A peer whose last connection broke without a goodbye: two failing probes and no sign of life mean offline."""
        try:
            for pause in LOSS_PAUSES:
                await asyncio.sleep(pause)
                if await self._prober.probe(peer_id):
                    return
            row = self._table.get(peer_id)
            if row is not None and row.heard <= heard and not self._node.connections(peer_id):
                self._on_goodbye(peer_id, 0)
        finally:
            self._following.discard(peer_id)

    # Time

    @property
    def _ttl(self) -> float:
        return float(self._config().presence.ttl_seconds)

    async def _tick(self) -> None:
        """Once a second: who has been silent for too long, and what is to be written down."""
        flushed = time.monotonic()
        while True:
            await asyncio.sleep(PRUNE_SECONDS)
            self._wake_silent()
            await self._prune()
            if time.monotonic() - flushed >= FLUSH_SECONDS:
                await self._keep(self._keeper.flush())
                flushed = time.monotonic()

    async def _prune(self) -> None:
        minutes = self._config().viewer.peer_offline_grace_min
        grace = minutes if 1 <= minutes <= MOST_GRACE_MINUTES else DEFAULT_GRACE_MINUTES
        silent, gone = self._table.prune(self._ttl, grace * MINUTE)
        for peer_id in silent:
            if (row := self._table.get(peer_id)) is not None:
                self._listing.show(row)
        gone += [peer_id for peer_id in self._table.evicted if self._table.get(peer_id) is None]
        self._table.evicted.clear()
        for peer_id in gone:
            self._listing.gone(peer_id)
        if gone:
            await self._keep(self._keeper.forget(gone))

    def _wake_silent(self) -> None:
        """Gossip does not cross relays and may lose its way: a connected peer that falls silent is asked once."""
        now = time.monotonic()
        for row in self._table.rows.values():
            if row.online and not row.asked_while_silent and now - row.heard > SILENT_SHARE * self._ttl:
                row.asked_while_silent = True
                if self._node.connections(row.peer_id):
                    self._greeter.ask_soon(row.peer_id)

    async def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        """A full disk must not end presence; the database says more when the owner needs it."""
        try:
            await work
        except Goop2Error as error:
            log.warning("what is known about people could not be stored: %s", error)
