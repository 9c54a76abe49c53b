"""A site face and a console as tests need them: real servers, real files, other peers made of a dictionary."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from goop2_core.config import Config
from goop2_core.errors import Refused, Unreachable
from goop2_core.events import Person, VisitorsChanged
from goop2_core.identity import Identity, peer_id_of, to_base36
from goop2_core.site.content import ContentStore
from goop2_core.site.visitors import Visitors
from goop2_core.tasks import TaskOwner
from goop2_core.viewer.edge import EdgeLimits
from goop2_core.viewer.sites import Services, SitesServer

SELF = Identity(bytes(32), bytes(range(32)), peer_id_of(bytes(range(32))))
ME = SELF.peer_id
BOB = peer_id_of(bytes(range(1, 33)))
EVE = peer_id_of(bytes(range(2, 34)))


def config(**viewer: Any) -> Config:
    plain = Config()
    changed = plain.viewer.model_copy(update=viewer)
    return plain.model_copy(update={"viewer": changed})


class FakeRemote:
    """A remote file whose chunks are given; notes that it was closed."""

    def __init__(self, mime: str, size: int, chunks: AsyncIterator[bytes]) -> None:
        self.mime, self.size, self.encrypted, self.chunks = mime, size, False, chunks
        self.closed = asyncio.Event()

    async def close(self, *, whole: bool = False) -> None:
        self.closed.set()


@dataclass
class FakeClient:
    """Other peers' sites by (peer ID, path): bytes, an exception, or a function that makes a `FakeRemote`."""

    sites: dict[tuple[str, str], Any] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    sent: list[FakeRemote] = field(default_factory=list)

    async def fetch(self, peer_id: str, path: str) -> FakeRemote:
        self.asked.append((peer_id, path))
        if not any(key[0] == peer_id for key in self.sites):
            raise Unreachable("The peer cannot be reached")
        found = self.sites.get((peer_id, path))
        if found is None:
            raise Refused("There is no such file", status=404)
        if isinstance(found, BaseException):
            raise found
        remote = found() if callable(found) else FakeRemote("text/html; charset=utf-8", len(found), one(found))
        self.sent.append(remote)
        return remote


async def one(data: bytes) -> AsyncIterator[bytes]:
    yield data


@dataclass
class Face:
    """A running site face."""

    server: SitesServer
    content: ContentStore
    client: FakeClient
    events: list[Any]
    tasks: TaskOwner

    @property
    def port(self) -> int:
        return self.server.port

    def host(self, peer_id: str) -> str:
        return f"{to_base36(peer_id)}.localhost:{self.port}"


@contextlib.asynccontextmanager
async def sites(
    folder: Path,
    *,
    limits: EdgeLimits | None = None,
    people: tuple[Person, ...] = (),
    client: Any = None,
    **viewer: Any,
) -> AsyncIterator[Face]:
    """A site face whose own site is `folder`; keywords are keys of the viewer's settings."""
    settings = config(**viewer)
    events: list[Any] = []
    visitors = Visitors(events.append)
    picture = SimpleNamespace(hash="0123456789abcdef", data=b"\x89PNG", mime="image/png")

    async def avatar_of(peer_id: str, announced: str) -> Any:
        return picture if peer_id == ME or announced else None

    avatars: Any = SimpleNamespace(own=SimpleNamespace(hash=picture.hash), of=avatar_of)
    remote = client or FakeClient()
    content = ContentStore(folder)
    tasks = TaskOwner("test")
    services = Services(SELF, lambda: settings, content, remote, avatars, visitors, lambda: people)
    server = SitesServer(services, tasks, limits=limits)
    await server.start()
    try:
        yield Face(server, content, remote, events, tasks)
    finally:
        await server.stop()
        visitors.stop()
        await tasks.stop()
        assert len(tasks) == 0


async def owner_cookie(face: Face, peer_id: str) -> str:
    """The cookie of an owner's session on a site's origin, got as a browser gets it."""
    from tests.support.http import ask

    path = face.server.owner_url(peer_id).partition(str(face.port))[2]
    answer = await ask(face.port, path, host=face.host(peer_id))
    assert answer.status == 303
    name, value = next(pair for pair in answer.cookies().items() if pair[0].startswith("goop2_site"))
    return f"{name}={value}"


def visitor_counts(face: Face) -> list[int]:
    return [event.count for event in face.events if isinstance(event, VisitorsChanged)]
