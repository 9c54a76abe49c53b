"""A small stand-in for the console server: the same HTTP interface over plain lists, which a test sets as it likes.

Theme, identicons, headers, error answers and the settings are the real ones. Run it by itself to look at the pages:
`python -m tests.browser.fake_console [empty|full|many]`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from pathlib import Path

from aiohttp import web

from goop2_core import guide
from goop2_core.config import ConfigFile
from goop2_core.errors import Refused
from goop2_core.events import (
    ChatChanged,
    ChatMessage,
    ChatRead,
    ChatRemoved,
    Delivery,
    Event,
    GroupMember,
    LogWritten,
    Person,
    event_name,
    to_json,
)
from goop2_core.identicon import identicon
from goop2_core.resources import resource
from goop2_core.settings_routes import routes as settings_routes
from goop2_core.viewer import qr, theme
from goop2_core.viewer.guard import CONSOLE_HEADERS
from goop2_core.web import error_middleware, reply
from tests.browser.fake_groups import FakeGroups, fill_groups

OWN = "12D3KooWAliceAliceAliceAliceAliceAliceAliceAliceBfeSB"
MINUTE = 60_000


def now() -> int:
    return int(time.time() * 1000)


def _gives(make):
    """A handler for requests whose answer does not depend on them."""

    async def handler(_request):
        return make()

    return handler


class FakeConsole:
    """Serves the console's files and its interface on a free port; everything shown is in its attributes."""

    def __init__(self, folder: Path) -> None:
        self.people: dict[str, Person] = {}
        self.messages: dict[str, list[ChatMessage]] = {}
        self.unread: dict[str, int] = {}
        self.files: dict[str, bytes | None] = {}
        self.log: list[LogWritten] = []
        self.avatar: bytes | None = None
        self.failing: set[str] = set()
        self.delay = 0.0
        self.answers = True  # whether a sent message is delivered
        self.opened: list[str] = []
        self.cut = False  # whether streams of events are refused
        self.state = {
            "peer_id": OWN, "short_id": "12D3…BfeSB", "name": "Alice's desk", "link": f"goop2:{OWN}",
            "state": "running", "words": "reachable on LAN", "visitors": 2, "restart_needed": [], "version": "0.1.0",
            "addresses": ["/ip4/192.168.1.20/tcp/40211", "/ip4/192.168.1.20/tcp/40212/ws"], "started_at": now(),
            "site_url": "http://192.168.1.20:8080/",
            "public": False,
            "theme": "auto",
        }  # fmt: skip
        self.config = ConfigFile.create(folder / "goop.json")
        self._streams: set[asyncio.Queue[str]] = set()
        self.groups = FakeGroups(self, OWN)
        self.port = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[FakeConsole]:
        app = web.Application(middlewares=[error_middleware, self._weather], client_max_size=1 << 30)
        app.on_response_prepare.append(self._headers)
        app.router.add_routes([*settings_routes(self.config, self.emit), *guide.routes(), *qr.routes()])
        app.router.add_routes([*self._pages(), *self._people(), *self._chat(), *self._files(), *self.groups.routes()])
        before = asyncio.all_tasks()
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port)
        await site.start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            self.hang_up()
            await runner.cleanup()
            if left := asyncio.all_tasks() - before:  # requests that the browser gave up
                await asyncio.wait(left, timeout=5)

    def url(self, page: str = "people") -> str:
        return f"http://127.0.0.1:{self.port}/#/{page}"

    def emit(self, event: Event) -> None:
        for stream in self._streams:
            stream.put_nowait(f"event: {event_name(event)}\ndata: {json.dumps(to_json(event))}\n\n")

    def hang_up(self) -> None:
        """Cut every stream of events and refuse new ones, as a stopped peer does."""
        self.cut = True
        for stream in self._streams:
            stream.put_nowait("")

    def say(self, peer_id: str, content: str, *, own: bool = False, at: int = 0, delivery: Delivery | None = None,
            error: str = "", unread: int = 0) -> ChatMessage:  # fmt: skip
        """A message is there, as if it had come or been sent; open pages hear of it."""
        number = sum(len(talk) for talk in self.messages.values()) + 1
        became = delivery or (Delivery.DELIVERED if own else Delivery.RECEIVED)
        message = ChatMessage(number, peer_id, OWN if own else peer_id, content, at or now(), became, error)
        self.messages.setdefault(peer_id, []).append(message)
        self.unread[peer_id] = unread
        self.emit(ChatChanged(message, unread))
        return message

    def add_log(self, level: str, area: str, text: str) -> None:
        self.log.append(LogWritten(len(self.log) + 1, now(), level, area, text))
        self.emit(self.log[-1])

    @web.middleware
    async def _weather(self, request, handler):
        if self.delay and request.path.startswith("/api/") and request.path not in ("/api/events", "/api/theme.css"):
            await asyncio.sleep(self.delay)
        if any(request.path.startswith(path) for path in self.failing):
            raise Refused("The disk is full", "Nothing could be written.", "Make room, then try again.", status=507)
        if request.method not in ("GET", "HEAD"):
            assert request.headers.get("X-Goop2") == "1"
            assert request.content_type in ("application/json", "application/octet-stream")
        return await handler(request)

    async def _headers(self, _request, answer):
        answer.headers.update(CONSOLE_HEADERS)

    def _pages(self):
        console = resource("console")

        async def static(request):
            path = request.match_info["path"]
            base = resource() if path.startswith("fonts/") else console
            return web.FileResponse(base / path)

        async def events(request):
            if self.cut:
                raise web.HTTPServiceUnavailable
            answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await answer.prepare(request)
            queue: asyncio.Queue[str] = asyncio.Queue()
            queue.put_nowait("event: hello\ndata: {}\n\n")
            self._streams.add(queue)
            try:
                while frame := await queue.get():
                    await answer.write(frame.encode())
            finally:
                self._streams.discard(queue)
            return answer

        async def show_avatar(request):
            peer_id = request.match_info.get("peer", OWN)
            if peer_id == OWN and self.avatar:
                return web.Response(body=self.avatar, content_type="image/png")
            return web.Response(text=identicon(peer_id, request.query["mode"]), content_type="image/svg+xml")

        async def set_avatar(request):
            self.avatar = await request.read() if request.method == "PUT" else None
            return reply({})

        async def log(request):
            lines = [line for line in self.log if line.number > int(request.query["after"])][
                : int(request.query["limit"])
            ]
            return reply({"lines": lines, "next": lines[-1].number if lines else int(request.query["after"])})

        async def open_site(request):
            address = (await request.json())["address"]
            if address == "nobody":
                raise Refused("There is nobody of that name", "“nobody” is no peer ID, link or name.", status=404)
            self.opened.append(address)
            return reply({"url": f"http://127.0.0.1:{self.port}/opened"})

        return [
            web.get("/", _gives(lambda: web.FileResponse(console / "index.html"))),
            web.get("/opened", _gives(lambda: web.Response(text="a site"))),
            web.get("/static/{path:.+}", static),
            web.get("/api/theme.css", _gives(lambda: web.Response(text=theme.css(), content_type="text/css"))),
            web.get("/api/state", _gives(lambda: reply(self.state))),
            web.get("/api/events", events),
            web.get("/api/log", log),
            web.get("/api/avatar", show_avatar),
            web.put("/api/avatar", set_avatar),
            web.delete("/api/avatar", set_avatar),
            web.get("/api/avatar/{peer}", show_avatar),
            web.post("/api/open", open_site),
        ]

    def _people(self):
        async def favorite(request):
            peer = request.match_info["peer"]
            self.people[peer] = replace(self.people[peer], favorite=(await request.json())["favorite"])
            return reply(self.people[peer])

        async def probe(request):
            return reply(self.people[request.match_info["peer"]])

        return [
            web.get("/api/people", _gives(lambda: reply(list(self.people.values())))),
            web.post("/api/people/{peer}/favorite", favorite),
            web.post("/api/people/{peer}/probe", probe),
        ]

    def _chat(self):
        async def chats(_):
            talks = [(peer, talk[-1]) for peer, talk in self.messages.items() if talk]
            return reply([{"peer_id": peer, "unread": self.unread.get(peer, 0), "last": last} for peer, last in talks])

        async def history(request):
            talk = self.messages.get(request.match_info["peer"], [])
            before, limit = int(request.query["before"]), int(request.query["limit"])
            older = [message for message in talk if not before or message.id < before]
            return reply({"messages": older[-limit:], "more": len(older) > limit})

        async def send(request):
            body = await request.json()
            away = not self.people[request.match_info["peer"]].online
            state = Delivery.WAITING if away else Delivery.SENDING
            message = self.say(request.match_info["peer"], body["content"], own=True, delivery=state)
            if not away:
                asyncio.get_running_loop().call_later(0.05, self._settle, message)
            return reply(message)

        async def retry(request):
            wanted = (await request.json())["message_id"]
            message = next(m for m in self.messages[request.match_info["peer"]] if m.id == wanted)
            asyncio.get_running_loop().call_later(0.05, self._settle, message)
            return reply(self._change(message, delivery=Delivery.SENDING, error=""))

        async def cancel(request):
            peer, number = request.match_info["peer"], int(request.match_info["id"])
            self.messages[peer] = [m for m in self.messages[peer] if m.id != number]
            self.emit(ChatRemoved(peer, number))
            return reply({})

        async def read(request):
            peer = request.match_info["peer"]
            self.unread[peer] = 0
            if request.method == "DELETE":
                self.messages.pop(peer, None)
            self.emit(ChatRead(peer, request.method == "DELETE"))
            return reply({})

        return [
            web.get("/api/chats", chats),
            web.get("/api/chat/{peer}", history),
            web.post("/api/chat/{peer}", send),
            web.delete("/api/chat/{peer}", read),
            web.post("/api/chat/{peer}/retry", retry),
            web.delete("/api/chat/{peer}/messages/{id}", cancel),
            web.post("/api/chat/{peer}/read", read),
        ]

    def _change(self, message, **values):
        talk = self.messages[message.peer_id]
        at = next(i for i, other in enumerate(talk) if other.id == message.id)
        talk[at] = replace(talk[at], **values)
        self.emit(ChatChanged(talk[at]))
        return talk[at]

    def _settle(self, message):
        name = self.people[message.peer_id].name.split()[0]
        if self.answers:
            self._change(message, delivery=Delivery.DELIVERED)
        else:
            self._change(message, delivery=Delivery.FAILED, error=f"{name}'s peer did not answer.")

    def _files(self):
        def entry(path):
            data = self.files[path]
            size = len(data or b"")
            return {"path": path, "name": path.split("/")[-1], "dir": data is None, "size": size, "modified": now()}

        async def folder(request):
            path = request.query["path"]
            inside = [p for p in self.files if p.rpartition("/")[0] == path]
            return reply({"entries": [entry(p) for p in sorted(inside)], "root": "/home/alice/goop2/alice/site"})

        async def content(request):
            return web.Response(body=self.files[request.query["path"]], content_type="application/octet-stream")

        async def write(request):
            path = request.query["path"]
            for n, letter in enumerate(path):
                if letter == "/":
                    self.files.setdefault(path[:n], None)
            self.files[path] = await request.read()
            return reply(entry(path))

        async def mkdir(request):
            self.files[(await request.json())["path"]] = None
            return reply({})

        async def rename(request):
            body = await request.json()
            self.files[body["to"]] = self.files.pop(body["path"])
            return reply({})

        async def delete(request):
            path = request.query["path"]
            self.files = {p: d for p, d in self.files.items() if p != path and not p.startswith(f"{path}/")}
            return reply({})

        return [
            web.get("/api/files", folder),
            web.get("/api/files/content", content),
            web.put("/api/files/content", write),
            web.post("/api/files/mkdir", mkdir),
            web.post("/api/files/rename", rename),
            web.delete("/api/files", delete),
        ]


