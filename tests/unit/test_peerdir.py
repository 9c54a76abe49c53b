"""Peer directories: made whole, claimed by one, deleted after asking."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goop2_core import sitefolder
from goop2_core.config import ConfigFile
from goop2_core.data.messages import MessageStore
from goop2_core.data.people import PeopleStore, PersonRow
from goop2_core.errors import ConfigError, Goop2Error
from goop2_core.events import Delivery
from goop2_core.identity import read_peer_id
from goop2_core.peerdir import DeletionFacts, PeerDir, list_peers, peers_home, slug
from tests.support.database import opened


def names(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.iterdir())


@pytest.mark.parametrize(
    ("name", "directory"),
    [
        ("Alice", "alice"),
        ("Alice\u2019s  Desk", "alices-desk"),
        ("Ünïcödé_x", "unicode-x"),
        ("中文", "中文"),
        ("../../etc/passwd", "etc-passwd"),
        ("..", "peer"),
        ("☺", "peer"),
        (".hidden", "hidden"),
        ("a\\b/c\0d", "a-b-c-d"),
        ("x" * 200, "x" * 48),
        ("中" * 100, "中" * 16),
    ],
)
def test_slugs(name, directory):
    assert slug(name) == directory


@given(st.text(max_size=80))
def test_any_name_gives_a_directory_name_that_ref_accepts(name):
    text = slug(name)
    assert text.strip() == text != ""
    assert not any(bad in text for bad in (" ", "/", "\\", "..", "\0"))
    assert not text.startswith((".", "-"))
    assert len(text.encode()) <= 48


def test_a_new_peer_has_all_it_needs(tmp_path):
    peer = PeerDir.create(tmp_path / "peers", "Alice's desk", label="Alice <3 & co")
    assert peer.path == tmp_path / "peers" / "alices-desk"
    assert peer.path.stat().st_mode & 0o777 == 0o700
    config = ConfigFile(peer.config_file).load()
    assert config.profile.label == "Alice <3 & co"
    assert config.viewer.theme == "auto"
    assert read_peer_id(peer.identity_key)
    page = (peer.site / "index.html").read_text()
    assert page.count("Alice &lt;3 &amp; co") == 2
    assert "$" not in page
    assert names(peer.site) == ["index.html", "style.css"]
    assert peer.identity_key == peer.path / "data" / "identity.key"
    peer.check_is_peer()


def test_the_same_name_again_is_another_peer(tmp_path):
    (tmp_path / "alice-2").write_bytes(b"")
    made = [PeerDir.create(tmp_path, " Alice ") for _ in range(3)]
    assert [peer.path.name for peer in made] == ["alice", "alice-3", "alice-4"]
    assert len({read_peer_id(peer.identity_key) for peer in made}) == 3
    assert ConfigFile(made[1].config_file).load().profile.label == "Alice"


@pytest.mark.parametrize("name", ["", "  ", "\n"])
def test_a_peer_needs_a_name(tmp_path, name):
    with pytest.raises(Goop2Error, match="needs a name"):
        PeerDir.create(tmp_path, name)
    assert names(tmp_path) == []


def test_a_label_that_cannot_be_used_leaves_nothing(tmp_path):
    with pytest.raises(ConfigError) as caught:
        PeerDir.create(tmp_path, "Alice", label="x" * 500)
    assert [problem.key for problem in caught.value.problems] == ["profile.label"]
    assert names(tmp_path) == []


def test_a_folder_is_copied_with_everything_in_it(tmp_path):
    folder = tmp_path / "my site"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "x.bin").write_bytes(os.urandom(5000))
    (folder / ".hidden").write_text("h")
    (folder / "empty").mkdir()
    (folder / "link").symlink_to("a/b/x.bin")
    peer = PeerDir.create(tmp_path / "peers", "Alice", site_folder=folder, copy=True)
    assert names(peer.site) == [".hidden", "a", "empty", "link"]
    assert (peer.site / "a/b/x.bin").read_bytes() == (folder / "a/b/x.bin").read_bytes()
    assert (peer.site / "link").read_bytes() == (folder / "a/b/x.bin").read_bytes()
    assert ConfigFile(peer.config_file).load().paths.site_root == "site"
    assert not peer.deletion_facts().site_outside


def test_a_folder_is_used_in_place(tmp_path, monkeypatch):
    folder = tmp_path / "my site"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    peer = PeerDir.create(tmp_path / "peers", "Alice", site_folder=Path("my site"))
    assert ConfigFile(peer.config_file).load().paths.site_root == str(folder)
    assert peer.site == folder
    assert names(folder) == []
    assert not (peer.path / "site").exists()
    assert peer.deletion_facts().site_outside
    peer.delete()
    assert folder.is_dir()


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))


def make_huge(path: Path) -> None:
    path.touch()
    os.truncate(path, (2 << 30) + 1)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (os.mkfifo, "neither a file nor a folder"),
        (make_socket, "neither a file nor a folder"),
        (lambda path: path.symlink_to("/etc/passwd"), "which is elsewhere"),
        (lambda path: path.symlink_to("../../outside"), "which is elsewhere"),
        (lambda path: path.symlink_to(path.parent), "link by full path"),
        (make_huge, "more than 2 GiB"),
    ],
)
def test_what_cannot_be_copied_is_said_before_anything_is(tmp_path, make, words):
    folder = tmp_path / "f"
    (folder / "sub").mkdir(parents=True)
    make(folder / "sub" / "bad")
    with pytest.raises(Goop2Error, match="cannot be copied") as caught:
        PeerDir.create(tmp_path / "peers", "Alice", site_folder=folder, copy=True)
    assert words in caught.value.message
    assert caught.value.hint
    assert names(tmp_path / "peers") == []


def test_too_many_files_or_too_little_space(tmp_path, monkeypatch):
    folder = tmp_path / "f"
    folder.mkdir()
    for n in range(5):
        (folder / str(n)).write_bytes(b"x" * 1000)
    with monkeypatch.context() as patch:
        patch.setattr(sitefolder, "MOST_FILES", 4)
        with pytest.raises(Goop2Error, match="100,000 files"):
            PeerDir.create(tmp_path / "peers", "Alice", site_folder=folder, copy=True)
    with monkeypatch.context() as patch:
        patch.setattr(sitefolder.shutil, "disk_usage", lambda _path: sitefolder.shutil._ntuple_diskusage(1, 1, 100))
        with pytest.raises(Goop2Error, match="are free"):
            PeerDir.create(tmp_path / "peers", "Alice", site_folder=folder, copy=True)
    assert names(tmp_path / "peers") == []


def test_a_folder_that_fails_while_it_is_copied(tmp_path, monkeypatch):
    folder = tmp_path / "f"
    folder.mkdir()
    (folder / "x").write_bytes(b"x")

    def fail(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "sendfile", fail)
    monkeypatch.setattr("shutil.copyfileobj", fail)
    with pytest.raises(Goop2Error, match="No space left"):
        PeerDir.create(tmp_path / "peers", "Alice", site_folder=folder, copy=True)
    assert names(tmp_path / "peers") == []


def test_folders_that_are_none(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "loop").symlink_to("loop")
    for bad in ("nowhere", "file", "loop"):
        for copy in (True, False):
            with pytest.raises(Goop2Error, match="cannot be published"):
                PeerDir.create(tmp_path / "peers", "Alice", site_folder=tmp_path / bad, copy=copy)
    with pytest.raises(Goop2Error, match="keeps its peers inside"):
        PeerDir.create(tmp_path / "peers", "Alice", site_folder=tmp_path, copy=True)
    assert "peers" not in names(tmp_path) or names(tmp_path / "peers") == []


def test_a_home_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Goop2Error, match="cannot be made"):
        PeerDir.create(tmp_path / "file" / "peers", "Alice")


def test_the_list_has_broken_peers_too_and_nothing_else(tmp_path):
    assert list_peers(tmp_path / "nowhere") == []
    for name, text in (("Zoe", "{}"), ("adam", "broken"), ("Bert", "{}"), (".half.new", "{}"), ("no-peer", None)):
        (tmp_path / name).mkdir()
        if text is not None:
            (tmp_path / name / "goop.json").write_text(text)
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "dangling").mkdir()
    (tmp_path / "dangling" / "goop.json").symlink_to("nowhere")
    assert [peer.path.name for peer in list_peers(tmp_path)] == ["adam", "Bert", "dangling", "Zoe"]
    broken = list_peers(tmp_path)[0]
    assert broken.identity_key == broken.path / "data" / "identity.key"
    with pytest.raises(Goop2Error):
        list_peers(tmp_path / "file")


def test_what_is_no_peer(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(Goop2Error, match="not a peer"):
            PeerDir(path).check_is_peer()
        with pytest.raises(Goop2Error, match="not a peer"):
            PeerDir(path).delete()
    assert tmp_path.is_dir()


def test_paths_follow_the_configuration(tmp_path):
    (tmp_path / "goop.json").write_text('{"identity": {"key_file": "k"}, "paths": {"site_root": "/srv/www"}}')
    peer = PeerDir(tmp_path)
    assert peer.identity_key == tmp_path / "k"
    assert peer.site == Path("/srv/www")
    assert peer.database == tmp_path / "data.db"
    assert peer.ports_file == tmp_path / "data" / "ports.json"
    assert peer.avatar == tmp_path / "avatar.png"
    assert peer.cache == tmp_path / "cache"


async def test_what_a_deletion_would_lose(tmp_path):
    peer = PeerDir.create(tmp_path, "Alice")
    (peer.site / "index.html").write_bytes(b"x" * 100)
    (peer.site / "style.css").write_bytes(b"x" * 10)
    assert peer.deletion_facts() == DeletionFacts(0, 2, 110, 0, site_outside=False)
    async with opened(peer.database) as store:
        await MessageStore(store).add("BOB", "BOB", "hi", 1, Delivery.RECEIVED)
        await PeopleStore(store).upsert(PersonRow("BOB"))
        assert peer.deletion_facts() == DeletionFacts(1, 2, 110, 1, site_outside=False)  # while it is open
    assert peer.deletion_facts() == DeletionFacts(1, 2, 110, 1, site_outside=False)
    peer.database.write_bytes(b"garbage")
    assert peer.deletion_facts() == DeletionFacts(0, 2, 110, 0, site_outside=False)
    peer.delete()
    assert names(tmp_path) == []


def test_what_is_no_part_of_a_peer_is_not_deleted(tmp_path):
    peer = PeerDir.create(tmp_path, "Alice")
    for name in (".goop.json.0123456789ab.tmp", "data.db-wal", "listen-queue.json", ".DS_Store"):
        (peer.path / name).touch()
    for name in ("schemas", "transformations", "templates", "shared", "cache"):
        (peer.path / name).mkdir()
    (peer.path / "Thesis.odt").write_text("years of work")
    (peer.path / ".git").mkdir()
    before = names(peer.path)
    for act in (peer.delete, peer.deletion_facts):
        with pytest.raises(Goop2Error, match=r"other things.*\.git, Thesis\.odt in"):
            act()
    assert {*names(peer.path)} - {".goop2.lock"} == {*before} - {".goop2.lock"}
    (peer.path / "Thesis.odt").unlink()
    (peer.path / ".git").rmdir()
    peer.delete()
    assert names(tmp_path) == []


def test_key_and_site_may_have_other_names(tmp_path):
    peer = PeerDir.create(tmp_path, "Alice")
    changed = ConfigFile(peer.config_file)
    changed.load()
    changed.update({"paths.site_root": "www/public", "identity.key_file": "secret.key"})
    (peer.path / "www" / "public").mkdir(parents=True)
    (peer.path / "secret.key").touch()
    peer.delete()
    assert names(tmp_path) == []


def test_a_peer_that_holds_the_home_folder_is_not_deleted(tmp_path, monkeypatch):
    peer = PeerDir.create(tmp_path, "Alice")
    for home in (peer.path, peer.path / "home" / "alice"):
        home.mkdir(parents=True, exist_ok=True)
        monkeypatch.setenv("HOME", str(home))
        with pytest.raises(Goop2Error, match="home folder"):
            peer.delete()
    assert peer.identity_key.is_file()


@pytest.mark.parametrize("root", [".", "..", "data", "site/..", "link"])
def test_a_site_folder_with_the_peers_own_secrets_is_refused(tmp_path, root):
    peer = PeerDir.create(tmp_path, "Alice")
    (peer.path / "link").symlink_to(".")
    peer.check_site()
    changed = ConfigFile(peer.config_file)
    changed.load()
    changed.update({"paths.site_root": root})
    with pytest.raises(Goop2Error, match="every visitor could read it"):
        peer.check_site()


def test_a_site_folder_around_a_hidden_peer_is_allowed(tmp_path):
    peer = PeerDir.create(tmp_path / ".local" / "peers", "Alice", site_folder=tmp_path)
    peer.check_site()


def test_a_linked_directory_is_not_deleted(tmp_path):
    peer = PeerDir.create(tmp_path / "real", "Alice")
    link = tmp_path / "link"
    link.symlink_to(peer.path)
    with pytest.raises(Goop2Error, match="link to another folder"):
        PeerDir(link).delete()
    assert peer.config_file.is_file()


LOCKER = """
import sys, time
from pathlib import Path
from goop2_core.peerdir import PeerDir
lock = PeerDir(Path(sys.argv[1])).lock("goop2 peer /srv/alice")
print("locked", flush=True)
time.sleep(60)
"""


def test_a_directory_in_use_says_by_whom_until_that_is_gone(tmp_path):
    peer = PeerDir.create(tmp_path, "Alice")
    with subprocess.Popen([sys.executable, "-c", LOCKER, str(peer.path)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        note = json.loads(peer.lock_file.read_bytes())
        assert (note["pid"], note["holder"]) == (child.pid, "goop2 peer /srv/alice")
        for act in (lambda: peer.lock("goop2"), peer.delete):
            with pytest.raises(Goop2Error, match="alice is in use") as caught:
                act()
            assert f"goop2 peer /srv/alice (process {child.pid}) has been using it since 20" in caught.value.message
            assert str(child.pid) in caught.value.hint
        assert peer.config_file.is_file()
        child.send_signal(signal.SIGKILL)
    with peer.lock("goop2") as lock:
        with pytest.raises(Goop2Error, match="alice is already running"):
            peer.lock("goop2")
        lock.release()
        lock.release()
        with peer.lock("again"):
            pass
    assert peer.lock_file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "note",
    [b"", b"{", b"[]", b"null", b'{"pid": "x", "holder": 5, "since": "y"}', b'{"pid": -1, "since": 1e300}', b"[" * 5000,
     b'{"pid": 99999999999999999999, "holder": "\\u001b[31m", "since": -1e15}', b"\xff" * 100],
)  # fmt: skip
def test_a_note_that_says_nonsense_does_no_harm(tmp_path, note):
    (tmp_path / "goop.json").write_text("{}")
    peer = PeerDir(tmp_path)
    with peer.lock("goop2"):
        peer.lock_file.write_bytes(note)
        with pytest.raises(Goop2Error, match="is in use"):
            peer.lock("other")


def test_a_lock_that_cannot_be_made(tmp_path):
    with pytest.raises(Goop2Error, match="cannot be opened"):
        PeerDir(tmp_path / "nowhere").lock("goop2")
    (tmp_path / ".goop2.lock").symlink_to("elsewhere")
    with pytest.raises(Goop2Error, match="cannot be opened"):
        PeerDir(tmp_path).lock("goop2")
    assert not (tmp_path / "elsewhere").exists()


def test_the_home_is_where_the_system_wants_it(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert peers_home() == tmp_path / "goop2" / "peers"
