"""Addresses to listen on, as `goop.json` writes them: `127.0.0.1:8080`, `:8080`, `[::1]:8080`, `localhost:0`."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*\Z")
_PORT_DIGITS = 5
_HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen. An empty `host` is every interface; port 0 lets goop2 choose one."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether only this computer can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def parse_address(text: str) -> Address:
    """The address in `text`, blanks around it ignored. Raises `ValueError` with words that follow "must be"."""
    host, colon, digits = text.strip().rpartition(":")
    if not colon:
        raise ValueError("an address with a port, such as 127.0.0.1:8080")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _PORT_DIGITS and int(digits) <= _HIGHEST_PORT):
        raise ValueError("an address whose port is a number from 0 to 65535")
    if host.startswith("[") and host.endswith("]"):
        try:
            return Address(str(ipaddress.IPv6Address(host[1:-1])), int(digits))
        except ValueError:
            raise ValueError("an address with an IPv6 address in its brackets") from None
    if host and not _is_host(host):
        raise ValueError("an address that starts with an IP address or a host name")
    return Address(host, int(digits))


def _is_host(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return _HOST_NAME.match(host) is not None and not host.replace(".", "").isdigit()
    return True
