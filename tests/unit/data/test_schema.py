"""Databases that REF made, with the shapes of spec/application 1.4, today's and older ones."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

from goop2_core.data.messages import MessageStore
from goop2_core.data.people import PeopleStore
from goop2_core.data.store import Store
from goop2_core.events import Delivery
from tests.support.database import opened

CHAT = """
CREATE TABLE _chat_messages (id INTEGER PRIMARY KEY AUTOINCREMENT, peer_id TEXT NOT NULL, from_id TEXT NOT NULL,
    content TEXT NOT NULL, ts INTEGER NOT NULL);
CREATE INDEX idx_chat_peer ON _chat_messages (peer_id, ts DESC);
INSERT INTO _chat_messages (peer_id, from_id, content, ts) VALUES ('BOB', 'BOB', 'hi', 1), ('BOB', 'ALICE', 'ho', 2);
"""
OLD = """
CREATE TABLE _meta (key TEXT PRIMARY KEY, value TEXT);
INSERT INTO _meta VALUES ('template_group_id', 'g1');
CREATE TABLE _tables (name TEXT PRIMARY KEY, schema TEXT NOT NULL, created_at DATETIME DEFAULT CURRENT_TIMESTAMP);
INSERT INTO _tables (name, schema) VALUES ('notes', 'CREATE TABLE notes ...');
CREATE TABLE notes (_id INTEGER PRIMARY KEY AUTOINCREMENT, _owner TEXT NOT NULL, text TEXT);
INSERT INTO notes (_owner, text) VALUES ('ALICE', 'mine');
CREATE TABLE _groups (id TEXT PRIMARY KEY, name TEXT NOT NULL, app_type TEXT DEFAULT '', max_members INTEGER DEFAULT 0,
    created_at DATETIME DEFAULT CURRENT_TIMESTAMP);
INSERT INTO _groups (id, name, app_type) VALUES ('g1', 'old', 'x');
CREATE TABLE _group_subscriptions (host_peer_id TEXT, group_id TEXT, group_name TEXT DEFAULT '',
    app_type TEXT DEFAULT '', role TEXT DEFAULT 'member', subscribed_at DATETIME DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (host_peer_id, group_id));
INSERT INTO _group_subscriptions (host_peer_id, group_id) VALUES ('BOB', 'g2');
CREATE TABLE _group_members (group_id TEXT, peer_id TEXT, PRIMARY KEY (group_id, peer_id));
INSERT INTO _group_members VALUES ('g1', 'BOB');
CREATE TABLE _peer_names (peer_id TEXT PRIMARY KEY, name TEXT);
CREATE TABLE _peer_cache (peer_id TEXT PRIMARY KEY, content TEXT DEFAULT '', email TEXT DEFAULT '',
    avatar_hash TEXT DEFAULT '', video_disabled INTEGER DEFAULT 0, active_template TEXT DEFAULT '',
    verified INTEGER DEFAULT 0, addrs TEXT DEFAULT '[]', last_seen DATETIME DEFAULT CURRENT_TIMESTAMP);
INSERT INTO _peer_cache (peer_id, content, addrs) VALUES ('BOB', 'Bob', '["/ip4/10.0.0.1/tcp/1"]');
CREATE TABLE _favorites (peer_id TEXT PRIMARY KEY, content TEXT DEFAULT '', email TEXT DEFAULT '',
    avatar_hash TEXT DEFAULT '', video_disabled INTEGER DEFAULT 0, active_template TEXT DEFAULT '',
    verified INTEGER DEFAULT 0, addrs TEXT DEFAULT '[]', last_seen DATETIME DEFAULT CURRENT_TIMESTAMP);
"""
# what a REF peer does to the tables that matter here, in its words
REF_SCRIPT = """
INSERT INTO _meta (key, value) VALUES ('template_tables', 'a,b') ON CONFLICT(key) DO UPDATE SET value = excluded.value;
INSERT INTO _groups (id, name, owner, group_type, group_context, max_members, host_joined, volatile, default_role,
    roles) VALUES ('g', 'G', 'ALICE', 'chat', '', 0, 1, 0, 'viewer', '[]');
INSERT INTO _group_subscriptions (host_peer_id, group_id, group_name, group_type, role, max_members, volatile,
    host_name) VALUES ('BOB', 'g', 'G', 'chat', 'member', 0, 0, 'Bob');
