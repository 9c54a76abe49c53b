"""Peers on different networks, on one Linux machine: hosts, LANs and routers in network namespaces.

    with Lab() as lab:
        lan = lab.lan()                                     # a bridge without a way out
        alice, bob = lab.host(lan), lab.host(lan)
        carol = lab.host(lab.router(Nat.HOME).lan, Link(delay_ms=50, loss=0.02))  # behind a NAT, on a slow cable
        process = alice.start([sys.executable, "-m", "goop2_core", "peer", "alice"])

Needs root (or a user namespace with its own /run), iproute2, nftables and, for cables with a `Link`, /dev/net/tun.
The internet of the lab is 50.60.70.0/24: the blocks for documentation count as not public in many libraries.
All LANs are 192.168.1.0/24 on purpose: two peers with equal private addresses are normal, and find bugs.
"""

from __future__ import annotations

import contextlib
import ipaddress
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any, Self

from tests.netns import namespace
from tests.netns.cable import Link
from tests.netns.namespace import LabError, inside, run
from tests.netns.nat import Nat, ruleset

INTERNET = "50.60.70.0/24"
LAN = "192.168.1.0/24"
INNER_LAN = "192.168.2.0/24"  # behind a router whose upstream is a LAN
TUN = Path("/dev/net/tun")
ROOT = Path(__file__).parents[2]


@cache
def why_not() -> str | None:
    """The reason why no lab can be built here, or None."""
    if missing := [tool for tool in ("ip", "nft") if not shutil.which(tool)]:
        return f"needs {' and '.join(missing)} on PATH"
    try:
        with TUN.open("r+b", buffering=0), Lab() as lab:
            lab.router(Nat.HOME)
    except (OSError, LabError) as error:
        return f"needs root, network namespaces, nftables and {TUN}: {error}"
    return None


class Net:
    """A bridge that hosts can be plugged into. `gateway` is the router's address, if there is one."""

    def __init__(self, where: str, bridge: str, subnet: str, *, prefix: int | None = None) -> None:
        self.namespace, self.bridge = where, bridge
        network = ipaddress.ip_network(subnet)
        self.prefix = network.prefixlen if prefix is None else prefix
        self.gateway: str | None = None
        self._addresses, self._ports = map(str, network.hosts()), itertools.count(1)
        run("ip", "-n", where, "link", "add", bridge, "type", "bridge", "mcast_snooping", "0")
        run("ip", "-n", where, "link", "set", bridge, "up")

    def new_address(self) -> str:
        """The next free address."""
        return next(self._addresses)

    def new_port(self) -> str:
        """The name of the next port of the bridge."""
        return f"p{next(self._ports)}"


