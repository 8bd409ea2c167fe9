"""Whom an address stands for, where strangers are counted by where they come from."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Site = IPv4Address | IPv6Network
Network = IPv4Network | IPv6Network

LOOPBACK: tuple[Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1"))
"""The server's own machine, and everybody for whom a proxy or a tunnel there speaks."""

_SITE = 64  # bits of an IPv6 address that one household or server has to itself


def site_of(ip: str, exempt: Sequence[Network] = LOOPBACK) -> Site | None:
    """Return whom an address is counted for; None: nobody, it is exempt or no address at all.

    An IPv6 address stands for its /64, for one machine has all of that to choose from.
    """
    try:
        address = ip_address(ip.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    if any(address in network for network in exempt):
        return None
    if isinstance(address, IPv6Address):
        return IPv6Network((int(address), _SITE), strict=False)
    return address


def networks(text: str) -> tuple[Network, ...]:
    """Return the addresses and networks that are named with commas between them.

    ``none`` names none. Raises :class:`ValueError` where one is neither address nor network.
    """
    words = [word.strip() for word in text.split(",")]
    return tuple(ip_network(word) for word in words if word not in {"", "none"})
