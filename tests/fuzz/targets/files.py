"""Files of a peer's directory that were damaged, or written by another program."""

from __future__ import annotations

import contextlib
import json
import os
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from goop2_core import identity
from goop2_core.config import ConfigFile
from goop2_core.config.reading import check_document, read_document
from goop2_core.data import messages, people
from goop2_core.data.store import connect, in_words
from goop2_core.dirlock import _in_use
from goop2_core.errors import ConfigError, Goop2Error
from goop2_core.events import to_json
from goop2_core.host import _read_added
from goop2_core.identity import Identity
from goop2_core.ports import RememberedPorts
from tests.fuzz.engine import Target
from tests.fuzz.mutate import document, json_text, mutated
from tests.fuzz.targets.words import KEYS, PEER, PRESENCE, SEED, of_bytes, of_json

CONFIG: dict[str, Any] = {
    "identity": {"key_file": "data/identity.key"},
    "paths": {"site_root": "site"},
    "p2p": {
        "listen_port": 4001,
        "listen_ws": True,
        "mdns_enabled": True,
        "mdns_tag": "goop-mdns",
        "nacl_public_key": KEYS.public_b64,
        "nacl_private_key": KEYS.private_b64,
    },
    "presence": {"topic": "goop.presence.v1", "ttl_seconds": 20, "heartbeat_seconds": 5, "rendezvous_wan": ""},
    "profile": {"label": "Alice", "email": "a@example.org"},
    "viewer": {
        "http_addr": "127.0.0.1:8080",
        "console_addr": "127.0.0.1:0",
        "trusted_proxies": ["10.0.0.0/8"],
        "gateway": False,
        "public_url": "https://example.org",
        "peer_offline_grace_min": 15,
        "debug": False,
    },
    "lua": {"enabled": True, "script_dir": "lua"},
    "unknown": {"key": [1, 2.5, None]},
}
KEY = identity.dump_key(Identity.from_seed(SEED))
OLD_KEYS = (KEY, b"\x08\x01\x12\x20" + SEED, b"\x08\x01\x12\x60" + SEED + KEY[36:] * 2)
NOTE = {"pid": 4711, "holder": "goop2 desktop", "since": 1790000000000}
PERSON = (
    PEER,
    "Alice",
    "a@b.c",
    "0123456789abcdef",
    0,
    "blog",
    1,
    '["/ip4/1.2.3.4/tcp/5"]',
    "2026-11-23 04:00:00",
    "[]",
    "",
)
TIMES = (
    "2026-11-23T04:00:00Z",
    "2026-11-23 04:00:00.123456789 +0100 CET m=+0.1",
    "0001-01-01 00:00:00+23:59",
    "9999-12-31 23:59:59-23:59",
)


def targets(folder: Path, held: contextlib.ExitStack) -> list[Target]:
    """The files, in `folder`; what is opened is closed with `held`."""
    return [
        Target("goop.json", of_json(CONFIG), _config, (), 0.5),
        Target("goop.json change", Change(), Settings(folder), (ConfigError,), 0.2),
        Target("key file", of_bytes(*OLD_KEYS), KeyFile(folder), (Goop2Error,), 0.3),
        Target("ports.json", of_json({"site": 8080, "console": 8081}), Ports(folder), (), 0.5),
        Target("added.json", of_json(["/home/a/peer", "/home/b"]), Added(folder), (ValueError,), 0.5),
        Target("lock file", of_json(NOTE), Note(held), (), 0.5),
        Target("people rows", Rows(), People(folder, held), (), 0.5),
        Target("message rows", Rows(), Messages(folder, held), (), 0.5),
        Target("damaged data.db", Damage(folder), Database(folder), (Goop2Error,), 0.1),
    ]


def _config(data: bytes) -> None:
    reading = read_document(data)
    assert (reading.config is None) == bool(reading.problems)
    for problem in (*reading.problems, *reading.warnings):
        assert len(problem.message) < 2000
        assert KEYS.private_b64 not in problem.message
    if reading.config is not None:
        assert check_document(reading.document).config == reading.config


class Change:
    """Changes of settings gone wrong, as the console posts them."""

    def __call__(self, dice: random.Random) -> bytes:
        flat = {
            f"{name}.{key}": value
            for name, section in CONFIG.items()
            if name != "unknown"
            for key, value in section.items()
        }
        some = dict(dice.sample(sorted(flat.items()), 3))
        return json_text(dice, [document(dice, some)])


class Settings:
    """A `goop.json` that takes changes, or refuses them and stays as it was."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "goop.json"
        self._path.write_text(json.dumps(CONFIG))
        self._file = ConfigFile(self._path)
        with contextlib.suppress(ConfigError):
            self._file.load()

    def __call__(self, data: bytes) -> None:
        try:
            changes = json.loads(data)
        except (ValueError, RecursionError):
            return
        if not isinstance(changes, dict):
            return
        before = self._path.read_bytes()
        try:
            self._file.update(changes)
        except ConfigError:
            assert self._path.read_bytes() == before
            raise
        assert not read_document(self._path.read_bytes()).problems


class KeyFile:
    """`identity.key`: an intact one, or an error; never another identity."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "identity.key"

    def __call__(self, data: bytes) -> None:
        self._path.write_bytes(data)
        self._path.chmod(0o600)
        found = identity.load_or_create(self._path)
        assert found.seed == data[4:36]
        assert self._path.read_bytes() == data


class Ports:
    """`ports.json`."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "ports.json"

    def __call__(self, data: bytes) -> None:
        self._path.write_bytes(data)
        assert 0 <= RememberedPorts(self._path).get("site") < 65536


class Added:
    """The desktop's list of added peers."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "added.json"

    def __call__(self, data: bytes) -> None:
        self._path.write_bytes(data)
        assert all(isinstance(path, str) for path in _read_added(self._path))


