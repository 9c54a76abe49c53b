"""The peer that is attacked: a headless one in its own process, what it held before, and whether it still serves."""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.fuzz.engine import ARTEFACTS, Found, status_bytes
from tests.support.headless import HeadlessPeer, ended, fetch, wait_for

PAGE = b"<!doctype html><title>still here</title>\n" + bytes(range(256)) * 400
MOST_MORE = 64 << 20
SETTLE_SECONDS = 60.0
POOL_THREADS = 6  # asyncio's own threads for blocking work, which stay once they were needed: CPUs + 4
MOST_FILES_MORE = 3
IDLE_SHARE = 0.3
TROUBLE = (" ERROR ", " CRITICAL ", "Traceback", "never retrieved", "never awaited", "Fatal Python error")


@dataclass(frozen=True)
class Holdings:
    """What a process holds: bytes of memory, open files, threads."""

    memory: int
    files: int
    threads: int

    def __str__(self) -> str:
        return f"{self.memory / (1 << 20):.1f} MiB, {self.files} files, {self.threads} threads"


class Watched(HeadlessPeer):
    """A headless peer that is looked at from outside too."""

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process
        return self._process.pid

    @property
    def console_port(self) -> int:
        """Where its console listens."""
        return int(self._console.host.rpartition(":")[2])

    @property
    def console_cookie(self) -> str:
        """The owner's session."""
        return "; ".join(f"{name}={morsel.value}" for name, morsel in self._console.cookies.items())

    def configured(self, section: str, key: str) -> Any:
        """A value in its `goop.json`."""
        return json.loads((self.directory / "goop.json").read_text())[section][key]

    def log_text(self) -> str:
        """What it logged so far."""
        return self._log.read_text()


@dataclass
class Victim:
    """A running peer, where it listens, and what it held before the attack."""

    peer: Watched
    process: psutil.Process
    tcp_port: int
    ws_port: int
    site_port: int
    console_port: int
    tag: str
    before: Holdings = Holdings(0, 0, 0)

    @property
    def public_key(self) -> str:
        """Its NaCl key, as it tells everybody."""
        return str(self.peer.configured("p2p", "nacl_public_key"))

    def holdings(self) -> Holdings:
        """What it holds now."""
        pid = self.process.pid
        return Holdings(status_bytes(pid, "VmRSS"), self.process.num_fds(), self.process.num_threads())

    def peak(self) -> int:
        """The most memory that it has held since `before` was taken."""
        return status_bytes(self.process.pid, "VmHWM")

    def trouble(self) -> list[str]:
        """Lines of its log that tell of a bug."""
        text = self.peer.log_text()
        return [line for line in text.splitlines() if any(mark in line for mark in TROUBLE)]


@contextlib.contextmanager
def running() -> Iterator[Victim]:
    """A peer with a page and a picture, that has had a visit already: its holdings are those of a peer in use."""
    folder = Path(tempfile.mkdtemp(prefix="goop2-fuzz-"))
    tag = f"goop-fuzz-{secrets.token_hex(4)}"
    peer = Watched(folder / "victim")
    peer.configure("p2p", mdns_tag=tag)
    peer.configure("profile", label="Victim")
    with ended(peer):
        try:
            peer.start()
            process = psutil.Process(peer.pid)
            victim = _found(peer, process, tag)
            put_page(victim)
            honest_visit(victim, folder / "friend-before")
            victim.before = _settled(victim, None)
            with contextlib.suppress(OSError):
                Path(f"/proc/{peer.pid}/clear_refs").write_text("5")  # the peak is measured from here
            yield victim
        except BaseException:
            ARTEFACTS.mkdir(parents=True, exist_ok=True)
            (ARTEFACTS / "victim.log").write_text(peer.log_text())
            raise
        finally:
            peer.kill()
            shutil.rmtree(folder, ignore_errors=True)


def _found(peer: Watched, process: psutil.Process, tag: str) -> Victim:
    """Learn its ports: the console's and the site's from what it says, the others by trying."""
    state = peer.get("/api/state")
    console = peer.console_port
    site = int(state["site_url"].split(":")[2].split("/")[0])
    listening = {one.laddr.port for one in process.net_connections("tcp") if one.status == psutil.CONN_LISTEN}
    ws = next(int(text.split("/")[4]) for text in state["addresses"] if text.endswith("/ws"))
    (tcp,) = listening - {console, site, ws}
    return Victim(peer, process, tcp, ws, site, console, tag)


