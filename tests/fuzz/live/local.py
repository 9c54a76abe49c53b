"""Attacks from this machine and its LAN: both faces over HTTP, the control socket, mDNS packets."""

from __future__ import annotations

import random
import socket
import struct
from collections.abc import Callable
from functools import partial
from typing import Any

import trio

from goop2_core.control import _short_path
from goop2_core.identity import to_base36
from tests.fuzz.engine import Count, Found, keep
from tests.fuzz.live.network import Attack, Plan
from tests.fuzz.live.victim import Victim
from tests.fuzz.mutate import json_text, mutated
from tests.fuzz.targets import words
from tests.fuzz.targets.pages import COOKIES, HOPS, HOSTS, ORIGINS, PLACES, RANGES
from tests.fuzz.targets.wire import text_record
from tests.support.http import request_bytes

LINGER = 0.2
CLIENTS = 24
GROUP, PORT = "224.0.0.251", 5353
PACKETS_A_SECOND = 400.0

Make = Callable[[random.Random], bytes]


# ---- HTTP


class Requests:
    """Requests to one face: sound ones with something wrong in the line, the headers or the body."""

    def __init__(self, port: int, headers: dict[str, str], forms: list[tuple[str, str, Any]]) -> None:
        self._headers = headers
        self._port = port
        self._forms = forms

    def __call__(self, dice: random.Random) -> bytes:
        method, path, body = dice.choice(self._forms)
        headers: dict[str, str] = dict(self._headers)
        data = b""
        kind = dice.random()
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json_text(dice, [body]) if isinstance(body, dict) else mutated(dice, [body])
            if kind < 0.4:
                return request_bytes(method, path, headers, data)
        if kind < 0.6:
            name, values = dice.choice(_SPOILT)
            headers[name] = _line(mutated(dice, values))
        elif kind < 0.75:
            path = _line(mutated(dice, [*PLACES, path.encode(), path.encode(), path.encode()])).replace(" ", "+")
        elif kind < 0.85:
            return self._smuggled(dice, method, path, headers, data)
        else:
            return mutated(dice, [request_bytes(method, path, headers, data)])
        return request_bytes(method, path, headers, data)

    @staticmethod
    def _smuggled(dice: random.Random, method: str, path: str, headers: dict[str, str], data: bytes) -> bytes:
        """Requests that two readers could take for different ones."""
        second = b"GET /api/state HTTP/1.1\r\nHost: x\r\n\r\n"
        extra = dice.choice(
            (
                "Transfer-Encoding: chunked\r\nContent-Length: 4",
                "Content-Length: 4\r\nContent-Length: 40",
                "Transfer-Encoding: xchunked",
                "Transfer-Encoding : chunked",
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
                " Content-Length: 5",
                "Content-Length: +5",
                "Content-Length: 5_0",
                "X: a\r\n b",
                "Expect: 100-continue\r\nContent-Length: 9",
                "Upgrade: websocket\r\nConnection: Upgrade",
                "Connection: close, Content-Length",
            )
        )
        head = request_bytes(method, path, headers, b"").removesuffix(b"\r\n\r\n")
        body = dice.choice(
            (b"5\r\nhello\r\n0\r\n\r\n", b"0\r\n\r\n", b"fffffffffffff\r\nx", b"-1\r\n", b"5;x=y\r\n", data)
        )
        return head + b"\r\n" + extra.encode() + b"\r\n\r\n" + body + second


def _line(data: bytes) -> str:
    return data.decode("latin-1").replace("\r", "").replace("\n", "")


_SPOILT: tuple[tuple[str, tuple[bytes, ...]], ...] = (
    ("Host", HOSTS),
    ("X-Forwarded-For", HOPS),
    ("Origin", ORIGINS),
    ("Range", RANGES),
    ("If-None-Match", RANGES),
    ("If-Match", RANGES),
    ("Cookie", COOKIES),
    ("Content-Type", (b"application/json; charset=utf-8", b"multipart/form-data; boundary=x")),
    ("Content-Length", (b"5", b"18446744073709551616")),
    ("Sec-Fetch-Site", (b"same-origin", b"cross-site")),
    ("Accept-Encoding", (b"gzip, br",)),
    ("Last-Event-ID", (b"5",)),
)