class Note:
    """What the lock file says of who holds it."""

    def __init__(self, held: contextlib.ExitStack) -> None:
        self._descriptor = os.memfd_create("lock")
        held.callback(os.close, self._descriptor)

    def __call__(self, data: bytes) -> None:
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, data, 0)
        assert _in_use("Alice", self._descriptor).title


class Rows:
    """One row of garbage: the values as a JSON list of type and text, so that an input can be kept and read."""

    def __call__(self, dice: random.Random) -> bytes:
        return json.dumps([self._value(dice, column) for column in PERSON]).encode()

    @staticmethod
    def _value(dice: random.Random, usual: object) -> tuple[str, str]:
        match dice.randrange(9):
            case 0:
                return "null", ""
            case 1:
                return "blob", dice.randbytes(dice.randrange(80)).hex()
            case 2:
                return "integer", str(dice.choice((0, -1, 1, 2**62, -(2**63))))
            case 3:
                return "real", str(dice.choice((0.5, -1e308, 9e999)))
            case 4:
                return "text", json_text(dice, [["/ip4/1.2.3.4/tcp/5"], PRESENCE]).hex()
            case 5:
                return "text", mutated(dice, [str(usual).encode(), *(time.encode() for time in TIMES)]).hex()
            case 6:
                return "text", dice.choice(TIMES).encode().hex()
            case _:
                return "text", str(usual).encode().hex()


def _bound(kind: str, text: str) -> tuple[str, object]:
    """The SQL for a value, and what is bound to it: text may hold bytes that are no UTF-8."""
    if kind in ("blob", "text"):
        return ("?" if kind == "blob" else "CAST(? AS TEXT)"), bytes.fromhex(text)
    values: dict[str, Callable[[str], object]] = {"null": lambda _: None, "integer": int, "real": float}
    return "?", values[kind](text)


class _Tables:
    """A database whose tables another program has filled."""

    def __init__(self, folder: Path, held: contextlib.ExitStack) -> None:
        self._connection = connect(folder / f"{type(self).__name__}.db", read_only=False)
        self._connection.execute("PRAGMA synchronous = OFF")
        held.callback(self._connection.close)

    def _fill(self, table: str, columns: str, values: list[tuple[str, str]]) -> None:
        self._connection.execute(f"DELETE FROM {table}")
        bound = [_bound(*value) for value in values[: columns.count(",") + 1]]
        with contextlib.suppress(sqlite3.IntegrityError):  # the table itself refuses it
            self._connection.execute(
                f"INSERT INTO {table} ({columns}) VALUES ({', '.join(sql for sql, _ in bound)})",
                [value for _, value in bound],
            )


class People(_Tables):
    """`_peer_cache` and `_favorites`."""

    def __call__(self, data: bytes) -> None:
        values = json.loads(data)
        self._fill("_peer_cache", people._COLUMNS, values)
        self._fill("_favorites", people._COLUMNS, values[:5] + values[:1:-1])
        for row in people._load(self._connection):
            assert isinstance(row.peer_id, str)
            assert 0 <= row.last_seen < 2**48
            assert all(isinstance(text, str) for text in (*row.addrs, *row.protocols, row.content, row.public_key))


class Messages(_Tables):
    """`_chat_messages` and what is beside it."""

    def __call__(self, data: bytes) -> None:
        values = [tuple(value) for value in json.loads(data)]
        self._fill("_chat_messages", "id, peer_id, from_id, content, ts", [("integer", "1"), *values[:4]])
        self._fill("_chat_delivery", "message_id, delivery, error", [("integer", "1"), *values[4:6]])
        self._fill("_chat_read", "peer_id, last_id", values[:1] + values[6:7])
        for row in self._connection.execute(f"{messages._SELECT} WHERE m.id IN (SELECT MAX(id) FROM _chat_messages)"):
            message = messages._message(row)
            assert isinstance(message.content, str)
            assert isinstance(message.timestamp, int)
            json.dumps(to_json(message))
            assert messages._unread(self._connection, message.peer_id) >= 0


class Damage:
    """A real database with bytes gone wrong."""

    def __init__(self, folder: Path) -> None:
        file = folder / "good.db"
        connection = connect(file, read_only=False)
        for number in range(30):
            connection.execute(
                "INSERT INTO _peer_cache (peer_id, content) VALUES (?, ?)", (f"{PEER}{number}", "x" * 300)
            )
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        self._good = file.read_bytes()

    def __call__(self, dice: random.Random) -> bytes:
        data = bytearray(self._good)
        for _ in range(dice.choice((1, 1, 4, 100))):
            at = dice.choice((dice.randrange(100), dice.randrange(4096), dice.randrange(len(data))))
            data[at] = dice.randrange(256)
        if dice.random() < 0.3:
            del data[dice.randrange(len(data)) :]
        return bytes(data)


class Database:
    """Opening a damaged database: it works, or says what is wrong."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "data.db"

    def __call__(self, data: bytes) -> None:
        for name in ("data.db", "data.db-wal", "data.db-shm", "data.db-journal"):
            self._path.with_name(name).unlink(missing_ok=True)
        self._path.write_bytes(data)
        try:
            connection = connect(self._path, read_only=False)
            try:
                people._load(connection)
            finally:
                connection.close()
        except sqlite3.Error as error:
            told = in_words(error, self._path)
            if not isinstance(told, Goop2Error) and not str(error).startswith("no such column"):
                raise  # a column whose name was hit is like a mistake in our own SQL, and told as one
            raise told if isinstance(told, Goop2Error) else Goop2Error("The database is damaged") from error
