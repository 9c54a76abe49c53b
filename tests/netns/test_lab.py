"""What the lab promises, measured. Bounds only: hosts, NATs and cables share one clock and few cores."""

from __future__ import annotations

import contextlib
import errno
import select
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from tests.netns import namespace
from tests.netns.cable import Link
from tests.netns.lab import ROOT, Host, Lab
from tests.netns.nat import Nat

pytestmark = pytest.mark.netns

UDP, TCP = socket.SOCK_DGRAM, socket.SOCK_STREAM
GROUP = "224.0.0.251"
MDNS_PORT = 5353
PATIENCE = 5.0
SILENCE = 0.3  # how long nothing must come to be called nothing


def heard(sock: socket.socket, seconds: float) -> bytes | None:
    """The next datagram, or None."""
    return sock.recv(2000) if select.select([sock], [], [], seconds)[0] else None


def multicast_socket(host: Host) -> socket.socket:
    sock = host.socket(UDP, MDNS_PORT)
    own = socket.inet_aton(host.address)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(GROUP) + own)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, own)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
    return sock


def tcp_pair(client: Host, server: Host, port: int = 5001) -> tuple[socket.socket, socket.socket]:
    with server.socket(TCP, port) as listener:
        listener.listen()
        near = client.connect((server.address, port))
        far = listener.accept()[0]
    far.settimeout(PATIENCE)
    return near, far


@contextlib.contextmanager
def echoing(host: Host):
    """A UDP echo on port 7 of the host."""
    with host.socket(UDP, 7) as sock:
        stopped = threading.Event()

        def echo() -> None:
            while not stopped.is_set():
                if select.select([sock], [], [], 0.05)[0]:
                    sock.sendto(*sock.recvfrom(2000))

        thread = threading.Thread(target=echo)
        thread.start()
        try:
            yield (host.address, 7)
        finally:
            stopped.set()
            thread.join()


def round_trip(client: socket.socket, server: tuple[str, int]) -> float:
    start = time.monotonic()
    client.sendto(b"?", server)
    assert heard(client, PATIENCE) == b"?"
    return time.monotonic() - start


def test_multicast_reaches_the_own_lan_alone(lab):
    lan, other = lab.lan(), lab.lan()
    hosts = [lab.host(lan), lab.host(lan), lab.host(lan, Link()), lab.host(other)]
    with contextlib.ExitStack() as stack:
        sender, near, shaped, far = (stack.enter_context(multicast_socket(host)) for host in hosts)
        sender.sendto(b"hello", (GROUP, MDNS_PORT))
        assert heard(near, PATIENCE) == b"hello"
        assert heard(shaped, PATIENCE) == b"hello"
        assert heard(far, SILENCE) is None


def test_a_link_goes_down_and_comes_back(lab):
    lan = lab.lan()
    alice, bob = lab.host(lan), lab.host(lan)
    near, far = tcp_pair(alice, bob)
    with near, far, alice.socket(UDP) as loose:
        alice.down()
        with pytest.raises(OSError) as no_way:
            loose.sendto(b"?", (bob.address, 9))
        assert no_way.value.errno == errno.ENETUNREACH
        near.sendall(b"later")
        assert heard(far, SILENCE) is None
        alice.up()
        assert far.recv(5) == b"later"


def test_an_uplink_can_be_swapped(lab):
    first, second = lab.lan(), lab.lan()
    roaming, bob = lab.host(first), lab.host(second)
    roaming.detach()
    assert roaming.attach(second) == "wan1"
    with echoing(bob) as server, roaming.socket(UDP) as client:
        assert round_trip(client, server) < PATIENCE


def test_a_shaped_link_delays_and_changes_while_it_runs(lab):
    lan = lab.lan()
    slow, plain = lab.host(lan, Link(delay_ms=50)), lab.host(lan)
    with echoing(plain) as server, slow.socket(UDP) as client:
        round_trip(client, server)  # ARP goes first
        assert 0.1 <= min(round_trip(client, server) for _ in range(5)) < 0.2
        slow.shape(Link(loss=1))
        client.sendto(b"?", server)
        assert heard(client, SILENCE) is None
        slow.shape(Link())
        assert min(round_trip(client, server) for _ in range(5)) < 0.05


def test_a_shaped_link_keeps_its_rate(lab):
    lan = lab.lan()
    slow, plain = lab.host(lan, Link(rate_kbps=8000)), lab.host(lan)
    near, far = tcp_pair(slow, plain)
    with near, far:
        sender = threading.Thread(target=near.sendall, args=(bytes(1_000_000),))
        start, left = time.monotonic(), 1_000_000
        sender.start()
        while left:
            left -= len(far.recv(left))
        sender.join()
    # 1 s of payload, of which a fast start may save little and losses at the full queue may cost more
    assert 0.9 < time.monotonic() - start < 4


