"""A host with invented peers, for tests and screenshots of the window: the whole facade, in the simplest way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from goop2_core.errors import Goop2Error
from goop2_core.events import Event, PeerChanged, PeerState, Person, Trouble
from goop2_core.host import DeletionFacts, PeerSummary, SiteTarget
from goop2_core.identicon import identicon

STEPS = ("Reading the settings", "Opening the database", "Joining the network", "Announcing itself", "Serving pages")


def peer_id(seed: str) -> str:
    """Something that looks like a peer ID."""
    return ("12D3KooW" + seed * 44)[:47] + "BfeSB"


class FakeHost:
    """Peers that start and stop when told to, one step at a time if `stepwise`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.summaries: dict[str, PeerSummary] = {}
        self.listeners: list[tuple[asyncio.AbstractEventLoop, Callable[[str, Event], None]]] = []
        self.failing: dict[str, Goop2Error] = {}
        self.remedies: list[tuple[str, str]] = []
        self.gate: asyncio.Event | None = None
        self.site: Callable[[str, str], SiteTarget] | None = None
        self.console: Callable[[str, str], str] | None = None
        self.persons: list[Person] = []
        self.facts = DeletionFacts(messages=214, site_files=14, site_bytes=2_100_000, people=6, site_outside=False)
        self.stopped = False
        self.history: dict[str, list[PeerState]] = {}

    def put(self, name: str, **facts) -> PeerSummary:
        directory = str(self.home / "peers" / name.lower().replace(" ", "-").replace("'", ""))
        ident = facts.pop("peer_id", peer_id(name.replace(" ", "")[:6]))
        summary = PeerSummary(directory=directory, name=name, peer_id=ident, link=f"goop2:{ident}", **facts)
        self.summaries[directory] = summary
        return summary

    def emit(self, directory: str, event: Event, **changes) -> None:
        self.summaries[directory] = replace(self.summaries[directory], **changes)
        for loop, listener in self.listeners:
            loop.call_soon(listener, directory, event)

    def state(self, directory: str, state: PeerState, step: int = 0, trouble: Trouble | None = None, **changes) -> None:
        steps = len(STEPS) if step else 0
        label = STEPS[step - 1] if step else ""
        self.history.setdefault(directory, []).append(state)
        event = PeerChanged(state, step, steps, label, trouble)
        self.emit(directory, event, state=state, step=step, steps=steps, label=label, trouble=trouble, **changes)

    # ---- the facade

    async def start(self) -> None: ...

    async def stop(self) -> None:
        self.stopped = True

    def subscribe(self, listener):
        entry = (asyncio.get_event_loop(), listener)
        self.listeners.append(entry)
        return lambda: self.listeners.remove(entry)

    def peers(self) -> list[PeerSummary]:
        return sorted(self.summaries.values(), key=lambda peer: peer.name.casefold())

    def peer(self, directory: str) -> PeerSummary:
        if directory not in self.summaries:
            raise Goop2Error("This peer is not in the list", directory)
        return self.summaries[directory]

    def avatar(self, directory: str, mode: str = "light"):
        return identicon(self.peer(directory).peer_id, mode)

    async def create_peer(self, name, *, label="", site_folder=None, copy=False):
        if name in self.failing:
            raise self.failing[name]
        return self.put(name)

    async def add_peer(self, directory):
        return self.put(Path(directory).name)

    async def forget_peer(self, directory):
        self.summaries.pop(directory)

    async def delete_peer(self, directory):
        self.summaries.pop(directory)

    async def deletion_facts(self, directory):
        return self.facts

    async def start_peer(self, directory):
        for step in range(1, len(STEPS) + 1):
            self.state(directory, PeerState.STARTING, step)
            if self.gate is not None:
                await self.gate.wait()
            await asyncio.sleep(0)
        if directory in self.failing:
            error = self.failing[directory]
            trouble = Trouble(error.title, error.message, error.hint, getattr(error, "remedy", ""))
            self.state(directory, PeerState.FAILED, trouble=trouble)
            raise error
        self.state(directory, PeerState.RUNNING, words="reachable on LAN")

    async def stop_peer(self, directory):
        self.state(directory, PeerState.STOPPING)
        await asyncio.sleep(0)
        self.state(directory, PeerState.STOPPED, words="", visitors=0)

    async def apply_remedy(self, directory, remedy):
        self.remedies.append((directory, remedy))
        self.failing.pop(directory, None)
        await self.start_peer(directory)

    async def site_url(self, directory, address=""):
        if self.site is None:
            raise Goop2Error("There is no site here", "This host is invented.")
        return self.site(directory, address)

    async def console_url(self, directory, page="people"):
        if self.console is None:
            raise Goop2Error("There is no console here", "This host is invented.")
        return self.console(directory, page)

    async def people(self, directory):
        return self.persons