INSERT INTO _group_members (group_id, peer_id, role) VALUES ('g', 'BOB', 'editor');
INSERT INTO _tables (name, schema, insert_policy) VALUES ('posts', 'x', 'open');
INSERT INTO _orm_schemas (table_name, schema_json) VALUES ('posts', '{}');
INSERT INTO _cluster_jobs (id, group_id, type, mode, payload, created_at) VALUES ('j', 'g', 't', 'oneshot', '{}', '');
UPDATE _cluster_jobs SET status = 'done', worker_id = 'w', result = '{}', error = '', progress = 100,
    progress_msg = '', retries = 0, started_at = '', done_at = '', elapsed_ms = 5 WHERE id = 'j';
INSERT INTO _peer_cache (peer_id, content, email, avatar_hash, video_disabled, active_template, verified, public_key,
    addrs, last_seen) VALUES ('CAROL', 'Carol', '', '', 0, '', 1, 'key', 'null', CURRENT_TIMESTAMP)
    ON CONFLICT(peer_id) DO UPDATE SET content = excluded.content, public_key = excluded.public_key;
UPDATE _peer_cache SET protocols = '["/goop/mq/1.0.0"]' WHERE peer_id = 'CAROL';
INSERT OR REPLACE INTO _favorites SELECT * FROM _peer_cache WHERE peer_id = 'CAROL';
INSERT INTO _chat_messages (peer_id, from_id, content, ts) VALUES ('BOB', 'BOB', 'from REF', 9);
DELETE FROM _chat_messages WHERE peer_id = 'BOB' AND id NOT IN
    (SELECT id FROM _chat_messages WHERE peer_id = 'BOB' ORDER BY id DESC LIMIT 2);
"""


async def check_what_ref_left(store: Store, script: str) -> None:
    """What `script` made is there, but for what REF itself would drop."""
    people = {row.peer_id: row for row in await PeopleStore(store).load()}
    if "Bob" in script:
        assert people["BOB"].content == "Bob"
        assert people["BOB"].addrs == ("/ip4/10.0.0.1/tcp/1",)
        assert people["BOB"].last_seen > 0
    if "'mine'" in script:
        assert await store.read(lambda c: c.execute("SELECT text FROM notes").fetchall()) == [("mine",)]
        for table in ("_groups", "_group_subscriptions", "_group_members"):  # kinds of groups that are no more
            assert await store.read(lambda c, t=table: c.execute(f"SELECT * FROM {t}").fetchall()) == []
        names = await store.read(lambda c: {row[0] for row in c.execute("SELECT name FROM sqlite_master")})
        assert "_peer_names" not in names


@pytest.mark.parametrize("script", ["", CHAT, OLD, OLD + CHAT])
async def test_a_database_of_ref_opens_and_goes_back(tmp_path, script):
    path = tmp_path / "data.db"
    with contextlib.closing(sqlite3.connect(path)) as ref:
        ref.execute("PRAGMA journal_mode = WAL")
        ref.executescript(script)
    for _ in range(2):  # the second time nothing is left to change
        async with opened(path) as store:
            await check_what_ref_left(store, script)
    with contextlib.closing(sqlite3.connect(path)) as ref:
        ref.executescript(REF_SCRIPT)
        assert ref.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    async with opened(path) as store:
        people = {row.peer_id: row for row in await PeopleStore(store).load()}
        assert people["CAROL"].favorite
        assert people["CAROL"].protocols == ("/goop/mq/1.0.0",)
        assert people["CAROL"].addrs == ()
        [(peer_id, last, unread)] = await MessageStore(store).conversations()
        assert (peer_id, last.content, last.delivery, unread) == ("BOB", "from REF", Delivery.RECEIVED, 1)


async def test_what_was_kept_by_ref_counts_as_read(tmp_path):
    path = tmp_path / "data.db"
    with contextlib.closing(sqlite3.connect(path)) as ref:
        ref.executescript(CHAT)
    async with opened(path) as store:
        messages = MessageStore(store)
        assert await messages.unread("BOB") == 0
        assert [m.delivery for m in await messages.history("BOB")] == [Delivery.RECEIVED, Delivery.DELIVERED]


async def test_nothing_of_ours_is_left_behind_when_ref_trims_a_conversation(tmp_path):
    path = tmp_path / "data.db"
    async with opened(path) as store:
        for n in range(5):
            await MessageStore(store).add("BOB", "ALICE", str(n), n, Delivery.DELIVERED, client_id=str(n))
    with contextlib.closing(sqlite3.connect(path)) as ref:
        ref.execute("DELETE FROM _chat_messages WHERE id < 4")
        ref.commit()
        assert ref.execute("SELECT message_id FROM _chat_delivery ORDER BY 1").fetchall() == [(4,), (5,)]
