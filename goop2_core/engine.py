"""One running peer: what exists, who gets whom, in which order it starts and stops. The composition root."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from goop2_core import guide, logs
from goop2_core.chat.direct import DirectChat
from goop2_core.chat.room_routes import routes as room_routes
from goop2_core.chat.rooms import Rooms
from goop2_core.chat.routes import routes as chat_routes
from goop2_core.config import Config, ConfigFile
from goop2_core.control import ControlServer
from goop2_core.data.groups import GroupStore
from goop2_core.data.messages import MessageStore
from goop2_core.data.people import PeopleStore
from goop2_core.data.rooms import RoomStore
from goop2_core.data.store import Store
from goop2_core.encryption.box import Keys, PeerKey
from goop2_core.encryption.sealer import Sealer
from goop2_core.errors import Goop2Error, Refused
from goop2_core.events import (
    AvatarChanged,
    Event,
    PeerChanged,
    PeerState,
    Person,
    PersonChanged,
    ReachabilityChanged,
    SettingsChanged,
)
from goop2_core.groups.manager import Groups
from goop2_core.groups.routes import routes as group_routes
from goop2_core.identity import Identity, is_peer_id, load_or_create, short
from goop2_core.link import format_link, parse_link
from goop2_core.logs_routes import routes as log_routes
from goop2_core.mq.bus import Bus
from goop2_core.p2p import Network, PortInUse
from goop2_core.p2p.api import AddressesChanged, Node, NodeEvent, NodeOptions
from goop2_core.peerdir import PeerDir
from goop2_core.ports import RememberedPorts
from goop2_core.presence import Presence
from goop2_core.presence.routes import routes as people_routes
from goop2_core.settings_routes import routes as settings_routes
from goop2_core.site.avatar import Avatars, OwnAvatar
from goop2_core.site.client import SiteClient
from goop2_core.site.content import ContentStore
from goop2_core.site.routes import routes as site_routes
from goop2_core.site.server import SiteServer
from goop2_core.site.visitors import Visitors
from goop2_core.tasks import TaskOwner
from goop2_core.version import VERSION
from goop2_core.viewer import qr
from goop2_core.viewer.console import ConsoleServer
from goop2_core.viewer.events import EventHub
from goop2_core.viewer.ports import port_taken
from goop2_core.viewer.sites import SitesServer
from goop2_core.viewer.visit import Services

log = logging.getLogger("goop2.engine")

STEPS = ("Reading the settings", "Opening the database", "Joining the network", "Serving pages", "Announcing itself")
END_SECONDS = 2.0
STOP_SECONDS = 4.5


@dataclass(frozen=True, slots=True)
class SiteTarget:
    """Where the owner visits a site: a one-time `url`, the site's `origin`, whose it is and what they are called."""

    url: str
    origin: str
    peer_id: str
    name: str


