"""What of a site folder is served, and how its owner changes it."""

from __future__ import annotations

import hashlib
import os
import random
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goop2_core.errors import Goop2Error, Refused
from goop2_core.site.content import ContentStore
from goop2_core.site.paths import TEMPORARY, clean

SECRET = b"secret"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ContentStore:
    """A site with every trap: what is public says so, everything else contains `secret`."""
    base = tmp_path_factory.mktemp("peer")
    root = base / "site"
    for name in ("index.html", "a.txt", "css/site.css", "sub/index.html", "LUAX/a.txt", "ümlaut/ß.txt", "sp ace.txt"):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"public " + name.encode())
    for name in ("lua/chat.lua", "lua/functions/f.lua", ".git/config", ".env", "sub/.hidden", f"{TEMPORARY}/x"):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(SECRET)
    (base / "outside.txt").write_bytes(SECRET)
    (base / "site-other").mkdir()
    (base / "site-other" / "a.txt").write_bytes(SECRET)
    (root / "inside").symlink_to("sub")
    (root / "out").symlink_to("../outside.txt")
    (root / "up").symlink_to("..")
    (root / "absolute").symlink_to("/etc")
    (root / "code").symlink_to("lua")
    (root / "dots").symlink_to(".git")
    (root / ".shown").symlink_to("a.txt")
    (root / "loop").symlink_to("loop")
    (root / "nowhere").symlink_to("missing")
    os.mkfifo(root / "pipe")
    (root / "empty").mkdir()
    return ContentStore(root)


def status(store: ContentStore, path: str) -> int:
    try:
        file = store.served(path)
    except Refused as error:
        return error.status
    assert store.read(file, 0, 1 << 20).startswith(b"public"), path
    return 200


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", 200),
        ("/", 200),
        ("/index.html", 200),
        ("  /a.txt  ", 200),
        ("/../a.txt", 200),
        ("/x/../a.txt", 200),
        ("//a.txt", 200),
        ("/./a.txt", 200),
        ("\\a.txt", 200),
        ("/sub", 200),
        ("/sub/", 200),
        ("/inside/index.html", 200),
        ("/ümlaut/ß.txt", 200),
        ("/sp ace.txt", 200),
        ("/LUAX/a.txt", 200),
        ("../a.txt", 403),
        ("a/../../a.txt", 403),
        ("/..\\a.txt", 403),
        ("\\..\\a.txt", 403),
        ("/out", 403),
        ("/up/outside.txt", 403),
        ("/up/site-other/a.txt", 403),
        ("/absolute/passwd", 403),
        ("/lua", 403),
        ("/lua/chat.lua", 403),
        ("/LuA/chat.lua", 403),
        ("/lua./chat.lua", 403),
        ("/\uff4c\uff55\uff41/chat.lua", 403),
        ("/code/chat.lua", 403),
        ("/x/../lua/chat.lua", 403),
        ("/dots/config", 404),
        ("/.env", 404),
        ("/.shown", 404),
        ("/.git/config", 404),
        ("/sub/.hidden", 404),
        ("/a.txt?query", 404),
        ("/a%2etxt", 404),
        ("/sp%20ace.txt", 404),
        ("/empty", 404),
        ("/missing", 404),
        ("/a.txt/", 200),  # cleaned as text, like the existing program
        ("/a.txt/b", 404),
        ("/pipe", 404),
        ("/loop", 404),
        ("/nowhere", 404),
        ("/a\0.txt", 404),
        ("/\ud800", 404),
        ("/" + "a" * 300, 404),
        ("/" + "a/" * 3000, 404),
    ],
)
def test_served_paths(store: ContentStore, path: str, expected: int) -> None:
    assert status(store, path) == expected


