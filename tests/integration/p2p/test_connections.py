"""Making, keeping and losing connections."""

from __future__ import annotations

import asyncio
import contextvars
import errno
import ipaddress
import os
import signal
import socket

import pytest

from goop2_core.errors import Goop2Error, Unreachable
from goop2_core.identity import peer_id_of
from goop2_core.p2p import (
    AddressesChanged,
    Connected,
    Disconnected,
    Identified,
    Limits,
    NodeOptions,
    Stream,
    _addresses,
)
from tests.support.wait import until

from .nodes import ECHO, TCP, child, introduce, some, works


async def test_both_sides_are_told_of_a_connection_and_of_its_end() -> None:
    async with some() as here:
        one, two = here.nodes
        await one.connect(two.peer_id)
        assert await here.event(0, Connected) == Connected(two.peer_id, relayed=False)
        assert await here.event(1, Connected) == Connected(one.peer_id, relayed=False)
        said = await here.event(1, Identified)
        assert said.agent == "goop2 test"
        assert ECHO in said.protocols
        (connection,) = one.connections(two.peer_id)
        assert not connection.inbound
        assert connection.address in two.listen_addresses()
        await one.disconnect(two.peer_id)
        assert await here.event(0, Disconnected) == Disconnected(two.peer_id)
        assert await here.event(1, Disconnected) == Disconnected(one.peer_id)
        assert one.connections() == []


async def test_every_address_is_tried_and_a_failure_is_not_held_against_a_peer() -> None:
    async with some(2, linked=False) as here:
        one, two = here.nodes
        one.learn(two.peer_id, ["/ip4/127.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/2/ws"])
        with pytest.raises(Unreachable):
            await one.connect(two.peer_id)
        one.learn(two.peer_id, [*two.listen_addresses(), "/ip4/127.0.0.1/tcp/1"])
        await one.connect(two.peer_id)


async def test_an_address_where_somebody_else_answers_is_no_way_to_a_peer() -> None:
    async with some(3, linked=False) as here:
        one, two, three = here.nodes
        one.learn(two.peer_id, three.listen_addresses())
        with pytest.raises(Unreachable):
            await one.connect(two.peer_id)
        assert one.connections() == []


async def test_an_address_that_never_answers_costs_no_more_than_the_timeout() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        async with some(2, linked=False) as here:
            one, two = here.nodes
            one.learn(two.peer_id, [f"/ip4/127.0.0.1/tcp/{silent.getsockname()[1]}"])
            with pytest.raises(Unreachable):
                await one.connect(two.peer_id, timeout=0.3)
            introduce(one, two)
            await one.connect(two.peer_id)


async def test_a_new_address_need_not_wait_for_a_dial_that_hangs() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        async with some(2, linked=False) as here:
            one, two = here.nodes
            one.learn(two.peer_id, [f"/ip4/127.0.0.1/tcp/{silent.getsockname()[1]}"])
            hanging = [asyncio.create_task(one.connect(two.peer_id, timeout=30)) for _ in range(2)]
            await until(lambda: one._host._dialling)  # type: ignore[attr-defined]
            introduce(one, two)
            await one.connect(two.peer_id)
            await asyncio.wait_for(asyncio.gather(*hanging), 5)


async def test_two_that_dial_each_other_at_once_are_connected_and_told_so_once() -> None:
    async with some() as here:
        one, two = here.nodes
        await asyncio.gather(
            *(node.connect(other.peer_id) for node, other in ((one, two), (two, one)) for _ in range(5))
        )
        await works(one, two)
        await works(two, one)
        assert 1 <= len(one.connections()) <= 2
        assert [type(event) for event in here.events[0]].count(Connected) == 1
        await here.network._nodes[0].disconnect(two.peer_id)
        await here.event(1, Disconnected)
        assert [type(event) for event in here.events[1]].count(Disconnected) == 1


async def test_the_spare_one_of_two_connections_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with some() as here:
        from goop2_core.p2p import _host

        monkeypatch.setattr(_host, "SPARE_SECONDS", 0.0)
        one, two = here.nodes
        await asyncio.gather(one.connect(two.peer_id), two.connect(one.peer_id))
        await until(lambda: len(one.connections()) == len(two.connections()) == 1)
        await works(one, two)
        assert not any(isinstance(event, Disconnected) for event in here.events[0])


async def test_a_ping_measures_a_round_trip() -> None:
    async with some() as here:
        one, two = here.nodes
        assert 0 < await one.ping(two.peer_id) < 5
        with pytest.raises(Unreachable):
            await one.ping("12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB", timeout=0.2)


async def test_a_killed_peer_is_disconnected_and_welcome_again() -> None:
    async with some(1) as here:
        (one,) = here.nodes
        async with child() as other:
            one.learn(other.peer_id, other.addresses)
            await one.connect(other.peer_id)
            other.process.send_signal(signal.SIGKILL)
            await here.event(0, Disconnected)


async def test_a_peer_that_falls_silent_is_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    async with some(1) as here:
        from goop2_core.p2p import _yamux

        monkeypatch.setattr(_yamux, "KEEPALIVE_SECONDS", 0.2)
        monkeypatch.setattr(_yamux, "KEEPALIVE_TIMEOUT", 1.0)
        (one,) = here.nodes
        async with child() as other:
            one.learn(other.peer_id, other.addresses)
            await one.connect(other.peer_id)
            await until(lambda: one.protocols(other.peer_id))
            other.process.send_signal(signal.SIGSTOP)
            await here.event(0, Disconnected)


