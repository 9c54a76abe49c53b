"""Pubsub messages: what is signed by its author passes, everything else does not."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goop2_core.p2p import patches
from goop2_core.p2p._noise import Keys
from goop2_core.p2p._signed import Signer
from goop2_core.p2p._wire import WireError

library = patches.load()


def signer() -> Signer:
    return Signer(library, Keys.of(library, os.urandom(32)))


def test_a_message_passes_and_names_its_author() -> None:
    author = signer()
    checked = signer().check(author.make("topic", b"data"))
    assert (checked.topic, checked.data) == ("topic", b"data")
    assert checked.author == library.peer_id(author._own).to_base58()


def test_messages_have_identities_of_their_own() -> None:
    author = signer()
    one, two = (signer().check(author.make("topic", b"data")) for _ in range(2))
    assert one.identity != two.identity


@pytest.mark.parametrize("field", ["data", "seqno", "from_id", "signature"])
def test_a_changed_message_is_refused(field: str) -> None:
    message = signer().make("topic", b"data")
    value = bytearray(getattr(message, field))
    value[-1] ^= 1
    setattr(message, field, bytes(value))
    with pytest.raises(WireError):
        signer().check(message)


def test_somebody_elses_name_is_refused() -> None:
    message = signer().make("topic", b"data")
    message.from_id = signer()._own
    with pytest.raises(WireError):
        signer().check(message)


@pytest.mark.parametrize("field", ["seqno", "from_id", "signature", "topicIDs"])
def test_a_missing_field_is_refused(field: str) -> None:
    message = signer().make("topic", b"data")
    message.ClearField(field)
    with pytest.raises(WireError):
        signer().check(message)


def test_two_topics_are_refused() -> None:
    message = signer().make("topic", b"data")
    message.topicIDs.append("other")
    with pytest.raises(WireError):
        signer().check(message)


@given(st.binary(max_size=64), st.binary(max_size=64), st.binary(min_size=8, max_size=8), st.binary(max_size=80))
def test_nonsense_is_refused(author: bytes, key: bytes, seqno: bytes, signature: bytes) -> None:
    message = library.rpc.Message(from_id=author, key=key, seqno=seqno, signature=signature, topicIDs=["t"], data=b"d")
    with pytest.raises(WireError):
        signer().check(message)
