"""A child of the `core` benchmark: a GUI thread with a timer beside an engine whose site four visitors download."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import qasync
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QLabel

from goop2_core.host import EngineHost
from goop2_desktop.collect import Collector
from tests.bench.figures import percentile

TICK_MS = 16
VISITORS = 4
READER = """
import http.client, sys, time
port, host, path, seconds = int(sys.argv[1]), sys.argv[2], sys.argv[3], float(sys.argv[4])
end, size = time.monotonic() + seconds, 0
while time.monotonic() < end:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", path, headers={"Host": host})
    answer = connection.getresponse()
    assert answer.status == 200, answer.status
    while time.monotonic() < end and (block := answer.read(1 << 18)):
        size += len(block)
    connection.close()
print(size)
"""


def watch_callbacks(took: list[float]) -> None:
    """Note how long each callback of any loop but the GUI's takes, in ms."""
    original = asyncio.events.Handle._run

    def timed(handle: Any) -> Any:
        begin = time.perf_counter()
        try:
            return original(handle)
        finally:
            took.append((time.perf_counter() - begin) * 1000)

    asyncio.events.Handle._run = timed  # type: ignore[method-assign]


async def run(data_dir: Path, large: Path, seconds: float) -> dict[str, Any]:
    """Lateness of the timer and length of callbacks, idle and with visitors."""
    host = EngineHost(data_dir)
    await host.start()
    peer = await host.create_peer("Bench", site_folder=large.parent)
    await host.start_peer(peer.directory)
    late: list[float] = []
    took: list[float] = []
    last = time.perf_counter()

    def tick() -> None:
        nonlocal last
        now = time.perf_counter()
        late.append(max(0.0, (now - last) * 1000 - TICK_MS))
        last = now
        label.setText(str(len(late)))

    label = QLabel("bench")
    label.resize(400, 200)
    label.show()
    timer = QTimer()
    timer.setTimerType(timer.timerType().PreciseTimer)
    timer.timeout.connect(tick)
    timer.start(TICK_MS)
    await asyncio.sleep(2)
    late.clear()
    await asyncio.sleep(seconds / 3)
    idle = list(late)
    watch_callbacks(took)
    origin = urlsplit((await host.site_url(peer.directory)).origin)
    command = [sys.executable, "-c", READER, str(origin.port), origin.netloc, f"/{large.name}", str(seconds)]
    readers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220 (it starts in a moment)
        for _ in range(VISITORS)
    ]
    late.clear()
    await asyncio.sleep(seconds)
    busy = list(late)
    sizes = [int((await asyncio.to_thread(reader.communicate))[0]) for reader in readers]
    timer.stop()
    await host.stop()
    return {
        "idle_p99_ms": percentile(idle, 0.99),
        "timer_p50_ms": percentile(busy, 0.5),
        "timer_p99_ms": percentile(busy, 0.99),
        "callback_p99_ms": percentile(took, 0.99),
        "callback_max_ms": max(took),
        "megabytes_per_second": sum(sizes) / 1e6 / seconds,
    }


def main() -> None:
    """Run and print the figures as JSON."""
    app = QApplication(sys.argv[:1])
    collector = Collector(app)
    loop = qasync.QEventLoop(app)
    with loop:
        figures = loop.run_until_complete(run(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])))
    del collector
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