class Servers:
    """UDP and TCP servers on the internet that see which address a client comes from: two hosts, two ports each."""

    def __init__(self, lab: Lab, stack: contextlib.ExitStack) -> None:
        self.stack = stack
        self.hosts = (lab.host(lab.internet), lab.host(lab.internet))
        self.udp = {
            (host, port): stack.enter_context(host.socket(UDP, port)) for host in self.hosts for port in (443, 4001)
        }
        self.listener = stack.enter_context(self.hosts[0].socket(TCP, 443))
        self.listener.listen()

    def seen_udp(
        self, client: socket.socket, host: int = 0, port: int = 443, seconds: float = PATIENCE
    ) -> tuple[str, int] | None:
        """The client's address as this server sees it; None if nothing comes."""
        server = self.udp[self.hosts[host], port]
        client.sendto(b"?", (self.hosts[host].address, port))
        return server.recvfrom(99)[1] if select.select([server], [], [], seconds)[0] else None

    def passes(self, client: socket.socket, address: tuple[str, int], host: int, port: int, seconds: float) -> bool:
        """Whether a datagram from this server reaches the client at its outer address."""
        self.udp[self.hosts[host], port].sendto(b"!", address)
        return heard(client, seconds) == b"!"

    def seen_tcp(self, client: Host, port: int) -> tuple[str, int]:
        """The outer address of a TCP port of the client; the connection stays open, so that the mapping lives."""
        sock = self.stack.enter_context(client.socket(TCP, port))
        sock.settimeout(PATIENCE)
        sock.connect((self.hosts[0].address, 443))
        accepted, address = self.listener.accept()
        self.stack.enter_context(accepted)
        return address


@pytest.mark.parametrize(
    ("kind", "port_kept", "same_for_all", "strangers_pass"),
    [
        (Nat.FULL_CONE, False, True, True),
        (Nat.HOME, False, True, False),
        (Nat.MASQUERADE, True, True, False),
        (Nat.SYMMETRIC, False, False, False),
    ],
)
def test_nat_maps_and_filters_as_its_kind_says(lab, kind, port_kept, same_for_all, strangers_pass):
    router = lab.router(kind)
    client = lab.host(router.lan)
    with contextlib.ExitStack() as stack, client.socket(UDP, 20000) as sock:
        servers = Servers(lab, stack)
        first, second, third = (servers.seen_udp(sock, *to) for to in ((0, 443), (0, 4001), (1, 443)))
        assert first
        assert second
        assert third
        assert first[0] == router.address
        assert (first[1] == 20000) == port_kept
        assert (first == second == third) == same_for_all
        assert servers.passes(sock, first, 0, 443, PATIENCE)
        assert servers.passes(sock, first, 1, 4001, PATIENCE if strangers_pass else SILENCE) == strangers_pass


def test_firewalls_let_through_what_their_kind_says(lab):
    with contextlib.ExitStack() as stack:
        servers = Servers(lab, stack)
        target = (servers.hosts[0].address, 443)
        for router in (lab.router(Nat.TCP_ONLY), lab.router(Nat.ONE_DESTINATION, destination=target)):
            client = lab.host(router.lan)
            with client.socket(UDP) as sock:
                assert servers.seen_udp(sock, seconds=SILENCE) is None
            assert servers.seen_tcp(client, 20000)[0] == router.address
        stack.enter_context(servers.hosts[1].socket(TCP, 443)).listen()
        with pytest.raises(TimeoutError):
            client.connect((servers.hosts[1].address, 443), SILENCE)


def punch_udp(lab: Lab, kinds: tuple[Nat, Nat], seconds: float = PATIENCE) -> bool:
    """Whether two hosts behind NATs that know each other's outer address get through to each other."""
    with contextlib.ExitStack() as stack:
        servers = Servers(lab, stack)
        sides = [stack.enter_context(lab.host(lab.router(kind).lan).socket(UDP, 20000)) for kind in kinds]
        addresses = [servers.seen_udp(side) for side in sides]
        for _ in range(3):
            for side, other in zip(sides, reversed(addresses), strict=True):
                assert other
                side.sendto(b"punch", other)
        return all(heard(side, seconds) == b"punch" for side in sides)


def test_udp_hole_punching(lab):
    assert punch_udp(lab, (Nat.HOME, Nat.HOME))
    assert punch_udp(lab, (Nat.FULL_CONE, Nat.MASQUERADE))
    assert not punch_udp(lab, (Nat.HOME, Nat.SYMMETRIC), SILENCE)


def test_tcp_hole_punching_between_two_homes(lab):
    with contextlib.ExitStack() as stack:
        servers = Servers(lab, stack)
        hosts = [lab.host(lab.router(Nat.HOME).lan) for _ in range(2)]
        addresses = [servers.seen_tcp(host, 20000) for host in hosts]
        sides = [stack.enter_context(host.socket(TCP, 20000)) for host in hosts]
        for side, other in zip(sides, reversed(addresses), strict=True):
            side.setblocking(False)
            assert side.connect_ex(other) == errno.EINPROGRESS
        for side in sides:
            assert select.select([], [side], [], PATIENCE)[1]
            assert side.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0


def test_carrier_grade_nat_is_a_router_behind_a_router(lab):
    carrier = lab.router(Nat.SYMMETRIC)
    client = lab.host(lab.router(Nat.HOME, carrier.lan).lan)
    with contextlib.ExitStack() as stack, client.socket(UDP, 20000) as sock:
        seen = Servers(lab, stack).seen_udp(sock)
        assert seen
        assert seen[0] == carrier.address


def test_the_lab_leaves_nothing(lab):
    with Lab() as second:
        host = second.host(second.lan(), Link())
        sleeper = host.start(["sh", "-c", "sleep 1000 & wait"])
        assert host.namespace in namespace.mine()
    assert sleeper.returncode == -signal.SIGKILL
    assert host.namespace not in namespace.mine()
    assert lab.internet.namespace in namespace.mine()


def test_what_a_crash_left_is_reaped(lab):
    code = (
        "import time; from tests.netns.lab import Lab; lab = Lab().__enter__()\n"
        "print(lab.internet.namespace, flush=True); time.sleep(1000)"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) as crashing:
        assert crashing.stdout
        left = crashing.stdout.readline().strip()
        crashing.kill()
    assert (namespace.MOUNTS / left).exists()
    namespace.reap()
    assert not (namespace.MOUNTS / left).exists()
