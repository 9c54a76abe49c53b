"""The ports that a peer's pages had last time: a site's stored data hangs on its port, so it should stay the same."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from goop2_core.atomic import write_atomically

log = logging.getLogger("goop2.ports")

LARGEST_FILE = 4096
HIGHEST_PORT = 65535


class RememberedPorts:
    """A small file of names and ports. What cannot be read counts as not remembered."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._ports: dict[str, int] = {}
        try:
            value = json.loads(file.read_bytes()[:LARGEST_FILE])
        except FileNotFoundError:
            return
        except (OSError, ValueError, RecursionError) as error:
            log.warning("%s cannot be read, new ports are chosen: %s", file, error)
            return
        if isinstance(value, dict):
            self._ports = {name: port for name, port in value.items() if type(port) is int and 0 < port <= HIGHEST_PORT}

    def get(self, name: str) -> int:
        """The port of this name, 0 if none is remembered."""
        return self._ports.get(name, 0)

    def put(self, **ports: int) -> None:
        """Remember these ports. Blocks for a moment; a full disk is logged, not raised."""
        if self._ports == self._ports | ports:
            return
        self._ports |= ports
        try:
            write_atomically(self._file, json.dumps(self._ports, indent=2).encode())
        except OSError as error:
            log.warning("the ports could not be remembered in %s: %s", self._file, error)