def test_no_generated_path_reads_a_secret(store: ContentStore) -> None:
    pieces = [
        "..", ".", "", "/", "//", "\\", "..\\", "\\..", "lua", "Lua", "LUA", "lua ", "lua.", "code", "out",
        "up", "dots", "absolute", "inside", "sub", "site", "site-other", "a.txt", "outside.txt", "chat.lua",
        ".git", "config", ".env", "etc", "passwd", "index.html", ".goop2-tmp", "x", "%2e%2e", "%2f", "\u2215",
        "\u202e", "\uff0e\uff0e", "loop", "nowhere", "\x00", "\ud800", "\udc80", "~", "C:", "CON", " ", "\t",
        "?a=1", "#", "\uff2c\uff35\uff21", "l\u200cua", "pipe", "empty", "\xe9", "e\u0301",
    ]  # fmt: skip
    dice = random.Random(20)
    seen: dict[int, int] = {}
    for _ in range(12_000):
        joint = dice.choice(["/", "/", "/", "", "\\", "//"])
        path = dice.choice(["", "/", "//", "\\", "./"]) + joint.join(dice.choices(pieces, k=dice.randint(1, 6)))
        result = status(store, path)
        seen[result] = seen.get(result, 0) + 1
    assert set(seen) == {200, 403, 404}
    assert min(seen.values()) > 100


@given(st.text(max_size=60) | st.text(alphabet="./\\lua\0xI ", max_size=20))
@settings(max_examples=1500, deadline=None)
def test_any_text_as_a_path(store: ContentStore, path: str) -> None:
    assert status(store, path) in (200, 403, 404)


@given(st.text(alphabet="./a\\", max_size=30))
def test_clean_leaves_nothing_that_climbs(path: str) -> None:
    try:
        parts = clean(path)
    except Refused:
        return
    assert not {"", ".", ".."}.intersection(parts)
    assert not any("/" in part or "\\" in part for part in parts)


def test_the_check_itself_can_fail(store: ContentStore) -> None:
    with pytest.raises(AssertionError):
        status(ContentStore(store.root / ".." / "site-other"), "/a.txt")


def test_types(tmp_path: Path) -> None:
    contents = {
        "a.html": (b"", "text/html; charset=utf-8"),
        "a.css": (b"", "text/css; charset=utf-8"),
        "a.JS": (b"", "application/javascript; charset=utf-8"),
        "a.svg": (b"", "image/svg+xml"),
        "a.bin": (b"hello", "application/octet-stream"),
        "a.unheard-of": (b"hello", "text/plain; charset=utf-8"),
        "plain": (b"hello", "text/plain; charset=utf-8"),
        "page": (b"  <!DOCTYPE html><p>", "text/html; charset=utf-8"),
        "picture": (b"\x89PNG\r\n\x1a\n\0", "image/png"),
        "data": (b"\0\1\2", "application/octet-stream"),
        "nothing": (b"", "text/plain; charset=utf-8"),
    }
    for name, (data, mime) in contents.items():
        (tmp_path / name).write_bytes(data)
        assert ContentStore(tmp_path).served(name).mime == mime


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    store.write("a.txt", b"one" * 1000)
    file = store.served("a.txt")
    assert store.read(file, 0, 3) == b"one"
    assert store.read(file, 2999, 100) == b"e"
    assert store.read(file, 5000, 100) == b""
    store.write("a.txt", b"two" * 1000)
    with pytest.raises(Refused) as caught:
        store.read(file, 3, 3)
    assert caught.value.status == 409


def test_writing_listing_renaming_deleting(tmp_path: Path) -> None:
    store = ContentStore(tmp_path / "site")
    (tmp_path / "site").mkdir()
    etag = store.write("css/deep/a.css", b"body{}")
    assert etag == "sha256:" + hashlib.sha256(b"body{}").hexdigest() == store.etag("css/deep/a.css")
    store.write("B.txt", b"12345")
    store.make_folder("images")
    listed = store.folder("")
    assert [(entry.path, entry.dir, entry.size) for entry in listed] == [
        ("css", True, 0),
        ("images", True, 0),
        ("B.txt", False, 5),
    ]
    assert store.folder("css/deep")[0].path == "css/deep/a.css"
    store.rename("B.txt", "text/b.txt")
    assert store.file("text/b.txt").size == 5
    with pytest.raises(Refused) as caught:
        store.delete("css")
    assert caught.value.status == 409
    store.delete("css", recursive=True)
    store.delete("text/b.txt")
    assert [entry.name for entry in store.folder()] == ["images", "text"]
    assert not (tmp_path / "site" / TEMPORARY).exists()


def test_a_pipe_keeps_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    store = ContentStore(tmp_path)
    assert store.etag("pipe.txt") == "none"
    with pytest.raises(Refused) as caught:
        store.write("pipe.txt", b"x", if_match=f"sha256:{'0' * 64}")
    assert caught.value.status == 409


