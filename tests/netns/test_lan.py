"""Whole peers on one LAN: they find each other, serve each other, and notice when one is gone.

The bounds here are generous; `python -m tests.bench lan` measures.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.netns.lab import Lab
from tests.netns.sites import make_site
from tests.support.headless import HeadlessPeer, ended, fetch, wait_for

pytestmark = [pytest.mark.netns, pytest.mark.timeout(240)]

FIND_SECONDS = 10.0
OFFLINE_SECONDS = 25.0
RETURN_SECONDS = 10.0
TRIES = 3


def pair(lab: Lab, folder: Path) -> tuple[HeadlessPeer, HeadlessPeer]:
    """Two peers that have never met, on one LAN."""
    lan = lab.lan()
    alice, bob = (HeadlessPeer(folder / name, lab.host(lan, name=name)) for name in ("alice", "bob"))
    alice.configure("profile", label="Alice")
    bob.configure("profile", label="Bob")
    return alice, bob


def see_each_other(alice: HeadlessPeer, bob: HeadlessPeer) -> bool:
    return alice.sees(bob.peer_id) and bob.sees(alice.peer_id)


def test_strangers_find_each_other(lab, tmp_path):
    lan = lab.lan()
    alice = HeadlessPeer(tmp_path / "alice", lab.host(lan, name="alice"))
    with ended(alice):
        alice.start()
        for number in range(TRIES):
            other = HeadlessPeer(tmp_path / f"bob{number}", lab.host(lan, name=f"bob{number}"))
            other.configure("profile", label=f"Bob {number}")
            with ended(other):
                other.start()
                wait_for(lambda other=other: see_each_other(alice, other), FIND_SECONDS)
                person = alice.person(other.peer_id)
                assert person
                assert person["name"] == f"Bob {number}"
                wait_for(lambda other=other: alice.person(other.peer_id)["path"] == "direct", FIND_SECONDS)


def test_a_large_site_arrives_byte_for_byte(lab, tmp_path):
    alice, bob = pair(lab, tmp_path)
    digests = make_site(bob.directory / "site")
    with ended(alice, bob):
        alice.start()
        bob.start()
        wait_for(lambda: see_each_other(alice, bob), FIND_SECONDS)
        browser = alice.visit(bob.peer_id)
        arrived = {path: hashlib.sha256(fetch(browser, path)).hexdigest() for path in digests}
        assert arrived == digests


def test_a_killed_peer_is_shown_offline_and_comes_back(lab, tmp_path):
    alice, bob = pair(lab, tmp_path)
    with ended(alice, bob):
        alice.start()
        bob.start()
        wait_for(lambda: see_each_other(alice, bob), FIND_SECONDS)
        bob.kill()
        wait_for(lambda: alice.sees(bob.peer_id, online=False), OFFLINE_SECONDS)
        bob.start()
        wait_for(lambda: see_each_other(alice, bob), RETURN_SECONDS)


def test_a_peer_that_stops_says_so(lab, tmp_path):
    alice, bob = pair(lab, tmp_path)
    with ended(alice, bob):
        alice.start()
        bob.start()
        wait_for(lambda: see_each_other(alice, bob), FIND_SECONDS)
        assert bob.stop() == 0
        wait_for(lambda: alice.sees(bob.peer_id, online=False), FIND_SECONDS)


def test_a_peer_survives_a_pulled_cable(lab, tmp_path):
    alice, bob = pair(lab, tmp_path)
    with ended(alice, bob):
        alice.start()
        bob.start()
        wait_for(lambda: see_each_other(alice, bob), FIND_SECONDS)
        bob.place.down()
        wait_for(lambda: alice.sees(bob.peer_id, online=False), OFFLINE_SECONDS)
        bob.place.up()
        wait_for(lambda: see_each_other(alice, bob), 30)
