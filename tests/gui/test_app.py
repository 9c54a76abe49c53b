"""The app as a process: one for each data directory, ended in order from every side, and back where it was."""

from __future__ import annotations

import json
import re
import signal
import time
from pathlib import Path

import pytest

from tests.gui.app_process import AppProcess


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_end_it_in_order(tmp_path, number):
    with AppProcess(tmp_path, "Alice") as app:
        app.wait_for("ready")
        app.process.send_signal(number)
        assert app.end() == 0
        assert app.lines[-2:] == ["host stopped", "exit 0"]
        assert not [line for line in app.errors if "Traceback" in line or "Release of profile" in line], app.errors


def test_it_outlives_its_terminal_if_asked_to(tmp_path):
    """Started as by nohup, with SIGHUP ignored, it goes on until something else ends it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a new program inherits it
    try:
        app = AppProcess(tmp_path, "Alice")
    finally:
        signal.signal(signal.SIGHUP, before)
    with app:
        app.wait_for("ready")
        status = Path(f"/proc/{app.process.pid}/status").read_text()
        ignored = int(re.search(r"^SigIgn:\s*(\w+)", status, re.MULTILINE)[1], 16)
        assert ignored >> (signal.SIGHUP - 1) & 1
        app.process.terminate()
        assert app.end() == 0


def test_a_second_start_raises_the_first_and_hands_over_its_link(tmp_path):
    with AppProcess(tmp_path, "Alice") as first:
        first.wait_for("ready")
        begun = time.monotonic()
        with AppProcess(tmp_path, "--", "goop2:12D3KooWExample") as second:
            assert second.end() == 0
            assert second.lines == ["exit 0"], "it showed no window of its own"
        assert time.monotonic() - begun < 15
        with AppProcess(tmp_path / "elsewhere", "Zoe") as other:
            other.wait_for("ready")
            other.process.terminate()
            assert other.end() == 0
        first.process.terminate()
        assert first.end() == 0


def test_one_that_was_killed_does_not_stand_in_the_way(tmp_path):
    with AppProcess(tmp_path, "Alice") as first:
        first.wait_for("ready")
        first.process.kill()
        first.process.wait()
    with AppProcess(tmp_path, "Alice") as second:
        second.wait_for("ready")
        second.process.terminate()
        assert second.end() == 0


def test_peers_that_ran_start_again_and_a_failing_one_stops_nobody(tmp_path):
    peers = tmp_path / "peers"
    running = [str(peers / "alice"), str(peers / "broken"), str(peers / "gone"), str(peers / "zoe")]
    (tmp_path / "desktop.json").write_text(json.dumps({"running": running}))
    with AppProcess(tmp_path, "Alice=stopped", "Broken=failing", "Zoe=stopped", "Other=stopped") as app:
        app.wait_for("ready")
        started = {app.wait_for("start") for _ in range(3)}
        assert started == {"start Alice", "start Broken", "start Zoe"}
        app.process.terminate()
        assert app.end() == 0
    kept = json.loads((tmp_path / "desktop.json").read_text())
    assert kept["running"] == [path for path in running if not path.endswith("gone")]
    assert (tmp_path / "desktop.json").stat().st_mode & 0o777 == 0o600


def test_a_slow_stop_is_shown(tmp_path):
    with AppProcess(tmp_path, "slow") as app:
        app.wait_for("ready")
        app.process.terminate()
        app.wait_for("host stopped")
        assert app.end() == 0