class Host:
    """A namespace with one or more uplinks, `wan0`, `wan1`, …"""

    def __init__(self, lab: Lab, name: str) -> None:
        self.lab, self.name = lab, name
        self.namespace = lab.new_namespace(name)
        self.uplinks: dict[str, tuple[Net, str]] = {}
        self._numbers = itertools.count()
        self._cables: dict[str, subprocess.Popen[str]] = {}

    @property
    def address(self) -> str:
        """The address on the newest uplink."""
        return list(self.uplinks.values())[-1][1]

    def attach(self, net: Net, up: Link | None = None, down: Link | None = None) -> str:
        """Plug a new uplink into `net` and make it the default route. With a `Link` the cable is shaped.

        `down` is the other direction, like `up` if not given. Returns the device's name.
        """
        device, port = f"wan{next(self._numbers)}", net.new_port()
        if up is None:  # both ends are made where they belong: nothing ever shows in the machine's own namespace
            ends = ("type", "veth", "peer", "name", port, "netns", net.namespace)
            run("ip", "-n", self.namespace, "link", "add", device, *ends)
        else:
            ends = (self.namespace, device, net.namespace, port)
            argv = [sys.executable, "-m", "tests.netns.cable", *ends]
            pipe = subprocess.PIPE
            cable = self._cables[device] = subprocess.Popen(argv, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)
            self.lab.children.append(cable)
            if not (cable.stdout and cable.stdout.readline()):
                raise LabError("the cable did not come up")
            self.shape(up, down, device)
        run("ip", "-n", net.namespace, "link", "set", port, "master", net.bridge, "up")
        address = net.new_address()
        self.uplinks[device] = (net, address)
        run("ip", "-n", self.namespace, "addr", "add", f"{address}/{net.prefix}", "dev", device)
        self.up(device)
        return device

    def detach(self, device: str = "wan0") -> None:
        """Pull an uplink out for good."""
        del self.uplinks[device]
        if cable := self._cables.pop(device, None):
            _end(cable)
        else:
            run("ip", "-n", self.namespace, "link", "del", device)

    def shape(self, up: Link, down: Link | None = None, device: str = "wan0") -> None:
        """Change a shaped uplink while it runs. `Link(loss=1)` is a silent hole: the device still says it is up."""
        cable = self._cables[device]
        assert cable.stdin
        assert cable.stdout
        cable.stdin.write(json.dumps([asdict(up), asdict(down or up)]) + "\n")
        cable.stdin.flush()
        cable.stdout.readline()

    def down(self, device: str = "wan0") -> None:
        """Switch an uplink off; the system notices at once."""
        run("ip", "-n", self.namespace, "link", "set", device, "down")

    def up(self, device: str = "wan0") -> None:
        """Switch an uplink on, with its default route (which `down` took away)."""
        run("ip", "-n", self.namespace, "link", "set", device, "up")
        gateway = self.uplinks[device][0].gateway
        way = ("via", gateway) if gateway else ()
        run("ip", "-n", self.namespace, "route", "replace", "default", *way, "dev", device)

    def command(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs `argv` in this host; its process is the program itself, not a parent of it."""
        return ["ip", "netns", "exec", self.namespace, *argv]

    def start(self, argv: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
        """A program in this host (`options` as for `Popen`). It ends with the lab at the latest."""
        process = subprocess.Popen(self.command(argv), **options)
        self.lab.children.append(process)
        return process

    def socket(self, kind: socket.SocketKind, port: int = 0, address: str = "0.0.0.0") -> socket.socket:
        """A bound socket in this host, usable from any thread; several may share a port."""
        with inside(self.namespace):
            made = socket.socket(socket.AF_INET, kind)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind((address, port))
        return made

    def connect(self, address: tuple[str, int], seconds: float = 10.0) -> socket.socket:
        """A TCP connection from this host; `seconds` is also the limit of each read."""
        made = self.socket(socket.SOCK_STREAM)
        made.settimeout(seconds)
        try:
            made.connect(address)
        except OSError:
            made.close()
            raise
        return made


class Router(Host):
    """A host between an upstream net and a LAN of its own. Behind another router's LAN it is carrier-grade NAT."""

    def __init__(self, lab: Lab, name: str, kind: Nat, upstream: Net, destination: tuple[str, int] | None) -> None:
        super().__init__(lab, name)
        self.attach(upstream)
        self.lan = Net(self.namespace, "lan", LAN if upstream is lab.internet else INNER_LAN)
        self.lan.gateway = self.lan.new_address()
        run("ip", "-n", self.namespace, "addr", "add", f"{self.lan.gateway}/{self.lan.prefix}", "dev", "lan")
        namespace.set_option(self.namespace, "ipv4/ip_forward", "1")
        run(*self.command(["nft", "-f", "-"]), text=ruleset(kind, destination))


class Lab:
    """The lab's internet, and whatever is plugged into it. Everything is gone when the block ends."""

    _labs = itertools.count()

    def __init__(self) -> None:
        self.children: list[subprocess.Popen[Any]] = []
        self._prefix = f"{namespace.PREFIX}-{os.getpid()}-{next(self._labs)}"
        self._namespaces: list[str] = []
        self._numbers = itertools.count(1)

    def __enter__(self) -> Self:
        namespace.reap()
        try:
            # /32 addresses: a host with two uplinks must go by its default route alone
            self.internet = Net(self.new_namespace("internet"), "internet", INTERNET, prefix=32)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def lan(self) -> Net:
        """A LAN without a router."""
        name = f"lan{next(self._numbers)}"
        return Net(self.new_namespace(name), name, LAN)

    def host(self, net: Net, up: Link | None = None, down: Link | None = None, *, name: str = "") -> Host:
        """A host on `net`; with a `Link` on a shaped cable (see `Host.attach`)."""
        host = Host(self, name or f"host{next(self._numbers)}")
        host.attach(net, up, down)
        return host

    def router(self, kind: Nat, upstream: Net | None = None, *, destination: tuple[str, int] | None = None) -> Router:
        """A router on the internet, or on the LAN of another. `destination` is what `Nat.ONE_DESTINATION` allows."""
        return Router(self, f"router{next(self._numbers)}", kind, upstream or self.internet, destination)

    def new_namespace(self, name: str) -> str:
        """A fresh namespace of this lab; the answer is its full name."""
        full = f"{self._prefix}-{name}"
        self._namespaces.append(full)
        namespace.create(full)
        return full

    def close(self) -> None:
        """End every process of the lab and remove its namespaces."""
        for child in self.children:
            _end(child)
        for name in self._namespaces:
            namespace.remove(name)
        self.children.clear()
        self._namespaces.clear()


def _end(process: subprocess.Popen[Any]) -> None:
    """Kill a process and close what this side holds of it."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
