"""What a person is told when a node cannot listen."""

from __future__ import annotations

import errno

from goop2_core.errors import Goop2Error

from ._addresses import Endpoint


class PortInUse(Goop2Error):
    """The port to listen on is taken. `port` names it; `errno` is `EADDRINUSE`."""

    errno = errno.EADDRINUSE

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(
            f"Port {endpoint.port} is in use",
            f"Another program on this computer already listens on {endpoint.host}, TCP port {endpoint.port}.",
            "Close that program, or choose another port (p2p.listen_port; 0 picks a free one).",
        )
        self.port = endpoint.port


class CannotListen(Goop2Error):
    """The address to listen on cannot be used. `errno` says why."""

    def __init__(self, endpoint: Endpoint, error: OSError) -> None:
        super().__init__(
            f"Cannot listen on {endpoint.host}, TCP port {endpoint.port}",
            error.strerror or str(error),
            "Check the listen address and port in the settings.",
        )
        self.errno = error.errno
        self.port = endpoint.port