def console_requests(victim: Victim) -> Requests:
    """The owner's session with everything that the console offers, but for what would end the test."""
    peer, port = victim.peer.peer_id, victim.console_port
    headers = {"Host": f"127.0.0.1:{port}", "Cookie": victim.peer.console_cookie, "X-Goop2": "1"}
    return Requests(
        port,
        headers,
        [
            ("GET", "/", None),
            ("GET", "/static/main.js", None),
            ("GET", "/api/state", None),
            ("GET", "/api/people", None),
            ("GET", "/api/events", None),
            ("GET", f"/api/chat/{words.PEER}?before=0&limit=50", None),
            ("GET", "/api/files?path=sub", None),
            ("GET", "/api/files/content?path=page.html", None),
            ("GET", "/api/log?after=0&limit=500", None),
            ("GET", f"/api/avatar/{words.PEER}?mode=dark", None),
            ("GET", "/api/settings", None),
            ("GET", "/api/theme.css", None),
            ("GET", "/?token=AAAA", None),
            ("POST", "/api/settings", {"changes": {"profile.label": "Victim", "profile.email": "a@b.c"}}),
            ("POST", "/api/open", {"address": f"goop2:{peer}/page.html"}),
            ("POST", f"/api/chat/{words.PEER}", {"content": "Hello", "client_id": "1"}),
            ("POST", f"/api/chat/{words.PEER}/retry", {"message_id": 1}),
            ("POST", f"/api/chat/{words.PEER}/read", {}),
            ("POST", f"/api/people/{words.PEER}/favorite", {"favorite": True}),
            ("POST", f"/api/people/{words.PEER}/probe", {}),
            ("POST", "/api/files/mkdir", {"path": "sub/new"}),
            ("POST", "/api/files/rename", {"path": "sub/new", "to": "sub/newer"}),
            ("DELETE", "/api/files?path=sub/newer", None),
            ("DELETE", f"/api/chat/{words.PEER}", None),
            ("PUT", "/api/files/content?path=sub/x.txt", b"some text"),
            ("PUT", "/api/avatar", words.PNG),
        ],
    )


def site_requests(victim: Victim, cookie: str) -> Requests:
    """The owner's and guests' visits of the site face."""
    peer, port = victim.peer.peer_id, victim.site_port
    origin = f"{to_base36(peer)}.localhost:{port}"
    headers = {"Host": origin}
    if cookie:
        headers["Cookie"] = cookie
    return Requests(
        port,
        headers,
        [
            ("GET", "/page.html", None),
            ("HEAD", "/page.html", None),
            ("GET", "/", None),
            ("GET", f"/p/{peer}/page.html?x=1", None),
            ("GET", f"/p/{words.PEER}/", None),
            ("GET", "/api/self", None),
            ("GET", "/api/peers", None),
            ("GET", f"/api/avatar/peer/{peer}", None),
            ("GET", "/healthz", None),
            ("GET", "/?goop-token=AAAA", None),
            ("POST", "/api/self", {"x": 1}),
            ("OPTIONS", "/page.html", None),
        ],
    )


async def over_http(plan: Plan, name: str, port: int, make: Make, inputs: int) -> Count:
    """Each request on a connection of its own, from ever other loopback addresses. An answer of 500 is a bug."""
    count, dice = Count(name), plan.dice(name)
    left = inputs

    async def client() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            data = make(dice)
            answer = await _asked(port, data, f"127.0.{dice.randrange(1, 200)}.{dice.randrange(1, 200)}", dice)
            if answer is None:
                left += 1
                continue
            count.inputs += 1
            count.refused += not answer.startswith((b"HTTP/1.1 2", b"HTTP/1.1 3"))
            if b"HTTP/1.1 500" in answer or b"HTTP/1.0 500" in answer:
                kept = keep(name.replace(" ", "-"), data)
                raise Found(f"{name} answered {answer[-300:]!r}; the request is in {kept}")

    async with trio.open_nursery() as nursery:
        for _ in range(CLIENTS):
            nursery.start_soon(client)
    return count


