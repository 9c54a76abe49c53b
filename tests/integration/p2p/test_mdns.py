"""LAN discovery over real multicast on this machine, under private tags."""

from __future__ import annotations

import asyncio
import os
import secrets

import pytest
from zeroconf import ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

from goop2_core.identity import Identity
from goop2_core.p2p import PeerFound

from .nodes import TCP, some

ANY = ("/ip4/0.0.0.0/tcp/0", "/ip4/0.0.0.0/tcp/0/ws")


def private_tag() -> str:
    return f"t{secrets.token_hex(4)}"


async def test_two_peers_find_and_reach_each_other() -> None:
    async with some(2, linked=False, listen=ANY, tag=private_tag()) as here:
        one, two = here.nodes
        found = await here.event(0, PeerFound)
        assert found.peer_id == two.peer_id
        assert set(found.addresses) == {text for text in two.listen_addresses() if not text.endswith("/ws")}
        assert (await here.event(1, PeerFound)).peer_id == one.peer_id
        await one.connect(two.peer_id)


async def test_a_peer_that_comes_later_is_found_by_both_sides() -> None:
    tag = private_tag()
    async with some(1, linked=False, tag=tag) as here:
        late = await here.open(tag=tag)
        assert (await here.event(0, PeerFound)).peer_id == late.peer_id
        assert (await here.event(1, PeerFound)).peer_id == here.nodes[0].peer_id


async def test_another_tag_is_another_network() -> None:
    async with some(1, linked=False, tag=private_tag()) as here:
        tag = private_tag()
        await here.open(tag=tag)
        third = await here.open(tag=tag)
        assert (await here.event(1, PeerFound)).peer_id == third.peer_id
        assert not here.events[0]


async def test_a_record_as_go_libp2p_writes_it_is_read_and_rubbish_beside_it_is_not() -> None:
    tag = private_tag()
    peer_id = Identity.from_seed(os.urandom(32)).peer_id
    strings = [
        b"dnsaddr=/ip4/10.1.2.3/tcp/4001/p2p/" + peer_id.encode(),
        b"dnsaddr=/ip4/10.1.2.3/udp/4001/quic-v1/p2p/" + peer_id.encode(),
        b"dnsaddr=\xff\xfe",
        b"dnsaddr=/ip4/10.1.2.3/tcp/4001/p2p/12D3KooWrubbish",
        b"",
    ]
    async with some(1, linked=False, tag=tag) as here:
        zeroconf = AsyncZeroconf(interfaces=["127.0.0.1"])
        await zeroconf.zeroconf.async_wait_for_start()
        info = ServiceInfo(
            f"{tag}.local.",
            f"{'x' * 50}.{tag}.local.",  # go-libp2p's names have up to 63; zeroconf writes no longer ones
            port=4001,
            properties=b"".join(bytes([len(text)]) + text for text in strings),
            server="x.local.",
            addresses=[b"\x7f\0\0\1"],
        )
        zeroconf.zeroconf.registry.async_add(info)  # it answers the node's questions
        try:
            found = await here.event(0, PeerFound)
            assert found == PeerFound(peer_id, ("/ip4/10.1.2.3/tcp/4001",))
            assert here.nodes[0].known_addresses(peer_id) == ["/ip4/10.1.2.3/tcp/4001"]
        finally:
            await zeroconf.async_close()


async def test_without_a_network_a_node_opens_and_finds_others_once_there_is_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import zeroconf.asyncio

    from goop2_core.p2p import _mdns

    monkeypatch.setattr(_mdns, "RETRY_SECONDS", 0.05)
    real = zeroconf.asyncio.AsyncZeroconf
    down = True

    def sometimes(**how: object) -> AsyncZeroconf:
        if down:
            raise OSError("no network")
        return real(**how)  # type: ignore[arg-type]

    monkeypatch.setattr(zeroconf.asyncio, "AsyncZeroconf", sometimes)
    async with some(2, linked=False, listen=(TCP,), tag=private_tag()) as here:
        await asyncio.sleep(0.2)
        assert here.events == [[], []]
        down = False
        assert (await here.event(0, PeerFound)).peer_id == here.nodes[1].peer_id


async def test_a_tag_that_is_no_name_turns_discovery_off_and_nothing_else() -> None:
    async with some(1, linked=False, tag="bad tag!") as here:
        assert here.nodes[0].listen_addresses()
