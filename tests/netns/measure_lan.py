"""How fast peers on one LAN find, serve, lose and find each other again: `python -m tests.netns.measure_lan [TRIES]`.

Prints one JSON object; times are seconds from the moment at which the peer that comes or goes is ready, or is killed.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.netns.lab import Lab, why_not
from tests.netns.sites import TOTAL_BYTES, make_site
from tests.support.headless import HeadlessPeer, ended, fetch, wait_for

PATIENCE = 60.0


def summary(times: list[float]) -> dict[str, float]:
    """Median, 95th percentile and the extremes."""
    ordered = sorted(times)
    at_95 = ordered[min(len(ordered) - 1, -(-len(ordered) * 95 // 100) - 1)]
    named = {"p50": statistics.median(ordered), "p95": at_95, "min": ordered[0], "max": ordered[-1]}
    return {name: round(value, 2) for name, value in named.items()}


def measure(lab: Lab, folder: Path, tries: int) -> dict[str, object]:
    """All figures; `tries` strangers come, and the last of them is killed and returns up to five times."""
    lan = lab.lan()
    alice = HeadlessPeer(folder / "alice", lab.host(lan, name="alice"))
    found, lost, returned = [], [], []
    with ended(alice):
        alice.start()
        for number in range(tries):
            bob = HeadlessPeer(folder / f"bob{number}", lab.host(lan, name=f"bob{number}"))
            if number == tries - 1:
                make_site(bob.directory / "site")
            with ended(bob):
                bob.start()
                found.append(wait_for(lambda bob=bob: alice.sees(bob.peer_id) and bob.sees(alice.peer_id), PATIENCE))
                if number < tries - 1:
                    continue
                fetched = fetch_all(alice, bob)
                for _ in range(min(5, tries)):
                    bob.kill()
                    lost.append(wait_for(lambda bob=bob: alice.sees(bob.peer_id, online=False), PATIENCE))
                    bob.start()
                    returned.append(
                        wait_for(lambda bob=bob: alice.sees(bob.peer_id) and bob.sees(alice.peer_id), PATIENCE)
                    )
    return {
        "find_seconds": summary(found),
        "offline_after_kill_seconds": summary(lost),
        "online_after_return_seconds": summary(returned),
        "site_seconds": round(fetched, 2),
        "site_megabytes_per_second": round(TOTAL_BYTES / fetched / 1e6, 1),
        "tries": tries,
    }


def fetch_all(alice: HeadlessPeer, bob: HeadlessPeer) -> float:
    """Seconds to fetch the whole site, one file after the other, through Alice's viewer."""
    site = bob.directory / "site"
    paths = [f"/{file.relative_to(site)}" for file in site.rglob("*.bin")]
    browser = alice.visit(bob.peer_id)
    start = time.monotonic()
    for path in paths:
        fetch(browser, path)
    return time.monotonic() - start


def main() -> None:
    """Measure and print."""
    if reason := why_not():
        sys.exit(reason)
    with tempfile.TemporaryDirectory() as folder, Lab() as lab:
        print(json.dumps(measure(lab, Path(folder), int(sys.argv[1]) if len(sys.argv) > 1 else 20), indent=2))


if __name__ == "__main__":
    main()
