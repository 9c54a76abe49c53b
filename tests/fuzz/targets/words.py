"""Messages, links, requests and pictures of strangers."""

from __future__ import annotations

import json
import random
import unicodedata
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from goop2_core import strict_json
from goop2_core.chat import text
from goop2_core.chat.intake import Intake
from goop2_core.chat.routes import _Written
from goop2_core.encryption.box import Keys, box_of, is_key, open_in, seal_in
from goop2_core.errors import Goop2Error, Refused, StreamBroken
from goop2_core.identity import Identity, from_base36, is_peer_id, new_nacl_pair, public_key_of, to_base36
from goop2_core.link import format_link, parse_link
from goop2_core.mq.inbox import Budget
from goop2_core.mq.message import acknowledges, format_ack, parse_message
from goop2_core.mq.receive import read_message
from goop2_core.presence.message import clean_line, parse_identity, parse_presence
from goop2_core.site.avatar import picture_of
from goop2_core.site.content import ContentStore
from goop2_core.site.wire import decode, parse_header, requested_path
from tests.fuzz.engine import Target, finish
from tests.fuzz.mutate import json_text, mutated

SEED = bytes(range(32))
PEER = Identity.from_seed(SEED).peer_id
LABEL = to_base36(PEER)
KEYS = Keys(*new_nacl_pair())
THEIRS = Keys(*new_nacl_pair())
PRESENCE = {
    "type": "online",
    "peerId": PEER,
    "content": "Alice 🦆",
    "email": "alice@example.org",
    "avatarHash": "0123456789abcdef",
    "videoDisabled": False,
    "activeTemplate": "blog",
    "publicKey": KEYS.public_b64,
    "encryptionSupported": True,
    "goopClientVersion": "2.0.0",
    "addrs": ["/ip4/192.168.1.5/tcp/4001", "/ip6/fd00::1/tcp/4001/ws"],
    "target": "",
    "ts": 1790000000000,
}
IDENTITY = {**PRESENCE, "peerID": PEER, "reachable": True}
CHAT = {"content": "Hello,\nhow are you? 🦆", "timestamp": 1790000000000, "cid": "7c9e6679-7425-40de-944b-e07fc1f90ae7"}
SEALED = seal_in(box_of(KEYS, THEIRS.public_b64), json.dumps(CHAT).encode())
MESSAGES: tuple[Any, ...] = (
    {
        "type": "msg",
        "id": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "seq": 1790000000000,
        "topic": "chat",
        "payload": CHAT,
    },
    {"type": "msg", "id": "1", "seq": 1, "topic": "chat", "payload": {"enc": SEALED}},
    {"type": "msg", "id": "2", "seq": 2, "topic": "identity", "payload": None},
    {"type": "msg", "id": "3", "seq": 3, "topic": "identity.response", "payload": IDENTITY},
)
LINKS = tuple(
    line.encode()
    for line in (
        f"goop2:{PEER}",
        f"goop2://{PEER}/a/b%20c?x=1#y",
        PEER,
        LABEL,
        f"http://{LABEL}.localhost:8080/x",
        f"https://example.org/p/{PEER}/index.html?q=%C3%A9",
        f"http://[::1]:8080/p/{PEER}/",
        f"GOOP2:/{PEER}\\..\\x",
    )
)
REQUESTS = (
    b"GET /index.html\n",
    b"GET /a/../b%20c.css\n",
    b"GET \n",
    b"ENC:" + SEALED.encode() + b"\n",
    b"GET /lua/x\n",
)
HEADERS = (
    b"OK text/html; charset=utf-8 12\n",
    b"EOK application/octet-stream 123456789\n",
    b"ERR not found\n",
    b"ERR forbidden\n",
    b"NONE\n",
    b"OK 52133\n",
)
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x10\x00\x00\x00\x10\x08\x06\x00\x00\x00" + bytes(40)
PICTURES = (
    PNG,
    b"GIF89a\x10\x00\x20\x00" + bytes(20),
    b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"
    + bytes(9)
    + b"\xff\xdb\x00\x43"
    + bytes(65)
    + b"\xff\xc0\x00\x11\x08\x00\x10\x00\x20",
    b"RIFF\x24\x00\x00\x00WEBPVP8 \x18\x00\x00\x00" + bytes(10) + b"\x20\x00\x10\x00" + bytes(10),
    b"RIFF\x24\x00\x00\x00WEBPVP8L\x18\x00\x00\x00\x2f\x0f\xc0\x03\x00" + bytes(10),
    b"RIFF\x24\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x10\x00\x00\x00\x1f\x00\x00\x0f\x00\x00",
)
PATHS = (b"/index.html", b"a/b/../c.css", b"/lua/init.lua", b"/.git/config", b"/sub/", b"/link/out", b"LUA./x", b"\\x")

