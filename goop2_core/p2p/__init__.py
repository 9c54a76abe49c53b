"""The peer-to-peer network. The only place that knows trio and libp2p; everything outside sees `api`."""

from ._addresses import announceable
from ._errors import CannotListen, PortInUse
from ._network import Network
from .api import (
    AddressesChanged,
    Connected,
    Connection,
    Disconnected,
    Identified,
    Limits,
    Node,
    NodeEvent,
    NodeOptions,
    PeerFound,
    Stream,
    StreamHandler,
)

__all__ = [
    "AddressesChanged",
    "CannotListen",
    "Connected",
    "Connection",
    "Disconnected",
    "Identified",
    "Limits",
    "Network",
    "Node",
    "NodeEvent",
    "NodeOptions",
    "PeerFound",
    "PortInUse",
    "Stream",
    "StreamHandler",
    "announceable",
]
