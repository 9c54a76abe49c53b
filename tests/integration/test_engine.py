"""A whole peer: it starts, serves, tells what happens, and leaves nothing behind when it stops."""

from __future__ import annotations

import asyncio
import gc
import json
import secrets
import socket
import sqlite3
import threading
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar
from blockbuster import blockbuster_ctx

from goop2_core.config import ConfigFile
from goop2_core.engine import STEPS, Engine
from goop2_core.errors import ConfigError, Goop2Error, Refused
from goop2_core.events import AvatarChanged, ChatChanged, Delivery, Event, PeerChanged, PeerState, SettingsChanged
from goop2_core.p2p import Network
from goop2_core.peerdir import PeerDir
from goop2_core.presence.message import Facts
from tests.support.wait import until

PIXEL = (  # a PNG of one pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
TAG = f"goop-test-{secrets.token_hex(4)}"


def make(directory: Path, **values: object) -> PeerDir:
    """A peer that only meets those of this test run."""
    peer = PeerDir.ensure(directory)
    file = ConfigFile(peer.config_file)
    file.load()
    file.update({"p2p.mdns_tag": TAG, **values})
    return peer


@asynccontextmanager
async def running(*peers: PeerDir) -> AsyncIterator[list[tuple[Engine, list[Event]]]]:
    """Engines on one network, with the events they told."""
    network = Network()
    started: list[tuple[Engine, list[Event]]] = []
    with blockbuster_ctx("goop2_core") as watch:  # a call of the engine's that blocks its loop fails the test
        for name in ("threading.Lock.acquire", "threading.Lock.acquire_lock"):
            watch.functions[name].deactivate()  # held for microseconds, and by the start of any thread
        for function in watch.functions.values():  # PySide6, if some test loaded it, reads the source at each import
            function.can_block_in("shibokensupport/feature.py", {"_mod_uses_pyside"})
        try:
            await network.start()
            for peer in peers:
                events: list[Event] = []
                engine = Engine(peer, events.append)
                started.append((engine, events))
                await asyncio.create_task(engine.start(network))
            yield started
        finally:
            for engine, _ in started:
                await asyncio.create_task(engine.stop())
            await network.stop()


def open_files() -> list[str]:
    """What this process has open, by name."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(link.readlink()))
        except FileNotFoundError:
            continue
    return found


def sockets() -> int:
    return sum(name.startswith("socket:") for name in open_files())


async def test_starting_tells_each_step_and_stopping_leaves_nothing(tmp_path: Path) -> None:
    peer = make(tmp_path / "alice")
    before = asyncio.all_tasks()
    counts = []
    for _ in range(4):
        async with running(peer) as [(engine, events)]:
            steps = [event for event in events if isinstance(event, PeerChanged)]
            assert [(event.step, event.label) for event in steps] == list(enumerate(STEPS, 1))
            assert {event.state for event in steps} == {PeerState.STARTING}
            assert engine.state()["state"] is PeerState.RUNNING
        left = [task.get_name() for task in asyncio.all_tasks() - before]
        assert left == []
        assert [name for name in open_files() if str(tmp_path) in name] == []
        gc.collect()
        threads = [thread.name for thread in threading.enumerate() if not thread.name.startswith("asyncio_")]
        counts.append((sockets(), sorted(threads)))
    assert counts[1] == counts[2] == counts[3]
    assert counts[0][1] == ["MainThread"] or "MainThread" in counts[0][1]
    assert not any("goop2" in name for name in counts[0][1])
    assert not (peer.data / "control.sock").exists()


async def test_a_new_picture_is_told_and_reaches_others(tmp_path: Path) -> None:
    async with running(make(tmp_path / "alice"), make(tmp_path / "bob")) as [(alice, _), (bob, told)]:
        await until(lambda: [p.name for p in alice.people() if p.online] == ["bob"], 20)
        png = b64decode(PIXEL)
        picture = await bob._own_avatar.set(png)
        assert [event for event in told if isinstance(event, AvatarChanged)] == [AvatarChanged(picture.hash)]
        await until(lambda: [p.avatar_hash for p in alice.people()] == [picture.hash], 5)
        seen = await alice._avatars.of(bob.identity.peer_id, picture.hash)
        assert seen is not None
        assert seen.data == png


async def test_two_peers_meet_seal_and_talk(tmp_path: Path) -> None:
    async with running(make(tmp_path / "alice"), make(tmp_path / "bob")) as [(alice, told), (bob, heard)]:
        await until(lambda: [p.name for p in alice.people() if p.online and p.encrypted] == ["bob"], 20)
        await until(lambda: [p.name for p in bob.people() if p.online and p.encrypted] == ["alice"], 20)
        async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as browser:
            await browser.get(alice.console_url())
            base = alice.console_url().split("?")[0].rstrip("/")
            answer = await browser.post(
                f"{base}/api/chat/{bob.identity.peer_id}",
                json={"content": "hello", "client_id": "1"},
                headers={"X-Goop2": "1"},
            )
            assert answer.status == 200, await answer.text()
            opened = await (
                await browser.post(f"{base}/api/open", json={"address": "bob"}, headers={"X-Goop2": "1"})
            ).json()
            assert bob.link.removeprefix("goop2:") not in opened["url"]
        await until(lambda: bob.unread == 1)
        await until(lambda: any(isinstance(e, ChatChanged) and e.message.delivery is Delivery.DELIVERED for e in told))
        assert [e.message.content for e in heard if isinstance(e, ChatChanged)] == ["hello"]
        file = await alice._client.fetch(bob.identity.peer_id, "/")
        page = b"".join([chunk async for chunk in file.chunks])
        assert page == (tmp_path / "bob" / "site" / "index.html").read_bytes()


async def test_a_stranger_with_another_kind_of_key_has_no_site_here(tmp_path: Path) -> None:
    async with running(make(tmp_path / "alice")) as [(engine, _)]:
        engine._presence._table.upsert("QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N", Facts(content="Bob"))
        with pytest.raises(Refused, match="not a peer ID") as caught:
            await engine.site_target("Bob")
        assert caught.value.status == 404


async def test_a_changed_name_reaches_others_without_a_restart(tmp_path: Path) -> None:
    async with running(make(tmp_path / "alice"), make(tmp_path / "bob")) as [(alice, _), (bob, told)]:
        await until(lambda: [p.name for p in alice.people() if p.online] == ["bob"], 20)
        async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as browser:
            await browser.get(bob.console_url())
            base = bob.console_url().split("?")[0].rstrip("/")
            changes = {"changes": {"profile.label": "Robert", "p2p.listen_port": 4711}}
            await browser.post(f"{base}/api/settings", json=changes, headers={"X-Goop2": "1"})
        await until(lambda: [p.name for p in alice.people() if p.online] == ["Robert"], 5)
        [changed] = [event for event in told if isinstance(event, SettingsChanged)]
        assert changed.restart == ("p2p.listen_port",)
        assert bob.state()["restart_needed"] == ("p2p.listen_port",)


def broken_config(peer: PeerDir) -> None:
    peer.config_file.write_text('{"presence": {"ttl_seconds": "soon", "heartbeat_seconds": 0}}')


def broken_key(peer: PeerDir) -> None:
    peer.data.mkdir(exist_ok=True)
    (peer.data / "identity.key").write_bytes(b"\x08\x01\x12\x40short")


def broken_database(peer: PeerDir) -> None:
    peer.database.write_bytes(b"SQLite format 3\0" + b"garbage " * 1000)


@pytest.mark.parametrize("damage", [broken_config, broken_key, broken_database])
async def test_what_is_damaged_is_named_and_left_as_it_is(tmp_path: Path, damage) -> None:
    peer = make(tmp_path / "alice")
    damage(peer)
    before = {path: path.read_bytes() for path in (tmp_path / "alice").rglob("*") if path.is_file()}
    with pytest.raises(Goop2Error) as caught:
        async with running(peer):
            pass
    assert caught.value.title
    if damage is broken_config:
        assert isinstance(caught.value, ConfigError)
        assert {p.key for p in caught.value.problems} >= {"presence.ttl_seconds", "presence.heartbeat_seconds"}
    after = {path: path.read_bytes() for path in before}
    assert after == before


async def test_a_directory_in_use_says_by_whom_and_stays_usable(tmp_path: Path) -> None:
    peer = make(tmp_path / "alice")
    async with running(peer) as [(first, _)]:
        with pytest.raises(Goop2Error, match="in this very program"):
            async with running(peer):
                pass
        assert first.state()["state"] is PeerState.RUNNING
    async with running(peer):
        pass


async def test_a_taken_libp2p_port_is_named_with_a_way_out(tmp_path: Path) -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = taken.getsockname()[1]
        peer = make(tmp_path / "alice", **{"p2p.listen_port": port})
        with pytest.raises(Goop2Error, match=str(port)) as caught:
            async with running(peer):
                pass
        assert getattr(caught.value, "remedy", "").startswith("use-port:p2p.listen_port:")


async def test_a_peer_without_a_site_folder_gets_one(tmp_path: Path) -> None:
    directory = tmp_path / "alice"
    directory.mkdir()
    (directory / "goop.json").write_text(json.dumps({"p2p": {"mdns_tag": TAG}, "profile": {"label": "Alice"}}))
    async with running(PeerDir(directory)):
        assert "Alice" in (directory / "site" / "index.html").read_text()


async def test_what_is_stored_survives_a_restart(tmp_path: Path) -> None:
    alice, bob = make(tmp_path / "alice"), make(tmp_path / "bob")
    async with running(alice, bob) as [(one, _), (two, _)]:
        await until(lambda: [p.name for p in one.people() if p.online] == ["bob"], 20)
        await one._chat.send(two.identity.peer_id, "kept")
        await until(lambda: two.unread == 1)
        ports = json.loads(alice.ports_file.read_text())
        peer_id = one.identity.peer_id
    async with running(alice, bob) as [(one, _), (two, _)]:
        assert one.identity.peer_id == peer_id
        assert json.loads(alice.ports_file.read_text()) == ports
        assert [m.content for m in await one._chat.history(two.identity.peer_id)] == ["kept"]
        assert two.unread == 1
    with sqlite3.connect(alice.database) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