async def _asked(port: int, data: bytes, source: str, dice: random.Random) -> bytes | None:
    """The beginning of the answer; `None` if there was no connection."""
    answer = b""
    try:
        connection = await trio.open_tcp_stream("127.0.0.1", port, local_address=source)
    except OSError:
        await trio.sleep(0.01)
        return None
    try:
        await connection.send_all(data)
        if dice.random() < 0.3:
            await connection.send_eof()
        with trio.move_on_after(LINGER):
            answer = await connection.receive_some(65536)
    except (trio.BrokenResourceError, OSError):
        pass
    await trio.aclose_forcefully(connection)
    return answer


# ---- the control socket


async def over_control(victim: Victim, plan: Plan, inputs: int) -> Count:
    """Lines to the control socket; what answers must be one line."""
    name = "live control socket"
    count, dice = Count(name), plan.dice(name)
    for _ in range(inputs):
        data = mutated(dice, (b"console people\n", b"console\n", b"console chat log\n"))
        with _short_path(victim.peer.directory / "data") as path:
            connection = await trio.open_unix_socket(path)
        answer = b""
        try:
            await connection.send_all(data)
            await connection.send_eof()
            with trio.fail_after(10):
                answer = await connection.receive_some(65536)
        except (trio.BrokenResourceError, OSError):
            pass
        await trio.aclose_forcefully(connection)
        count.inputs += 1
        count.refused += not answer.startswith(b"ok ")
        if answer.count(b"\n") > 1:
            raise Found(f"{name}: {data!r} was answered with {answer!r}")
    return count


# ---- mDNS


def packets(tag: str) -> tuple[bytes, ...]:
    """Packets as peers send them: an announcement, a question, an announcement without SRV as js-libp2p's."""
    from zeroconf._dns import DNSAddress, DNSPointer, DNSQuestion, DNSService, DNSText
    from zeroconf._protocol.outgoing import DNSOutgoing

    kind = f"{tag}.local."
    name = f"{'q' * 40}.{kind}"
    text = text_record("/ip4/127.0.0.9/tcp/9", "/ip6/fd00::1/tcp/9")
    announced = DNSOutgoing(0x8400)
    announced.add_answer_at_time(DNSPointer(kind, 12, 1, 120, name), 0)
    announced.add_answer_at_time(DNSText(name, 16, 1, 120, text), 0)
    bare = b"".join(announced.packets())
    announced = DNSOutgoing(0x8400)
    announced.add_answer_at_time(DNSPointer(kind, 12, 1, 120, name), 0)
    announced.add_answer_at_time(DNSService(name, 33, 1, 120, 0, 0, 4001, f"{'q' * 40}.local."), 0)
    announced.add_answer_at_time(DNSText(name, 16, 1, 120, text), 0)
    announced.add_answer_at_time(DNSAddress(f"{'q' * 40}.local.", 1, 1, 120, socket.inet_aton("127.0.0.9")), 0)
    whole = b"".join(announced.packets())
    question = DNSOutgoing(0)
    question.add_question(DNSQuestion(kind, 12, 1))
    return whole, bare, b"".join(question.packets())


async def over_mdns(victim: Victim, plan: Plan, inputs: int) -> Count:
    """Packets to the group on the loopback interface. UDP: counted as sent, not as heard."""
    name = "live mDNS packets"
    count, dice, captures = Count(name), plan.dice(name), packets(victim.tag)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, struct.pack("b", 1))
        for _ in range(inputs):
            data = bytearray(mutated(dice, captures)[:8900])
            if len(data) > 12 and dice.random() < 0.5:
                data[:12] = dice.choice(captures)[:12]  # a sound header: the parser gets further
            try:
                sender.sendto(data, (GROUP, PORT))
                count.inputs += 1
            except OSError:
                count.refused += 1
            await trio.sleep(1 / PACKETS_A_SECOND)
    return count


def attacks(victim: Victim, plan: Plan) -> list[Attack]:
    """All of them, to be run side by side."""
    owner = victim.peer.visit(victim.peer.peer_id)
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in owner.cookies.items())
    console, site, guest = console_requests(victim), site_requests(victim, cookie), site_requests(victim, "")
    return [
        partial(over_http, plan, "live console", victim.console_port, console, plan.count(5000)),
        partial(over_http, plan, "live site face, owner", victim.site_port, site, plan.count(3000)),
        partial(over_http, plan, "live site face, guests", victim.site_port, guest, plan.count(2000)),
        partial(over_control, victim, plan, plan.count(1000)),
        partial(over_mdns, victim, plan, plan.count(3000)),
    ]
