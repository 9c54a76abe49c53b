"""The system tables of `data.db` (spec/application 1.4), and the changes that old databases need.

REF opens the same file: its tables keep its shapes, and ours beside them have names that it does not use.
"""

from __future__ import annotations

import sqlite3

_TABLES = """
CREATE TABLE IF NOT EXISTS _meta (key TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS _tables (
    name TEXT PRIMARY KEY, schema TEXT NOT NULL, insert_policy TEXT DEFAULT 'owner',
    created_at DATETIME DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE IF NOT EXISTS _orm_schemas (
    table_name TEXT PRIMARY KEY, schema_json TEXT NOT NULL, created_at DATETIME DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE IF NOT EXISTS _groups (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, owner TEXT DEFAULT '', group_type TEXT DEFAULT '',
    group_context TEXT DEFAULT '', max_members INTEGER DEFAULT 0, created_at DATETIME DEFAULT CURRENT_TIMESTAMP,
    host_joined INTEGER DEFAULT 0, volatile INTEGER DEFAULT 0, default_role TEXT DEFAULT 'viewer',
    roles TEXT DEFAULT '[]');
CREATE TABLE IF NOT EXISTS _group_subscriptions (
    host_peer_id TEXT NOT NULL, group_id TEXT NOT NULL, group_name TEXT DEFAULT '', group_type TEXT DEFAULT '',
    role TEXT DEFAULT 'member', subscribed_at DATETIME DEFAULT CURRENT_TIMESTAMP, max_members INTEGER DEFAULT 0,
    volatile INTEGER DEFAULT 0, host_name TEXT DEFAULT '', PRIMARY KEY (host_peer_id, group_id));
CREATE TABLE IF NOT EXISTS _group_members (
    group_id TEXT NOT NULL, peer_id TEXT NOT NULL, role TEXT DEFAULT 'viewer', PRIMARY KEY (group_id, peer_id));
CREATE TABLE IF NOT EXISTS _cluster_jobs (
    id TEXT PRIMARY KEY, group_id TEXT NOT NULL, type TEXT NOT NULL, mode TEXT DEFAULT 'oneshot',
    payload TEXT DEFAULT '{}', priority INTEGER DEFAULT 0, timeout_s INTEGER DEFAULT 0, max_retry INTEGER DEFAULT 0,
    status TEXT DEFAULT 'pending', worker_id TEXT DEFAULT '', result TEXT DEFAULT '{}', error TEXT DEFAULT '',
    progress INTEGER DEFAULT 0, progress_msg TEXT DEFAULT '', retries INTEGER DEFAULT 0, created_at TEXT DEFAULT '',
    started_at TEXT DEFAULT '', done_at TEXT DEFAULT '', elapsed_ms INTEGER DEFAULT 0);
CREATE TABLE IF NOT EXISTS _peer_cache (
    peer_id TEXT PRIMARY KEY, content TEXT DEFAULT '', email TEXT DEFAULT '', avatar_hash TEXT DEFAULT '',
    video_disabled INTEGER DEFAULT 0, active_template TEXT DEFAULT '', verified INTEGER DEFAULT 0,
    addrs TEXT DEFAULT '[]', last_seen DATETIME DEFAULT CURRENT_TIMESTAMP, protocols TEXT DEFAULT '[]',
    public_key TEXT DEFAULT '');
CREATE TABLE IF NOT EXISTS _favorites (
    peer_id TEXT PRIMARY KEY, content TEXT DEFAULT '', email TEXT DEFAULT '', avatar_hash TEXT DEFAULT '',
    video_disabled INTEGER DEFAULT 0, active_template TEXT DEFAULT '', verified INTEGER DEFAULT 0,
    addrs TEXT DEFAULT '[]', last_seen DATETIME DEFAULT CURRENT_TIMESTAMP, protocols TEXT DEFAULT '[]',
    public_key TEXT DEFAULT '');
CREATE TABLE IF NOT EXISTS _chat_messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, peer_id TEXT NOT NULL, from_id TEXT NOT NULL, content TEXT NOT NULL,
    ts INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS idx_chat_messages_peer ON _chat_messages (peer_id, ts DESC);
CREATE TABLE IF NOT EXISTS _chat_delivery (
    message_id INTEGER PRIMARY KEY, delivery TEXT NOT NULL, error TEXT NOT NULL DEFAULT '',
    client_id TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS _chat_delivery_client ON _chat_delivery (client_id) WHERE client_id != '';
CREATE INDEX IF NOT EXISTS _chat_messages_person ON _chat_messages (peer_id);
CREATE TABLE IF NOT EXISTS _chat_read (peer_id TEXT PRIMARY KEY, last_id INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS _chat_delivery_waiting ON _chat_delivery (delivery) WHERE delivery = 'waiting';
CREATE TABLE IF NOT EXISTS _group_member_facts (
    group_id TEXT NOT NULL, peer_id TEXT NOT NULL, joined_at INTEGER NOT NULL DEFAULT 0, name TEXT NOT NULL DEFAULT '',
    ours INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (group_id, peer_id));
CREATE TABLE IF NOT EXISTS _group_outsiders (
    group_id TEXT NOT NULL, peer_id TEXT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (group_id, peer_id));
CREATE TABLE IF NOT EXISTS _group_closed (group_id TEXT PRIMARY KEY, closed_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS _group_standing (
    group_id TEXT PRIMARY KEY, state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', ours INTEGER NOT NULL DEFAULT 0,
    group_context TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS _group_invitations (
    group_id TEXT PRIMARY KEY, host_peer_id TEXT NOT NULL, group_name TEXT NOT NULL, group_type TEXT NOT NULL,
    group_context TEXT NOT NULL DEFAULT '', received_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS _room_state (
    group_id TEXT PRIMARY KEY, epoch TEXT NOT NULL DEFAULT '', last_n INTEGER NOT NULL DEFAULT 0,
    read_id INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS _room_messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, group_id TEXT NOT NULL, uid TEXT NOT NULL, from_id TEXT NOT NULL,
    from_name TEXT NOT NULL DEFAULT '', content TEXT NOT NULL, ts INTEGER NOT NULL, delivery TEXT NOT NULL,
    error TEXT NOT NULL DEFAULT '', client_id TEXT NOT NULL DEFAULT '', reply_from TEXT NOT NULL DEFAULT '',
    reply_uid TEXT NOT NULL DEFAULT '', rev INTEGER NOT NULL DEFAULT 0, edited_at INTEGER NOT NULL DEFAULT 0,
    deleted INTEGER NOT NULL DEFAULT 0, first_n INTEGER NOT NULL DEFAULT 0, n INTEGER NOT NULL DEFAULT 0);
CREATE UNIQUE INDEX IF NOT EXISTS _room_messages_uid ON _room_messages (group_id, from_id, uid);
CREATE INDEX IF NOT EXISTS _room_messages_room ON _room_messages (group_id);
CREATE INDEX IF NOT EXISTS _room_messages_n ON _room_messages (group_id, n) WHERE n > 0;
CREATE INDEX IF NOT EXISTS _room_messages_client ON _room_messages (client_id) WHERE client_id != '';
CREATE INDEX IF NOT EXISTS _room_messages_unsent ON _room_messages (group_id, delivery)
    WHERE delivery IN ('sending', 'waiting');
"""

