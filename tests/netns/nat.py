"""What kinds of NAT a router of the lab can be, as nftables rules.

Mapping is how a LAN source address and port become an external port; filtering is who may answer to that port.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

FIRST_PORT = 40000
PORTS = 4096

# Endpoint-independent mapping: the first flow of a source takes the next port, later flows of it find that port again.
# numgen counts in the machine's byte order and ports are in the network's: hence the second map.
_STEADY_MAPPING = f"""
        meta l4proto {{ tcp, udp }} update @flows {{ ip saddr . th sport : numgen inc mod {PORTS} }}
        meta l4proto {{ tcp, udp }} meta mark set ip saddr . th sport map @flows
        meta l4proto {{ tcp, udp }} masquerade to :meta mark map @ports
"""

# Endpoint-independent filtering: remember, after translation, who is behind an external port. One line: nftables' rule.
_LEARN = (
    'oifname "wan*" ct direction original meta l4proto { tcp, udp } update @open '
    "{ meta l4proto . th sport : ct original ip saddr . ct original proto-src }"
)


class Nat(StrEnum):
    """The kinds, in the terms of RFC 4787."""

    FULL_CONE = "full-cone"  # endpoint-independent mapping and filtering
    HOME = "home"  # endpoint-independent mapping to another port, address-and-port-dependent filtering
    MASQUERADE = "masquerade"  # the same, but a free port is kept
    SYMMETRIC = "symmetric"  # address-and-port-dependent mapping and filtering
    TCP_ONLY = "tcp-only"  # a company's firewall: TCP to ports 443 and 4001 alone
    ONE_DESTINATION = "one-destination"  # TCP to one address and port alone


@dataclass(frozen=True)
class _Rules:
    mapping: str = ""
    inbound: str = ""
    learn: str = ""
    outbound: str = ""


def ruleset(kind: Nat, destination: tuple[str, int] | None) -> str:
    """The nftables input that makes a router with uplinks `wan*` and a bridge `lan` this kind of NAT."""
    return _TEMPLATE.format(
        ports=", ".join(f"{number} : {FIRST_PORT + number}" for number in range(PORTS)),
        rules=_rules(kind, destination),
    )


def _rules(kind: Nat, destination: tuple[str, int] | None) -> _Rules:
    match kind:
        case Nat.FULL_CONE:
            return _Rules(_STEADY_MAPPING, 'iifname "wan*" dnat to meta l4proto . th dport map @open', _LEARN)
        case Nat.HOME:
            return _Rules(_STEADY_MAPPING)
        case Nat.MASQUERADE:
            return _Rules()
        case Nat.SYMMETRIC:
            return _Rules(mapping="masquerade fully-random")
        case Nat.TCP_ONLY:
            return _Rules(_STEADY_MAPPING, outbound="meta l4proto != tcp drop; tcp dport != { 443, 4001 } drop")
        case Nat.ONE_DESTINATION:
            if destination is None:
                raise ValueError("this kind needs a destination")
            allowed = f"ip daddr {destination[0]} tcp dport {destination[1]}"
            return _Rules(_STEADY_MAPPING, outbound=f"{allowed} accept; drop")


# The silent drop of `uninvited` is essential: an answer to a peer's early packet, or a conntrack entry for it, would
# spoil hole punching.
_TEMPLATE = """
table ip lab {{
    map flows {{ type ipv4_addr . inet_service : mark; flags dynamic,timeout; timeout 1h; size 65535; }}
    map ports {{ type mark : inet_service; elements = {{ {ports} }} }}
    map open {{
        type inet_proto . inet_service : ipv4_addr . inet_service
        flags dynamic,timeout; timeout 5m; size 65535
    }}
    chain inbound {{
        type nat hook prerouting priority dstnat
        {rules.inbound}
    }}
    chain outbound {{
        {rules.outbound}
    }}
    chain between {{
        type filter hook forward priority filter; policy drop
        ct state established,related accept
        ct status dnat accept
        iifname "lan" jump outbound
        iifname "lan" accept
    }}
    chain uninvited {{
        type filter hook input priority filter
        iifname "wan*" ct state new drop
    }}
    chain translate {{
        type nat hook postrouting priority srcnat
        oifname != "wan*" accept
        {rules.mapping}
        masquerade
    }}
    chain learn {{
        type filter hook postrouting priority srcnat + 50
        {rules.learn}
    }}
}}
"""
