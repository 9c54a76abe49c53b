"""A whole peer in a process of its own, `goop2 peer DIR`, used as its owner does: through its console's HTTP API."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import quote, urlsplit

T = TypeVar("T")

START_SECONDS = 60.0
STOP_SECONDS = 10.0
REQUEST_SECONDS = 30.0
POLL_SECONDS = 0.02


class Place(Protocol):
    """Where the peer runs: this machine, or a host of the lab."""

    def command(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs `argv` there."""

    def connect(self, address: tuple[str, int], seconds: float = ...) -> socket.socket:
        """A TCP connection from there."""


class ThisMachine:
    """Peers beside the test, without a lab."""

    def command(self, argv: Sequence[str]) -> list[str]:
        """`argv` as it is."""
        return list(argv)

    def connect(self, address: tuple[str, int], seconds: float = REQUEST_SECONDS) -> socket.socket:
        """An ordinary connection."""
        return socket.create_connection(address, seconds)


@dataclass(frozen=True)
class Answer:
    """What a request got."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


@dataclass
class Browser:
    """Requests to one origin on the peer's loopback, with that origin's cookies."""

    place: Place
    host: str  # as in the Host header, with the port
    cookies: SimpleCookie = field(default_factory=SimpleCookie)

    def request(self, method: str, target: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        """One request on a connection of its own. A `body` that is not bytes goes as JSON."""
        sent = {"Host": self.host, "Connection": "close", **(headers or {})}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={morsel.value}" for name, morsel in self.cookies.items())
        if body is not None and not isinstance(body, bytes):
            body, sent["Content-Type"] = json.dumps(body).encode(), "application/json"
        port = int(self.host.rpartition(":")[2])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=REQUEST_SECONDS)
        with contextlib.closing(connection), self.place.connect(("127.0.0.1", port), REQUEST_SECONDS) as connected:
            connection.sock = connected
            connection.request(method, target, body, sent)
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        for cookie in response.headers.get_all("Set-Cookie", []):
            self.cookies.load(cookie)
        return answer


def open_url(place: Place, url: str) -> Browser:
    """Go to a one-time URL; the browser that comes back is logged in there."""
    parts = urlsplit(url)
    browser = Browser(place, parts.netloc)
    answer = browser.request("GET", f"{parts.path or '/'}?{parts.query}")
    assert answer.status < 400, f"{url}: {answer.status} {answer.body[:300]!r}"
    assert browser.cookies, f"{url} opened no session"
    return browser


class HeadlessPeer:
    """`goop2 peer DIR` with `directory`. Start it with `start`, end it with `stop` or `kill`; it may start again."""

    def __init__(self, directory: Path, place: Place | None = None) -> None:
        self.directory = directory
        self.place = place or ThisMachine()
        self.peer_id = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._console: Browser

    def configure(self, section: str, **values: Any) -> None:
        """Set keys of one section of `goop.json`; only while it does not run."""
        self.directory.mkdir(parents=True, exist_ok=True)
        file = self.directory / "goop.json"
        config = json.loads(file.read_text()) if file.exists() else {}
        config.setdefault(section, {}).update(values)
        file.write_text(json.dumps(config))

    def start(self) -> None:
        """Start the process and return once it serves its console."""
        argv = self.place.command([sys.executable, "-m", "goop2_core", "peer", str(self.directory)])
        with self._output.open("w") as stdout, self._log.open("a") as stderr:
            self._process = subprocess.Popen(argv, stdout=stdout, stderr=stderr)
        console = re.compile(r"^Console: *(\S+)\n", re.MULTILINE)
        wait_for(lambda: self._process.poll() is not None or console.search(self._output.read_text()), START_SECONDS)
        said = self._output.read_text()
        url, peer_id = console.search(said), re.search(r"is running as (\S+)", said)
        assert url, f"the peer did not start:\n{said}{self._log.read_text()}"
        assert peer_id, said
        self.peer_id = peer_id[1]
        self._console = open_url(self.place, url[1])

    def stop(self) -> int:
        """End it in order, and return its exit status."""
        assert self._process
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """SIGKILL, as a crash or a power cut."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def get(self, path: str) -> Any:
        """The JSON that the console answers to GET."""
        return self._json(self._console.request("GET", path))

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The JSON that the console answers to POST."""
        return self._json(self._console.request("POST", path, body, {"X-Goop2": "1"}))

    def person(self, peer_id: str) -> dict[str, Any] | None:
        """How this peer sees another one."""
        return next((person for person in self.get("/api/people") if person["peer_id"] == peer_id), None)

    def sees(self, peer_id: str, *, online: bool = True) -> bool:
        """Whether it shows another peer as online (or shows it, but not as online)."""
        person = self.person(peer_id)
        return person is not None and person["online"] == online

    def visit(self, peer_id: str) -> Browser:
        """The owner's browser on the site of a peer, opened as the desktop does."""
        return open_url(self.place, self.post("/api/open", {"address": peer_id})["url"])

    @property
    def _output(self) -> Path:
        return self.directory.with_suffix(".out")

    @property
    def _log(self) -> Path:
        return self.directory.with_suffix(".log")

    def _json(self, answer: Answer) -> Any:
        assert answer.status < 300, f"{answer.status} {answer.body[:500]!r}"
        return json.loads(answer.body)


@contextlib.contextmanager
def ended(*peers: HeadlessPeer) -> Iterator[None]:
    """Whatever happens in the block, none of these peers runs on after it."""
    try:
        yield
    finally:
        for peer in peers:
            peer.kill()


def wait_for(condition: Callable[[], T], seconds: float) -> float:
    """Seconds until `condition` was true; fails after `seconds`."""
    start = time.monotonic()
    while not (value := condition()):
        assert time.monotonic() - start < seconds, f"not within {seconds} s: the last value was {value!r}"
        time.sleep(POLL_SECONDS)
    return time.monotonic() - start


def fetch(browser: Browser, path: str) -> bytes:
    """A file of the site that the browser is on."""
    answer = browser.request("GET", quote(path))
    assert answer.status == 200, f"{path}: {answer.status} {answer.body[:300]!r}"
    return answer.body
