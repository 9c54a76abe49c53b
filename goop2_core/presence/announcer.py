"""What this peer says of itself in gossip, and when (spec 2.2, 2.6)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from goop2_core.config import Config
from goop2_core.errors import NetworkError
from goop2_core.p2p.api import Node
from goop2_core.presence.message import Facts, clean_line, format_presence
from goop2_core.version import VERSION

log = logging.getLogger("goop2.presence")

TOPIC = "goop.presence.v1"
PUBLISH_SECONDS = 1.0
NEWS_GAP = 0.2


class Announcer:
    """Publishes the own presence; settings and avatar are asked for anew each time. Set `news` to do so at once."""

    def __init__(
        self, node: Node, public_key: str, config: Callable[[], Config], avatar_hash: Callable[[], str]
    ) -> None:
        self._node = node
        self._public_key = public_key
        self._config = config
        self._avatar_hash = avatar_hash
        self._ts = 0
        self.news = asyncio.Event()

    def facts(self) -> Facts:
        """What is said; a peer without a label is called `hello`, as the existing program calls it."""
        config = self._config()
        return Facts(
            content=clean_line(config.profile.label) or "hello",
            email=clean_line(config.profile.email),
            avatar_hash=self._avatar_hash(),
            video_disabled=config.viewer.video_disabled,
            active_template=config.viewer.active_template,
            public_key=self._public_key,
            accepts=bool(self._public_key),
            version=VERSION,
        )

    async def publish(self, kind: str) -> None:
        """Say `online`, `update` or `offline`. A network that fails is no error: the next beat repeats it."""
        self._ts = max(self._ts + 1, time.time_ns() // 1_000_000)
        data = format_presence(kind, self._node.peer_id, self.facts(), self._node.addresses(), self._ts)
        try:
            async with asyncio.timeout(PUBLISH_SECONDS):
                await self._node.publish(TOPIC, data)
        except (NetworkError, TimeoutError) as error:
            log.debug("announcing failed: %s", error or "it took too long")

    async def beat(self) -> None:
        """An update each heartbeat, for ever."""
        while True:
            await asyncio.sleep(self._config().presence.heartbeat_seconds)
            await self.publish("update")

    async def tell_news(self) -> None:
        """An update after each piece of news, 0.2 s apart at least, for ever."""
        while True:
            await self.news.wait()
            self.news.clear()
            await self.publish("update")
            await asyncio.sleep(NEWS_GAP)
