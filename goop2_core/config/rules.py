"""What must hold of a configuration beyond the types: bounds, blanks, and keys that depend on each other.

After spec/network 1.5, with the keys of ours added.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import SplitResult, urlsplit

from goop2_core.config.address import parse_address
from goop2_core.config.schema import HIGHEST_PORT, KEYS, Config, marks
from goop2_core.errors import Problem
from goop2_core.identity import nacl_pair_flaw

LONGEST_QUOTE = 64
Rule = Callable[[Config], Iterator[Problem]]


def broken_rules(config: Config, skip: set[str]) -> list[Problem]:
    """Everything that is wrong with `config`, apart from rules about the keys in `skip`, whose values are not known."""
    found = [problem for key in KEYS if key not in skip for problem in _bounds(config, key)]
    for keys, rule in _RULES:
        if not skip.intersection(keys):
            found.extend(rule(config))
    return found


def doubts(config: Config, skip: set[str]) -> list[Problem]:
    """What works, but not as somebody may think."""
    keys = {"p2p.nacl_public_key", "p2p.nacl_private_key"}
    flaw = "" if skip & keys else nacl_pair_flaw(config.p2p.nacl_public_key, config.p2p.nacl_private_key)
    if not flaw:
        return []
    hint = "remove nacl_public_key and nacl_private_key: goop2 then makes a new pair"
    return [Problem("p2p.nacl_private_key", f"{flaw}, so nothing is encrypted", hint)]


def _bounds(config: Config, key: str) -> Iterator[Problem]:
    marked, value = marks(key), config.value(key)
    if marked["when"] and not config.value(marked["when"]):
        return
    if marked["filled"] and not value.strip():
        yield Problem(key, "must not be empty", "leave the key out for the default")
    least, most = marked["least"], marked["most"]
    if least is not None and not least <= value <= most:
        bounds = f"at least {least}" if value < least and most > HIGHEST_PORT else f"from {least} to {most}"
        yield Problem(key, f"must be {bounds}, not {value}")


def _heartbeat(config: Config) -> Iterator[Problem]:
    presence = config.presence
    if presence.heartbeat_seconds >= presence.ttl_seconds:
        yield Problem(
            "presence.heartbeat_seconds",
            f"must be less than presence.ttl_seconds, which is {presence.ttl_seconds}",
            "others would see this peer come and go; 5 and 20 are usual",
        )


def _stage(config: Config) -> Iterator[Problem]:
    if os.path.normpath(config.paths.site_source) == os.path.normpath(config.paths.site_stage):
        yield Problem("paths.site_stage", "must differ from paths.site_source")


def _rendezvous_only(config: Config) -> Iterator[Problem]:
    if config.presence.rendezvous_only and not config.presence.rendezvous_host:
        yield Problem("presence.rendezvous_host", "must be true when presence.rendezvous_only is")


def _relay(config: Config) -> Iterator[Problem]:
    if config.presence.relay_port > 0 and not config.presence.rendezvous_host:
        yield Problem("presence.relay_port", "needs presence.rendezvous_host to be true", "0 turns the relay off")


def _rendezvous_bind(config: Config) -> Iterator[Problem]:
    bind = config.presence.rendezvous_bind
    if config.presence.rendezvous_host and bind:
        try:
            ipaddress.ip_address(bind)
        except ValueError:
            yield Problem("presence.rendezvous_bind", "must be an IP address", "127.0.0.1 or 0.0.0.0")


def _web_url(text: str) -> SplitResult | str:
    """The parts of an http(s) URL, or what is wrong with it."""
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        return "must be a URL"
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "must be a URL that starts with http:// or https:// and names a host"
    return parts if port is None or port > 0 else "must have a port from 1 to 65535"


def _rendezvous_wan(config: Config) -> Iterator[Problem]:
    text = config.presence.rendezvous_wan
    if not text.strip():
        return
    parts = _web_url(text)
    if isinstance(parts, str):
        yield Problem("presence.rendezvous_wan", parts)
        return
    try:
        unspecified = ipaddress.ip_address(parts.hostname or "").is_unspecified
    except ValueError:
        unspecified = False
    if unspecified:
        yield Problem("presence.rendezvous_wan", f"{parts.hostname} is not an address that can be reached")


def _public_url(config: Config) -> Iterator[Problem]:
    text = config.viewer.public_url
    if not text:
        return
    parts = _web_url(text)
    if isinstance(parts, str):
        yield Problem("viewer.public_url", parts, "https://example.org")
    elif parts.query or parts.fragment or parts.username:
        yield Problem("viewer.public_url", "must have no user, query or fragment", "https://example.org")


def _http_addr(config: Config) -> Iterator[Problem]:
    if config.viewer.http_addr.strip():
        try:
            parse_address(config.viewer.http_addr)
        except ValueError as error:
            yield Problem("viewer.http_addr", f"must be {error}", "empty lets goop2 choose")


def _console_addr(config: Config) -> Iterator[Problem]:
    try:
        loopback = parse_address(config.viewer.console_addr).loopback
    except ValueError as error:
        yield Problem("viewer.console_addr", f"must be {error}", "127.0.0.1:0")
        return
    if not loopback:
        reason = "must be an address of this computer alone: the console can do everything you can"
        yield Problem("viewer.console_addr", reason, "127.0.0.1:0; reach it from elsewhere through an SSH tunnel")


def _proxies(config: Config) -> Iterator[Problem]:
    for text in config.viewer.trusted_proxies:
        try:
            ipaddress.ip_network(text, strict=False)
        except ValueError:
            yield Problem(
                "viewer.trusted_proxies",
                f"{text[:LONGEST_QUOTE]!r} is no IP address or network",
                "10.0.0.1 or 10.0.0.0/8",
            )


_RULES: list[tuple[tuple[str, ...], Rule]] = [
    (("presence.heartbeat_seconds", "presence.ttl_seconds"), _heartbeat),
    (("paths.site_source", "paths.site_stage"), _stage),
    (("presence.rendezvous_host", "presence.rendezvous_only"), _rendezvous_only),
    (("presence.rendezvous_host", "presence.relay_port"), _relay),
    (("presence.rendezvous_host", "presence.rendezvous_bind"), _rendezvous_bind),
    (("presence.rendezvous_wan",), _rendezvous_wan),
    (("viewer.public_url",), _public_url),
    (("viewer.http_addr",), _http_addr),
    (("viewer.console_addr",), _console_addr),
    (("viewer.trusted_proxies",), _proxies),
]


def said(value: Any) -> str:
    """A value as a message quotes it, short."""
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}…"
