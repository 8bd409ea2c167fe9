"""A client of a few lines that waits for each answer, where the load generator cannot help."""

from __future__ import annotations

import socket
from contextlib import suppress
from itertools import count
from typing import Any

import msgspec

from protocol.errors import ProtocolError
from protocol.framing import encode, event_reader
from protocol.requests import Hello, Login, Request

_PATIENCE = 60.0  # seconds for one answer


class Client:
    """A connection that is logged in. It reads only while it waits for an answer."""

    def __init__(self, port: int, name: str, *, receive_buffer: int | None = None) -> None:
        """Connect and log in; ``receive_buffer`` bounds what the kernel takes in for us."""
        self.socket = socket.socket()
        self._reader = event_reader()
        self._refs = count(1)
        self.socket.settimeout(_PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer is not None:
            # The window is agreed upon while connecting: later it would have no effect.
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(("127.0.0.1", port))
        self.ask(Login(name=name, history=0), before=encode(Hello(protocol=1)))

    def ask(self, request: Request, before: bytes = b"") -> Any:
        """Return the answer to a request.

        Raises :class:`ProtocolError` where the server says no.
        """
        ref = next(self._refs)
        self.socket.sendall(before + encode(msgspec.structs.replace(request, ref=ref)))
        while True:
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError("The server has closed the connection.")
            for incoming in self._reader.feed(data):
                if isinstance(incoming, ProtocolError):
                    raise incoming
                if getattr(incoming.frame, "ref", None) == ref:
                    return incoming.frame

    def close(self) -> None:
        """Hang up; a thread that waits for this connection goes on."""
        with suppress(OSError):  # the other end may have been first
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
