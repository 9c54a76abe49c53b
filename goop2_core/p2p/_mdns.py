"""Finding peers on the LAN, wire-compatible with go-libp2p's mDNS (spec 2.3). Runs on the engine's loop.

zeroconf carries the packets and answers questions. Its service browser is not used: it insists on names that go-libp2p
does not give, on SRV records that js-libp2p does not send, and keeps one of several TXT strings. So the TXT records are
read as they arrive, and the questions are asked here.
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
import socket
import string
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from goop2_core.identity import is_peer_id
from goop2_core.p2p import _addresses
from goop2_core.p2p._limits import Bucket

if TYPE_CHECKING:
    from zeroconf import ServiceInfo, Zeroconf
    from zeroconf.asyncio import AsyncZeroconf

log = logging.getLogger("goop2.p2p")

TAG = re.compile(r"[A-Za-z0-9_-]{1,30}(\.[A-Za-z0-9_-]{1,20})?")
DUMMY_PORT = 4001
DNS_QUERY, DNS_PTR, DNS_INTERNET = 0, 12, 1
TTL_SECONDS = 3200
HOST_TTL_SECONDS = 120
FIRST_QUESTIONS = (0.0, 0.25, 0.5, 1.0, 1.0, 2.0)
QUESTION_MOST = 60.0
RETRY_SECONDS = 5.0
NAME_LEAST, NAME_MOST = 32, 50  # zeroconf takes no longer name beside the tag
ADDRESSES_MOST = 16
STRING_MOST = 255
REMEMBERED_MOST = 512
REPEAT_SECONDS = 5.0
HEARD_A_SECOND = 50.0

Found = Callable[[str, tuple[str, ...]], None]


class Mdns:
    """Announces this peer under `tag` and calls `found(peer_id, addresses)` for others that do."""

    def __init__(self, tag: str, peer_id: str, addresses: Callable[[], Sequence[str]], found: Found) -> None:
        self._type = f"{tag}.local."
        self._tag = tag
        self._peer_id = peer_id
        self._addresses = addresses
        self._found = found
        length = random.randint(NAME_LEAST, NAME_MOST - max(0, len(tag) - 10))  # noqa: S311  a name, not a secret
        self._name = "".join(random.choices(string.ascii_lowercase + string.digits, k=length))  # noqa: S311
        self._heard: OrderedDict[tuple[str, str, tuple[str, ...]], float] = OrderedDict()
        self._rate = Bucket(HEARD_A_SECOND, 4 * HEARD_A_SECOND)
        self._zeroconf: AsyncZeroconf | None = None
        self._info: ServiceInfo | None = None
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled. Without a usable network interface it tries again now and then, and when one appears."""
        if TAG.fullmatch(self._tag) is None:
            log.warning("mDNS tag %r cannot be used as a name on the network", self._tag)
            return
        try:
            while True:
                try:
                    await self._open()
                    await self._ask()
                except OSError as error:
                    log.info("no LAN discovery for now: %s", error)
                    await self._close()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), RETRY_SECONDS)
        finally:
            await self._close()

    def addresses_changed(self) -> None:
        """Announce again; the addresses or the network interfaces have changed."""
        self._changed.set()

    async def _open(self) -> None:
        from zeroconf import IPVersion  # noqa: PLC0415  loaded by the network thread, and only where discovery is on
        from zeroconf.asyncio import AsyncZeroconf  # noqa: PLC0415

        self._changed.clear()
        if self._zeroconf is None:
            self._zeroconf = AsyncZeroconf(ip_version=IPVersion.V4Only)
            zeroconf = self._zeroconf.zeroconf
            await zeroconf.async_wait_for_start()
            zeroconf.async_add_listener(_listener(self._records), None)
        else:
            zeroconf = self._zeroconf.zeroconf
            await zeroconf.async_update_interfaces()
        info = self._service()
        if self._info is not None:
            zeroconf.registry.async_remove(self._info)
        self._info = info
        zeroconf.registry.async_add(info)
        zeroconf.async_send(zeroconf.generate_service_broadcast(info, None))

    def _service(self) -> ServiceInfo:
        from zeroconf import ServiceInfo  # noqa: PLC0415

        texts = [
            f"dnsaddr={text}/p2p/{self._peer_id}".encode() for text in self._addresses() if not text.endswith("/ws")
        ]
        strings = [text for text in texts if len(text) <= STRING_MOST][:ADDRESSES_MOST]
        return ServiceInfo(
            self._type,
            f"{self._name}.{self._type}",
            port=DUMMY_PORT,
            properties=b"".join(bytes([len(text)]) + text for text in strings),
            server=f"{self._name}.local.",
            addresses=[socket.inet_aton(_first_ipv4(self._addresses()))],
            host_ttl=HOST_TTL_SECONDS,
            other_ttl=TTL_SECONDS,
        )

    async def _ask(self) -> None:
        """Ask who is there, often at first; until the addresses change."""
        pauses = list(FIRST_QUESTIONS)
        pause = 4.0
        while not self._changed.is_set():
            wait = pauses.pop(0) if pauses else pause
            if not pauses:
                pause = min(QUESTION_MOST, pause * random.uniform(1.5, 2.5))  # noqa: S311
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), wait or 0.01)
            if self._zeroconf is not None:
                _question(self._zeroconf.zeroconf, self._type)
                if pauses and self._info is not None:  # and say it again: the first packets may have been lost
                    zeroconf = self._zeroconf.zeroconf
                    zeroconf.async_send(zeroconf.generate_service_broadcast(self._info, None))

    def _records(self, records: Sequence[Any]) -> None:
        """What came from the network: TXT records of our type name peers."""
        for update in records:
            record = update.new
            name = record.name.lower()
            text = getattr(record, "text", None)
            if text is None or not name.endswith("." + self._type.lower()) or name.startswith(self._name):
                continue
            for peer_id, addresses in peers_of(text).items():
                self._heard_of(name, peer_id, addresses)

    def _heard_of(self, name: str, peer_id: str, addresses: tuple[str, ...]) -> None:
        now = time.monotonic()
        key = (name, peer_id, addresses)
        if peer_id == self._peer_id or now - self._heard.get(key, -REPEAT_SECONDS) < REPEAT_SECONDS:
            return
        if not self._rate.take():
            return
        self._heard[key] = now
        self._heard.move_to_end(key)
        while len(self._heard) > REMEMBERED_MOST:
            self._heard.popitem(last=False)
        self._found(peer_id, addresses)

    async def _close(self) -> None:
        zeroconf, self._zeroconf = self._zeroconf, None
        info, self._info = self._info, None
        if zeroconf is None:
            return
        with suppress(OSError):
            if info is not None:
                zeroconf.zeroconf.registry.async_remove(info)
                zeroconf.zeroconf.async_send(zeroconf.zeroconf.generate_service_broadcast(info, 0))
            await zeroconf.async_close()


