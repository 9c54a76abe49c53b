"""Stream negotiation: every way of pipelining gives the same result, and rubbish gives an error and nothing else."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goop2_core.p2p._multistream import HEADER, LIST, Initiator, Responder, line, proposal
from goop2_core.p2p._wire import WireError, cut_prefixed, encode_varint, prefixed


def responder(*names: str) -> Responder:
    return Responder(set(names).__contains__, lambda: names)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in pairwise(edges)]


@given(st.lists(st.integers(0, 500)), st.binary(max_size=50))
def test_however_the_bytes_are_cut_the_answer_is_the_same(cuts: list[int], payload: bytes) -> None:
    side = responder("/a/1")
    answers, rests = b"", b""
    for piece in pieces(proposal("/b/1") + line(b"/a/1") + payload, cuts):
        answer, rest = side.feed(piece)
        answers, rests = answers + answer, rests + rest
        if side.protocol is not None:
            break
    assert side.protocol == "/a/1"
    assert answers == line(HEADER) + line(b"na") + line(b"/a/1")
    assert payload.startswith(rests)


def test_the_responder_hands_over_what_was_pipelined_behind_the_proposal() -> None:
    side = responder("/a/1")
    assert side.feed(proposal("/a/1") + b"GET /\n") == (line(HEADER) + line(b"/a/1"), b"GET /\n")


def test_a_list_of_protocols_is_given() -> None:
    side = responder("/a/1", "/b/1")
    answer, _ = side.feed(line(HEADER) + line(LIST))
    assert answer == line(HEADER) + prefixed(line(b"/a/1") + line(b"/b/1") + b"\n")
    assert side.protocol is None


@pytest.mark.parametrize(
    "data",
    [
        line(b"/multistream/0.9.0"),
        prefixed(b"/multistream/1.0.0"),
        line(HEADER) + line(b"\xff\xfe\xfd\xfc"),
        line(HEADER) + line(b"/x") * 17,
        b"\xff\xff\xff\xff\xff\xff",
        encode_varint(5000),
    ],
)
def test_the_responder_refuses_what_is_no_negotiation(data: bytes) -> None:
    with pytest.raises(WireError):
        responder("/a/1").feed(data)


def test_the_initiator_learns_of_acceptance_and_gets_the_payload() -> None:
    side = Initiator("/a/1")
    assert side.feed(line(HEADER)) == b""
    assert side.accepted is None
    assert side.feed(line(b"/a/1") + b"hello") == b"hello"
    assert side.accepted is True


def test_the_initiator_learns_of_a_refusal() -> None:
    side = Initiator("/a/1")
    side.feed(line(HEADER) + line(b"na"))
    assert side.accepted is False


@given(st.binary(max_size=200))
def test_rubbish_gives_an_error_or_nothing(data: bytes) -> None:
    for side in (Initiator("/a/1"), responder("/a/1")):
        try:
            side.feed(data)
        except WireError:
            continue


@given(st.lists(st.binary(max_size=300), max_size=5), st.lists(st.integers(0, 2000)))
def test_length_prefixed_messages_come_out_as_they_went_in(messages: list[bytes], cuts: list[int]) -> None:
    buffer = bytearray()
    found = []
    for piece in pieces(b"".join(map(prefixed, messages)), cuts):
        buffer += piece
        while (message := cut_prefixed(buffer, 300)) is not None:
            found.append(message)
    assert found == messages
    assert not buffer


def test_a_message_above_the_limit_is_refused_by_its_length_alone() -> None:
    with pytest.raises(WireError):
        cut_prefixed(bytearray(encode_varint(301)), 300)
