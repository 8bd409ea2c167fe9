"""How much of what an HTTP client may send, and how long it may take for it."""

from __future__ import annotations

from dataclasses import dataclass

MAX_TARGET = 8 * 1024
"""Bytes of a request's target (RFC 9112, 3 recommends to take 8000 at least)."""

MAX_DRAINED = 64 * 1024
"""Bytes of a body that nobody wanted which are read so that the connection can go on."""


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What the settings say."""

    head_bytes: int = 16 * 1024
    """Of the request line and the header together."""
    body_bytes: int = 1024 * 1024
    """Of a body that is read as a whole; files and long texts are streamed, and are not bound."""
    head_seconds: float = 10.0
    """From a request's first byte to the end of its header."""
    idle_seconds: float = 60.0
    """Without a request between two, or without a byte in the middle of a body. Who has not logged
    in has as long for a whole body, and for taking a response."""
    login_seconds: float = 120.0
    """After which a connection that has not logged in ends behind a response."""
