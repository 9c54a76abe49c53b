"""The foundation: how soon it starts, how fast it serves, how much it holds, and whether the window stays smooth."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from aiohttp import ClientSession, web

from tests.bench.figures import Figure, percentile
from tests.support.headless import HeadlessPeer, ended

MIB = 1 << 20
SETTLE_SECONDS = 4.0


def measure(quick: bool) -> list[Figure]:
    """All figures; `quick` takes fewer rounds and a smaller file."""
    rounds = 3 if quick else 10
    size = (96 if quick else 384) * MIB
    with tempfile.TemporaryDirectory(prefix="goop2-bench-") as name:
        root = Path(name)
        site = root / "large"
        site.mkdir()
        (site / "small.txt").write_text("hello\n")
        (site / "index.html").write_text("<!doctype html><title>bench</title>")
        large = site / "large.bin"
        with large.open("wb") as file:
            for _ in range(size // MIB):
                file.write(os.urandom(MIB))
        return [
            *starts(root, rounds),
            *network(root, site, size, rounds),
            *memory(root),
            *smoothness(root, large, 6.0 if quick else 20.0),
        ]


# ---- starting


def starts(root: Path, rounds: int) -> list[Figure]:
    """Import, headless start, and the window; each in a new process, the first one not counted (cold caches)."""
    importing, serving = [], []
    peer = HeadlessPeer(root / "starts")
    with ended(peer):
        for _ in range(rounds + 1):
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-c", "import goop2_core.engine"], check=True)
            importing.append(time.perf_counter() - begin)
            begin = time.perf_counter()
            peer.start()
            serving.append(time.perf_counter() - begin)
            peer.stop()
    figures = [
        Figure("import", statistics.median(importing[1:]), "s", note="python starts and imports the whole engine"),
        Figure("peer_serving", statistics.median(serving[1:]), "s", "≤ 2", "process start until the console answers"),
    ]
    if shown := window(root, rounds):
        figures.append(
            Figure(
                "window_usable",
                statistics.median(shown),
                "s",
                "≤ 1.0",
                "process start until it is shown and polled, warm",
            )
        )
    else:
        figures.append(Figure("window_usable", float("nan"), "s", "≤ 1.0", "not measured: Xvfb or xdotool is missing"))
    return figures


def window(root: Path, rounds: int) -> list[float]:
    """Seconds from process start until the main window is visible and answers, under Xvfb."""
    if not (shutil.which("Xvfb") and shutil.which("xdotool")):
        return []
    shown = []
    with x_display() as environment:
        for number in range(rounds + 1):
            begin = time.perf_counter()
            process = subprocess.Popen(
                [sys.executable, "-m", "goop2_desktop", "--data-dir", str(root / "desk")],
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            find = ["xdotool", "search", "--onlyvisible", "--name", "^goop2$"]  # its --sync looks twice a second only
            while subprocess.run(find, env=environment, capture_output=True, timeout=60, check=False).returncode:
                assert process.poll() is None, "the app ended"
                time.sleep(0.005)
            if number:
                shown.append(time.perf_counter() - begin)
            process.terminate()
            process.wait(20)
    return shown


@contextlib.contextmanager
def x_display() -> Iterator[dict[str, str]]:
    """An Xvfb of its own; the environment that leads programs to it."""
    read, write = os.pipe()
    xvfb = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x900x24", "-nolisten", "tcp"],
        pass_fds=(write,),
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        number = os.read(read, 16).decode().strip()
        yield {**os.environ, "DISPLAY": f":{number}", "QT_QPA_PLATFORM": "xcb", "QT_QUICK_BACKEND": "software"}
    finally:
        os.close(read)
        xvfb.terminate()
        xvfb.wait(10)


# ---- the network


def network(root: Path, site: Path, size: int, rounds: int) -> list[Figure]:
    """Two peers in two processes on loopback, beside a raw socket and plain aiohttp with the same file."""
    raw = raw_socket(site / "large.bin")
    plain = asyncio.run(plain_aiohttp(site))
    with child("tests.bench.core_peer", str(served(root, site))) as (facts, _process):
        known = json.dumps([a for a in facts["addresses"] if "127.0.0.1" in a or "0.0.0.0" in a])
        known = known.replace("0.0.0.0", "127.0.0.1")
        command = [
            sys.executable,
            "-m",
            "tests.bench.core_client",
            str(root / "client"),
            facts["peer_id"],
            known,
            str(rounds),
        ]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=300)
        found = json.loads(done.stdout.splitlines()[-1])
    speed = max(found["throughput"])
    return [
        Figure("connect_p50", percentile(found["connect_ms"], 0.5), "ms", "≤ 60"),
        Figure("first_byte_p50", percentile(found["first_byte_ms"], 0.5), "ms", "≤ 15", "small page, open connection"),
        Figure("first_byte_p99", percentile(found["first_byte_ms"], 0.99), "ms"),
        Figure("site_throughput", speed, "MB/s", "≥ 80", f"{size >> 20} MiB, best of 3: {found['throughput']}"),
        Figure("raw_socket", raw, "MB/s", note="loopback TCP, same file"),
        Figure("plain_aiohttp", plain, "MB/s", note="HTTP over loopback, same file, no encryption"),
        Figure("ratio_raw_socket", speed / raw, "", note="site throughput / raw socket"),
        Figure("ratio_aiohttp", speed / plain, "", note="site throughput / plain aiohttp"),
        Figure("mq_round_trips", found["mq_per_second"], "1/s", "≥ 300", "sealed, acknowledged, one after the other"),
    ]


def served(root: Path, site: Path) -> Path:
    """A peer directory whose site is `site`."""
    directory = root / "server"
    directory.mkdir(exist_ok=True)
    (directory / "goop.json").write_text(json.dumps({"paths": {"site_root": str(site)}, "profile": {"label": "bench"}}))
    return directory


@contextlib.contextmanager
def child(module: str, *arguments: str) -> Iterator[tuple[Any, subprocess.Popen[str]]]:
    """A child that prints a line of JSON (or a word) and then serves until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin
    assert process.stdout
    try:
        line = process.stdout.readline()
        assert line, f"{module} did not start"
        yield (json.loads(line) if line.startswith("{") else line.strip()), process
    finally:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


