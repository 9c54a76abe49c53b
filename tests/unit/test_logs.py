"""The log: each engine's lines in its own ring, and no secrets in any."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator

import pytest

from goop2_core import logs
from goop2_core.events import LogWritten
from tests.support.wait import until

log = logging.getLogger("goop2.test")


@pytest.fixture
def ring() -> Iterator[logs.Ring]:
    ring = logs.Ring(100)
    detach = logs.attach(ring, "/peers/alice")
    yield ring
    detach()
    log.warning("after the end")
    assert "after the end" not in texts(ring)


@pytest.fixture
def alice() -> Iterator[None]:
    token = logs.current_engine.set("/peers/alice")
    yield
    logs.current_engine.reset(token)


def texts(ring: logs.Ring) -> list[str]:
    return [line.text for line in ring.lines()]


def test_lines_go_to_the_engine_they_belong_to(ring):
    other = logs.Ring()
    detach = logs.attach(other, "/peers/bob")
    for name in ("/peers/alice", "/peers/bob", ""):
        token = logs.current_engine.set(name)
        log.info("info of %s", name)
        log.warning("warning of %s", name)
        logs.current_engine.reset(token)
    detach()
    assert texts(ring) == ["info of /peers/alice", "warning of /peers/alice", "warning of "]
    assert texts(other) == ["info of /peers/bob", "warning of /peers/bob", "warning of "]


async def test_tasks_and_threads_of_an_engine_belong_to_it(ring):
    async def engine() -> None:
        logs.current_engine.set("/peers/alice")
        task = asyncio.create_task(work())
        await asyncio.to_thread(log.info, "thread")
        await task

    async def work() -> None:
        log.info("task")

    await asyncio.create_task(engine())
    log.info("outside")
    assert sorted(texts(ring)) == ["task", "thread"]


@pytest.mark.usefixtures("alice")
def test_a_line_and_its_details(ring):
    log.info("hello %d", 5)
    try:
        raise ValueError("inner")
    except ValueError:
        log.warning("went wrong", exc_info=True)
    first, second = ring.lines()
    assert first == LogWritten(1, first.timestamp, "INFO", "test", "hello 5")
    assert first.timestamp > 1_700_000_000_000
    assert second.text.startswith("went wrong\nTraceback")
    assert second.text.endswith("ValueError: inner")


@pytest.mark.usefixtures("alice")
def test_details_only_if_asked_for(ring):
    log.debug("quiet")
    ring.verbose = True
    log.debug("loud")
    ring.verbose = False
    log.debug("quiet")
    assert texts(ring) == ["loud"]


@pytest.mark.usefixtures("alice")
def test_the_ring_keeps_the_newest_and_pages(ring):
    for n in range(250):
        log.info("%d", n)
    assert [line.number for line in ring.lines()] == list(range(151, 251))
    assert [line.number for line in ring.lines(after=248)] == [249, 250]
    assert [line.number for line in ring.lines(after=0, limit=2)] == [151, 152]
    assert ring.lines(after=250) == []


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET /?goop-token=abc.DEF-1&x=1", "GET /?goop-token=…&x=1"),
        ("token: s3cret, ok", "token: …, ok"),
        ("{'nacl_private_key': 's3cret', 'a': 1}", "{'nacl_private_key': '…', 'a': 1}"),
        ("PASSWORD=s3cret", "PASSWORD=…"),
        ("the token was accepted", "the token was accepted"),
    ],
)
def test_secrets_are_blotted_out(ring, capsys, text, shown):
    remove = logs.setup_stderr()
    log.info("%s", text)
    remove()
    assert texts(ring) == [shown]
    err = capsys.readouterr().err
    assert err.endswith(f" INFO    [alice] test: {shown}\n")


@pytest.mark.usefixtures("alice")
def test_a_line_is_kept_to_a_length_and_a_wrong_format_harms_nothing(ring, monkeypatch, capsys):
    log.info("x" * 1_000_000)
    monkeypatch.setattr(logging, "raiseExceptions", False)
    log.info("%d", "no number")
    log.info("fine")
    assert [len(text) for text in texts(ring)] == [logs.LONGEST_LINE + 1, 4]
    assert capsys.readouterr().err == ""


def test_stderr_in_detail(capsys):
    for verbose in (False, True):
        remove = logs.setup_stderr(verbose)
        log.debug("detail")
        log.info("line")
        remove()
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" ", 2)[2] for line in lines] == [
        "INFO    test: line",
        "DEBUG   test: detail",
        "INFO    test: line",
    ]


@pytest.mark.usefixtures("alice")
async def test_listeners_are_called_on_their_loop_whoever_logs(ring):
    heard: list[tuple[int, threading.Thread]] = []
    end = ring.subscribe(lambda line: heard.append((line.number, threading.current_thread())))
    log.info("here")
    await asyncio.to_thread(log.info, "there")
    assert [number for number, _ in await until(lambda: len(heard) == 2 and heard)] == [1, 2]
    assert {thread for _, thread in heard} == {threading.current_thread()}
    end()
    log.info("unheard")
    await asyncio.sleep(0)
    assert len(heard) == 2


@pytest.mark.usefixtures("alice")
def test_a_listener_whose_loop_is_closed_is_no_trouble(ring):
    async def listen() -> None:
        ring.subscribe(lambda _line: None)

    asyncio.run(listen())
    log.info("still here")
    assert texts(ring) == ["still here"]
