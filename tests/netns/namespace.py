"""Network namespaces: making, entering and removing them. Names carry the pid of their owner, to tidy up crashes."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

PREFIX = "goop2lab"
MOUNTS = Path("/run/netns")
CLONE_NEWNET = 0x40000000
REMOVAL_SECONDS = 5.0

_libc = ctypes.CDLL(None, use_errno=True)


class LabError(Exception):
    """A tool of the lab failed; the message has its words."""


def run(*argv: str, text: str | None = None) -> str:
    """The output of a command. Raises `LabError` with what it complained about."""
    done = subprocess.run(argv, input=text, text=True, capture_output=True, check=False)
    if done.returncode:
        raise LabError(f"{' '.join(argv)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


@contextlib.contextmanager
def inside(name: str) -> Iterator[None]:
    """Move the calling thread into a namespace for the block; sockets made there stay there. Not across an `await`."""
    # /proc/self would be the main thread's namespace
    with Path("/proc/thread-self/ns/net").open() as home, (MOUNTS / name).open() as there:
        _setns(there.fileno())
        try:
            yield
        finally:
            _setns(home.fileno())


def _setns(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET):  # os.setns comes with Python 3.12
        raise OSError(ctypes.get_errno(), "setns")


def set_option(name: str, key: str, value: str) -> None:
    """Write /proc/sys/net/`key` of a namespace. A key that this kernel lacks needs no setting."""
    with inside(name), contextlib.suppress(FileNotFoundError):
        Path("/proc/sys/net", key).write_text(value)


def create(name: str) -> None:
    """A namespace for hosts or bridges, with loopback up and what would disturb a lab switched off."""
    run("ip", "netns", "add", name)
    run("ip", "-n", name, "link", "set", "lo", "up")
    set_option(name, "bridge/bridge-nf-call-iptables", "0")  # frames between two hosts of a LAN are no router's matter
    set_option(name, "ipv6/conf/all/disable_ipv6", "1")  # no waiting for address detection, no way past a NAT
    set_option(name, "ipv4/conf/all/arp_ignore", "1")
    set_option(name, "ipv4/conf/all/arp_announce", "2")


def remove(name: str) -> None:
    """End every process in a namespace and delete it. One that is gone already is fine."""
    end = time.monotonic() + REMOVAL_SECONDS
    with contextlib.suppress(LabError):
        while pids := [int(pid) for pid in run("ip", "netns", "pids", name).split() if int(pid) != os.getpid()]:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if time.monotonic() > end:
                break
            time.sleep(0.01)
        run("ip", "netns", "del", name)


def mine() -> list[str]:
    """The namespaces that this process has made and not yet removed."""
    return [name for name in _all() if name.split("-")[1] == str(os.getpid())]


def reap() -> None:
    """Remove what crashed runs left: namespaces with our prefix whose owner does not live."""
    for name in _all():
        if not Path("/proc", name.split("-")[1]).exists():
            remove(name)


def _all() -> list[str]:
    return [path.name for path in MOUNTS.glob(f"{PREFIX}-*-*")]
