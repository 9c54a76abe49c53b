"""Avatars: what counts as a picture, the own one, other people's and their cache."""

from __future__ import annotations

import asyncio
import os
import random
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goop2_core.encryption.box import PeerKey
from goop2_core.errors import Refused, StreamBroken
from goop2_core.p2p.api import Stream
from goop2_core.site import avatar as avatar_module
from goop2_core.site.avatar import OwnAvatar, avatar_hash, picture_of
from goop2_core.site.images import Image, image_of
from goop2_core.site.wire import AVATAR
from tests.unit.site.peers import PNG, keys_of, two_peers


def jpeg(width: int, height: int) -> bytes:
    app = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0" + bytes(9)
    table = b"\xff\xdb" + struct.pack(">H", 67) + bytes(65)
    frame = b"\xff\xc2" + struct.pack(">HBHHB", 17, 8, height, width, 3) + bytes(9)
    return b"\xff\xd8" + app + b"\xff" + table + frame + b"\xff\xda" + bytes(50)


def webp(kind: bytes, chunk: bytes) -> bytes:
    body = b"WEBP" + kind + struct.pack("<I", len(chunk)) + chunk
    return b"RIFF" + struct.pack("<I", len(body)) + body


PICTURES = {
    "png": (PNG, Image("image/png", 16, 16)),
    "gif": (b"GIF89a" + struct.pack("<HH", 3, 5) + bytes(10), Image("image/gif", 3, 5)),
    "jpeg": (jpeg(640, 480), Image("image/jpeg", 640, 480)),
    "lossy": (webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 300, 200)), Image("image/webp", 300, 200)),
    "lossless": (webp(b"VP8L", b"\x2f" + struct.pack("<I", 299 | 199 << 14)), Image("image/webp", 300, 200)),
    "extended": (webp(b"VP8X", bytes(4) + b"\x2b\x01\0\xc7\0\0"), Image("image/webp", 300, 200)),
}
NO_PICTURES = [b"", b"x",
               b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"BM" + bytes(100), b"\x89PNG\r\n\x1a\n", b"GIF89a",
               b"RIFF\0\0\0\0WEBPVP8 ", b"\xff\xd8\xff", b"\xff\xd8\xff\xda\0\0", b"%PDF-1.4", b"\0" * 64]  # fmt: skip


@pytest.mark.parametrize("kind", PICTURES)
def test_pictures_are_known_by_their_content(kind: str) -> None:
    data, image = PICTURES[kind]
    assert image_of(data) == image
    for length in range(len(data)):
        image_of(data[:length])


@pytest.mark.parametrize("data", NO_PICTURES)
def test_what_is_no_picture(data: bytes) -> None:
    assert image_of(data) is None
    assert picture_of(data) is None


@given(
    st.sampled_from([*[data[:40] for data, _ in PICTURES.values()], b""]),
    st.integers(0, 40),
    st.binary(max_size=200),
)
@settings(max_examples=3000, deadline=None)
def test_garbage_is_no_picture_or_has_a_size(start: bytes, cut: int, rest: bytes) -> None:
    picture = picture_of(start[:cut] + rest)
    assert picture is None or (image := image_of(picture.data)) is None or image.fits


def test_a_picture_that_promises_gigabytes_is_refused() -> None:
    bomb = PNG[:16] + struct.pack(">II", 60_000, 60_000) + PNG[24:]
    assert image_of(bomb) == Image("image/png", 60_000, 60_000)
    assert picture_of(bomb) is None
    assert picture_of(PNG[:16] + struct.pack(">II", 0, 10) + PNG[24:]) is None


def test_the_spec_vector_of_the_hash() -> None:
    assert avatar_hash(b"abc") == "ba7816bf8f01cfea"


async def test_the_own_picture(tmp_path: Path) -> None:
    told: list[str] = []
    own = OwnAvatar(tmp_path / "avatar.png", lambda: told.append(own.hash))
    await own.load()
    assert own.hash == ""
    picture = await own.set(PICTURES["jpeg"][0])
    assert picture.mime == "image/jpeg"
    assert told == [own.hash] == [avatar_hash(PICTURES["jpeg"][0])]
    again = OwnAvatar(tmp_path / "avatar.png")
    await again.load()
    assert again.picture == picture
    for data, status in ((b"<svg/>", 415), (PNG + bytes(300_000), 413)):
        with pytest.raises(Refused) as caught:
            await own.set(data)
        assert caught.value.status == status
    assert own.picture == picture
    await own.remove()
    assert own.data == b""
    assert await asyncio.to_thread(os.listdir, tmp_path) == []
    assert told[-1] == ""


async def test_a_file_that_is_no_picture_is_left_alone(tmp_path: Path) -> None:
    await asyncio.to_thread((tmp_path / "avatar.png").write_bytes, b"<svg/>")
    own = OwnAvatar(tmp_path / "avatar.png")
    await own.load()
    assert own.data == b""
    assert await asyncio.to_thread(os.listdir, tmp_path) == ["avatar.png"]