# REF trims conversations too, and knows nothing of the table beside
_TRIGGER = """
CREATE TRIGGER IF NOT EXISTS _chat_delivery_gone AFTER DELETE ON _chat_messages
BEGIN DELETE FROM _chat_delivery WHERE message_id = old.id; END
"""

# columns that came later, which `CREATE TABLE IF NOT EXISTS` does not add to a table that is there
_ADDED = {
    "_tables": ("insert_policy TEXT DEFAULT 'owner'",),
    "_groups": (
        "owner TEXT DEFAULT ''",
        "group_context TEXT DEFAULT ''",
        "host_joined INTEGER DEFAULT 0",
        "volatile INTEGER DEFAULT 0",
        "default_role TEXT DEFAULT 'viewer'",
        "roles TEXT DEFAULT '[]'",
    ),
    "_group_subscriptions": (
        "max_members INTEGER DEFAULT 0",
        "volatile INTEGER DEFAULT 0",
        "host_name TEXT DEFAULT ''",
    ),
    "_group_members": ("role TEXT DEFAULT 'viewer'",),
    "_peer_cache": ("protocols TEXT DEFAULT '[]'", "public_key TEXT DEFAULT ''"),
    "_favorites": ("protocols TEXT DEFAULT '[]'", "public_key TEXT DEFAULT ''"),
}


def prepare(connection: sqlite3.Connection) -> None:
    """Bring a database, new or old, to the shape that goop2 works with. The caller holds a transaction."""
    known = _columns(connection, "_chat_messages") and not _columns(connection, "_chat_read")
    _rename_app_type(connection)
    connection.execute("DROP TABLE IF EXISTS _peer_names")
    for statement in _TABLES.split(";\n"):
        connection.execute(statement)
    for table, columns in _ADDED.items():
        present = _columns(connection, table)
        for column in columns:
            if column.partition(" ")[0] not in present:
                connection.execute(f"ALTER TABLE {table} ADD COLUMN {column}")
    connection.execute(_TRIGGER)
    if known:  # what REF kept has long been read
        connection.execute("INSERT INTO _chat_read SELECT peer_id, MAX(id) FROM _chat_messages GROUP BY peer_id")


def _rename_app_type(connection: sqlite3.Connection) -> None:
    """Groups of the old kind mean nothing any more: REF's rule is to rename the column and empty the tables."""
    for table in ("_groups", "_group_subscriptions"):
        if "app_type" in _columns(connection, table):
            connection.execute(f"ALTER TABLE {table} RENAME COLUMN app_type TO group_type")
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 (a name from above)
            if _columns(connection, "_group_members"):
                connection.execute("DELETE FROM _group_members")


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    return {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
