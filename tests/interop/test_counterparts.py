"""The two counterparts against each other: what fails here is not goop2's fault."""

from __future__ import annotations

import hashlib
import json

import pytest

from tests.interop.counterpart import Counterpart, CounterpartError, running
from tests.support.wait import eventually

pytestmark = pytest.mark.interop

LISTEN = ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/tcp/0/ws"]
TOPIC = "goop.presence.v1"


async def exchange(dialer: Counterpart, other: Counterpart, folder) -> None:
    data = bytes(range(256)) * 8192
    (folder / "data.bin").write_bytes(data)
    await other.call("serve", folder=str(folder), label="Other")
    connection = await dialer.call("dial", address=other.address())
    assert (connection["security"], connection["muxer"]) == ("/noise", "/yamux/1.0.0")
    assert (await dialer.call("ping", peer_id=other.peer_id))["ms"] >= 0
    assert (await dialer.call("label", peer_id=other.peer_id))["label"] == "Other"

    fetched = await dialer.call("fetch", peer_id=other.peer_id, path="/data.bin")
    assert (fetched["size"], fetched["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert (await dialer.call("fetch", peer_id=other.peer_id, path="/none"))["header"] == "ERR not found"

    sent = await dialer.call("send", peer_id=other.peer_id, topic="chat", payload={"content": "hi"})
    assert sent["ack"] == {"type": "ack", "id": sent["sent"]["id"], "seq": sent["sent"]["seq"]}
    received = await other.event("message")
    assert (received["from"], received["message"]) == (dialer.peer_id, sent["sent"])
    assert not received["sealed"]


async def gossip(author: Counterpart, other: Counterpart) -> None:
    async def subscribed() -> bool:
        return other.peer_id in (await author.call("subscribers", topic=TOPIC))["peer_ids"]

    await eventually(subscribed)
    data = json.dumps({"type": "online", "peerId": author.peer_id, "ts": 1})
    await author.call("publish", topic=TOPIC, data=data)
    heard = await other.event("gossip")
    assert (heard["topic"], heard["from"], heard["data"]) == (TOPIC, author.peer_id, data)


async def test_go_and_js_exchange_everything(go_program, js_program, tmp_path):
    async with (
        running(go_program, listen=LISTEN, security=["noise"]) as go,
        running(js_program, listen=LISTEN, security=["noise"]) as js,
    ):
        await exchange(go, js, tmp_path)
        await exchange(js, go, tmp_path)
        for peer in (go, js):
            await peer.call("join", topic=TOPIC)
        await gossip(go, js)
        await gossip(js, go)


async def test_both_read_the_same_key_file(go_program, js_program, tmp_path):
    key_file = tmp_path / "identity.key"
    key_file.write_bytes(
        bytes.fromhex(
            "08011240000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
            "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
        )
    )
    for program in (go_program, js_program):
        async with running(program, listen=LISTEN, security=["noise"], key_file=str(key_file)) as peer:
            assert peer.peer_id == "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB"


async def test_a_failure_is_told_as_one(go_program, js_program):
    for program in (go_program, js_program):
        async with running(program, listen=LISTEN, security=["noise"]) as peer:
            with pytest.raises(CounterpartError):
                await peer.call("dial", address=f"/ip4/127.0.0.1/tcp/9/p2p/{peer.peer_id[:-2]}zz")
            with pytest.raises(CounterpartError, match="unknown op"):
                await peer.call("fly")


@pytest.mark.netns
async def test_both_find_a_go_peer_by_mdns(go_program, js_program, lab):
    """js-libp2p sends neither SRV nor A records, without which go-libp2p takes no notice: go never finds js."""
    lan = lab.lan()
    options = {"listen": ["/ip4/0.0.0.0/tcp/0"], "security": ["noise"], "tag": "goop-mdns"}
    async with (
        running(lab.host(lan).command(go_program), **options) as go,
        running(lab.host(lan).command(go_program), **options) as other,
        running(lab.host(lan).command(js_program), **options) as js,
    ):
        for peer in (other, js):
            found = await peer.event("found", lambda event: event["peer_id"] == go.peer_id)
            assert any(address.startswith("/ip4/192.168.1.1/tcp/") for address in found["addresses"])


async def test_two_go_peers_seal_for_each_other(go_program, tmp_path):
    (tmp_path / "index.html").write_text("sealed")
    async with (
        running(go_program, listen=LISTEN, security=["noise"]) as alice,
        running(go_program, listen=LISTEN, security=["noise"]) as bob,
    ):
        for one, other in ((alice, bob), (bob, alice)):
            key = (await one.call("encrypt"))["public_key"]
            await other.call("encrypt", peer_id=one.peer_id, public_key=key)
        await bob.call("serve", folder=str(tmp_path), label="Bob")
        await alice.call("dial", address=bob.address())
        fetched = await alice.call("fetch", peer_id=bob.peer_id, path="/")
        assert fetched["sealed"]
        assert fetched["sha256"] == hashlib.sha256(b"sealed").hexdigest()
        await alice.call("send", peer_id=bob.peer_id, topic="chat", payload={"content": "hi"})
        received = await bob.event("message")
        assert received["sealed"]
        assert received["message"]["payload"] == {"content": "hi"}
