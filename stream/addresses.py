"""Which addresses are public: where a host that an upstream chose may lead, and where not.

Pure. It judges addresses, never names: a name means nothing until it is resolved, and may mean
something else the next time.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

_NOT_PUBLIC_4: Final = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # between a provider and its customers; some clouds' metadata
        "127.0.0.0/8",
        "168.63.129.16/32",  # the host of a virtual machine at Azure
        "169.254.0.0/16",  # link-local; most clouds' metadata
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata
        "192.0.2.0/24",  # documentation, and two more below
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_GLOBAL_6: Final = IPv6Network("2000::/3")
"""All that is handed out for the internet; private, link-local and multicast lie outside."""
_NOT_PUBLIC_6: Final = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments; Teredo
        "2001:db8::/32",  # documentation
        "3ffe::/16",  # the testbed of before
        "3fff::/20",  # documentation
    )
)
_MAPPED: Final = IPv6Network("::ffff:0:0/96")
_NAT64: Final = IPv6Network("64:ff9b::/96")
_6TO4: Final = IPv6Network("2002::/16")


def is_public(address: str | Address) -> bool:
    """Whether the address is one of the internet's, and not of a machine's or a network's own.

    Stricter than `ipaddress.is_global`, which takes multicast, the relays of 6to4, 192.0.0.8 and
    an IPv4 address within an IPv6 one for public. Source: IANA's special-purpose registries.

    Raises:
        ValueError: it is no address.
    """
    reached = _reached(_parsed(address))
    if isinstance(reached, IPv4Address):
        return not any(reached in network for network in _NOT_PUBLIC_4)
    return reached in _GLOBAL_6 and not any(reached in network for network in _NOT_PUBLIC_6)


def may_be_reached(address: str | Address, allowed: Iterable[Network]) -> bool:
    """Whether the address is public, or lies in one of the networks that are allowed besides.

    Raises:
        ValueError: it is no address.
    """
    parsed = _parsed(address)
    reached = _reached(parsed)
    listed = any(one in network for network in allowed for one in (parsed, reached))
    return listed or is_public(reached)


def network(text: str) -> Network:
    """A network such as ``10.0.0.0/8``; a single address is one, too.

    Raises:
        ValueError: it is none.
    """
    return ip_network(text, strict=False)


def _parsed(address: str | Address) -> Address:
    parsed = ip_address(address) if isinstance(address, str) else address
    # With a zone (fe80::1%eth0) it would be in no network.
    is_zoned = isinstance(parsed, IPv6Address) and parsed.scope_id is not None
    return IPv6Address(int(parsed)) if is_zoned else parsed


def _reached(address: Address) -> Address:
    """Where a packet to this address ends: within some IPv6 addresses stands an IPv4 one."""
    if isinstance(address, IPv4Address):
        return address
    bits = int(address)
    if address in _MAPPED or address in _NAT64:
        return IPv4Address(bits & 0xFFFFFFFF)
    if address in _6TO4:
        return IPv4Address(bits >> 80 & 0xFFFFFFFF)
    return address
