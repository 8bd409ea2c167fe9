"""How a server is called: ``chat.example.org:8000``, ``192.0.2.1:8000``, ``[2001:db8::1]:8000``."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

_LAST_PORT = 65535


def address_of(host: str, port: int) -> str:
    """Return the one form of an address, whatever form of the host was typed."""
    ip = _as_ip(host)
    if isinstance(ip, IPv6Address):
        return f"[{ip}]:{port}"
    return f"{''.join(bare_host(host).split())}:{port}"


def parse_address(text: str, default_port: int | None = None) -> tuple[str, int] | None:
    """Return the host and the port of an address; None where it is none.

    Without a port it is one only where there is a ``default_port``.
    """
    host, colon, port = text.rpartition(":")
    if not colon or (not host.endswith("]") and (":" in host or text.endswith("]"))):
        host, port = text, ""  # a name alone, or an IPv6 address with no port
    elif not (port.isascii() and port.isdecimal() and 1 <= int(port[:6]) <= _LAST_PORT):
        return None
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if ":" in host and not isinstance(_as_ip(host), IPv6Address):
        return None
    number = int(port) if port else default_port
    if not host.strip(".") or number is None or any(map(str.isspace, host)):
        return None
    return host, number


def bare_host(host: str) -> str:
    """Return a host in small letters, without the dot that ends a name in the DNS."""
    ip = _as_ip(host)
    return host.lower().removesuffix(".") if ip is None else str(ip)


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine by its very name, which nobody else can change.

    A name that only happens to lead here is not: who answers for it may have another lead.
    """
    ip = _as_ip(host)
    if ip is None:
        return bare_host(host) == "localhost" or bare_host(host).endswith(".localhost")
    mapped = ip.ipv4_mapped if isinstance(ip, IPv6Address) else None
    return (mapped or ip).is_loopback


def _as_ip(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
