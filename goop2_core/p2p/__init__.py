"""The peer-to-peer network. The only place that knows trio and libp2p; everything outside sees `api`."""

from ._network import Network
from ._transport import PortInUse
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
]
