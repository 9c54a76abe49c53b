"""How fast whole peers on one LAN find, serve, lose and find each other again, in the network lab.

A peer that comes is timed from the launch of its process until both consoles show the other as online, one that goes
until the console of the one that stays shows it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.bench.figures import Figure, percentile
from tests.netns.lab import Lab, why_not
from tests.netns.sites import FILES, TOTAL_BYTES, make_site
from tests.support.headless import HeadlessPeer, ended, fetch, wait_for

PATIENCE = 60.0


def measure(quick: bool) -> list[Figure]:
    """Strangers meet 20 times, a killed peer goes and returns five times. Needs what the lab needs."""
    if reason := why_not():
        sys.exit(reason)
    with tempfile.TemporaryDirectory() as folder, Lab() as lab:
        return _Street(lab, Path(folder)).measure(5 if quick else 20, 2 if quick else 5)


class _Street:
    """One peer that stays, and others that come and go."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.folder, self.lan = lab, folder, lab.lan()
        self.alice = self._peer("alice")

    def measure(self, meetings: int, deaths: int) -> list[Figure]:
        with ended(self.alice):
            self.alice.start()
            met = [self._stranger(f"stranger{number}") for number in range(meetings)]
            bob = self._peer("bob")
            make_site(bob.directory / "site")
            with ended(bob):
                self._meet(bob)
                fetched = self._fetch_all(bob)
                lost, returned = [], []
                for _ in range(deaths):
                    bob.kill()
                    lost.append(self._lose(bob))
                    returned.append(self._meet(bob)[0])
                bob.place.down()  # no connection ends in order: there is only silence
                bob.kill()
                silent = self._lose(bob)
        return [
            Figure("found_p50", percentile([launched for launched, _ in met], 0.5), "s"),
            Figure(
                "found_p95", percentile([launched for launched, _ in met], 0.95), "s", "≤ 3", f"{meetings} strangers"
            ),
            Figure(
                "found_when_ready_p95", percentile([ready for _, ready in met], 0.95), "s", "", "after its start-up"
            ),
            Figure("offline_after_kill_max", max(lost), "s", "≤ 25", f"{deaths} times SIGKILL"),
            Figure("offline_after_power_cut", silent, "s", "≤ 25"),
            Figure("online_after_return_max", max(returned), "s", "≤ 3"),
            Figure("site_seconds", fetched, "s", "", f"{FILES} files, {TOTAL_BYTES / 1e6:.0f} MB, one after the other"),
            Figure("site_throughput", TOTAL_BYTES / fetched / 1e6, "MB/s"),
        ]

    def _peer(self, name: str) -> HeadlessPeer:
        peer = HeadlessPeer(self.folder / name, self.lab.host(self.lan, name=name))
        peer.configure("profile", label=name)
        return peer

    def _stranger(self, name: str) -> tuple[float, float]:
        peer = self._peer(name)
        with ended(peer):
            return self._meet(peer)

    def _meet(self, peer: HeadlessPeer) -> tuple[float, float]:
        """Seconds since the launch, and since the peer was ready."""
        launch = time.monotonic()
        peer.start()
        ready = wait_for(lambda: self.alice.sees(peer.peer_id) and peer.sees(self.alice.peer_id), PATIENCE)
        return time.monotonic() - launch, ready

    def _lose(self, peer: HeadlessPeer) -> float:
        return wait_for(lambda: self.alice.sees(peer.peer_id, online=False), PATIENCE)

    def _fetch_all(self, bob: HeadlessPeer) -> float:
        site = bob.directory / "site"
        paths = [f"/{file.relative_to(site)}" for file in site.rglob("*.bin")]
        browser = self.alice.visit(bob.peer_id)
        start = time.monotonic()
        for path in paths:
            fetch(browser, path)
        return time.monotonic() - start
