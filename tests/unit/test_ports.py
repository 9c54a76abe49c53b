"""Remembered ports: kept over a restart, forgotten when the file is not what it should be."""

from __future__ import annotations

import pytest

from goop2_core.ports import RememberedPorts


def test_ports_are_remembered(tmp_path):
    file = tmp_path / "ports.json"
    ports = RememberedPorts(file)
    assert ports.get("site") == 0
    ports.put(site=8080)
    ports.put(console=8081)
    again = RememberedPorts(file)
    assert (again.get("site"), again.get("console")) == (8080, 8081)


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[1]", b'{"site": true}', b'{"site": 70000}', b'{"site": "80"}', b"\xff", b"[" * 4096]
)
def test_a_damaged_file_counts_as_none(tmp_path, data):
    file = tmp_path / "ports.json"
    file.write_bytes(data)
    ports = RememberedPorts(file)
    assert ports.get("site") == 0
    ports.put(site=8080)
    assert RememberedPorts(file).get("site") == 8080