Make = Callable[[random.Random], bytes]


def of_bytes(*captures: bytes) -> Make:
    """Inputs made by spoiling these bytes."""
    return partial(mutated, captures=captures)


def of_json(*documents: Any) -> Make:
    """Inputs made by spoiling these JSON values."""
    return partial(json_text, documents=documents)


def targets(folder: Path) -> list[Target]:
    """What is said and asked by strangers."""
    return [
        Target("json", of_json(*MESSAGES, PRESENCE), _json, (Refused,)),
        Target("presence", of_json(PRESENCE), lambda data: _facts(parse_presence(data).facts()), (Refused,), 2),
        Target(
            "identity", of_json(IDENTITY), lambda data: _facts(parse_identity(strict_json.loads(data))), (Refused,), 2
        ),
        Target("mq message", of_json(*MESSAGES), _mq_message, (Refused,), 2),
        Target("mq stream", of_json(*MESSAGES), Pieces(), (Refused, StreamBroken)),
        Target(
            "mq acknowledgement", of_json({"type": "ack", "id": "1", "seq": 1}), lambda data: acknowledges(data, "1")
        ),
        Target("sealed text", of_bytes(SEALED.encode(), SEALED[:60].encode()), _sealed, (Refused,)),
        Target("encryption key", of_bytes(KEYS.public_b64.encode(), b"-"), lambda data: is_key(as_text(data)), ()),
        Target("chat payload", of_json(CHAT), Chat(), (Refused,), 2),
        Target(
            "chat post", of_json({"content": "Hi", "client_id": "1"}), _Written.model_validate_json, (ValidationError,)
        ),
        Target("link", of_bytes(*LINKS), _link, (Goop2Error,), 2),
        Target("peer ID", of_bytes(PEER.encode(), b"Qm" * 23), lambda data: _peer_id(as_text(data)), ()),
        Target("base36", of_bytes(LABEL.encode(), LABEL.upper().encode()), _base36, (ValueError,)),
        Target("site request", of_bytes(*REQUESTS), _request, (), 1),
        Target("site header", of_bytes(*HEADERS), _header, (Refused, StreamBroken)),
        Target("site path", of_bytes(*PATHS), SitePaths(folder), (Refused,)),
        Target("picture", of_bytes(*PICTURES), _picture, ()),
    ]


def as_text(data: bytes) -> str:
    """Bytes as the text that a parser of text could get, lone surrogates included."""
    return data.decode("utf-8", "surrogateescape")


def _json(data: bytes) -> None:
    value = strict_json.loads(data)
    again = strict_json.dumps(value)
    assert strict_json.dumps(strict_json.loads(again)) == again


def _facts(facts: Any) -> None:
    assert not facts.public_key or is_key(facts.public_key)
    assert facts.avatar_hash == "" or len(facts.avatar_hash) == 16
    for line in (facts.content, facts.email, facts.active_template, facts.version):
        assert line == clean_line(line)
        assert len(line) <= 200
        assert not any(unicodedata.category(letter) in {"Cc", "Cf", "Cs"} for letter in line.replace("\u200d", ""))