@pytest.mark.parametrize("alice_knows", [False, True])
@pytest.mark.parametrize("bob_knows", [False, True])
async def test_pictures_are_fetched_and_kept(tmp_path: Path, alice_knows: bool, bob_knows: bool) -> None:
    async with two_peers(tmp_path) as (alice, bob):
        if alice_knows:
            alice.knows(bob)
        if bob_knows:
            bob.knows(alice)
        picture = await alice.avatar.set(PNG)
        assert await bob.avatars.of(alice.id, picture.hash) is None  # not connected: nobody waits for that
        await bob.node.connect(alice.id)
        got = await bob.avatars.of(alice.id, picture.hash)
        if alice_knows and not bob_knows:
            assert got is None
            return
        assert got == picture
        alice.node.network.kill(alice.node)
        assert await bob.avatars.of(alice.id, picture.hash) == picture
        assert await bob.avatars.of(alice.id, "0" * 16) == picture  # the last one known
        assert await bob.avatars.of(alice.id, "") is None


async def test_one_fetch_serves_everyone_who_waits(tmp_path: Path) -> None:
    async with two_peers(tmp_path) as (alice, bob):
        asked = 0

        async def serve(stream: Stream) -> None:
            nonlocal asked
            asked += 1
            await stream.write(b"OK %d\n" % len(PNG) + PNG)

        alice.node.handle(AVATAR, serve)
        await bob.node.connect(alice.id)
        got = await asyncio.gather(*(bob.avatars.of(alice.id, avatar_hash(PNG)) for _ in range(20)))
        assert asked == 1
        assert {picture.data for picture in got if picture} == {PNG}


async def test_a_wrong_hash_is_not_asked_for_again_and_again(tmp_path: Path) -> None:
    async with two_peers(tmp_path) as (alice, bob):
        asked = 0

        async def serve(stream: Stream) -> None:
            nonlocal asked
            asked += 1
            await stream.write(b"OK %d\n" % len(PNG) + PNG)

        alice.node.handle(AVATAR, serve)
        await bob.node.connect(alice.id)
        for _ in range(5):
            picture = await bob.avatars.of(alice.id, "f" * 16)
            assert picture is not None
            assert picture.hash == avatar_hash(PNG)
        assert asked == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"NONE\n",
        b"NONE",
        b"OK\n",
        b"OK x\n",
        b"OK 5\nhe",
        b"OK 5\nhello",
        b"OK 524289\n",
        b"EOK 2097153\n",
        b"EOK 4\nAAAA",
        b"OK image/png 5\nhello",
        b"ERR not found\n",
        b"\xff" * 10_000,
        b"OK 60\n" + b"<svg onload=alert(1) xmlns='http://www.w3.org/2000/svg'/>    ",
    ],
)
async def test_bad_answers_are_no_picture(tmp_path: Path, answer: bytes) -> None:
    async with two_peers(tmp_path) as (alice, bob):
        bob.knows(alice)
        alice.node.handle(AVATAR, lambda stream: stream.write(answer))
        await bob.node.connect(alice.id)
        assert await bob.avatars.of(alice.id, "0" * 16) is None


async def test_a_stalling_peer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(avatar_module, "READ_SECONDS", 0.1)
    async with two_peers(tmp_path) as (alice, bob):

        async def stall(stream: Stream) -> None:
            await stream.write(b"OK 100\n")
            await stream.read()

        alice.node.handle(AVATAR, stall)
        with pytest.raises(StreamBroken):
            await bob.avatars.fetch(alice.id)


async def test_a_page_does_not_wait_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(avatar_module, "SHOWN_SECONDS", 0.1)
    async with two_peers(tmp_path) as (alice, bob):
        alice.node.handle(AVATAR, lambda stream: stream.read())
        await bob.node.connect(alice.id)
        async with asyncio.timeout(5):
            assert await bob.avatars.of(alice.id, "0" * 16) is None


@pytest.mark.parametrize("announced", ["../../../etc/x", "A" * 16, "0" * 15, "0" * 17, "*", "\0" * 16])
async def test_hostile_hashes_touch_no_file(tmp_path: Path, announced: str) -> None:
    async with two_peers(tmp_path) as (alice, bob):
        await alice.avatar.set(PNG)
        await bob.node.connect(alice.id)
        assert await bob.avatars.of(alice.id, announced) is None
        assert await bob.avatars.of("../x", "0" * 16) is None
    assert not (await asyncio.to_thread((tmp_path / "bob" / "cache").exists))


async def test_the_cache_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(avatar_module, "MOST_CACHED", 3 * len(PNG))
    async with two_peers(tmp_path) as (alice, bob):
        cache = tmp_path / "bob" / "cache"
        await asyncio.to_thread(cache.mkdir)
        dice = random.Random(1)
        for number in range(10):
            old = cache / f"12D3KooW{'A' * 43}{dice.choice('BCDEF')}-{number:016x}"
            await asyncio.to_thread(old.write_bytes, PNG)
            await asyncio.to_thread(os.utime, old, (number, number))
        other = cache / "notes.txt"
        await asyncio.to_thread(other.write_bytes, b"not ours")
        await alice.avatar.set(PNG)
        await bob.node.connect(alice.id)
        assert await bob.avatars.of(alice.id, alice.avatar.hash) is not None
        left = sorted(await asyncio.to_thread(os.listdir, cache))
        assert len(left) == 4
        assert other.name in left
        assert f"{alice.id}-{alice.avatar.hash}" in left


async def test_a_sealed_picture_with_an_old_key_is_no_picture(tmp_path: Path) -> None:
    async with two_peers(tmp_path) as (alice, bob):
        alice.knows(bob)
        bob.known[alice.id] = PeerKey(keys_of(7).public_b64, accepts=True)
        await alice.avatar.set(PNG)
        await bob.node.connect(alice.id)
        assert await bob.avatars.of(alice.id, alice.avatar.hash) is None
