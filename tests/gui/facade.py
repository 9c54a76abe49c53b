"""TEMPORARY until goop2_core.host can be imported."""

from dataclasses import dataclass

try:
    from goop2_core.host import DeletionFacts, PeerSummary, SiteTarget
    from goop2_core.identicon import identicon
except ImportError:
    import hashlib
    from PySide6.QtGui import QColor
    from goop2_core.events import PeerState, Trouble

    @dataclass(frozen=True)
    class DeletionFacts:
        messages: int
        site_files: int
        site_bytes: int
        people: int
        site_outside: bool

    @dataclass(frozen=True)
    class SiteTarget:
        url: str
        origin: str
        peer_id: str
        name: str

    @dataclass(frozen=True)
    class PeerSummary:
        directory: str
        name: str
        peer_id: str = ""
        state: PeerState = PeerState.STOPPED
        step: int = 0
        steps: int = 0
        label: str = ""
        trouble: Trouble | None = None
        words: str = ""
        addresses: tuple[str, ...] = ()
        visitors: int = 0
        unread: int = 0
        link: str = ""
        site_url: str = ""
        restart_needed: tuple[str, ...] = ()

    def identicon(seed, mode):
        h = hashlib.sha256(seed.encode()).digest()
        hue = h[0] * 360 // 256
        ground = QColor.fromHslF(hue / 360, 0.4, 0.24 if mode == "dark" else 0.88).name()
        ink = QColor.fromHslF(hue / 360, 0.5, 0.68 if mode == "dark" else 0.36).name()
        cells = [(x, y) for y in range(5) for x in range(3) if h[1 + y * 3 + x] & 1]
        cells += [(4 - x, y) for x, y in cells if x < 2]
        sq = "".join(f"M{8 + x * 4.8:.1f} {8 + y * 4.8:.1f}h4.8v4.8h-4.8z" for x, y in sorted(set(cells)))
        return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40"><circle cx="20" cy="20" r="20" fill="{ground}"/><path fill="{ink}" d="{sq}"/></svg>'