def test_what_the_upload_folder_holds_or_points_to_is_safe(tmp_path: Path) -> None:
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    for folder in (site, elsewhere):
        folder.mkdir()
    names = ("thesis.txt", f"{'a' * 16}.part")
    for name in names:
        (elsewhere / name).write_bytes(b"years of work")
        os.utime(elsewhere / name, (0, 0))
    (site / TEMPORARY).symlink_to("../elsewhere")
    with pytest.raises(Refused) as caught:
        ContentStore(site).write("index.html", b"new")
    assert caught.value.status == 409
    assert {file.name for file in elsewhere.iterdir()} == set(names)
    (site / TEMPORARY).unlink()
    elsewhere.rename(site / TEMPORARY)
    ContentStore(site).write("index.html", b"new")
    assert [file.name for file in (site / TEMPORARY).iterdir()] == ["thesis.txt"]


def test_if_match(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    first = store.write("a.txt", b"1", "none")
    with pytest.raises(Refused) as caught:
        store.write("a.txt", b"2", "none")
    assert caught.value.status == 409
    second = store.write("a.txt", b"2", first)
    with pytest.raises(Refused):
        store.write("a.txt", b"3", first)
    late = store.upload("a.txt", second)
    late.write(b"late")
    store.write("a.txt", b"in between")
    with pytest.raises(Refused) as caught:
        late.commit()
    late.abort()
    assert caught.value.status == 409
    assert (tmp_path / "a.txt").read_bytes() == b"in between"
    assert [entry.name for entry in store.folder()] == ["a.txt"]
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (lambda s: s.write("../x", b""), 403),
        (lambda s: s.write("up/x", b""), 403),
        (lambda s: s.write("", b""), 409),
        (lambda s: s.write("folder", b""), 409),
        (lambda s: s.write("file/x", b""), 409),
        (lambda s: s.write("a" * 300, b""), 400),
        (lambda s: s.write(f"{TEMPORARY}/x", b""), 403),
        (lambda s: s.delete(""), 403),
        (lambda s: s.delete("/"), 403),
        (lambda s: s.delete("missing"), 404),
        (lambda s: s.delete("up/outside.txt"), 403),
        (lambda s: s.rename("", "x"), 403),
        (lambda s: s.rename("file", "folder"), 409),
        (lambda s: s.rename("file", "../x"), 403),
        (lambda s: s.rename("missing", "x"), 404),
        (lambda s: s.make_folder("file"), 409),
        (lambda s: s.make_folder("../x"), 403),
        (lambda s: s.folder("missing"), 404),
        (lambda s: s.folder("file"), 409),
        (lambda s: s.folder("up"), 403),
        (lambda s: s.file("folder"), 404),
        (lambda s: s.file("up/outside.txt"), 403),
        (lambda s: s.file("\ud800"), 404),
    ],
)
def test_what_an_owner_may_not_do(tmp_path: Path, act, expected: int) -> None:
    root = tmp_path / "site"
    (root / "folder").mkdir(parents=True)
    (root / "file").write_bytes(b"x")
    (root / "up").symlink_to("..")
    (tmp_path / "outside.txt").write_bytes(b"x")
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    with pytest.raises(Refused) as caught:
        act(ContentStore(root))
    assert caught.value.status == expected
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before


def test_deleting_a_link_leaves_what_it_points_to(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "kept").mkdir()
    (tmp_path / "site" / "link").symlink_to("../kept")
    ContentStore(tmp_path / "site").delete("link", recursive=True)
    assert (tmp_path / "kept").exists()
    assert not (tmp_path / "site" / "link").is_symlink()


def test_a_missing_site_folder_is_explained(tmp_path: Path) -> None:
    store = ContentStore(tmp_path / "gone")
    assert status(store, "/") == 404
    with pytest.raises(Refused) as caught:
        store.folder()
    assert "gone" in caught.value.hint


def test_uploads_at_once_leave_whole_files(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)

    def write(number: int) -> None:
        for _ in range(20):
            store.write("a.txt", bytes([number]) * 10_000)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    data = (tmp_path / "a.txt").read_bytes()
    assert len(data) == 10_000
    assert len(set(data)) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_a_given_up_upload_leaves_nothing(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    upload = store.upload("a.bin")
    upload.write(b"x" * 1000)
    assert store.folder() == []
    upload.abort()
    upload.abort()
    with pytest.raises(Goop2Error):
        upload.commit()
    assert [file.name for file in tmp_path.iterdir()] == []
