"""Throwing spoilt inputs at one parser after another: what may be raised, how long it may take, what it may hold.

A target fails if it raises anything but what it documents, logs an error, takes more than `INPUT_SECONDS` of processor
time for one input, or makes the process hold `TARGET_BYTES` more. The input that failed is kept in
`tests/artefacts/fuzz/`, and the message says how to give it to the target again.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import logging
import random
import shlex
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

ARTEFACTS = Path(__file__).parents[1] / "artefacts" / "fuzz"
INPUT_SECONDS = 1.0
TARGET_BYTES = 64 << 20
DEFAULT_SEED = 20261123


@dataclass(frozen=True)
class Target:
    """A parser: `make(dice)` gives the next input, `take(data)` parses it and may raise only `refuses`.

    `share` is how many of the inputs it gets compared with others.
    """

    name: str
    make: Callable[[random.Random], bytes]
    take: Callable[[bytes], object]
    refuses: tuple[type[Exception], ...] = ()
    share: float = 1.0


@dataclass
class Count:
    """What became of a target's inputs. `seconds` is processor time, `held` bytes of memory more than before."""

    name: str
    inputs: int = 0
    refused: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    held: int = 0


class Found(AssertionError):
    """A target did what it must not do."""


@dataclass
class _Errors(logging.Handler):
    """Keeps what was logged as an error."""

    records: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(logging.ERROR)

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record.getMessage())

    __hash__ = logging.Handler.__hash__


@contextlib.contextmanager
def logged_errors() -> Iterator[list[str]]:
    """The errors that are logged meanwhile. What is logged below that is dropped: there is a line for each input."""
    catcher = _Errors()
    logging.getLogger().addHandler(catcher)
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield catcher.records
    finally:
        logging.disable(before)
        logging.getLogger().removeHandler(catcher)


def run(target: Target, inputs: int, seed: int = DEFAULT_SEED) -> Count:
    """Give `inputs` inputs to `target`. Raises `Found` for the first that does what it must not."""
    count = Count(target.name)
    dice = random.Random(f"{seed} {target.name}")
    gc.collect()
    before = _reset_peak()
    with logged_errors() as errors:
        for number in range(inputs):
            data = target.make(dice)
            problem = _try(target, data, count)
            if not problem and errors:
                problem = f"logged the error “{errors[0]}”"
            if problem:
                raise Found(_told(target.name, problem, data, seed, number))
    count.held = max(0, _peak() - before)
    if count.held > TARGET_BYTES:
        raise Found(f"{target.name} (seed {seed}): the process held {count.held >> 20} MiB more at its peak")
    return count


def replay(target: Target, data: bytes) -> str:
    """What is wrong with how `target` takes one input; empty if nothing is."""
    with logged_errors() as errors:
        problem = _try(target, data, Count(target.name))
    return problem or "".join(errors[:1])


def _try(target: Target, data: bytes, count: Count) -> str:
    start = time.thread_time()
    problem = ""
    try:
        target.take(data)
    except target.refuses:
        count.refused += 1
    except Exception as error:  # that is what this looks for
        problem = f"raised {error!r:.500} at {_place(error)}"
    took = time.thread_time() - start
    count.inputs += 1
    count.seconds += took
    count.slowest = max(count.slowest, took)
    if not problem and took > INPUT_SECONDS:
        problem = f"took {took:.1f} s"
    return problem


def _place(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else "?"


def keep(name: str, data: bytes) -> Path:
    """Keep an input that found something; the name begins with that of its target."""
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    file = ARTEFACTS / f"{name}-{hashlib.sha256(data).hexdigest()[:12]}.bin"
    file.write_bytes(data)
    return file


def _told(name: str, problem: str, data: bytes, seed: int, number: int) -> str:
    file = keep(name, data)
    return (
        f"{name} {problem}\nseed {seed}, input {number}, {len(data)} bytes: {data[:120]!r}\n"
        f"again: python -m tests.long fuzz --replay {shlex.quote(str(file))}"
    )


# ---- helpers for targets


def finish(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never has to wait, without a loop."""
    try:
        work.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        work.close()
    raise Found("the coroutine waits for something")


# ---- memory, as Linux tells it


def _reset_peak() -> int:
    """What the process holds now, in bytes; from here on the peak is measured anew where the system allows it."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return status_bytes("self", "VmRSS")


def _peak() -> int:
    return status_bytes("self", "VmHWM")


def status_bytes(process: int | str, name: str) -> int:
    """A line of `/proc/PID/status` that is in kB, as bytes."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0]) << 10
    raise KeyError(name)


def table(counts: list[Count]) -> str:
    """The counts as lines for a terminal."""
    lines = [f"{'target':<28}{'inputs':>11}{'refused':>11}{'CPU s':>8}{'slowest ms':>12}{'MiB':>6}"]
    lines += [
        f"{one.name:<28}{one.inputs:>11,}{one.refused:>11,}"
        f"{one.seconds:>8.1f}{one.slowest * 1000:>12.1f}{one.held >> 20:>6}"
        for one in counts
    ]
    lines.append(f"{'all':<28}{sum(one.inputs for one in counts):>11,}{sum(one.refused for one in counts):>11,}")
    return "\n".join(lines)
