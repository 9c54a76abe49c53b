"""Who is on the network: announcing, hearing, meeting, probing (spec 2)."""

from goop2_core.presence.service import Presence

__all__ = ["Presence"]
