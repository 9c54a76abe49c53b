"""Several engines in one program: the engine thread, and the facade through which a front end makes and asks them.

What crosses is plain data and coroutines, so that a process for each peer stays possible.

Every coroutine of `EngineHost` may be awaited on any asyncio loop (the GUI's included); none of them blocks it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from goop2_core.atomic import write_atomically
from goop2_core.config import ConfigFile
from goop2_core.engine import Engine, SiteTarget
from goop2_core.errors import ConfigError, Goop2Error
from goop2_core.events import (
    ChatChanged,
    ChatRead,
    Event,
    GroupGone,
    PeerChanged,
    PeerState,
    Person,
    ReachabilityChanged,
    RoomMessageChanged,
    RoomMessageGone,
    RoomRead,
    SettingsChanged,
    Trouble,
    VisitorsChanged,
)
from goop2_core.identicon import identicon
from goop2_core.identity import load_or_create, read_peer_id
from goop2_core.link import format_link
from goop2_core.p2p import Network
from goop2_core.peerdir import DeletionFacts, PeerDir, list_peers, peers_home
from goop2_core.site.avatar import picture_in

__all__ = ["DeletionFacts", "EngineHost", "PeerSummary", "SiteTarget"]

log = logging.getLogger("goop2.host")

T = TypeVar("T")
Listener = Callable[[str, Event], None]

STOP_SECONDS = 5.0
PORT_SETTINGS = ("p2p.listen_port", "viewer.http_addr", "viewer.console_addr")
MOST_ADDED = 1000
ADDED_FILE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class PeerSummary:
    """One of the owner's peers as a list shows it: a snapshot, kept up to date by the host.

    `unread` counts every message that the owner has not seen, `unread_rooms` those of rooms among them.
    """

    directory: str
    name: str
    peer_id: str = ""
    state: PeerState = PeerState.STOPPED
    step: int = 0
    steps: int = 0
    label: str = ""
    trouble: Trouble | None = None
    words: str = ""
    addresses: tuple[str, ...] = ()
    visitors: int = 0
    unread: int = 0
    unread_rooms: int = 0
    link: str = ""
    site_url: str = ""
    restart_needed: tuple[str, ...] = ()
    open_sites_external: bool = False


def trouble_of(error: BaseException) -> Trouble:
    """An exception as data that a front end can show; what is not a `Goop2Error` is called a bug of goop2."""
    if isinstance(error, Goop2Error):
        return Trouble(error.title, error.message, error.hint, getattr(error, "remedy", ""))
    return Trouble(
        "Something unexpected went wrong",
        f"{type(error).__name__}: {error}",
        "This is a bug in goop2. The log has the details.",
    )


class EngineHost:
    """The owner's peers: those under `data_dir/peers`, and directories added from elsewhere."""

    def __init__(self, data_dir: Path | None = None) -> None:
        self._home = (data_dir / "peers") if data_dir else peers_home()
        self._added_file = self._home.parent / "added.json"
        self._added: list[str] = []
        self._added_broken = False
        self._summaries: dict[str, PeerSummary] = {}
        self._engines: dict[str, Engine] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._listeners: dict[int, tuple[asyncio.AbstractEventLoop, Listener]] = {}
        self._next_listener = 0
        self._guard = threading.Lock()  # summaries and listeners are read from any thread
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._network: Network | None = None
        self._network_lock: asyncio.Lock | None = None

    # ---- life

    async def start(self) -> None:
        """Start the engine thread and read which peers there are. Starts no peer."""
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        caller = asyncio.get_running_loop()

        def run() -> None:
            loop = asyncio.new_event_loop()
            self._loop = loop
            loop.call_soon(lambda: caller.call_soon_threadsafe(ready.set_result, None))
            try:
                loop.run_forever()
                loop.run_until_complete(loop.shutdown_asyncgens())
                loop.run_until_complete(loop.shutdown_default_executor())
            finally:
                loop.close()

        self._thread = threading.Thread(target=run, name="goop2-engines", daemon=True)
        self._thread.start()
        await ready
        await self._on_engine_loop(self._read_peers())

    async def stop(self) -> None:
        """Stop every engine, the network and the engine thread, in this order; takes `STOP_SECONDS` at most."""
        if self._loop is None or self._thread is None:
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._on_engine_loop(self._stop_all()), STOP_SECONDS)
        loop, thread = self._loop, self._thread
        loop.call_soon_threadsafe(loop.stop)
        await asyncio.to_thread(thread.join, 2.0)
        self._loop = self._thread = None

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener(directory, event)` on the running loop for every event; returns what ends it."""
        loop = asyncio.get_running_loop()
        with self._guard:
            self._next_listener += 1
            number = self._next_listener
            self._listeners[number] = (loop, listener)

        def end() -> None:
            with self._guard:
                self._listeners.pop(number, None)

        return end

    # ---- what there is

    def peers(self) -> list[PeerSummary]:
        """All peers by name. Never blocks."""
        with self._guard:
            return sorted(self._summaries.values(), key=lambda s: (s.name.casefold(), s.directory))

    def peer(self, directory: str) -> PeerSummary:
        """One peer. Raises `Goop2Error` if it is not in the list."""
        with self._guard:
            summary = self._summaries.get(str(directory))
        if summary is None:
            raise Goop2Error("This peer is not in the list", str(directory), "Add its folder again.")
        return summary

    def avatar(self, directory: str, mode: str = "light") -> str | bytes:
        """The peer's picture: the bytes of its avatar file if that is a picture, or an identicon as SVG text."""
        picture = picture_in(PeerDir(Path(directory)).avatar)
        if picture is not None:
            return picture.data
        return identicon(self.peer(directory).peer_id or directory, mode)

    # ---- making, adding, removing

    async def create_peer(
        self, name: str, *, label: str = "", site_folder: Path | None = None, copy: bool = False
    ) -> PeerSummary:
        """Make a new peer with its own key, config and site. `copy` copies `site_folder`, else it is used in place."""

        def make() -> PeerSummary:
            peer = PeerDir.create(self._home, name, label=label or name, site_folder=site_folder, copy=copy)
            load_or_create(peer.identity_key)
            return self._describe(peer)

        return await self._on_engine_loop(self._adopt(make))

    async def add_peer(self, directory: str) -> PeerSummary:
        """Put an existing peer directory into the list. Raises `Goop2Error` if it holds no `goop.json`."""

        def look() -> PeerSummary:
            peer = PeerDir(Path(directory).expanduser().resolve())
            peer.check_is_peer()
            self._remember_added(str(peer.path))
            return self._describe(peer)

        return await self._on_engine_loop(self._adopt(look))

    async def forget_peer(self, directory: str) -> None:
        """Take a stopped peer out of the list; its files stay."""
        self._refuse_running(directory, "taken out of the list")
        await asyncio.to_thread(self._remember_added, directory, remove=True)
        with self._guard:
            self._summaries.pop(directory, None)

    async def deletion_facts(self, directory: str) -> DeletionFacts:
        """What deleting this peer would lose, for the question that is asked before."""
        return await asyncio.to_thread(PeerDir(Path(directory)).deletion_facts)

    async def delete_peer(self, directory: str) -> None:
        """Delete a stopped peer with its key, data and site. A site folder elsewhere is left alone."""
        self._refuse_running(directory, "deleted")
        await asyncio.to_thread(PeerDir(Path(directory)).delete)
        await self.forget_peer(directory)

    # ---- running

    async def start_peer(self, directory: str) -> None:
        """Start a peer. Raises the `Goop2Error` that is also in its summary if it cannot start."""
        self.peer(directory)
        await self._on_engine_loop(self._start(directory))

    async def stop_peer(self, directory: str) -> None:
        """Stop a peer; does nothing if it is stopped. Takes 5 s at most."""
        await self._on_engine_loop(self._stop(directory))

    async def apply_remedy(self, directory: str, remedy: str) -> None:
        """Do what a `Trouble.remedy` names (`use-port:<setting>:<port>`), then start the peer again."""
        kind, _, rest = remedy.partition(":")
        setting, _, port = rest.rpartition(":")
        if kind != "use-port" or setting not in PORT_SETTINGS or not port.isdecimal():
            raise Goop2Error("This cannot be fixed automatically", remedy)

        def change() -> None:
            file = ConfigFile(PeerDir(Path(directory)).config_file)
            now = file.load().value(setting)
            if isinstance(now, int):
                file.update({setting: int(port)})
            else:  # an address keeps its host: who publishes a site goes on publishing it
                file.update({setting: f"{now.rpartition(':')[0] if ':' in now else '127.0.0.1'}:{port}"})

        await asyncio.to_thread(change)
        await self.start_peer(directory)

    async def site_url(self, directory: str, address: str = "") -> SiteTarget:
        """A one-time URL of a site for its visitor, the owner: the own one, or that of a peer ID, link or name."""
        return await self._on_engine_loop(self._engine(directory).site_target(address))

    async def console_url(self, directory: str, page: str = "people") -> str:
        """A one-time URL of a console page of this running peer."""
        engine = self._engine(directory)

        async def url() -> str:
            return engine.console_url(page)

        return await self._on_engine_loop(url())

    async def people(self, directory: str) -> list[Person]:
        """Everyone this running peer knows."""
        engine = self._engine(directory)

        async def people() -> list[Person]:
            return engine.people()

        return await self._on_engine_loop(people())

    # ---- on the engine loop

    async def _on_engine_loop(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop is None:
            work.close()
            raise Goop2Error("goop2 is closing", "Nothing can be started any more.")
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def _read_peers(self) -> None:
        def read() -> list[PeerSummary]:
            try:
                self._added = _read_added(self._added_file)
            except (OSError, ValueError) as error:
                log.warning("the list of added peers in %s cannot be read: %s", self._added_file, error)
                self._added_broken = True
            found = [*list_peers(self._home), *(PeerDir(Path(path)) for path in self._added)]
            return [self._describe(peer) for peer in found]

        for summary in await asyncio.to_thread(read):
            self._put(summary)

    async def _adopt(self, make: Callable[[], PeerSummary]) -> PeerSummary:
        summary = await asyncio.to_thread(make)
        self._put(summary)
        return self.peer(summary.directory)

    async def _start(self, directory: str) -> None:
        async with self._locks.setdefault(directory, asyncio.Lock()):
            if directory in self._engines:
                return
            engine = Engine(PeerDir(Path(directory)), lambda event: self._on_event(directory, event))
            try:
                await engine.start(await self._open_network())
            except BaseException as error:
                await engine.stop()
                if not isinstance(error, Goop2Error | asyncio.CancelledError):
                    log.exception("peer %s could not start", directory)
                self._on_event(directory, PeerChanged(PeerState.FAILED, trouble=trouble_of(error)))
                raise
            self._engines[directory] = engine
            self._put(replace(self.peer(directory), **engine.facts()))
            self._on_event(directory, PeerChanged(PeerState.RUNNING))

    async def _stop(self, directory: str) -> None:
        async with self._locks.setdefault(directory, asyncio.Lock()):
            engine = self._engines.pop(directory, None)
            if engine is None:
                if self.peer(directory).state is PeerState.FAILED:
                    self._on_event(directory, PeerChanged(PeerState.STOPPED))
                return
            try:
                await engine.stop()
            finally:
                self._on_event(directory, PeerChanged(PeerState.STOPPED))

    async def _stop_all(self) -> None:
        await asyncio.gather(*(self._stop(directory) for directory in list(self._engines)), return_exceptions=True)
        if self._network is not None:
            await self._network.stop()
            self._network = None

    async def _open_network(self) -> Network:
        if self._network_lock is None:
            self._network_lock = asyncio.Lock()
        async with self._network_lock:
            if self._network is None:
                network = Network()
                await network.start()
                self._network = network
            return self._network

    def _engine(self, directory: str) -> Engine:
        engine = self._engines.get(directory)
        if engine is None:
            raise Goop2Error(f"{self.peer(directory).name} is not running", "", "Start it first.")
        return engine

    # ---- the snapshot

    def _describe(self, peer: PeerDir) -> PeerSummary:
        name, trouble = peer.path.name, None
        try:
            name = ConfigFile(peer.config_file).load().profile.label or name
        except ConfigError as error:
            trouble = trouble_of(error)
        except Goop2Error as error:
            trouble = trouble_of(error)
        peer_id = read_peer_id(peer.identity_key)
        return PeerSummary(
            directory=str(peer.path),
            name=name,
            peer_id=peer_id,
            link=format_link(peer_id) if peer_id else "",
            state=PeerState.FAILED if trouble else PeerState.STOPPED,
            trouble=trouble,
        )

    def _put(self, summary: PeerSummary) -> None:
        with self._guard:
            self._summaries[summary.directory] = summary

    def _on_event(self, directory: str, event: Event) -> None:
        with self._guard:
            summary = self._summaries.get(directory)
            if summary is not None:
                self._summaries[directory] = self._updated(summary, event)
            listeners = list(self._listeners.values())
        for loop, listener in listeners:
            with contextlib.suppress(RuntimeError):  # a front end that closed its loop without unsubscribing
                loop.call_soon_threadsafe(listener, directory, event)

    def _updated(self, summary: PeerSummary, event: Event) -> PeerSummary:
        match event:
            case PeerChanged(state, step, steps, label, trouble):
                summary = replace(summary, state=state, step=step, steps=steps, label=label, trouble=trouble)
                if state in (PeerState.STOPPED, PeerState.FAILED):
                    summary = replace(summary, words="", addresses=(), visitors=0, unread=0, unread_rooms=0)
                    summary = replace(summary, site_url="", restart_needed=())
            case ReachabilityChanged(words, addresses):
                summary = replace(summary, words=words, addresses=addresses)
            case VisitorsChanged(count):
                summary = replace(summary, visitors=count)
            case (
                ChatChanged()
                | ChatRead()
                | GroupGone()
                | RoomMessageChanged()
                | RoomMessageGone()
                | RoomRead()
                | SettingsChanged()
            ):
                engine = self._engines.get(summary.directory)
                if engine is not None:
                    summary = replace(summary, **engine.facts())
            case _:
                pass
        return summary

    # ---- small things

    def _refuse_running(self, directory: str, what: str) -> None:
        if self.peer(directory).state not in (PeerState.STOPPED, PeerState.FAILED):
            raise Goop2Error(f"A running peer cannot be {what}", self.peer(directory).name, "Stop it first.")

    def _remember_added(self, directory: str, *, remove: bool = False) -> None:
        added = [path for path in self._added if path != directory]
        if not remove and Path(directory).parent != self._home:
            added.append(directory)
        if added == self._added:
            return
        self._added_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._added_broken:
            self._added_file.rename(self._added_file.with_suffix(".broken.json"))
            self._added_broken = False
        write_atomically(self._added_file, json.dumps(added[-MOST_ADDED:], indent=2).encode())
        self._added = added


def _read_added(file: Path) -> list[str]:
    """Directories that the user added. Raises `ValueError` or `OSError` if the list is there, but cannot be read."""
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return []
    try:
        value = json.loads(data) if len(data) <= ADDED_FILE_BYTES else None
    except RecursionError:
        value = None
    if not isinstance(value, list):
        raise ValueError("it is not a list")  # noqa: TRY004 (about the file's content)
    return [path for path in value if isinstance(path, str)][:MOST_ADDED]