def fill(console: FakeConsole) -> None:
    """The people and words of a good day."""
    day = int(time.mktime(time.localtime()[:3] + (0,) * 5 + (-1,))) * 1000

    def at(hour: int, minute: int, days: int = 0) -> int:
        return day + ((hour - 24 * days) * 60 + minute) * MINUTE

    def person(key: str, name: str, **facts) -> str:
        peer_id = f"12D3KooW{key}".ljust(47, "x") + key[:5].ljust(5, "h")
        usual = {"online": True, "reachable": True, "path": "direct", "encrypted": True, "last_seen": now()}
        console.people[peer_id] = Person(peer_id, name=name, **{**usual, **facts})
        return peer_id

    bob = person("Bob", "Bob Marsh", favorite=True)
    carol = person("Carol", "Carol Díaz", favorite=True, path="relayed")
    library = person("Light", "Lighthouse library")
    person("Hubert", "", encrypted=False)
    person("Hidden", "Behind two routers", reachable=False, path="none")
    gone = {"online": False, "reachable": False, "path": "none"}
    person("Devika", "Devika Subramaniam-Okafor", **gone, last_seen=at(22, 10, 1))
    person("Erik", "Erik", **gone, last_seen=at(9, 0, 20))
    console.say(bob, "See you tomorrow!", own=True, at=at(21, 40, 1))
    console.say(bob, "Morning! Your new gallery loads in a blink from here.", at=at(9, 12))
    console.say(bob, "Did you move it off the old template?", at=at(9, 12))
    text = "Yes, it is plain HTML now. Source is in the shared folder if you want to borrow it."
    console.say(bob, text, own=True, at=at(9, 15))
    console.say(bob, "More about it at https://example.org/gallery.", own=True, at=at(9, 15))
    console.say(bob, "Lovely. Chess later?", at=at(14, 30))
    error = "Bob's peer did not answer."
    console.say(bob, "rook takes e5, your move", own=True, at=at(14, 32), delivery=Delivery.FAILED, error=error)
    console.say(carol, "Can you open the cluster for me?", at=at(14, 20), unread=3)
    console.say(library, "New on the shelf: 12 books", at=at(11, 5))
    for path, data in {
        "index.html": b"<h1>" * 700, "style.css": b"x" * 1234, "photos": None, "photos/garden.jpg": b"j" * 2_400_000,
        "sowing table.csv": b"1,2" * 40, "a-very-long-name-" * 6 + ".txt": b"long",
    }.items():  # fmt: skip
        console.files[path] = data
    fill_groups(console, at)
    for n in range(12):
        console.add_log("INFO", "presence", f"12D3…7hQx{n} is online, reached directly in 14 ms")
    console.add_log("DEBUG", "mq", "ack 3f1c for chat to 12D3…xxBob after 31 ms")
    console.add_log("WARNING", "p2p.mdns", "no answer on eth1: Network is unreachable; trying again in 60 s")
    console.add_log("ERROR", "site", "photos/garden.jpg could not be read: Input/output error")