async def test_a_taken_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        async with some(1) as here:
            with pytest.raises(Goop2Error, match=str(port)) as caught:
                await here.open(listen=(TCP, f"/ip4/127.0.0.1/tcp/{port}"))
            assert getattr(caught.value, "errno", 0) == errno.EADDRINUSE
            assert getattr(caught.value, "port", 0) == port
            await works(here.nodes[0], await here.open())


async def test_an_address_of_another_machine_cannot_be_listened_on() -> None:
    async with some(1) as here:
        for address in ("/ip4/203.0.113.7/tcp/0", "nonsense", "/dns/localhost/tcp/0"):
            with pytest.raises(Goop2Error):
                await here.open(listen=(address,))


async def test_tcp_and_websocket_share_a_port() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    both = (f"/ip4/127.0.0.1/tcp/{port}", f"/ip4/127.0.0.1/tcp/{port}/ws")
    async with some(2, linked=False) as here:
        server = await here.open(listen=both)
        assert tuple(server.listen_addresses()) == both
        for node, address in zip(here.nodes, both, strict=False):
            node.learn(server.peer_id, [address])
            stream = await node.open_stream(server.peer_id, ECHO)
            await stream.write(b"hello")
            assert await stream.readexactly(5) == b"hello"
            assert node.connections()[0].address == address


async def test_a_port_is_free_again_at_once() -> None:
    async with some(1) as here:
        (one,) = here.nodes
        (address,) = one.listen_addresses()
        other = await here.open()
        introduce(other, one)
        await works(other, one)
        await one.stop()
        again = await here.open(listen=(address,))
        assert again.listen_addresses() == [address]


async def test_callbacks_and_handlers_see_the_context_of_their_opening() -> None:
    mark: contextvars.ContextVar[str] = contextvars.ContextVar("mark", default="")
    seen: set[tuple[str, str]] = set()
    async with some(1) as here:
        (one,) = here.nodes
        mark.set("the second")
        two = await here.network.open(NodeOptions(seed=os.urandom(32), listen=(TCP,), mdns_tag=""))
        mark.set("later")

        async def handler(stream: Stream) -> None:
            seen.add(("handler", mark.get()))

        two.handle("/test/context", handler)
        two.listen(lambda _: seen.add(("event", mark.get())))
        two.subscribe("topic", lambda _author, _data: seen.add(("message", mark.get())))
        one.subscribe("topic", lambda _author, _data: None)
        introduce(one, two)
        await (await one.open_stream(two.peer_id, "/test/context")).close()

        async def published() -> None:
            while len(seen) < 3:
                await one.publish("topic", b"x")
                await asyncio.sleep(0.05)

        await asyncio.wait_for(published(), 10)
        assert seen == {(kind, "the second") for kind in ("handler", "event", "message")}


async def test_new_network_addresses_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    interfaces = [ipaddress.ip_address("127.0.0.1")]
    monkeypatch.setattr(_addresses, "interface_addresses", lambda: list(interfaces))
    async with some(1, listen=("/ip4/0.0.0.0/tcp/0",)) as here:
        (one,) = here.nodes
        assert one.addresses() == []
        (local,) = one.listen_addresses()
        interfaces.append(ipaddress.ip_address("192.0.2.77"))
        changed = await here.event(0, AddressesChanged)
        assert changed.addresses == (local.replace("127.0.0.1", "192.0.2.77"),)
        assert one.addresses() == list(changed.addresses)


async def test_a_peer_holds_no_more_connections_than_allowed() -> None:
    async with some(1, limits=Limits(connections=3)) as here:
        (one,) = here.nodes
        others = [await here.open() for _ in range(6)]
        for other in others:
            introduce(other, one)
        done = await asyncio.gather(*(other.connect(one.peer_id) for other in others), return_exceptions=True)
        await until(lambda: len(one.connections()) == 3)
        await until(lambda: sum(bool(other.connections()) for other in others) == 3)
        assert len(done) == 6


async def test_a_peer_opens_no_more_streams_than_allowed() -> None:
    limits = Limits(streams_in_per_peer=20, streams_in_per_protocol_per_peer=10)
    async with some(1, limits=limits) as here:
        (one,) = here.nodes
        other = await here.open()
        introduce(other, one)
        done = await asyncio.gather(*(other.open_stream(one.peer_id, ECHO) for _ in range(30)), return_exceptions=True)
        open_now = []
        for stream in done:
            if isinstance(stream, BaseException):
                continue
            try:
                await stream.write(b"x")
                open_now.append(await stream.read(1))
            except Goop2Error:
                continue
        assert open_now == [b"x"] * 10
        for stream in done:
            if not isinstance(stream, BaseException):
                await stream.reset()
        await until(lambda: one.connections()[0].streams <= 3)
        await works(other, one)


async def test_what_strangers_say_floods_nobody() -> None:
    connections = 0

    async def victim(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.close()

    server = await asyncio.start_server(victim, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, some(1) as here:
        for _ in range(12):
            stranger = peer_id_of(os.urandom(32))
            addresses = [f"/ip4/127.0.0.1/tcp/{port}{kind}" for kind in ("", "/ws")]
            here.nodes[0].learn(stranger, addresses, hearsay=True)
            for _ in range(2):
                with pytest.raises(Unreachable):
                    await here.nodes[0].connect(stranger, timeout=2)
        assert 20 <= connections <= 31
        friend = peer_id_of(os.urandom(32))
        here.nodes[0].learn(friend, [f"/ip4/127.0.0.1/tcp/{port}"])
        before = connections
        with pytest.raises(Unreachable):
            await here.nodes[0].connect(friend, timeout=2)
        await until(lambda: connections == before + 1)