def _mq_message(data: bytes) -> None:
    wire = parse_message(data)
    assert 0 < len(wire.topic) <= 512
    assert format_ack(wire).count(b"\n") == 1
    _ = wire.sealed


class Pieces:
    """A stream on which a message comes in pieces, and the budget that it may cost."""

    def __init__(self) -> None:
        self._budget = Budget(16 << 20)
        self._sizes = random.Random(0)
        self._rest: list[bytes] = []

    async def read(self, most: int = 65536) -> bytes:
        """The next piece."""
        return self._rest.pop(0)[:most] if self._rest else b""

    def __call__(self, data: bytes) -> None:
        size = self._sizes.choice((7, 1000, 65536, 65536))
        self._rest = [data[at : at + size] for at in range(0, min(len(data), 60 * size), size)]
        stream: Any = self
        try:
            _, cost = finish(read_message(stream, self._budget))
            self._budget.give(cost)
        finally:
            assert self._budget.held == 0, f"{self._budget.held} bytes of the budget are lost"


def _sealed(data: bytes) -> None:
    open_in(box_of(THEIRS, KEYS.public_b64), data)


class Chat:
    """What arrives on the topic `chat`."""

    def __init__(self) -> None:
        numbers = count()
        self._intake = Intake(lambda: float(next(numbers)))

    def __call__(self, data: bytes) -> None:
        payload = strict_json.loads(data)
        content = text.received(payload)
        assert len(content.encode()) <= text.MOST_BYTES
        assert content == text.cleaned(content)
        if content:
            self._intake.takes(PEER, payload, content)


def _link(data: bytes) -> None:
    link = parse_link(as_text(data))
    assert is_peer_id(link.peer_id)
    assert not link.path.startswith("//")
    assert link.path.isascii()
    assert parse_link(format_link(link.peer_id, link.path)) == link


def _peer_id(value: str) -> None:
    if is_peer_id(value):
        assert from_base36(to_base36(value)) == value
        assert len(public_key_of(value)) == 32


def _base36(data: bytes) -> None:
    assert is_peer_id(from_base36(as_text(data)))


def _request(data: bytes) -> None:
    asked = decode(data)
    if asked.startswith("ENC:"):
        _refused(lambda: _sealed(asked[4:].encode("utf-8", "replace")))
    requested_path(asked)


def _refused(work: Callable[[], None]) -> None:
    try:
        work()
    except Refused:
        return


def _header(data: bytes) -> None:
    for with_mime in (True, False):
        header = parse_header(data, with_mime=with_mime)
        assert header is None or 0 <= header.size < 10**15


class SitePaths:
    """A site with something beside it that nobody may get."""

    def __init__(self, folder: Path) -> None:
        root = folder / "site"
        for inner in (root / "sub", root / "lua", root / ".git", folder / "outside"):
            inner.mkdir(parents=True)
        for file in (
            root / "index.html",
            root / "sub" / "index.html",
            root / "lua" / "init.lua",
            root / ".git" / "config",
        ):
            file.write_text("x")
        (folder / "outside" / "secret").write_text("secret")
        (root / "link").symlink_to(folder / "outside")
        self._content = ContentStore(root)
        self._public = {root / "index.html", root / "sub" / "index.html"}

    def __call__(self, data: bytes) -> None:
        path = as_text(data)
        assert self._content.served(path).path in self._public


def _picture(data: bytes) -> None:
    picture = picture_of(data)
    assert picture is None or (picture.mime.startswith("image/") and len(picture.hash) == 16)


def all_of(*makes: Make) -> Make:
    """Inputs made now this way and now that."""

    def make(dice: random.Random, ways: Sequence[Make] = makes) -> bytes:
        return dice.choice(ways)(dice)

    return make
