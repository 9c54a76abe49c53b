"""The command line, as a person types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from goop2_core.cli import main
from goop2_core.identity import is_peer_id
from goop2_core.peerdir import PeerDir
from tests.support.headless import HeadlessPeer, ended


def test_check_explains_every_setting_in_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    peer = PeerDir.ensure(tmp_path / "alice")
    assert main(["peer", str(peer.path), "--check"]) == 0
    out = capsys.readouterr().out
    assert "profile.label = 'alice'" in out
    assert "can be used" in out


def test_check_lists_everything_that_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    peer = PeerDir.ensure(tmp_path / "alice")
    peer.config_file.write_text(json.dumps({"p2p": {"listen_port": 70000}, "profile": {"label": 5}}))
    before = peer.config_file.read_bytes()
    assert main(["peer", str(peer.path), "--check"]) == 1
    said = capsys.readouterr().err
    assert "p2p.listen_port" in said
    assert "profile.label" in said
    assert peer.config_file.read_bytes() == before


def test_who_reads_no_further_than_the_head_gets_no_traceback(tmp_path: Path) -> None:
    peer = PeerDir.ensure(tmp_path / "alice")
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "goop2_core", "peer", str(peer.path), "--check"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False, timeout=30)
    os.close(writer)
    assert done.returncode == 1
    assert done.stderr == ""


def test_check_of_nothing_makes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["peer", str(tmp_path / "nobody"), "--check"]) == 1
    assert "goop.json" in capsys.readouterr().err
    assert not (tmp_path / "nobody").exists()


def test_no_private_key_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    peer = PeerDir.ensure(tmp_path / "alice")
    main(["peer", str(peer.path), "--check"])
    secret = json.loads(peer.config_file.read_text())["p2p"]["nacl_private_key"]
    assert secret not in capsys.readouterr().out


def test_id_of_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["id", str(tmp_path)]) == 1
    assert "no peer here" in capsys.readouterr().err


def test_console_of_a_peer_that_does_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    PeerDir.ensure(tmp_path / "alice")
    assert main(["console", str(tmp_path / "alice")]) == 1
    assert "not running" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [["peer"], ["id"], ["peer", "a", "b"], ["pear", "a"], ["--help"], ["--version"]])
def test_usage(argv: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == (0 if argv[0].startswith("--") else 2)


def test_a_peer_is_made_runs_says_its_id_and_ends_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    peer = HeadlessPeer(tmp_path / "Ada's home")
    with ended(peer):
        peer.start()
        assert is_peer_id(peer.peer_id)
        assert main(["id", str(peer.directory)]) == 0
        assert capsys.readouterr().out.strip() == peer.peer_id
        assert main(["console", str(peer.directory)]) == 0
        assert "?token=" in capsys.readouterr().out
        assert main(["peer", str(peer.directory)]) == 1
        assert "in use" in capsys.readouterr().err
        assert peer.stop() == 0
    assert not (peer.directory / "data" / "control.sock").exists()
