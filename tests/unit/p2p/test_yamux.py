"""yamux: two machines talk through byte queues that are cut anywhere; broken rules end in `WireError` alone."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goop2_core.p2p import _yamux
from goop2_core.p2p._limits import Budget
from goop2_core.p2p._muxstream import MuxStream, StreamOver
from goop2_core.p2p._wire import WireError
from goop2_core.p2p._yamux import ACK, DATA, FIN, GO_AWAY, HEADER, PING, RST, SYN, WINDOW, Mux

BUDGET = 16 << 20


def nothing() -> None:
    pass


def mux(*, client: bool, welcome: Callable[[MuxStream], bool] = lambda _: True, budget: int = BUDGET) -> Mux:
    return Mux(client=client, budget=Budget(budget), on_stream=welcome, wake=nothing, cross=lambda function: function())


class Pair:
    """A client and a server, and the streams that the server got."""

    def __init__(self, budget: int = BUDGET) -> None:
        self.incoming: list[MuxStream] = []
        self.client = mux(client=True)
        self.server = mux(client=False, welcome=self._welcome, budget=budget)

    def _welcome(self, stream: MuxStream) -> bool:
        self.incoming.append(stream)
        return True

    def settle(self, cut: Callable[[int], int] = lambda size: size) -> None:
        """Carry bytes both ways until there are none."""
        busy = True
        while busy:
            busy = False
            for one, other in ((self.client, self.server), (self.server, self.client)):
                data = b"".join(one.batch(64 << 10))
                while data:
                    busy = True
                    size = max(1, cut(len(data)))
                    other.feed(data[:size])
                    data = data[size:]


def write(stream: MuxStream, data: bytes) -> None:
    stream.claim(len(data))
    stream.queue(data)


def read(stream: MuxStream, most: int = 1 << 20) -> bytes | None:
    return stream.take(most, nothing)


def frame(kind: int, flags: int, number: int, length: int, body: bytes = b"", *, version: int = 0) -> bytes:
    return HEADER.pack(version, kind, flags, number, length) + body


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32))
def test_data_arrives_whole_and_in_order_however_it_is_cut(seed: int) -> None:
    chance = random.Random(seed)
    pair = Pair()
    sent = [chance.randbytes(chance.randint(0, 400_000)) for _ in range(3)]
    streams = [pair.client.open() for _ in sent]
    for stream, data in zip(streams, sent, strict=True):
        assert stream is not None
        write(stream, data)
        stream.finish_writing()
    got = [bytearray() for _ in sent]
    done = [False] * len(sent)
    while not all(done):
        pair.settle(lambda size: chance.randint(1, size) if chance.random() < 0.5 else size)
        for index, stream in enumerate(pair.incoming):
            while data := read(stream, chance.randint(1, 100_000)):
                got[index] += data
            done[index] = data == b""
    assert [bytes(data) for data in got] == sent


def test_a_writer_waits_for_the_window_and_goes_on_when_the_reader_reads() -> None:
    pair = Pair()
    stream = pair.client.open()
    assert stream is not None
    write(stream, b"x" * 600_000)
    pair.settle()
    assert stream.waiting == 600_000 - (256 << 10)
    count = 0
    while data := read(pair.incoming[0]):
        count += len(data)
        pair.settle()
    assert count == 600_000
    assert stream.waiting == 0


def test_a_finished_side_still_reads() -> None:
    pair = Pair()
    stream = pair.client.open()
    assert stream is not None
    write(stream, b"question")
    stream.finish_writing()
    pair.settle()
    assert read(pair.incoming[0]) == b"question"
    assert read(pair.incoming[0]) == b""
    write(pair.incoming[0], b"answer")
    pair.incoming[0].finish_writing()
    pair.settle()
    assert read(stream) == b"answer"
    assert read(stream) == b""
    assert not pair.client.streams
    assert not pair.server.streams


def test_a_reset_is_never_an_end() -> None:
    pair = Pair()
    stream = pair.client.open()
    assert stream is not None
    write(stream, b"half of it")
    pair.settle()
    stream.reset("changed my mind")
    pair.settle()
    assert read(pair.incoming[0]) == b"half of it"
    with pytest.raises(StreamOver):
        read(pair.incoming[0])
    with pytest.raises(StreamOver):
        pair.incoming[0].claim(1)


def test_a_lost_connection_wakes_readers_and_writers() -> None:
    pair = Pair()
    stream = pair.client.open()
    assert stream is not None
    woken = []
    assert stream.take(1, lambda: woken.append("reader")) is None
    write(stream, b"x" * 1000)
    assert not stream.when_below(0, lambda: woken.append("writer"))
    pair.client.fail("gone")
    assert sorted(woken) == ["reader", "writer"]
    with pytest.raises(StreamOver, match="gone"):
        read(stream)


def test_unread_data_beyond_the_budget_resets_the_stream_and_only_it() -> None:
    pair = Pair(budget=300_000)
    one, two = pair.client.open(), pair.client.open()
    assert one is not None
    assert two is not None
    write(one, b"x" * 200_000)
    write(two, b"y" * 200_000)
    pair.settle()
    broken = [stream.broken for stream in pair.incoming]
    assert sum(bool(reason) for reason in broken) == 1
    assert pair.server.budget.used == 200_000


def test_a_closed_stream_takes_no_memory() -> None:
    pair = Pair()
    stream = pair.client.open()
    assert stream is not None
    write(stream, b"x" * 100_000)
    pair.settle()
    pair.incoming[0].close()
    assert pair.server.budget.used == 0
    write(stream, b"x" * 100_000)
    pair.settle()
    assert pair.server.budget.used == 0


def test_pings_are_answered() -> None:
    pair = Pair()
    pair.client.ping()
    pair.settle()
    assert pair.client.rtt > 0
    assert pair.client.silence(1e12) == 0


def test_an_unanswered_ping_ends_the_connection() -> None:
    one = mux(client=True)
    one.ping()
    now = one.heard_at
    assert one.tick(now + 9) == ""
    assert one.tick(now + 11) == "no sign of life"


def test_pings_that_are_never_collected_end_the_connection_and_are_not_kept() -> None:
    one = mux(client=False)
    one.feed(frame(PING, SYN, 0, 1) * 10_000)
    assert one.failed
    assert sum(map(len, one.batch(1 << 20))) < 64 << 10


def test_a_refused_stream_is_reset() -> None:
    one = mux(client=False, welcome=lambda _: False)
    one.feed(frame(WINDOW, SYN, 1, 0) + frame(DATA, 0, 1, 5, b"hello"))
    assert frame(WINDOW, RST, 1, 0) in b"".join(one.batch(1 << 16))
    assert not one.streams


def test_goodbye_lets_no_new_stream_begin() -> None:
    one = mux(client=True)
    one.feed(frame(GO_AWAY, 0, 0, 0))
    assert one.open() is None
    assert one.tick(one.heard_at + 0.1) == "the other side said goodbye"


@pytest.mark.parametrize(
    "data",
    [
        frame(DATA, SYN, 1, 1 << 30),
        frame(DATA, 0, 0, 1, b"x"),
        frame(9, 0, 1, 0),
        frame(DATA, 0, 1, 0, version=1),
        frame(WINDOW, SYN, 2, 0),
        frame(WINDOW, SYN, 3, 0) + frame(WINDOW, SYN, 1, 0),
        frame(WINDOW, SYN, 1, 0) + frame(DATA, 0, 1, 200_000, b"x" * 200_000) + frame(DATA, 0, 1, 100_000),
    ],
)
def test_broken_rules_end_the_connection(data: bytes) -> None:
    with pytest.raises(WireError):
        mux(client=False).feed(data)


def test_frames_for_unknown_streams_are_passed_over() -> None:
    one = mux(client=False)
    one.feed(frame(DATA, 0, 7, 5, b"hello") + frame(WINDOW, FIN, 9, 0) + frame(PING, SYN, 0, 77))
    assert b"".join(one.batch(1 << 16)) == frame(PING, ACK, 0, 77)


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_rubbish_is_refused_or_passed_over(data: bytes) -> None:
    try:
        mux(client=False).feed(data)
    except WireError:
        return


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([DATA, WINDOW, PING, GO_AWAY]),
            st.integers(0, 15),
            st.sampled_from([0, 1, 2, 3, 5]),
            st.integers(0, 40),
        )
    )
)
def test_well_formed_nonsense_is_refused_or_passed_over(frames: list[tuple[int, int, int, int]]) -> None:
    one = mux(client=False)
    try:
        for kind, flags, number, length in frames:
            one.feed(frame(kind, flags, number, length, b"x" * length if kind == DATA else b""))
            one.batch(1 << 16)
    except WireError:
        return
    assert one.budget.used <= sum(length for kind, _, _, length in frames if kind == DATA)


def test_keep_alive_follows_the_specification() -> None:
    assert (_yamux.KEEPALIVE_SECONDS, _yamux.KEEPALIVE_TIMEOUT) == (5.0, 10.0)


@pytest.mark.parametrize("cut", [1, 14], ids=["tiny messages", "tiny frames"])
def test_small_pieces_take_no_more_memory_than_they_are_counted_with(cut: int) -> None:
    """A peer may cut what it sends so that each byte would become an object of its own."""
    server = mux(client=False)
    server.feed(HEADER.pack(0, WINDOW, SYN, 1, 0))
    size = 64 << 10
    frames = (HEADER.pack(0, DATA, 0, 1, 2) + b"ab") * (size // 2) if cut > 1 else HEADER.pack(0, DATA, 0, 1, size)
    tracemalloc.start()
    server.feed(frames)
    for number in range(0 if cut > 1 else size):
        server.feed(bytes([number % 251]))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert server.budget.used == size
    assert held < 2 * size
    stream = server.streams[1]
    whole = b"ab" * (size // 2) if cut > 1 else bytes(number % 251 for number in range(size))
    assert read(stream, 1000) == whole[:1000]
    assert read(stream, size) == whole[1000:]
    assert server.budget.used == 0
