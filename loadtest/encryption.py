"""A client's end of TLS that can be used in the place of its socket."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from functools import cache


@cache
def _context() -> ssl.SSLContext:
    """Return what connections are made with; it is no secret that is sent, so all are trusted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class EncryptedSocket:
    """Shakes hands by itself as it is sent to and read from; nothing in it waits."""

    def __init__(self, sock: socket.socket) -> None:
        """Take a non-blocking socket that is being connected."""
        self._raw = sock
        self._tls: ssl.SSLSocket | None = None
        self._early: bytes | None = b""  # what was sent before there were keys; then None

    def send(self, data: bytes) -> int:
        """Return how much was taken; raises as a socket does."""
        if self._early is not None:
            self._early += data
            self._go_on()
            return len(data)
        return self._send(data)

    def recv(self, most: int) -> bytes:
        """Return what has arrived; raises as a socket does."""
        if self._early is not None:
            self._go_on()
        if self._tls is None:
            raise BlockingIOError
        try:
            return self._tls.recv(most)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None

    def close(self) -> None:
        """Close without a word, as a client does that vanishes."""
        (self._tls or self._raw).close()

    def _go_on(self) -> None:
        """Take the handshake as far as it goes, and say what had to wait for its end."""
        if self._tls is None:
            self._tls = _context().wrap_socket(self._raw, do_handshake_on_connect=False)
        with suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
            self._tls.do_handshake()
            early, self._early = self._early or b"", None
            if early and self._send(early) < len(early):
                raise OSError("the first words of a connection fill its buffer")

    def _send(self, data: bytes) -> int:
        assert self._tls is not None  # noqa: S101 - there are keys
        try:
            return self._tls.send(data)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None
