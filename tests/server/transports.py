"""Both kinds of transport on a socket pair, each with a far end that speaks as a client does."""

from __future__ import annotations

import socket
import ssl
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

import trio

from server.certificate import Certificate
from server.own_certificate import own_files
from server.tls_transport import shake_hands
from server.transport import PlainTransport, Transport

KINDS = ("plain", "tls")
BUFFER = 4096
"""Bytes of the sockets' send buffers: a slow reader is felt at once."""


@cache
def server_context() -> ssl.SSLContext:
    """Return what the server makes connections with."""
    with tempfile.TemporaryDirectory() as folder:
        return Certificate(own_files(Path(folder) / "chat.db")).context


@cache
def client_context() -> ssl.SSLContext:
    """Return a client's, which believes everybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class FarEnd:
    """The client's end of a plain connection; nothing in it waits."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    def read(self, most: int = 1 << 20) -> bytes:
        """Read what is there; of the socket at most so much."""
        return self._read_raw(most)

    def _read_raw(self, most: int) -> bytes:
        data = b""
        while len(data) < most:
            try:
                piece = self.sock.recv(most - len(data))
            except BlockingIOError:
                break
            if not piece:
                self.ended()
                break
            data += piece
        return data

    def ended(self) -> None:
        """Note that the socket is at its end."""

    def write(self, data: bytes) -> None:
        """Send; the socket has to take it."""
        assert self.sock.send(data) == len(data)

    def say_goodbye(self) -> None:
        """End the own direction properly, and read on."""
        self.sock.shutdown(socket.SHUT_WR)

    def reads_the_end(self) -> bool:
        """Tell whether the other end has ended its direction properly."""
        try:
            return self.sock.recv(1) == b""
        except BlockingIOError:
            return False


class TlsFarEnd(FarEnd):
    """The same of one over TLS."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self._at_end = False
        self.arriving, self.leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.engine = client_context().wrap_bio(self.arriving, self.leaving)

    def read(self, most: int = 1 << 20) -> bytes:
        """Read what has arrived complete."""
        self._fetch(most)
        data = b""
        with suppress(ssl.SSLWantReadError):
            while piece := self.engine.read(1 << 20):
                data += piece
        return data

    def _fetch(self, most: int = 1 << 20) -> None:
        if self._at_end:
            return
        if data := self._read_raw(most):
            self.arriving.write(data)

    def ended(self) -> None:
        """Let an end without goodbye be one."""
        self._at_end = True

    def write(self, data: bytes) -> None:
        """Encrypt and send."""
        self.engine.write(data)
        super().write(self.leaving.read())

    def say_goodbye(self) -> None:
        """Send close_notify and no more, as TLS 1.3 allows."""
        with suppress(ssl.SSLError):  # it asks for the other end's
            self.engine.unwrap()
        super().write(self.leaving.read())

    def reads_the_end(self) -> bool:
        """Tell whether close_notify has come, and nothing else is there."""
        self._fetch()
        try:
            return self.engine.read(1) == b""
        except ssl.SSLWantReadError:
            return False

    async def shake_hands(self) -> None:
        """Do the client's half."""
        while True:
            try:
                self.engine.do_handshake()
            except ssl.SSLWantReadError:
                super().write(self.leaving.read())
                await trio.lowlevel.wait_readable(self.sock)
                self._fetch()
            else:
                super().write(self.leaving.read())
                return


class Ends(NamedTuple):
    """A connection."""

    near: Transport
    far: FarEnd


@asynccontextmanager
async def connection(kind: str) -> AsyncIterator[Ends]:
    """Connect the two ends; of kind plain or tls, the handshake done."""
    sock, far_sock = socket.socketpair()
    with sock, far_sock:
        for end in (sock, far_sock):
            end.setblocking(False)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        if kind == "plain":
            yield Ends(PlainTransport(sock), FarEnd(far_sock))
        else:
            far = TlsFarEnd(far_sock)
            yield Ends(await _encrypt(sock, far), far)


async def _encrypt(sock: socket.socket, far: TlsFarEnd) -> Transport:
    made: list[Transport] = []

    async def serve() -> None:
        await trio.lowlevel.wait_readable(sock)
        made.append(await shake_hands(sock, server_context(), sock.recv(65536)))

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve)
            await far.shake_hands()
    return made[0]
