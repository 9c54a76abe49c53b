"""Key files, peer IDs and NaCl keys, with the vectors of spec/network appendix D."""

from __future__ import annotations

import base64
import contextlib
import logging
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goop2_core import identity as module
from goop2_core.errors import Goop2Error
from goop2_core.identity import (
    Identity,
    dump_key,
    from_base36,
    is_peer_id,
    load_or_create,
    nacl_pair_flaw,
    new_nacl_pair,
    parse_key,
    peer_id_of,
    public_key_of,
    read_peer_id,
    short,
    to_base36,
)  # fmt: skip

SEED = bytes(range(32))
PUBLIC = bytes.fromhex("03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8")
KEY_FILE = bytes.fromhex("08011240") + SEED + PUBLIC
PEER_ID = "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB"


def test_the_vectors_of_the_spec():
    identity = Identity.from_seed(SEED)
    assert identity == Identity(SEED, PUBLIC, PEER_ID)
    assert dump_key(identity) == KEY_FILE
    assert parse_key(KEY_FILE) == identity
    assert peer_id_of(PUBLIC) == PEER_ID
    assert public_key_of(PEER_ID) == PUBLIC


@pytest.mark.parametrize(
    "data",
    [
        KEY_FILE,
        bytes.fromhex("08011260") + SEED + PUBLIC + PUBLIC,  # the older form of go-libp2p
        bytes.fromhex("08011220") + SEED,  # py-libp2p
    ],
)
def test_the_forms_of_a_key(data):
    assert parse_key(data).peer_id == PEER_ID


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\0" * 68, "is not a libp2p key"),
        (base64.b64encode(KEY_FILE), "is not a libp2p key"),
        (b"\x08", "is not a libp2p key"),
        (b"\x08\x01", "is cut off"),
        (b"\x08\x01\x12\x40", "is cut off"),
        (KEY_FILE[:-1], "is cut off or has bytes too many"),
        (KEY_FILE + b"\n", "is cut off or has bytes too many"),
        (b"\x08\x00" + KEY_FILE[2:], "type RSA"),
        (b"\x08\x02" + KEY_FILE[2:], "type Secp256k1"),
        (b"\x08\x03" + KEY_FILE[2:], "type ECDSA"),
        (KEY_FILE[:4] + b"\xff" + KEY_FILE[5:], "do not belong together"),
        (KEY_FILE[:-1] + b"\xff", "do not belong together"),
        (bytes.fromhex("08011260") + SEED + PUBLIC + SEED, "do not belong together"),
        (b"x" * 20_000, "too large"),
    ],
)
def test_a_damaged_key_is_refused_and_left_alone(tmp_path, data, words):
    path = tmp_path / "identity.key"
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(Goop2Error, match="damaged") as caught:
        load_or_create(path)
    assert words in caught.value.message
    assert str(path) in caught.value.message
    assert "backup" in caught.value.hint
    assert path.read_bytes() == data
    assert list(tmp_path.iterdir()) == [path]
    assert read_peer_id(path) == ""


def test_every_flipped_bit_of_a_key_is_noticed():
    for bit in range(len(KEY_FILE) * 8):
        data = bytearray(KEY_FILE)
        data[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ValueError, match=" "):
            parse_key(bytes(data))


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=120) | st.binary(max_size=100).map(lambda tail: b"\x08\x01\x12\x40" + tail))
def test_garbage_is_no_key(data):
    try:
        identity = parse_key(data)
    except ValueError:
        return
    assert data[4:36] == identity.seed


def test_a_new_key_is_made_only_where_there_is_none(tmp_path):
    path = tmp_path / "data" / "deep" / "identity.key"
    identity = load_or_create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert len(path.read_bytes()) == 68
    assert load_or_create(path) == identity
    assert read_peer_id(path) == identity.peer_id
    assert list(path.parent.iterdir()) == [path]


def test_two_that_make_the_same_key_at_once_do_not_overwrite_each_other(tmp_path, monkeypatch):
    path = tmp_path / "identity.key"
    path.write_bytes(KEY_FILE)
    monkeypatch.setattr(module, "_read", lambda _path: None)  # it was not there when we looked
    with pytest.raises(Goop2Error):
        load_or_create(path)
    assert path.read_bytes() == KEY_FILE


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to("nowhere")])
def test_a_key_that_cannot_be_read(tmp_path, make):
    path = tmp_path / "identity.key"
    make(path)
    with pytest.raises(Goop2Error, match="cannot be read"):
        load_or_create(path)


def test_a_key_that_others_may_read_is_closed(tmp_path):
    path = tmp_path / "identity.key"
    path.write_bytes(KEY_FILE)
    path.chmod(0o644)
    assert load_or_create(path).peer_id == PEER_ID
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_seed_is_in_no_repr_and_no_log(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    identity = load_or_create(tmp_path / "identity.key")
    assert identity.seed.hex() not in repr(identity)
    assert repr(identity.seed) not in repr(identity)
    assert identity.seed.hex() not in caplog.text
    assert identity.peer_id in caplog.text


@given(st.binary(min_size=32, max_size=32))
def test_peer_ids_of_all_keys(public_key):
    peer_id = peer_id_of(public_key)
    assert len(peer_id) == 52
    assert is_peer_id(peer_id)
    assert public_key_of(peer_id) == public_key
    label = to_base36(peer_id)
    assert label.startswith("k51")
    assert len(label) == 62
    assert from_base36(label) == from_base36(label.upper()) == peer_id


@pytest.mark.parametrize(
    "text",
    ["", PEER_ID[:-1], PEER_ID + "x", PEER_ID.lower(), " " + PEER_ID[1:], PEER_ID[:-1] + "0", PEER_ID[:-1] + "é",
     PEER_ID[:-1] + "\n", "Qm" + "a" * 50, "12D3KooW" + "z" * 44, None, 5, PEER_ID.encode()],
)  # fmt: skip
def test_what_is_no_peer_id(text):
    assert not is_peer_id(text)


@pytest.mark.parametrize(
    "label", ["", "k51", "k" * 62, "k" + "z" * 61, "k" + "0" * 61, "b" + to_base36(PEER_ID)[1:], "k51" + "é" * 59]
)
def test_what_is_no_label(label):
    with pytest.raises(ValueError, match="not a peer ID in base36"):
        from_base36(label)


@given(
    st.text(max_size=70)
    | st.text(alphabet="0123456789abcdefghijklmnopqrstuvwxyz", min_size=61, max_size=61).map("k".__add__)
)
def test_garbage_labels(label):
    with contextlib.suppress(ValueError):
        assert is_peer_id(from_base36(label))


def test_short():
    assert short(PEER_ID) == "12D3…BfeSB"


def test_nacl_pairs():
    public, private = new_nacl_pair()
    assert len(base64.b64decode(public)) == len(base64.b64decode(private)) == 32
    assert nacl_pair_flaw(public, private) == ""
    assert nacl_pair_flaw("", private) == nacl_pair_flaw(public, "") == ""
    assert nacl_pair_flaw(new_nacl_pair()[0], private)
    # appendix D
    assert not nacl_pair_flaw(
        "e06Qm75//kTEZaIgA31gjuNYl9Me+XLwf3SJLLD3PxM=", "ERERERERERERERERERERERERERERERERERERERERERE="
    )
    assert not nacl_pair_flaw(
        "D6poTtKIZ7l/Smot7l34zpdOdrcBjj8iocTPJnhXDyA=", "IiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiI="
    )


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=60), st.text(max_size=60))
def test_garbage_nacl_pairs(public, private):
    assert isinstance(nacl_pair_flaw(public, private), str)
