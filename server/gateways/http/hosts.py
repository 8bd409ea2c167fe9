"""Which hosts a request may name: what keeps a foreign page from reaching us (DNS rebinding).

A page of evil.example can let its own name point to 127.0.0.1 and so talk, as if to itself, to a
server that only this machine or this network reaches. Its browser still names evil.example in
`Host`. Names that nobody can own on the Internet, addresses, and what the settings say are good.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from ipaddress import ip_address

from server.gateways.http.errors import HttpError

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.%]+\]|[^:\[\]/?#@\s]+)(?::(?P<port>\d{0,5}))?", re.I)
_OURS = (".localhost", ".local", ".internal", ".home.arpa")
"""Ends of names that no one can have on the Internet (RFC 6761, 6762, 8375)."""


class Hosts:
    """The names that this server answers to."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        """Take further names, in any case; ``*`` is every one."""
        self._names = {name.lower().rstrip(".") for name in names}
        self._names.add(socket.gethostname().lower())
        self._good: set[bytes] = set()

    def check(self, host: bytes | None) -> None:
        """Raise :class:`HttpError` (400, 421) for a host that is none, or is not ours."""
        if host is None or host in self._good:  # HTTP/1.0 may leave it out; browsers never do
            return
        found = _HOST.fullmatch(host.decode("latin-1"))
        if found is None:
            raise HttpError(400, "Host names no host.")
        if not self._is_ours(found["name"].lower().rstrip(".")):
            raise HttpError(
                421,
                f"This server does not answer to the name {found['name'][:100]}. "
                "If it should, start it with --http-hosts and that name.",
            )
        if len(self._good) < 100:  # noqa: PLR2004 - enough for all names and ports one has
            self._good.add(host)

    def _is_ours(self, name: str) -> bool:
        if "*" in self._names or name in self._names:
            return True
        if "." not in name or name.endswith(_OURS):
            return True
        return _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
