"""One simulated client: a raw non-blocking socket and what its reader has to remember."""

from __future__ import annotations

import select
import socket
from typing import NamedTuple

from loadtest.checker import Track
from loadtest.encryption import EncryptedSocket
from loadtest.errors import SetupError

STALLED_RCVBUF = 4096
"""Bytes of receive buffer of a client that never reads, so that the server soon feels it."""

_PROBE_TIMEOUT = 10.0  # seconds


class Address(NamedTuple):
    """Where the server is, resolved once for all clients."""

    family: int
    sockaddr: tuple[str, int] | tuple[str, int, int, int]
    local: bool
    """On this machine, where its processes can be looked at."""


def find(host: str, port: int) -> Address:
    """Return the address that answers; raises :class:`SetupError` if none does."""
    try:
        with socket.create_connection((host, port), timeout=_PROBE_TIMEOUT) as probe:
            peer = probe.getpeername()
            return Address(probe.family, peer, local=probe.getsockname()[0] == peer[0])
    except OSError as error:
        raise SetupError(f"no server at {host} port {port}: {error}") from error


class Client:
    """A connection. The engine reads from it in a loop of its own, for speed."""

    __slots__ = (
        "_out", "_poll", "_sock", "farewell", "fd", "index", "name", "ready", "stalled", "tail",
        "track",
    )  # fmt: skip

    def __init__(self, index: int, name: str, *, stalled: bool) -> None:
        self.index = index
        self.name = name
        self.stalled = stalled
        """It logs in and then never reads."""
        self.ready = False
        """Logged in, and the connection stands."""
        self.fd = -1
        """The connection's file descriptor; -1 before it is begun and after its end."""
        self.tail = b""
        """The beginning of a line that has not arrived completely."""
        self.track = Track(1)
        self.farewell = ""
        """Why the connection ended, as far as is known."""
        self._out = b""  # waits until the socket can be written to
        self._sock: socket.socket | EncryptedSocket | None = None
        self._poll: select.epoll | None = None

    def connect(
        self, address: Address, poll: select.epoll, greeting: bytes, *, tls: bool = False
    ) -> None:
        """Begin a connection and say ``greeting`` once it stands."""
        sock = socket.socket(address.family, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.stalled:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, STALLED_RCVBUF)
        self._sock = EncryptedSocket(sock) if tls else sock
        sock.connect_ex(address.sockaddr)  # how it went is told by the first event
        self.fd = sock.fileno()
        self._out = greeting
        self._poll = poll
        poll.register(self.fd, select.EPOLLIN | select.EPOLLOUT)

    def receive(self, most: int) -> bytes:
        """Return what has arrived; nothing where the connection has ended, which is noted."""
        if self._sock is None:
            return b""
        try:
            data = self._sock.recv(most)
        except BlockingIOError:
            return b""
        except OSError as error:
            self.end(error.strerror or str(error))
            return b""
        if not data:
            self.end("closed by the server")
        return data

    def send(self, data: bytes) -> None:
        """Send, or keep for when the socket takes it; nothing at all after the end."""
        if self._sock is None:
            return
        waiting = bool(self._out)
        self._out += data
        if not waiting:
            self.flush()
            if self._out:
                self._watch(select.EPOLLIN | select.EPOLLOUT)

    def writable(self) -> None:
        """The socket takes something again, or the connection has been made or refused."""
        self.flush()
        if not self._out:
            self._watch(select.EPOLLIN)

    def flush(self) -> None:
        """Send what waits, as far as the socket takes it."""
        if self._sock is None:
            return
        try:
            sent = self._sock.send(self._out)
        except BlockingIOError:
            return
        except OSError as error:
            self.end(error.strerror or str(error))
            return
        self._out = self._out[sent:]

    def stall(self) -> None:
        """Read nothing from now on; only the connection's end is still noticed."""
        self._watch(select.EPOLLRDHUP)

    def end(self, reason: str = "") -> None:
        """Close the connection; the first reason that was given stays."""
        if self._sock is None:
            return
        self.farewell = self.farewell or reason
        self._sock.close()  # which takes it out of the epoll set as well
        self._sock = None
        self._out = b""
        self.fd = -1
        self.ready = False

    def _watch(self, events: int) -> None:
        if self._poll is not None and self.fd >= 0:
            self._poll.modify(self.fd, events)