def fill_many(console: FakeConsole) -> None:
    """500 people, and 5,000 messages with one of them."""
    fill(console)
    for n in range(500):
        peer_id = f"12D3KooWMany{n:040d}"
        online = n % 3 > 0
        path = "direct" if online else "none"
        console.people[peer_id] = Person(peer_id, f"Person {n}", online=online, reachable=online, path=path)
    bob = next(iter(console.people))
    start = now() - 5000 * 7 * MINUTE
    console.messages[bob] = [
        ChatMessage(n + 1, bob, OWN if n % 2 else bob, f"message number {n}", start + n * 7 * MINUTE,
                    Delivery.DELIVERED if n % 2 else Delivery.RECEIVED)
        for n in range(5000)
    ]  # fmt: skip
    others = [f"12D3KooWMany{n:040d}" for n in range(499)]
    members = [GroupMember(peer, "viewer", f"Person {n}", n, away=n % 3 == 0) for n, peer in enumerate(others)]
    console.groups.add("crowd", "A crowd", members=members)
    for n in range(5000):
        reply_to = console.groups.messages["crowd"][-700].id if n > 700 and n % 50 == 0 else 0
        text = f"crowd message {n}" + (f" for @Person {n % 499}" if n % 7 == 0 else "")
        console.groups.say(
            "crowd", others[n % 499] if n % 5 else "", text, at=start + n * 7 * MINUTE, reply_to=reply_to
        )


async def main() -> None:
    fillers = {"empty": lambda _: None, "full": fill, "many": fill_many}
    with tempfile.TemporaryDirectory() as folder:
        console = FakeConsole(Path(folder))
        console.port = 8765
        fillers[sys.argv[1] if len(sys.argv) > 1 else "full"](console)
        async with console.running():
            print(console.url(), json.dumps({key: asdict(p)["name"] for key, p in console.people.items()}))
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
