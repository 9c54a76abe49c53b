"""Nothing of the site blocks the loop."""

from __future__ import annotations

import asyncio
from pathlib import Path

from blockbuster import blockbuster_ctx

from tests.unit.site.peers import PNG, two_peers


async def test_serving_and_fetching_do_not_block(tmp_path: Path) -> None:
    async with two_peers(tmp_path) as (alice, bob):
        for name, size in (("a", 10), ("large", 3_000_000)):
            await asyncio.to_thread(alice.content.write, name, bytes(size))
        with blockbuster_ctx():
            for knows in (False, True):
                if knows:
                    alice.knows(bob)
                    bob.knows(alice)
                assert len(await bob.fetch(alice, "/a")) == 10
                assert len(await bob.fetch(alice, "/large")) == 3_000_000
            await alice.avatar.set(PNG)
            await alice.avatar.load()
            await bob.node.connect(alice.id)
            assert await bob.avatars.of(alice.id, alice.avatar.hash) is not None
            assert await bob.avatars.of(alice.id, "0" * 16) is not None
            await alice.avatar.remove()
