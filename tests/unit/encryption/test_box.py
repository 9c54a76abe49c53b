"""The NaCl envelope: the vectors of spec/network appendix D, and what must not open."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goop2_core.encryption.box import Keys, PeerKey, SealedText, box_of, is_key, open_sealed, public_of, seal, seal_in
from goop2_core.encryption.sealer import INLINE_BYTES, Sealer
from goop2_core.errors import Refused

A = Keys("e06Qm75//kTEZaIgA31gjuNYl9Me+XLwf3SJLLD3PxM=", "ERERERERERERERERERERERERERERERERERERERERERE=")
B = Keys("D6poTtKIZ7l/Smot7l34zpdOdrcBjj8iocTPJnhXDyA=", "IiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiI=")
NONCE = bytes(range(24))
MESSAGE = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXpFKVCkPV1XQ9Cf/LCKxaiiCuevkw55+mTo8Pjrk4UMc="
REQUEST = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX2R10gV/hGrkYABqiG7lncxzJTbZx+pSsX9UbxKU8Hg=="


def test_the_vectors_of_the_specification():
    assert public_of(A.private_b64) == A.public_b64
    assert public_of(B.private_b64) == B.public_b64
    box = box_of(A, B.public_b64)
    assert seal_in(box, b'{"content":"hi"}', NONCE) == MESSAGE
    assert seal_in(box, b"GET /index.html", NONCE) == REQUEST
    assert open_sealed(B, A.public_b64, MESSAGE) == b'{"content":"hi"}'
    assert open_sealed(B, A.public_b64, REQUEST.encode()) == b"GET /index.html"


def test_nonces_differ():
    assert seal(A, B.public_b64, b"x") != seal(A, B.public_b64, b"x")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "AAAA",
        MESSAGE[:-8],
        "B" + MESSAGE[1:],
        MESSAGE + "AAAA",
        MESSAGE.replace("/", "_"),
        MESSAGE + "\n",
        "é",
    ],
)
def test_what_was_altered_does_not_open(text):
    with pytest.raises(Refused):
        open_sealed(B, A.public_b64, text)


@given(st.one_of(st.text(), st.binary(), st.binary(min_size=40).map(base64.b64encode)))
def test_garbage_never_raises_anything_else(text):
    with pytest.raises(Refused):
        open_sealed(B, A.public_b64, text)


@given(st.lists(st.integers(1, 100)))
def test_text_in_parts_opens_as_the_whole_does(sizes):
    sealed, box = SealedText(), box_of(B, A.public_b64)
    rest = MESSAGE.encode()
    for size in [*sizes, len(MESSAGE)]:
        sealed.add(rest[:size])
        rest = rest[size:]
    assert sealed.opened(box) == b'{"content":"hi"}'


@pytest.mark.parametrize(
    "parts", [[MESSAGE, "AAAA"], [MESSAGE, "A"], [MESSAGE[:-1]], ["QQ==", MESSAGE], ["A", "\n" * 3]]
)
def test_parts_that_are_no_sealed_text(parts):
    def opened() -> bytes:
        sealed = SealedText()
        for part in parts:
            sealed.add(part.encode())
        return sealed.opened(box_of(B, A.public_b64))

    with pytest.raises(Refused):
        opened()


def test_keys_that_are_none():
    low_order = base64.b64encode(bytes(32)).decode()
    assert is_key(low_order)
    for their in ("", "-", "AAAA", low_order):
        with pytest.raises(Refused):
            seal(A, their, b"x")
    with pytest.raises(ValueError, match="32 bytes"):
        public_of("AAAA")


async def test_who_gets_sealed_text_and_who_plain():
    keys = {"b": PeerKey(B.public_b64, accepts=True), "mute": PeerKey(B.public_b64, accepts=False)}
    a = Sealer(A, keys.get)
    b = Sealer(B, {"a": PeerKey(A.public_b64, accepts=True)}.get)
    assert a.public_key == A.public_b64
    assert await a.seal_for("stranger", b"x") is None
    assert await a.seal_for("mute", b"x") is None
    assert (a.seals_for("b"), a.seals_for("mute"), a.has_key("mute"), a.has_key("stranger")) == (
        True,
        False,
        True,
        False,
    )
    for data in (b"", b"x", bytes(INLINE_BYTES * 3)):
        sealed = await a.seal_for("b", data)
        assert sealed is not None
        assert await b.open_from("a", sealed) == data
    with pytest.raises(Refused):
        await b.open_from("stranger", sealed)


async def test_a_new_key_is_used_at_once():
    keys = {"b": PeerKey(A.public_b64, accepts=True)}
    a = Sealer(A, keys.get)
    await a.seal_for("b", b"x")
    keys["b"] = PeerKey(B.public_b64, accepts=True)
    assert open_sealed(B, A.public_b64, await a.seal_for("b", b"new") or "") == b"new"


async def test_unusable_own_keys_turn_encryption_off(caplog):
    sealer = Sealer(Keys("", "AAAA"), {"b": PeerKey(B.public_b64, accepts=True)}.get)
    assert sealer.public_key == ""
    assert "nothing is encrypted" in caplog.text
    assert "AAAA" not in caplog.text
    assert await sealer.seal_for("b", b"x") is None
    assert not sealer.has_key("b")
    with pytest.raises(Refused):
        await sealer.open_from("b", MESSAGE)


async def test_a_hostile_public_key_means_plain_text_and_no_crash():
    low_order = PeerKey(base64.b64encode(bytes(32)).decode(), accepts=True)
    sealer = Sealer(A, {"evil": low_order}.get)
    assert await sealer.seal_for("evil", b"x") is None
    with pytest.raises(Refused):
        await sealer.open_from("evil", MESSAGE)


def test_no_secret_in_the_text_form():
    assert A.private_b64 not in repr(A)
