"""How a client makes sure whom it talks to, and that nobody else reads it: choices and outcome."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import StrEnum

from cli.known_servers import KnownServers, known_servers


class Wish(StrEnum):
    """Whether a connection is encrypted."""

    SAFE = "safe"
    """With TLS, but not to this machine itself, unless that server is a known one."""
    TLS = "tls"
    """With TLS, always."""
    PLAIN = "plain"
    """Never: what is said, passwords too, can be read and changed by anybody on the way."""


def _users_own() -> KnownServers:
    return known_servers(os.environ)


@dataclass(frozen=True, slots=True)
class Security:
    """What a client accepts; by default nothing but a server that is proven to be the one meant.

    A certificate that an authority of this machine's trust store has signed is accepted where it
    is for the server's name. Any other is accepted by its fingerprint, where that is in the
    user's file of known servers or is given here.
    """

    wish: Wish = Wish.SAFE
    fingerprint: str | None = None
    """The only certificate to accept, as :func:`cli.fingerprints.as_fingerprint` returns it.

    It implies TLS.
    """
    trust_new: bool = False
    """True: accept whatever a server shows that is not known yet, and know it from then on."""
    known: KnownServers = field(default_factory=_users_own)


class Proof(StrEnum):
    """What it is known by that the other end is the server that is meant."""

    CA = "ca"
    """An authority that this machine trusts has signed its certificate."""
    FINGERPRINT = "fingerprint"
    """The user knows its certificate."""
    LOOPBACK = "loopback"
    """Nothing leaves this machine; it is not encrypted either."""
    NONE = "none"
    """Nothing: it is not encrypted."""


@dataclass(frozen=True, slots=True)
class Link:
    """How the connection there is now is protected."""

    proof: Proof
    version: str = ""
    """For example ``TLSv1.3``; empty where it is not encrypted."""
    fingerprint: str = ""
    """That of the server's certificate, likewise."""