class Engine:
    """A peer that is started once and stopped once. What it makes is ended in the reverse order.

    Everything happens on the loop that called `start()`. `emit` gets every event, on that loop.
    """

    identity: Identity
    _node: Node
    _bus: Bus
    _presence: Presence
    _chat: DirectChat
    _groups: Groups
    _rooms: Rooms
    _sites: SitesServer
    _console: ConsoleServer
    _visitors: Visitors
    _own_avatar: OwnAvatar

    def __init__(self, directory: PeerDir, emit: Callable[[Event], None], *, holder: str = "goop2") -> None:
        self.directory = directory
        self._emit_out = emit
        self._holder = holder
        self._hub = EventHub()
        self._ring = logs.Ring()
        self._tasks = TaskOwner(directory.path.name)
        self._file = ConfigFile(directory.config_file)
        self._ends: list[tuple[str, Callable[[], Any]]] = []
        self._state = PeerState.STOPPED
        self._site: SiteServer | None = None
        self._words = ""
        self._started_at = 0

    # ---- life

    async def start(self, network: Network) -> None:
        """Start everything, telling each step as `PeerChanged`. Raises `Goop2Error`; the caller then calls `stop()`."""
        name = str(self.directory.path)
        logs.current_engine.set(name)
        self._then("log", logs.attach(self._ring, name))
        self._then("log events", self._ring.subscribe(self._hub.publish))
        self._state = PeerState.STARTING
        self._step(1)
        self._then("lock", (await asyncio.to_thread(self.directory.lock, self._holder)).release)
        await asyncio.to_thread(self._read_settings)
        self._step(2)
        store = Store(self.directory.database)
        await store.open()
        self._then("database", store.close)
        self._then("tasks", self._tasks.stop)  # those that a part left behind, before the database closes under them
        self._step(3)
        await self._join(network, store)
        self._step(4)
        await self._serve_pages()
        self._step(5)
        await self._presence.start()
        self._then("presence", self._presence.stop)
        self._started_at = int(time.time() * 1000)
        self._state = PeerState.RUNNING
        self._tell_reachability()
        log.info("%s is running, console on port %d", short(self.identity.peer_id), self._console.port)

    async def stop(self) -> None:
        """End everything in reverse order. Takes `STOP_SECONDS` at most; may be called after a start that failed."""
        if self._state is PeerState.STOPPED:
            return
        if self._state is PeerState.RUNNING:
            self._state = PeerState.STOPPING
            self._emit(PeerChanged(PeerState.STOPPING))
        end = asyncio.get_running_loop().time() + STOP_SECONDS
        while self._ends:
            name, work = self._ends.pop()
            left = end - asyncio.get_running_loop().time()
            try:
                async with asyncio.timeout(max(0.1, min(END_SECONDS, left))):
                    done = work()
                    if inspect.isawaitable(done):
                        await done
            except TimeoutError:
                log.error("%s did not end in time", name)  # noqa: TRY400 (a traceback would say nothing)
            except Exception:
                log.exception("%s did not end cleanly", name)
        self._state = PeerState.STOPPED

    def _then(self, name: str, end: Callable[[], Any]) -> None:
        """Remember how to end what has just begun."""
        self._ends.append((name, end))

    def _step(self, number: int) -> None:
        self._emit(PeerChanged(PeerState.STARTING, number, len(STEPS), STEPS[number - 1]))

    def _emit(self, event: Event) -> None:
        self._hub.publish(event)
        self._emit_out(event)

    # ---- what is made, in order

    def _read_settings(self) -> None:
        self._file.load()
        self._file.ensure_nacl_pair()
        for warning in self._file.warnings:
            log.warning("goop.json: %s %s %s", warning.key, warning.message, warning.suggestion)
        self._ring.verbose = self.config.viewer.debug
        self.identity = load_or_create(self.directory.identity_key)
        self.directory.check_site()
        try:
            self.directory.ensure_site(self.name)
        except OSError as error:
            log.warning("the site folder %s cannot be made: %s", self.directory.site, error.strerror)
        self.directory.data.mkdir(mode=0o700, exist_ok=True)
        self._ports = RememberedPorts(self.directory.ports_file)

    async def _join(self, network: Network, store: Store) -> None:
        """The node, and everything that speaks through it."""
        p2p = self.config.p2p
        listen = [f"/ip4/0.0.0.0/tcp/{p2p.listen_port}"]
        if p2p.listen_ws:
            listen.append("/ip4/0.0.0.0/tcp/0/ws")
        options = NodeOptions(
            seed=self.identity.seed,
            listen=tuple(listen),
            mdns_tag=p2p.mdns_tag if p2p.mdns_enabled else "",
            agent=f"goop2/{VERSION}",
        )
        self._then("site", self._end_site)  # after the node: its streams still read files
        try:
            self._node = await network.open(options)
        except PortInUse as error:
            raise await asyncio.to_thread(port_taken, error.port, "The peer", "p2p.listen_port") from error
        self._then("node", self._node.stop)
        sealer = Sealer(Keys(p2p.nacl_public_key, p2p.nacl_private_key), self._key_of)
        bus = self._bus = Bus(self._node, sealer, self._tasks)
        self._visitors = Visitors(self._emit)
        self._then("visitors", self._visitors.stop)
        self._own_avatar = OwnAvatar(self.directory.avatar, self._on_avatar)
        await self._own_avatar.load()
        self._content = ContentStore(await asyncio.to_thread(lambda: self.directory.site))
        self._client = SiteClient(self._node, sealer)
        self._avatars = Avatars(self._node, sealer, self._own_avatar, self.directory.cache / "avatars")
        self._site = SiteServer(
            self._node, sealer, self._content, self._own_avatar, label=lambda: self.name, visitors=self._visitors
        )
        self._presence = Presence(
            self._node,
            bus,
            public_key=sealer.public_key,
            store=PeopleStore(store),
            config=lambda: self.config,
            avatar_hash=lambda: self._own_avatar.hash,
            tasks=self._tasks,
            emit=self._on_presence,
        )
        self._chat = DirectChat(bus, MessageStore(store), self.identity, self._tasks, self._emit)
        self._site.start()
        bus.start()
        await self._chat.start()
        self._then("chat", self._chat.stop)
        await self._start_groups(store)
        self._node.listen(self._on_node_event)

    async def _start_groups(self, store: Store) -> None:
        """The rooms end after the groups, which ask them what their members are still owed."""
        self._groups = Groups(
            self._bus,
            GroupStore(store),
            self.identity.peer_id,
            own_name=lambda: self.name,
            person=self._presence.person,
            tasks=self._tasks,
            emit=self._emit,
        )
        rooms = RoomStore(store, self.identity.peer_id)
        self._rooms = Rooms(self._bus, rooms, self._groups, self._tasks, self._emit)
        await self._rooms.start()
        self._then("rooms", self._rooms.stop)
        await self._groups.start()
        self._then("groups", self._groups.stop)
        await self._rooms.resume()

    async def _end_site(self) -> None:
        if self._site is not None:
            await self._site.stop()

    async def _serve_pages(self) -> None:
        services = Services(
            identity=self.identity,
            config=lambda: self.config,
            content=self._content,
            client=self._client,
            avatars=self._avatars,
            visitors=self._visitors,
            people=self.people,
        )
        self._sites = SitesServer(services, self._tasks, remembered=self._ports.get("site"))
        await self._sites.start()
        self._then("sites", self._sites.stop)
        self._console = ConsoleServer(
            self.config,
            self.state,
            self._hub,
            self._routes(),
            self._open_site,
            tasks=self._tasks,
            remembered=self._ports.get("console"),
        )
        await self._console.start()
        self._then("console", self._console.stop)
        await asyncio.to_thread(self._ports.put, site=self._sites.port, console=self._console.port)
        control = ControlServer(self.directory.data, self.console_url)
        await control.start()
        self._then("control", control.stop)

    def _routes(self) -> list[Any]:
        """The console's routes, each from the part that they show."""
        return [
            *people_routes(self._presence),
            *chat_routes(self._chat),
            *group_routes(self._groups),
            *room_routes(self._rooms),
            *site_routes(
                self._content,
                self._avatars,
                own_id=self.identity.peer_id,
                avatar_hash=self._avatar_hash,
                emit=self._emit,
            ),
            *settings_routes(self._file, self._on_settings),
            *log_routes(self._ring),
            *guide.routes(),
            *qr.routes(),
        ]

    # ---- what a front end asks

    @property
    def config(self) -> Config:
        """The settings as they are now."""
        return self._file.config

    @property
    def name(self) -> str:
        """What the owner calls this peer; others see it too."""
        return self.config.profile.label or self.directory.path.name

    @property
    def link(self) -> str:
        """The address that others paste."""
        return format_link(self.identity.peer_id)

    @property
    def unread(self) -> int:
        """Messages that the owner has not seen."""
        return self._chat.unread + self._rooms.unread

    def people(self) -> list[Person]:
        """Everyone known, in the order in which they are shown."""
        return self._presence.people()

    def site_link(self) -> str:
        """Where a plain browser finds the own site."""
        return self._sites.public_url(self.identity.peer_id)

    def console_url(self, page: str = "people") -> str:
        """A one-time link to a page of the console."""
        return self._console.url(page)

    async def site_target(self, address: str = "") -> SiteTarget:
        """Where the owner sees the site of a peer ID, link or person's name; the own one if `address` is empty.

        Raises `Goop2Error` if the address means nobody.
        """
        address = address.strip()
        if not address:
            peer_id, path = self.identity.peer_id, ""
        else:
            peer_id, path = self._presence.resolve(address), _path_in(address)
        if not is_peer_id(peer_id):  # a stranger may come with a key of another kind, which has no base36 form here
            raise Refused("This site cannot be opened", f"{short(peer_id)} is not a peer ID of goop2.", status=404)
        person = self._presence.person(peer_id)
        own = peer_id == self.identity.peer_id
        name = self.name if own else (person.name if person and person.name else short(peer_id))
        return SiteTarget(self._sites.owner_url(peer_id, path or "/"), self._sites.origin(peer_id), peer_id, name)

    def facts(self) -> dict[str, Any]:
        """What a list of peers shows of this one, by the names of `PeerSummary`'s fields."""
        return {
            "name": self.name,
            "peer_id": self.identity.peer_id,
            "link": self.link,
            "words": self._words,
            "addresses": tuple(self._node.addresses()),
            "visitors": self._visitors.count,
            "unread": self.unread,
            "unread_rooms": self._rooms.unread,
            "site_url": self.site_link(),
            "restart_needed": self._file.restart_needed,
            "open_sites_external": self.config.viewer.open_sites_external,
        }

    def state(self) -> dict[str, Any]:
        """What the console shows of this peer as a whole."""
        return self.facts() | {
            "state": self._state,
            "short_id": short(self.identity.peer_id),
            "started_at": self._started_at,
            "public": self._sites.public,
            "theme": self.config.viewer.theme,
            "version": VERSION,
            "directory": str(self.directory.path),
        }

    # ---- what happens meanwhile

    async def _open_site(self, address: str) -> str:
        return (await self.site_target(address)).url

    def _on_presence(self, event: Event) -> None:
        self._emit(event)
        if isinstance(event, PersonChanged):
            self._chat.on_person(event.person)
            self._groups.on_person(event.person)

    def _key_of(self, peer_id: str) -> PeerKey | None:
        return self._presence.key_of(peer_id)

    def _avatar_hash(self, peer_id: str) -> str:
        person = self._presence.person(peer_id)
        return person.avatar_hash if person else ""

    def _announce(self) -> None:
        if self._state is PeerState.RUNNING:
            self._presence.announce()

    def _on_avatar(self) -> None:
        self._emit(AvatarChanged(self._own_avatar.hash))
        self._announce()

    def _on_settings(self, event: SettingsChanged) -> None:
        self._ring.verbose = self.config.viewer.debug
        self._emit(event)
        self._announce()

    def _on_node_event(self, event: NodeEvent) -> None:
        if isinstance(event, AddressesChanged) and self._state is PeerState.RUNNING:
            self._tell_reachability()

    def _tell_reachability(self) -> None:
        addresses = tuple(self._node.addresses())
        self._words = "reachable on LAN" if addresses else "only on this computer"
        self._emit(ReachabilityChanged(self._words, addresses))


def _path_in(address: str) -> str:
    """The path of a link; a person's name has none."""
    try:
        return parse_link(address).path
    except Goop2Error:
        return ""
