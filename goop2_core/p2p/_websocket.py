"""A byte stream over WebSocket (RFC 6455), as libp2p's `/ws` carries it: binary messages whose bounds mean nothing."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, TypeVar

import trio
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto.utilities import LocalProtocolError, ProtocolError, RemoteProtocolError

from ._addresses import Endpoint
from ._wire import WireError

if TYPE_CHECKING:
    from ._transport import Tcp

MOST_REQUEST = 16 << 10
Opening = TypeVar("Opening", Request, AcceptConnection)


class WebSocket:
    """A WebSocket over an open TCP connection."""

    def __init__(self, tcp: Tcp, kind: ConnectionType) -> None:
        self._tcp = tcp
        self._machine = WSConnection(kind)
        self._received: deque[bytes] = deque()
        self._ended = False
        self._sending = trio.Lock()  # the answer to a ping comes from the task that reads
        self.host = tcp.host
        self.address = tcp.address + "/ws"
        self.local = Endpoint(tcp.local.kind, tcp.local.host, tcp.local.port, websocket=True)

    @classmethod
    async def accept(cls, tcp: Tcp) -> WebSocket:
        """The server's side of the opening. Raises `WireError` if the other side asks for anything else.

        A browser cannot leave out `Origin`: whatever has one is refused, or any page that is looked at could make its
        readers' browsers dial peers, those on their own computer and network included.
        """
        socket = cls(tcp, ConnectionType.SERVER)
        opening = await socket._open(Request)
        if any(name.lower() == b"origin" for name, _ in opening.extra_headers):
            await tcp.send(socket._machine.send(RejectConnection(status_code=403)))
            raise WireError("a web page asks for a WebSocket")
        await tcp.send(socket._machine.send(AcceptConnection()))
        return socket

    @classmethod
    async def connect(cls, tcp: Tcp, endpoint: Endpoint) -> WebSocket:
        """The client's side of the opening."""
        socket = cls(tcp, ConnectionType.CLIENT)
        socket.address = str(endpoint)
        host = f"[{endpoint.host}]" if endpoint.kind == "ip6" else endpoint.host
        await tcp.send(socket._machine.send(Request(host=f"{host}:{endpoint.port}", target="/")))
        await socket._open(AcceptConnection)
        return socket

    async def _open(self, wanted: type[Opening]) -> Opening:
        received = 0
        while True:
            data = await self._tcp.receive()
            received += len(data)
            if not data or received > MOST_REQUEST:
                raise WireError("no WebSocket opening")
            try:
                self._machine.receive_data(data)
                events = list(self._machine.events())
            except (RemoteProtocolError, ProtocolError, ValueError) as error:  # a header may not even be text
                raise WireError(f"no WebSocket opening: {error}") from error
            opened: Opening | None = None
            for event in events:
                if isinstance(event, wanted):
                    opened = event
                elif isinstance(event, RejectConnection):
                    raise WireError(f"WebSocket refused with status {event.status_code}")
                elif opened is not None and isinstance(event, BytesMessage):
                    self._received.append(bytes(event.data))
            if opened is not None:
                return opened

    async def send(self, data: bytes) -> None:
        """Send all of `data`."""
        async with self._sending:
            try:
                framed = self._machine.send(BytesMessage(data=data))
            except LocalProtocolError as error:
                raise ConnectionResetError("the WebSocket is closed") from error
            await self._tcp.send(framed)

    async def receive(self) -> bytes:
        """What came, `b""` at the end."""
        while not self._received and not self._ended:
            data = await self._tcp.receive()
            if not data:
                self._ended = True
                break
            try:
                self._machine.receive_data(data)
                for event in self._machine.events():
                    await self._handle(event)
            except (RemoteProtocolError, LocalProtocolError) as error:
                raise WireError(f"not WebSocket: {error}") from error
        return self._received.popleft() if self._received else b""

    async def _handle(self, event: object) -> None:
        if isinstance(event, BytesMessage):
            if event.data:
                self._received.append(bytes(event.data))
        elif isinstance(event, Ping):
            async with self._sending:
                await self._tcp.send(self._machine.send(event.response()))
        elif isinstance(event, TextMessage):
            raise WireError("text on a binary WebSocket")
        elif isinstance(event, CloseConnection):
            self._ended = True

    async def finish(self) -> None:
        """Say that nothing more will be sent."""
        await self._tcp.finish()

    async def close(self) -> None:
        """Close at once."""
        await self._tcp.close()