def peers_of(text: bytes) -> dict[str, tuple[str, ...]]:
    """The peers and addresses that a TXT record names: its `dnsaddr=<multiaddr>/p2p/<id>` strings that parse."""
    found: dict[str, list[str]] = {}
    at = count = 0
    while at < len(text) and count < 4 * ADDRESSES_MOST:
        entry = text[at + 1 : at + 1 + text[at]]
        at += 1 + text[at]
        count += 1
        if not entry.startswith(b"dnsaddr="):
            continue
        address, marker, peer_id = entry[8:].decode("utf-8", "replace").rpartition("/p2p/")
        if marker and is_peer_id(peer_id) and _addresses.parse(address) is not None:
            known = found.setdefault(peer_id, [])
            if len(known) < ADDRESSES_MOST and address not in known:
                known.append(address)
    return {peer_id: tuple(addresses) for peer_id, addresses in found.items()}


def _first_ipv4(addresses: Sequence[str]) -> str:
    hosts = [end.host for text in addresses if (end := _addresses.parse(text)) is not None and end.kind == "ip4"]
    return next((host for host in hosts if not host.startswith("127.")), "127.0.0.1")


def _question(zeroconf: Zeroconf, kind: str) -> None:
    from zeroconf._dns import DNSQuestion  # noqa: PLC0415
    from zeroconf._protocol.outgoing import DNSOutgoing  # noqa: PLC0415

    question = DNSOutgoing(DNS_QUERY)
    question.add_question(DNSQuestion(kind, DNS_PTR, DNS_INTERNET))
    zeroconf.async_send(question)


def _listener(records: Callable[[Sequence[Any]], None]) -> Any:
    from zeroconf import RecordUpdateListener  # noqa: PLC0415

    class Listener(RecordUpdateListener):
        def async_update_records(self, zc: Any, now: float, updates: list[Any]) -> None:  # noqa: ARG002  its interface
            records(updates)

        def async_update_records_complete(self) -> None:
            pass

    return Listener()
