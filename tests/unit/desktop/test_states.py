"""States, links and remedies in words."""

from __future__ import annotations

import pytest

from goop2_core.events import PeerState, Trouble
from goop2_core.host import DeletionFacts, PeerSummary
from goop2_desktop.dialogs.questions import counted, what_is_lost
from goop2_desktop.states import reaches_others, remedy_words, short_address, short_link, sign_of
from goop2_desktop.web.downloads import free_name


def peer(**facts) -> PeerSummary:
    return PeerSummary(directory="/a", name="Alice", **facts)


@pytest.mark.parametrize(
    ("summary", "dot", "line"),
    [
        (peer(), "stopped", "Stopped"),
        (peer(state=PeerState.STARTING, step=2, steps=5), "starting", "Starting… · step 2 of 5"),
        (peer(state=PeerState.RUNNING), "running", "Running"),
        (peer(state=PeerState.RUNNING, words="reachable on LAN"), "running", "Running · reachable on LAN"),
        (peer(state=PeerState.RUNNING, words="Running · reachable on LAN"), "running", "Running · reachable on LAN"),
        (peer(state=PeerState.RUNNING, words="not reachable"), "attention", "Running · not reachable"),
        (peer(state=PeerState.STOPPING), "stopping", "Stopping…"),
        (peer(state=PeerState.FAILED), "failed", "Failed"),
        (peer(state=PeerState.FAILED, trouble=Trouble("Port in use")), "failed", "Failed · port in use"),
        (peer(state=PeerState.FAILED, trouble=Trouble("This is far too much to say")), "failed", "Failed"),
    ],
)
def test_signs(summary, dot, line):
    sign = sign_of(summary)
    assert (sign.dot, sign.line) == (dot, line)


@pytest.mark.parametrize(
    ("remedy", "words"),
    [
        ("use-port:viewer.http_addr:8081", "Use port 8081"),
        ("use-port:8081", "Use port 8081"),
        ("edit-config", "Open goop.json"),
        ("use-port:viewer.http_addr:", ""),
        ("rm -rf", ""),
        ("", ""),
    ],
)
def test_remedies(remedy, words):
    assert remedy_words(remedy) == words


def test_links_are_shortened():
    assert short_link("goop2:12D3KooWAbcdefghijklmnopqBfeSB") == "goop2:12D3…BfeSB"
    assert short_link("goop2:own") == "goop2:own"
    assert short_address("goop2:12D3KooWAbcdefghijklmnopqBfeSB/a/b?c") == "goop2:12D3…BfeSB/a/b?c"
    assert short_address("goop2://12D3KooWAbcdefghijklmnopqBfeSB/a") == "goop2:12D3…BfeSB/a"
    assert short_address("Bob") == "Bob"


@pytest.mark.parametrize(
    ("url", "answer"),
    [
        ("http://192.168.1.20:8080/p/x/", True),
        ("https://me.example.org/", True),
        ("http://127.0.0.1:8080/", False),
        ("http://[::1]:8080/", False),
        ("http://localhost:8080/", False),
        ("http://k51.localhost:8080/", False),
        ("", False),
    ],
)
def test_which_urls_can_be_given_away(url, answer):
    assert reaches_others(url) is answer


def test_numbers_of_things():
    assert counted(1, "message") == "1 message"
    assert counted(0, "visitor") == "0 visitors"
    assert counted(2, "peer is", "peers are") == "2 peers are"


def test_what_deleting_loses():
    assert what_is_lost(DeletionFacts(0, 0, 0, 0, site_outside=False)).startswith("Its key will be deleted")
    facts = DeletionFacts(messages=1, site_files=3, site_bytes=2048, people=1, site_outside=True)
    said = what_is_lost(facts)
    assert "Its key, 1 message and 1 known person will" in said
    assert said.endswith("The folder that it publishes stays where it is.")
    assert "file" not in said.split(".")[0]


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ("plan.pdf", "plan (3).pdf"),
        ("other.pdf", "other.pdf"),
        ("../../etc/passwd", "passwd"),
        (".bashrc", "bashrc"),
        ("", "download"),
        ("/", "download"),
    ],
)
def test_a_download_gets_a_name_of_its_own(tmp_path, wanted, given):
    (tmp_path / "plan.pdf").touch()
    (tmp_path / "plan (2).pdf").touch()
    assert free_name(tmp_path, wanted) == given