def put_page(victim: Victim) -> None:
    """Make sure that the page that is checked is there, whatever the attack changed or deleted."""
    site = victim.peer.directory / "site"
    site.mkdir(exist_ok=True)
    (site / "page.html").write_bytes(PAGE)


def honest_visit(victim: Victim, directory: Path) -> None:
    """A fresh peer finds the victim on the LAN, fetches its page over libp2p, and sends it a message."""
    friend = HeadlessPeer(directory)
    friend.configure("p2p", mdns_tag=victim.tag)
    friend.configure("profile", label="Friend")
    with ended(friend):
        friend.start()
        wait_for(lambda: friend.sees(victim.peer.peer_id), 20)
        page = fetch(friend.visit(victim.peer.peer_id), "/page.html")
        if page != PAGE:
            raise Found(f"the page came as {len(page)} other bytes")
        words = f"Are you there? {secrets.token_hex(8)}"
        friend.post(f"/api/chat/{victim.peer.peer_id}", {"content": words, "client_id": words[-16:]})
        wait_for(lambda: _last(friend, victim.peer.peer_id).get("delivery") == "delivered", 20)
        wait_for(lambda: _last(victim.peer, friend.peer_id).get("content") == words, 20)
        friend.stop()
    wait_for(lambda: not victim.peer.sees(friend.peer_id), 30)


def _last(peer: HeadlessPeer, other: str) -> dict[str, Any]:
    messages = peer.get(f"/api/chat/{other}")["messages"]
    return dict(messages[-1]) if messages else {}


def _settled(victim: Victim, before: Holdings | None) -> Holdings:
    """What the victim holds once that no longer shrinks, or is near what it held before."""
    end = time.monotonic() + SETTLE_SECONDS
    last = victim.holdings()
    while time.monotonic() < end:
        time.sleep(1.0)
        now = victim.holdings()
        if before is None and (now.files, now.threads) == (last.files, last.threads):
            return now
        if before is not None and not excess(now, before):
            return now
        last = now
    return last


def excess(now: Holdings, before: Holdings) -> list[str]:
    """In what a peer holds more than it may after an attack."""
    found = []
    if now.memory - before.memory > MOST_MORE:
        found.append("memory")
    if now.files - before.files > MOST_FILES_MORE:
        found.append("files")
    if now.threads - before.threads > POOL_THREADS:
        found.append("threads")
    return found


def check(victim: Victim) -> Holdings:
    """Raises `Found` unless the victim serves, has logged no bug, is idle, and holds little more than before."""
    if not victim.process.is_running() or victim.process.status() == psutil.STATUS_ZOMBIE:
        raise Found(f"the peer is gone:\n{victim.peer.log_text()[-3000:]}")
    if trouble := victim.trouble():
        raise Found("the peer logged:\n" + "\n".join(trouble[:20]) + f"\n{_around(victim, trouble[0])}")
    put_page(victim)
    honest_visit(victim, victim.peer.directory.with_name(f"friend-{secrets.token_hex(3)}"))
    now = _settled(victim, victim.before)
    if more := excess(now, victim.before):
        raise Found(f"the peer holds too much ({', '.join(more)}): before {victim.before}, now {now}")
    if (peak := victim.peak()) - victim.before.memory > MOST_MORE:
        raise Found(f"the peer held {peak >> 20} MiB at its peak, and {victim.before} before")
    times = victim.process.cpu_times()
    start = time.monotonic()
    time.sleep(2.0)
    later = victim.process.cpu_times()
    share = (later.user + later.system - times.user - times.system) / (time.monotonic() - start)
    if share > IDLE_SHARE:
        raise Found(f"the peer is left alone and still uses {share:.0%} of a processor")
    if trouble := victim.trouble():
        raise Found("the peer logged:\n" + "\n".join(trouble[:20]))
    return now


def _around(victim: Victim, line: str) -> str:
    text = victim.peer.log_text()
    at = text.find(line)
    return text[at : at + 3000]
