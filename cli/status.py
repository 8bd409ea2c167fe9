"""What a client knows about itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cli.security import Link


class State(StrEnum):
    """Where a client stands."""

    CONNECTING = "connecting"
    ONLINE = "online"
    OFFLINE = "offline"
    """Between two attempts to connect."""
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class ClientStatus:
    """A client at one moment, as :meth:`cli.client.Client.CheckStatus` returns it."""

    state: State
    host: str
    port: int
    name: str
    """The user's name, as the server shows it once logged in."""
    guest: bool
    """True: the name has no password."""
    server: str
    """Name and version of the server; empty before the first login."""
    since: float
    """When ``state`` began, in seconds since 1970 by this machine's clock."""
    reconnects: int
    """How often the connection was lost and found again."""
    last_error: str
    """Why the last connection ended or the last attempt failed; empty while all went well."""
    unacknowledged: int
    """Messages handed over for sending whose storage the server has not confirmed yet."""
    carried: int
    """Bytes of long texts that the connection there is now has taken: it tells of progress."""
    unread: int
    """Messages that have arrived and wait for ReadMsg."""
    round_trip: float | None
    """Seconds that the last request took to be answered."""
    storage_available: bool
    """False while the server has said that its database is away."""
    link: Link | None = None
    """How the connection is protected; None where there is none, or it is the program's own."""
    offline_since: float | None = None
    """When the connection was lost, or the first attempt begun; None while there is one."""
