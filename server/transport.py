"""What a connection sends and receives through: the socket itself, or TLS on it.

The contract, which :class:`~server.channel.SendChannel` and the fan-out rely upon:

1. ``send`` never waits. It returns how many of the bytes were taken, or raises
   :class:`BlockingIOError` where none were; any other :class:`OSError` is the end.
2. Where not all were taken, the next ``send`` begins with those that were not, and has at
   least as many. TLS needs that: it may have encrypted what it has not taken (``SSL_write`` of
   OpenSSL asks for the same).
3. What was taken has left this process: no bytes wait in a transport that its caller does not
   know of, so that bounds, progress and being done mean the same over TLS.
4. ``recv`` never waits. It returns at least one byte, ``b""`` at the end of the stream, or
   raises as ``send`` does.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Protocol

from trio.lowlevel import wait_readable

RECEIVE = 64 * 1024  # bytes read at once


class Transport(Protocol):
    """One connected byte stream, with nothing in it that waits but what says so."""

    sock: socket.socket
    """Non-blocking; what is asked about the connection is asked here."""
    encrypted: bool

    @property
    def send(self) -> Callable[[bytes | memoryview], int]:
        """What sends; of the plain one it is the socket's own method, for the hot loop."""
        ...

    def recv(self) -> bytes:
        """Return what has arrived, at most :data:`RECEIVE` bytes of the socket's."""
        ...

    async def wait_readable(self) -> None:
        """Wait until :meth:`recv` has something to say."""
        ...

    async def end_sending(self) -> None:
        """Tell the other end that nothing more comes; what was taken arrives before that."""
        ...


class PlainTransport:
    """The socket as it is."""

    encrypted = False

    def __init__(self, sock: socket.socket) -> None:
        """Take a connected non-blocking socket."""
        self.sock = sock
        self.send: Callable[[bytes | memoryview], int] = sock.send

    def recv(self) -> bytes:
        """Return what has arrived."""
        return self.sock.recv(RECEIVE)

    async def wait_readable(self) -> None:
        """Wait until something has arrived, or the end."""
        await wait_readable(self.sock)

    async def end_sending(self) -> None:
        """End our direction."""
        self.sock.shutdown(socket.SHUT_WR)
