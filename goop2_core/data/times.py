"""Times as `data.db` keeps them in its DATETIME columns, which REF reads and writes too."""

from __future__ import annotations

from datetime import UTC, datetime


def to_text(milliseconds: int) -> str:
    """As SQLite's CURRENT_TIMESTAMP writes it: UTC, whole seconds."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def from_text(value: object) -> int:
    """Milliseconds of a stored time, which may be SQLite's, RFC 3339's or Go's text; 0 if it is none of them."""
    if not isinstance(value, str):
        return 0
    try:
        moment = datetime.fromisoformat(" ".join(value.split(" ")[:2]).removesuffix("Z"))
    except ValueError:
        return 0
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0, int(moment.timestamp() * 1000))
