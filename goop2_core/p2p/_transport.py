"""TCP and WebSocket: listening, accepting, dialling. Both may share a port; the first bytes tell them apart."""

from __future__ import annotations

import errno
import socket
import sys
from contextlib import suppress

import trio

from ._addresses import Endpoint, of_socket
from ._errors import CannotListen, PortInUse
from ._noise import Raw
from ._websocket import WebSocket

RECEIVE_BYTES = 256 << 10
BACKLOG = 128
HTTP = b"GET "


class Tcp:
    """A TCP connection."""

    def __init__(self, stream: trio.SocketStream, first: bytes = b"") -> None:
        peer = stream.socket.getpeername()
        endpoint = of_socket(peer[0], peer[1])
        self.host = endpoint.host
        self.address = str(endpoint)
        local = stream.socket.getsockname()
        self.local = of_socket(local[0], local[1])
        self._stream = stream
        self._first = first

    async def send(self, data: bytes) -> None:
        """Send all of `data`."""
        try:
            await self._stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise ConnectionResetError("the connection is broken") from error

    async def receive(self) -> bytes:
        """What came, `b""` at the end."""
        if self._first:
            first, self._first = self._first, b""
            return first
        try:
            return bytes(await self._stream.receive_some(RECEIVE_BYTES))
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise ConnectionResetError("the connection is broken") from error

    def unread(self, data: bytes) -> None:
        """Let the next `receive` give `data`."""
        self._first = data + self._first

    async def finish(self) -> None:
        """Say that nothing more will be sent."""
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError, OSError):
            await self._stream.send_eof()

    async def close(self) -> None:
        """Close at once."""
        with trio.CancelScope(shield=True):
            await trio.aclose_forcefully(self._stream)


class Listener:
    """A listening socket for TCP, WebSocket or both. `endpoint` is where it listens, with its real port."""

    def __init__(self, wanted: Endpoint, *, tcp: bool, websocket: bool) -> None:
        self.tcp = tcp
        self.websocket = websocket
        self._socket = _bind(wanted)
        name = self._socket.getsockname()
        self.endpoint = of_socket(name[0], name[1])

    @property
    def endpoints(self) -> list[Endpoint]:
        """One for each protocol that is spoken here."""
        end = self.endpoint
        kinds = [False] * self.tcp + [True] * self.websocket
        return [Endpoint(end.kind, end.host, end.port, websocket) for websocket in kinds]

    async def accept(self) -> Tcp:
        """The next connection. Those that are gone already, and a lack of file descriptors, are waited out."""
        while True:
            try:
                connection, _ = await self._socket.accept()
            except OSError as error:
                if error.errno in (errno.EBADF, errno.EINVAL, errno.ENOTSOCK):
                    raise
                await trio.sleep(0.1 if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM) else 0)
                continue
            try:
                return Tcp(trio.SocketStream(connection))
            except OSError:
                connection.close()

    async def recognise(self, connection: Tcp) -> Raw:
        """The accepted connection, speaking WebSocket if its first bytes say so and it is spoken here."""
        if not self.websocket:
            return connection
        if self.tcp:
            first = b""
            while len(first) < len(HTTP) and HTTP.startswith(first):
                data = await connection.receive()
                first += data
                if not data:
                    break
            connection.unread(first)
            if not first.startswith(HTTP):
                return connection
        return await WebSocket.accept(connection)

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()


def _bind(wanted: Endpoint) -> trio.socket.SocketType:
    family = socket.AF_INET if wanted.kind == "ip4" else socket.AF_INET6
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":  # there it would let two programs share the port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setblocking(False)
        sock.bind((wanted.host, wanted.port))
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(wanted) from error
        raise CannotListen(wanted, error) from error
    return trio.socket.from_stdlib_socket(sock)


def listen(wanted: list[Endpoint]) -> list[Listener]:
    """Open all listeners, or none. TCP and WebSocket on the same fixed port share one socket.

    Raises `PortInUse` or `CannotListen`.
    """
    listeners: list[Listener] = []
    try:
        for endpoint in wanted:
            shared = [
                other
                for other in listeners
                if endpoint.port and (other.endpoint.host, other.endpoint.port) == (endpoint.host, endpoint.port)
            ]
            if shared:
                shared[0].tcp = shared[0].tcp or not endpoint.websocket
                shared[0].websocket = shared[0].websocket or endpoint.websocket
            else:
                listeners.append(Listener(endpoint, tcp=not endpoint.websocket, websocket=endpoint.websocket))
    except BaseException:
        for listener in listeners:
            listener.close()
        raise
    return listeners


async def resolve(endpoint: Endpoint) -> str:
    """The IP of an endpoint, the first one of a DNS name.

    A name that leads to this machine is an `OSError`: strangers made it up.
    """
    if endpoint.ip is not None:
        return endpoint.host
    family = {"dns4": socket.AF_INET, "dns6": socket.AF_INET6}.get(endpoint.kind, socket.AF_UNSPEC)
    found = await trio.socket.getaddrinfo(endpoint.host, endpoint.port, family=family, type=socket.SOCK_STREAM)
    addresses = [of_socket(str(one[4][0]), endpoint.port) for one in found]
    if any(address.here for address in addresses):
        raise OSError(f"{endpoint.host} leads to this machine")
    return addresses[0].host


async def dial(endpoint: Endpoint, host: str = "") -> Raw:
    """Connect, to the IP `host` if it is resolved already. Raises `OSError`."""
    host = host or await resolve(endpoint)
    try:
        connection = Tcp(await trio.open_tcp_stream(host, endpoint.port))
    except ValueError as error:
        raise OSError(str(error)) from error
    connection.address = str(endpoint)
    if not endpoint.websocket:
        return connection
    try:
        return await WebSocket.connect(connection, endpoint)
    except BaseException:
        await connection.close()
        raise
