"""Where a face listens: addresses of `goop.json`, ports that stay the same, and who else has a port."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import socket
from pathlib import Path

from goop2_core.config import Address
from goop2_core.errors import Goop2Error

# Below the range from which systems take ports for outgoing connections (Linux 32768, others 49152), so that a
# remembered port is rarely in use when the peer starts again: a site's stored data hangs on it.
STABLE_PORTS = range(20000, 32000)
BACKLOG = 256
FIRST_FREE, HIGHEST_PORT = 1024, 65535


class PortTaken(Goop2Error):
    """An address that could not be bound. `remedy` is `use-port:<setting>:<free port>`, or empty."""

    def __init__(self, title: str, message: str, hint: str, remedy: str) -> None:
        super().__init__(title, message, hint)
        self.remedy = remedy


def bind(address: Address, remembered: int = 0, *, what: str, setting: str) -> tuple[socket.socket, int]:
    """A listening socket and its port. Blocks for a moment (a name may have to be looked up).

    With a port in `address` it is that one or a `PortTaken` which says who has it. Without, it is the `remembered` one
    if that is free, else another that may be remembered. `what` begins the error's title, `setting` is the key that
    names the address.
    """
    if address.port:
        try:
            return _listen(address.host, address.port), address.port
        except OSError as error:
            raise _explain(error, address, what, setting) from error
    candidates = [port for port in (remembered,) if 0 < port <= HIGHEST_PORT]
    candidates += random.sample(STABLE_PORTS, 20)
    for port in [*candidates, 0]:
        try:
            sock = _listen(address.host, port)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES) or port == 0:
                raise _explain(error, address, what, setting) from error
        else:
            return sock, int(sock.getsockname()[1])
    raise AssertionError  # port 0 either bound or raised


def _listen(host: str, port: int) -> socket.socket:
    if not host and socket.has_dualstack_ipv6():
        with contextlib.suppress(OSError):
            return _socket(socket.AF_INET6, ("::", port), dual=True)
    found = socket.getaddrinfo(host or "0.0.0.0", port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, target = found[0]
    return _socket(socket.AddressFamily(family), target)


def _socket(family: socket.AddressFamily, target: tuple[object, ...], *, dual: bool = False) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere the option would let two programs share the port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if dual else 1)
        sock.bind(target)
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def _explain(error: OSError, address: Address, what: str, setting: str) -> PortTaken:
    title, place = f"{what} could not start", f"port {address.port}"
    if error.errno in (errno.EADDRINUSE, errno.EACCES):
        if error.errno == errno.EADDRINUSE:
            user = port_user(address.port)
            message = f"{place.capitalize()} is in use" + (f" by {user}." if user else " by another program.")
        else:
            message = f"This system does not let you use {place}: ports below 1024 are for its administrator."
        free = _free_port(address)
        hint = f"Use another port, for example {free}, or end the other program." if free else "Use another port."
        return PortTaken(title, message, hint, f"use-port:{setting}:{free}" if free else "")
    reason = error.strerror or str(error)
    return PortTaken(title, f"{address.host or 'This computer'}: {reason}.", f"Check {setting} in the settings.", "")


def port_taken(port: int, what: str, setting: str) -> PortTaken:
    """The error that says who has a port on all addresses, for a listener that is not one of these faces. Blocks."""
    return _explain(OSError(errno.EADDRINUSE, ""), Address("", port), what, setting)


def _free_port(address: Address) -> int:
    nearby = [address.port + step for step in range(1, 20) if FIRST_FREE <= address.port + step <= HIGHEST_PORT]
    for port in [*nearby, *random.sample(STABLE_PORTS, 5)]:
        with contextlib.suppress(OSError), _listen(address.host, port):
            return port
    return 0


def port_user(port: int) -> str:
    """The program that listens on a TCP port of this computer (`nginx (process 812)`), or `""` if that is not known."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        inodes = _listening_inodes(port)
        for process in sorted(Path("/proc").glob("[0-9]*"), key=lambda path: int(path.name)):
            if inodes and _holds(process, inodes):
                if process.name == str(os.getpid()):
                    return "another of your peers"
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
    return ""


def _listening_inodes(port: int) -> set[str]:
    inodes = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        with contextlib.suppress(FileNotFoundError):
            for line in table.read_text().splitlines()[1:]:
                columns = line.split()
                if columns[3] == "0A" and int(columns[1].rpartition(":")[2], 16) == port:
                    inodes.add(f"socket:[{columns[9]}]")
    return inodes


def _holds(process: Path, inodes: set[str]) -> bool:
    try:
        return any(str(entry.readlink()) in inodes for entry in (process / "fd").iterdir())
    except OSError:  # it ended meanwhile, or belongs to somebody else
        return False
