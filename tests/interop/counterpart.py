"""A peer of another implementation in a process of its own, driven by JSON lines (`go/main.go` says how)."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

LONGEST_LINE = 16 << 20
STOP_SECONDS = 5.0


class CounterpartError(Exception):
    """The other implementation could not do what it was asked."""


class Counterpart:
    """`peer_id` and `addresses` are those of the running peer; `call` asks, `event` waits for what it tells."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.peer_id = ""
        self.addresses: list[str] = []
        self._process = process
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._events: list[dict[str, Any]] = []
        self._told = asyncio.Condition()

    async def call(self, op: str, **arguments: Any) -> dict[str, Any]:
        """The result of an op. Raises `CounterpartError` with the other side's words."""
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"id": number, "op": op, **arguments}).encode() + b"\n")
        await self._process.stdin.drain()
        line = await asyncio.wait_for(answer, 30)
        if "error" in line:
            raise CounterpartError(f"{op}: {line['error']}")
        return line["result"]

    async def event(
        self, name: str, wanted: Callable[[dict[str, Any]], bool] = lambda _: True, seconds: float = 15.0
    ) -> dict[str, Any]:
        """The first event of this name, told already or within `seconds`, that is `wanted`."""

        def found() -> dict[str, Any] | None:
            return next((e for e in self._events if e["event"] == name and wanted(e)), None)

        async with self._told:
            try:
                return await asyncio.wait_for(self._told.wait_for(found), seconds)
            except TimeoutError:
                raise AssertionError(f"no such {name} within {seconds} s; told: {self._events}") from None

    def address(self, *, ws: bool = False) -> str:
        """Its loopback address with its peer ID, for TCP or for WebSocket."""
        listening = next(a for a in self.addresses if "/127.0.0.1/" in a and a.endswith("/ws") == ws)
        return f"{listening}/p2p/{self.peer_id}"

    async def read(self) -> None:
        """Take in what it says until it ends."""
        assert self._process.stdout
        async for text in self._process.stdout:
            line = json.loads(text)
            if "event" in line:
                async with self._told:
                    self._events.append(line)
                    self._told.notify_all()
            elif not (answer := self._answers.pop(line["id"])).done():
                answer.set_result(line)
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(CounterpartError("the program ended"))


@contextlib.asynccontextmanager
async def running(argv: Sequence[str], **options: Any) -> AsyncIterator[Counterpart]:
    """Start a counterpart with the options of its `start` op (`listen`, `security`, `tag`, `key_file`)."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe, limit=LONGEST_LINE)
    peer = Counterpart(process)
    reader = asyncio.create_task(peer.read(), name="counterpart reader")
    try:
        started = await peer.call("start", **options)
        peer.peer_id, peer.addresses = started["peer_id"], started["addresses"]
        yield peer
    finally:
        assert process.stdin
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
        await reader
