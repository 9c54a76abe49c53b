"""goop2 and go-libp2p, which the existing program is built on."""

from __future__ import annotations

import hashlib
import json

import pytest

from tests.interop.exchange import DATA, Exchange, announce_until, heard_from, meeting, off_loop
from tests.support.headless import fetch, wait_for

pytestmark = pytest.mark.interop


@pytest.fixture
def program(go_program: list[str]) -> list[str]:
    """The counterpart."""
    return go_program


class TestGo(Exchange):
    """Everything, with go-libp2p; and what only it can do: seal with the existing program's NaCl library."""

    async def test_files_and_messages_are_sealed_once_keys_are_known(self, program, tmp_path):
        async with meeting(program, tmp_path) as (ours, theirs):
            heard = await theirs.event("gossip", heard_from(ours.peer_id, "update"))
            key = json.loads(heard["data"])["publicKey"]
            own = await theirs.call("encrypt", peer_id=ours.peer_id, public_key=key)
            await announce_until(
                theirs,
                lambda: ours.person(theirs.peer_id)["encrypted"],
                publicKey=own["public_key"],
                encryptionSupported=True,
            )

            fetched = await theirs.call("fetch", peer_id=ours.peer_id, path="/data.bin")
            assert (fetched["sealed"], fetched["sha256"]) == (True, hashlib.sha256(DATA).hexdigest())
            browser = await off_loop(ours.visit, theirs.peer_id)
            assert await off_loop(fetch, browser, "/data.bin") == DATA

            await off_loop(ours.post, f"/api/chat/{theirs.peer_id}", {"content": "sealed", "client_id": "1"})
            received = await theirs.event("message", lambda event: event["message"]["topic"] == "chat")
            assert received["sealed"]
            assert received["message"]["payload"]["content"] == "sealed"
            await theirs.call("send", peer_id=ours.peer_id, topic="chat", payload={"content": "sealed too"})
            await off_loop(wait_for, lambda: len(ours.get(f"/api/chat/{theirs.peer_id}")["messages"]) == 2, 10)