def raw_socket(file: Path) -> float:
    """MB/s of the file through a loopback TCP connection between two threads, without anything else."""
    listener = socket.create_server(("127.0.0.1", 0))

    def send() -> None:
        connection, _ = listener.accept()
        with connection, file.open("rb") as source:
            while block := source.read(MIB):
                connection.sendall(block)

    sender = threading.Thread(target=send)
    sender.start()
    begin, size = time.perf_counter(), 0
    with socket.create_connection(listener.getsockname()) as connection:
        while block := connection.recv(MIB):
            size += len(block)
    taken = time.perf_counter() - begin
    sender.join()
    listener.close()
    return size / 1e6 / taken


async def plain_aiohttp(site: Path) -> float:
    """MB/s of the file from aiohttp's own static route to aiohttp's own client."""
    app = web.Application()
    app.router.add_static("/", site)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    size, begin = 0, time.perf_counter()
    async with (
        ClientSession() as session,
        session.get(f"http://127.0.0.1:{runner.addresses[0][1]}/large.bin") as answer,
    ):
        async for block in answer.content.iter_any():
            size += len(block)
    taken = time.perf_counter() - begin
    await runner.cleanup()
    return size / 1e6 / taken


# ---- memory and smoothness


def memory(root: Path) -> list[Figure]:
    """RSS of one headless peer, and of five in one process, a few seconds after the start."""
    figures = []
    for count, aim in ((1, "≤ 130"), (5, "")):
        with child("tests.bench.core_five", str(root / f"memory{count}"), str(count)) as (_word, process):
            time.sleep(SETTLE_SECONDS)
            rss = psutil.Process(process.pid).memory_info().rss / 1e6
        figures.append(Figure(f"rss_{count}_peers", rss, "MB", aim, "one process, no window"))
    return figures


def smoothness(root: Path, large: Path, seconds: float) -> list[Figure]:
    """The GUI timer's lateness and the length of loop callbacks while four visitors download."""
    if not shutil.which("Xvfb"):
        return [Figure("timer_p99", float("nan"), "ms", "≤ 50", "not measured: Xvfb is missing")]
    with x_display() as environment:
        command = [sys.executable, "-m", "tests.bench.core_desk", str(root / "smooth"), str(large), str(seconds)]
        done = subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE, text=True, timeout=200)
    found = json.loads(done.stdout.splitlines()[-1])
    note = f"4 visitors download {found['megabytes_per_second']:.0f} MB/s together"
    return [
        Figure("timer_p50", found["timer_p50_ms"], "ms", note=note),
        Figure("timer_p99", found["timer_p99_ms"], "ms", "≤ 50", note),
        Figure("timer_idle_p99", found["idle_p99_ms"], "ms", note="nobody downloads"),
        Figure("callback_p99", found["callback_p99_ms"], "ms", note="engine and GUI loop callbacks"),
        Figure("callback_max", found["callback_max_ms"], "ms", "≤ 20", note),
    ]
