"""What a hostile visitor costs: little memory, and nobody else's time."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from pathlib import Path

import psutil

from goop2_core.encryption.box import PeerKey
from goop2_core.identity import Identity, new_nacl_pair
from tests.integration.test_site_transfer import two_peers
from tests.support.stalling_visitor import HOSTILE_SEED
from tests.support.wait import until

MOST_MIB = 64


def memory() -> float:
    """This process's resident memory in MiB."""
    return psutil.Process().memory_info().rss / (1 << 20)


async def test_a_visitor_who_takes_nothing_costs_little_and_stops_nobody(tmp_path: Path) -> None:
    async with two_peers(tmp_path) as (alice, bob):
        await asyncio.to_thread(alice.content.write, "big", bytes(50 << 20))
        await asyncio.to_thread(alice.content.write, "sealed", os.urandom(4 << 20))
        alice.known[Identity.from_seed(HOSTILE_SEED).peer_id] = PeerKey(new_nacl_pair()[0], accepts=True)
        await bob.fetch(alice, "/sealed")
        gc.collect()
        before = memory()
        address = alice.node.listen_addresses()[0]
        visitor = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.support.stalling_visitor", alice.node.peer_id, address,
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            assert visitor.stdout is not None
            ready, count = (await asyncio.wait_for(visitor.stdout.readline(), 30)).split()
            assert (ready, int(count) > 8) == (b"ready", True)
            await until(lambda: alice.server._blocks.lent + alice.server._sealed.lent > 10 << 20)
            assert len(await bob.fetch(alice, "/sealed")) == 4 << 20
            assert memory() - before < MOST_MIB
        finally:
            visitor.kill()
            await visitor.wait()
        await until(lambda: alice.server._blocks.lent + alice.server._sealed.lent == 0)
        assert len(await bob.fetch(alice, "/big")) == 50 << 20
