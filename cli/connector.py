"""Opening a stream to a server, and saying why it did not work."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable

import trio

from cli.reasons import reason_of
from protocol.language import Sentence

OpenStream = Callable[[], Awaitable[trio.abc.Stream]]
"""What makes a fresh stream to the server; raises OSError where it cannot."""


def open_tcp(host: str, port: int) -> OpenStream:
    """Return what opens a TCP connection to ``host`` and ``port``; it raises OSError."""

    async def open_stream() -> trio.abc.Stream:
        return await trio.open_tcp_stream(host, port)

    return open_stream


def explain(error: Exception) -> Sentence:
    """Return a sentence for people about why connecting failed."""
    if isinstance(error, socket.gaierror):
        return Sentence("No computer of this name is known.")
    cause = error.__cause__
    if isinstance(cause, ExceptionGroup):
        error = cause.exceptions[0]
    if isinstance(error, ConnectionRefusedError):
        return Sentence("Nobody listens there. Is the server running?")
    return error if isinstance(error, Sentence) else Sentence("{reason}.", reason=reason_of(error))
