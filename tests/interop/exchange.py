"""What goop2 and another implementation must be able to do with each other, in both directions.

`test_go.py` and `test_js.py` run it, each with its `program` (a fixture: the counterpart's command line).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from goop2_core.p2p import Network, Node, NodeOptions
from tests.interop.counterpart import Counterpart, running
from tests.support.headless import HeadlessPeer, ended, fetch, wait_for
from tests.support.wait import until

LOOPBACK = ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/tcp/0/ws"]
LAN = ["/ip4/0.0.0.0/tcp/0"]
TOPIC = "goop.presence.v1"
GOOP_PROTOCOLS = {"/goop/content/1.0.0", "/goop/site/1.0.0", "/goop/avatar/1.0.0", "/goop/mq/1.0.0"}
SEEN_SECONDS = 20.0
PAGE = "<!doctype html><title>hi</title>"
DATA = bytes(range(256)) * 16384  # 4 MiB


@contextlib.asynccontextmanager
async def own_node() -> AsyncIterator[Node]:
    """The bare network side of goop2, in this process."""
    network = Network()
    await network.start()
    try:
        yield await network.open(NodeOptions(secrets.token_bytes(32), tuple(LOOPBACK), mdns_tag=""))
    finally:
        await network.stop()


def own_address(node: Node, *, ws: bool = False) -> str:
    """A loopback address of ours, with the peer ID."""
    return next(a for a in node.listen_addresses() if a.endswith("/ws") == ws) + f"/p2p/{node.peer_id}"


async def off_loop(function: Callable[..., Any], *args: Any, **named: Any) -> Any:
    """`HeadlessPeer` blocks; the counterpart's answers must be read meanwhile."""
    return await asyncio.to_thread(function, *args, **named)


def presence(theirs: Counterpart, kind: str, **more: Any) -> str:
    """A presence message of theirs (spec 2.6)."""
    message = {"type": kind, "peerId": theirs.peer_id, "ts": int(time.time() * 1000)}
    return json.dumps(message if kind == "offline" else {**message, "content": "Their name", **more})


async def announce_until(theirs: Counterpart, seen: Callable[[], object], **more: Any) -> None:
    """Let them publish `update` once a second, as every peer does again and again, until ours has `seen` it."""
    end = time.monotonic() + SEEN_SECONDS
    while not await off_loop(seen):
        assert time.monotonic() < end, "their presence was not seen"
        await theirs.call("publish", topic=TOPIC, data=presence(theirs, "update", **more))
        await asyncio.sleep(0.5)


