"""The facade for front ends: peers are made, added, run, fixed and deleted through it, from any loop."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from goop2_core.config import ConfigFile
from goop2_core.errors import Goop2Error
from goop2_core.events import PeerChanged, PeerState
from goop2_core.host import EngineHost
from goop2_core.peerdir import PeerDir
from tests.support.wait import until
from tests.unit.site.peers import PNG

TAG = f"goop-test-{secrets.token_hex(4)}"


def settle(directory: str, **values: object) -> None:
    file = ConfigFile(PeerDir(Path(directory)).config_file)
    file.load()
    file.update({"p2p.mdns_tag": TAG, **values})


@asynccontextmanager
async def hosting(data: Path) -> AsyncIterator[EngineHost]:
    host = EngineHost(data)
    await host.start()
    try:
        yield host
    finally:
        await host.stop()
        assert not any(thread.name.startswith("goop2") for thread in threading.enumerate())


async def test_a_peer_is_made_run_and_deleted(tmp_path: Path) -> None:
    async with hosting(tmp_path) as host:
        told: list[tuple[str, object]] = []
        end = host.subscribe(lambda directory, event: told.append((directory, event)))
        peer = await host.create_peer("Zoë's shop", label="Zoë")
        assert peer.name == "Zoë"
        assert peer.state is PeerState.STOPPED
        assert peer.link == f"goop2:{peer.peer_id}"
        settle(peer.directory)
        await host.start_peer(peer.directory)
        await host.start_peer(peer.directory)  # once more changes nothing
        running = host.peer(peer.directory)
        assert running.state is PeerState.RUNNING
        assert running.site_url.endswith(f"/p/{peer.peer_id}/")
        with pytest.raises(Goop2Error, match="Stop it first"):
            await host.delete_peer(peer.directory)
        target = await host.site_url(peer.directory)
        assert target.url.startswith(target.origin)
        assert "token=" in await host.console_url(peer.directory, "people")
        assert await host.people(peer.directory) == []
        await host.stop_peer(peer.directory)
        with pytest.raises(Goop2Error, match="is not running"):
            await host.site_url(peer.directory)
        facts = await host.deletion_facts(peer.directory)
        assert facts.site_files == 2
        await host.delete_peer(peer.directory)
        assert host.peers() == []
        assert not await asyncio.to_thread(Path(peer.directory).exists)
        await until(lambda: [e.state for d, e in told if isinstance(e, PeerChanged)][-1:] == [PeerState.STOPPED])
        states = [event.state for _, event in told if isinstance(event, PeerChanged)]
        assert states[-3:] == [PeerState.RUNNING, PeerState.STOPPING, PeerState.STOPPED]
        end()


async def test_only_real_pictures_of_a_bounded_size_are_shown(tmp_path: Path) -> None:
    async with hosting(tmp_path) as host:
        peer = await host.create_peer("Alice")
        file = Path(peer.directory) / "avatar.png"

        def shown(make: Callable[[], object]) -> str | bytes:
            make()
            picture = host.avatar(peer.directory)
            file.unlink()
            return picture

        drawn = host.avatar(peer.directory)
        assert str(drawn).startswith("<svg")
        assert await asyncio.to_thread(shown, lambda: file.write_bytes(PNG)) == PNG
        large = PNG + bytes(256 << 10)
        for make in (
            lambda: file.write_bytes(large),
            lambda: file.write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
            lambda: file.symlink_to("/dev/zero"),
            lambda: os.mkfifo(file),
        ):
            assert await asyncio.wait_for(asyncio.to_thread(shown, make), 5) == drawn


async def test_every_method_works_from_another_loop(tmp_path: Path) -> None:
    async with hosting(tmp_path) as host:
        peer = await host.create_peer("Alice")
        settle(peer.directory)

        def elsewhere() -> tuple[PeerState, list[object]]:
            async def run() -> tuple[PeerState, list[object]]:
                told: list[object] = []
                end = host.subscribe(lambda _directory, event: told.append(event))
                await host.start_peer(peer.directory)
                await host.stop_peer(peer.directory)
                await until(lambda: told)
                end()
                return host.peer(peer.directory).state, told

            return asyncio.run(run())

        state, told = await asyncio.to_thread(elsewhere)
        assert state is PeerState.STOPPED
        assert told


async def test_one_peer_that_fails_does_not_disturb_another(tmp_path: Path) -> None:
    async with hosting(tmp_path) as host:
        good, bad = await host.create_peer("Good"), await host.create_peer("Bad")
        settle(good.directory)
        settle(bad.directory)
        await host.start_peer(good.directory)
        (Path(bad.directory) / "goop.json").write_text("{broken")
        with pytest.raises(Goop2Error):
            await host.start_peer(bad.directory)
        failed = host.peer(bad.directory)
        assert failed.state is PeerState.FAILED
        assert failed.trouble is not None
        assert failed.trouble.title
        assert failed.trouble.remedy == "edit-config"
        assert host.peer(good.directory).state is PeerState.RUNNING
        (Path(bad.directory) / "goop.json").write_text(json.dumps({"p2p": {"mdns_tag": TAG}}))
        await host.start_peer(bad.directory)
        assert host.peer(bad.directory).state is PeerState.RUNNING


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
async def test_the_remedy_for_a_taken_port_keeps_the_address(tmp_path: Path, address: str) -> None:
    async with hosting(tmp_path) as host:
        peer = await host.create_peer("Workshop")
        with socket.create_server((address, 0)) as taken:
            port = taken.getsockname()[1]
            settle(peer.directory, **{"viewer.http_addr": f"{address}:{port}"})
            with pytest.raises(Goop2Error):
                await host.start_peer(peer.directory)
            trouble = host.peer(peer.directory).trouble
            assert trouble is not None
            assert str(port) in trouble.message
            await host.apply_remedy(peer.directory, trouble.remedy)
        assert host.peer(peer.directory).state is PeerState.RUNNING
        chosen = json.loads((Path(peer.directory) / "goop.json").read_text())["viewer"]["http_addr"]
        assert chosen.startswith(f"{address}:")
        assert chosen != f"{address}:{port}"


@pytest.mark.parametrize(
    "remedy", ["", "rm:-rf", "use-port:", "use-port:viewer.http_addr:x", "use-port:profile.label:80"]
)
async def test_other_remedies_are_refused(tmp_path: Path, remedy: str) -> None:
    async with hosting(tmp_path) as host:
        peer = await host.create_peer("Workshop")
        before = (Path(peer.directory) / "goop.json").read_bytes()
        with pytest.raises(Goop2Error):
            await host.apply_remedy(peer.directory, remedy)
        assert (Path(peer.directory) / "goop.json").read_bytes() == before


async def test_an_added_directory_is_remembered_and_forgotten(tmp_path: Path) -> None:
    elsewhere = PeerDir.ensure(tmp_path / "elsewhere" / "old peer")
    async with hosting(tmp_path / "data") as host:
        added = await host.add_peer(str(elsewhere.path))
        assert added.name == "old peer"
        with pytest.raises(Goop2Error, match="not a peer"):
            await host.add_peer(str(tmp_path))
    async with hosting(tmp_path / "data") as host:
        assert [peer.directory for peer in host.peers()] == [added.directory]
        await host.forget_peer(added.directory)
    async with hosting(tmp_path / "data") as host:
        assert host.peers() == []
    assert elsewhere.config_file.exists()


async def test_a_broken_list_of_added_peers_is_kept_aside(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "added.json").write_text('["/somewhere"')
    peer = PeerDir.ensure(tmp_path / "other")
    async with hosting(data) as host:
        assert host.peers() == []
        await host.add_peer(str(peer.path))
    assert (data / "added.broken.json").read_text() == '["/somewhere"'
    async with hosting(data) as host:
        assert len(host.peers()) == 1


async def test_stopping_the_host_stops_every_peer(tmp_path: Path) -> None:
    async with hosting(tmp_path) as host:
        peers = [await host.create_peer(f"Peer {number}") for number in range(3)]
        for peer in peers:
            settle(peer.directory)
        await asyncio.gather(*(host.start_peer(peer.directory) for peer in peers))
        await host.stop()
        assert {host.peer(peer.directory).state for peer in peers} == {PeerState.STOPPED}
        with pytest.raises(Goop2Error):
            await host.start_peer(peers[0].directory)
