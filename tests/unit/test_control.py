"""The control socket: who may ask, what is answered, and that nothing of it is left."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

import pytest

from goop2_core.control import SOCKET_NAME, ControlServer, ask_for_console
from goop2_core.errors import Goop2Error
from tests.support.wait import until


async def test_it_answers_its_user_and_nobody_else_may_open_it(tmp_path: Path) -> None:
    server = ControlServer(tmp_path, lambda page: f"http://127.0.0.1:1/#/{page}")
    before = os.umask(0)
    try:
        await server.start()
        assert stat.S_IMODE((tmp_path / SOCKET_NAME).stat().st_mode) == 0o600
        assert os.umask(0) == 0, "other threads make files meanwhile"
    finally:
        os.umask(before)
    assert await ask_for_console(tmp_path, "log") == "http://127.0.0.1:1/#/log"
    await server.stop()
    assert not (tmp_path / SOCKET_NAME).exists()
    with pytest.raises(Goop2Error, match="not running"):
        await ask_for_console(tmp_path)


async def test_a_silent_client_does_not_outlive_it(tmp_path: Path) -> None:
    server = ControlServer(tmp_path, lambda page: page)
    await server.start()
    before = asyncio.all_tasks()
    reader, writer = await asyncio.open_unix_connection(str(tmp_path / SOCKET_NAME))
    try:
        await until(lambda: server._clients)
        await server.stop()
        assert await reader.read(1) == b""
        assert asyncio.all_tasks() == before
    finally:
        writer.close()
