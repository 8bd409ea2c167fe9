"""What the settings say against abuse, made into the parts that hold it."""

from __future__ import annotations

from chat.counters import Counters
from chat.rates import Turns
from chat.sites import networks
from server.gate import Gate, GateLimits
from server.settings import Settings


def gate(settings: Settings) -> Gate:
    """Return who says whether a connection may come in."""
    return Gate(
        GateLimits(
            max_connections=settings.max_connections,
            max_connections_per_ip=settings.max_connections_per_ip,
            max_waiting=settings.max_waiting,
            max_waiting_per_ip=settings.max_waiting_per_ip,
            max_login_bytes=settings.max_login_bytes,
            frames_per_second=settings.frames_per_second,
            frames_per_second_per_ip=settings.frames_per_second_per_ip,
            exempt=networks(settings.limit_exempt),
        )
    )


def logins(settings: Settings, counters: Counters) -> Turns:
    """Return who says when one more may log in."""
    return Turns(
        "logins",
        counters,
        per_minute=settings.logins_per_minute,
        per_minute_per_ip=settings.logins_per_minute_per_ip,
        exempt=networks(settings.limit_exempt),
    )


def handshakes(settings: Settings, counters: Counters) -> Turns:
    """Return who says when one more may begin TLS."""
    return Turns(
        "handshakes",
        counters,
        per_minute=settings.handshakes_per_minute,
        per_minute_per_ip=settings.handshakes_per_minute_per_ip,
        exempt=networks(settings.limit_exempt),
    )
