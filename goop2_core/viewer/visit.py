"""A request to the site face as its handlers see it: who asks, from where, and what they may be given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiohttp import web

from goop2_core.config import Config
from goop2_core.events import Person
from goop2_core.identity import Identity, short
from goop2_core.site.avatar import Avatars
from goop2_core.site.client import SiteClient
from goop2_core.site.content import ContentStore
from goop2_core.site.visitors import Visitors
from goop2_core.viewer.guard import Client, Host
from goop2_core.viewer.session import Guest


@dataclass(frozen=True, slots=True)
class Services:
    """What the site face shows, and where it gets it from."""

    identity: Identity
    config: Callable[[], Config]
    content: ContentStore
    client: SiteClient
    avatars: Avatars
    visitors: Visitors
    people: Callable[[], Sequence[Person]]

    def name(self, peer_id: str) -> str:
        """What a person is called, or their shortened peer ID."""
        found = next((person.name for person in self.people() if person.peer_id == peer_id), "")
        return found or short(peer_id)


@dataclass(frozen=True, slots=True)
class Visit:
    """Who asks, from where, by which name of this server. `owner` is true only on the origin of the session's site."""

    host: Host
    client: Client
    guest: Guest
    owner: bool


VISIT = web.RequestKey("visit", Visit)