def make_site(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text(PAGE)
    (folder / "data.bin").write_bytes(DATA)
    return folder


def own_peer(folder: Path, **place: Any) -> HeadlessPeer:
    """A whole peer of ours that publishes a site."""
    peer = HeadlessPeer(folder / "own", **place)
    peer.configure("profile", label="Our name")
    make_site(peer.directory / "site")
    return peer


@contextlib.asynccontextmanager
async def meeting(program: list[str], folder: Path, **more: Any) -> AsyncIterator[tuple[HeadlessPeer, Counterpart]]:
    """A whole peer of ours, and a counterpart that has dialled it and is shown as online. `more` goes into presence."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    ours = own_peer(folder)
    ours.configure("p2p", listen_port=port, mdns_tag=f"goop-{secrets.token_hex(4)}")  # alone, whatever the LAN holds
    with ended(ours):
        await off_loop(ours.start)
        async with running(program, listen=LOOPBACK, security=["noise"]) as theirs:
            await theirs.call("join", topic=TOPIC)
            await theirs.call("serve", folder=str(make_site(folder / "theirs")), label="Their name")
            await theirs.call("dial", address=f"/ip4/127.0.0.1/tcp/{port}/p2p/{ours.peer_id}")
            await announce_until(theirs, lambda: ours.sees(theirs.peer_id), **more)
            yield ours, theirs


def heard_from(peer_id: str, kind: str) -> Callable[[dict[str, Any]], bool]:
    """Whether a gossip event is this kind of presence of this peer, by the author himself."""

    def wanted(event: dict[str, Any]) -> bool:
        said = json.loads(event["data"])
        return event["from"] == said["peerId"] == peer_id and said["type"] == kind

    return wanted


class Exchange:
    """The tests; a subclass's name starts with `Test`."""

    @pytest.mark.parametrize("ws", [False, True], ids=["tcp", "ws"])
    async def test_we_dial_and_both_ping(self, program, ws):
        async with own_node() as node, running(program, listen=LOOPBACK, security=["noise"]) as theirs:
            node.learn(theirs.peer_id, [theirs.address(ws=ws)])
            await node.connect(theirs.peer_id, timeout=10)
            assert await node.ping(theirs.peer_id) >= 0
            connected = await theirs.event("connected")
            assert connected["inbound"]
            assert (connected["security"], connected["muxer"]) == ("/noise", "/yamux/1.0.0")
            assert (await theirs.call("ping", peer_id=node.peer_id))["ms"] >= 0

    @pytest.mark.parametrize("ws", [False, True], ids=["tcp", "ws"])
    async def test_they_dial_and_both_ping(self, program, ws):
        async with own_node() as node, running(program, listen=LOOPBACK, security=["noise"]) as theirs:
            connection = await theirs.call("dial", address=own_address(node, ws=ws))
            assert (connection["security"], connection["muxer"]) == ("/noise", "/yamux/1.0.0")
            assert (await theirs.call("ping", peer_id=node.peer_id))["ms"] >= 0
            assert await node.ping(theirs.peer_id) >= 0
            assert [c.inbound for c in node.connections(theirs.peer_id)] == [True]

    async def test_each_identifies_the_other(self, program):
        async with own_node() as node, running(program, listen=LOOPBACK, security=["noise"]) as theirs:

            async def refuse(_stream):
                """Only its name matters here."""

            for protocol in GOOP_PROTOCOLS:
                node.handle(protocol, refuse)
            await theirs.call("dial", address=own_address(node))
            await theirs.call("ping", peer_id=node.peer_id)
            known = await theirs.call("identify", peer_id=node.peer_id)
            assert set(known["protocols"]) >= GOOP_PROTOCOLS
            assert known["agent"].startswith("goop2")
            await until(lambda: "/goop/mq/1.0.0" in node.protocols(theirs.peer_id))

    async def test_presence_over_gossip(self, program, tmp_path):
        async with meeting(program, tmp_path) as (ours, theirs):
            person = await off_loop(ours.person, theirs.peer_id)
            assert (person["name"], person["path"]) == ("Their name", "direct")
            heard = await theirs.event("gossip", heard_from(ours.peer_id, "update"))
            said = json.loads(heard["data"])
            assert said["content"] == "Our name"
            assert said["encryptionSupported"]
            assert said["publicKey"]
            await theirs.call("publish", topic=TOPIC, data=presence(theirs, "offline"))
            await off_loop(wait_for, lambda: ours.sees(theirs.peer_id, online=False), SEEN_SECONDS)
            assert await off_loop(ours.stop) == 0
            await theirs.event("gossip", heard_from(ours.peer_id, "offline"))

    async def test_site_files(self, program, tmp_path):
        async with meeting(program, tmp_path) as (ours, theirs):
            assert (await theirs.call("label", peer_id=ours.peer_id))["label"] == "Our name"
            digest = hashlib.sha256(DATA).hexdigest()
            fetched = await theirs.call("fetch", peer_id=ours.peer_id, path="/data.bin")
            assert (fetched["size"], fetched["sha256"], fetched["sealed"]) == (len(DATA), digest, False)
            page = await theirs.call("fetch", peer_id=ours.peer_id, path="/")
            assert page["mime"].startswith("text/html")
            assert page["size"] == len(PAGE)
            for path, answer in (("/none", "ERR not found"), ("../x", "ERR forbidden"), ("/lua/x", "ERR forbidden")):
                assert (await theirs.call("fetch", peer_id=ours.peer_id, path=path))["header"] == answer

            browser = await off_loop(ours.visit, theirs.peer_id)
            assert await off_loop(fetch, browser, "/data.bin") == DATA
            assert (await off_loop(fetch, browser, "/")).decode() == PAGE
            missing = await off_loop(browser.request, "GET", "/none")
            assert missing.status == 404

    async def test_messages_are_acked(self, program, tmp_path):
        async with meeting(program, tmp_path) as (ours, theirs):
            sent = await theirs.call("send", peer_id=ours.peer_id, topic="chat", payload={"content": "from them"})
            assert sent["ack"] == {"type": "ack", "id": sent["sent"]["id"], "seq": sent["sent"]["seq"]}
            message = {"content": "from us", "client_id": "1"}
            await off_loop(ours.post, f"/api/chat/{theirs.peer_id}", message)
            received = await theirs.event("message", lambda event: event["message"]["topic"] == "chat")
            assert received["from"] == ours.peer_id
            assert received["message"]["payload"]["content"] == "from us"
            assert len(received["message"]["id"]) >= 8

            def history() -> dict[str, str]:
                said = ours.get(f"/api/chat/{theirs.peer_id}")["messages"]
                return {line["content"]: line["delivery"] for line in said}

            wanted = {"from them": "received", "from us": "delivered"}
            await off_loop(wait_for, lambda: history() == wanted, SEEN_SECONDS)

    @pytest.mark.netns
    async def test_mdns(self, program, lab, tmp_path):
        """Found by each other's mDNS alone, with REF's tag: they are told of ours, and ours dials them."""
        lan = lab.lan()
        ours = own_peer(tmp_path, place=lab.host(lan, name="ours"))
        place = lab.host(lan, name="theirs")
        async with running(place.command(program), listen=LAN, security=["noise"], tag="goop-mdns") as theirs:
            await theirs.call("join", topic=TOPIC)
            with ended(ours):
                await off_loop(ours.start)
                found = await theirs.event("found", lambda event: event["peer_id"] == ours.peer_id)
                assert any(address.startswith("/ip4/192.168.1.1/tcp/") for address in found["addresses"])
                connected = await theirs.event("connected")
                assert (connected["peer_id"], connected["inbound"]) == (ours.peer_id, True)
                await announce_until(theirs, lambda: ours.sees(theirs.peer_id))
                await theirs.event("gossip", heard_from(ours.peer_id, "update"))
