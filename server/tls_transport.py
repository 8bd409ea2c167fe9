"""TLS on a connection's socket: no task, no waiting, and as few system calls as without it.

OpenSSL works on two buffers in memory, and what is between them and the socket is moved
here by plain non-blocking calls. A delivery costs a fifth of what it costs over
``trio.SSLStream``, and what is handed over together is encrypted and sent together.
"""

from __future__ import annotations

import errno
import socket
import ssl
from contextlib import suppress
from typing import NamedTuple

from trio.lowlevel import checkpoint, wait_readable, wait_writable

from server.transport import RECEIVE

AT_ONCE = 64 * 1024
"""Bytes that are encrypted before the socket is asked for all of them at once.

About as much, and no more, waits encrypted for a connection whose socket is full.
"""


_LEAVING = ssl.MemoryBIO()
"""What OpenSSL has encrypted; all connections share it, and each takes its own out at once.

With one each, a delivery to a thousand would go through a thousand buffers, too many for the
processor's cache: half the speed.
"""
_take_out = _LEAVING.read


class HandshakeError(Exception):
    """There is no encrypted connection; the text says why, for the log."""


class TlsTransport:
    """An encrypted connection; :mod:`server.transport` has the contract."""

    __slots__ = (
        "_arriving", "_encrypted", "_ended", "_engine", "_failure", "_ready", "_send", "_untaken",
        "_write", "sock",
    )  # fmt: skip
    encrypted = True

    def __init__(self, sock: socket.socket, engine: ssl.SSLObject, arriving: ssl.MemoryBIO) -> None:
        """Take over after the handshake; the engine reads what is put into ``arriving``."""
        self.sock = sock
        self._send = sock.send
        self._engine = engine
        self._write = engine.write
        self._arriving = arriving
        self._encrypted: bytes | memoryview = b""  # what the socket has not taken yet
        self._untaken = 0  # bytes in it that the next send begins with
        self._ready = arriving.pending > 0  # something to say without the socket
        self._ended = False  # nothing more can be read
        self._failure: OSError | None = None  # where that was no proper end

    # ---- sending

    def send(self, data: bytes | memoryview) -> int:
        """Encrypt and send; bytes count as taken as their records leave.

        Called for each follower and batch, so what nearly always happens stands in one place:
        nothing waits from before, and the socket takes everything.
        """
        size = len(data)
        if self._encrypted or size > AT_ONCE:
            return self._send_in_pieces(data)
        write, send = self._write, self._send  # looked up apart from the call: quicker on a slot
        try:
            done = write(data)
            while done < size:  # it takes one record (16 KiB) at a time
                done += write(memoryview(data)[done:])
        finally:
            encrypted = _take_out()
        try:
            sent = send(encrypted)
        except (BlockingIOError, InterruptedError):
            sent = 0
        if sent == len(encrypted):
            return size
        self._encrypted, self._untaken = encrypted, size
        return _some(self._left(sent))

    def _send_in_pieces(self, data: bytes | memoryview) -> int:
        """Send behind what waits, as long as nothing more has to wait."""
        taken = self._push() if self._encrypted else 0
        with suppress(BlockingIOError):
            while taken < len(data) and not self._encrypted:
                taken += self.send(memoryview(data)[taken : taken + AT_ONCE])
        return _some(taken)

    def _push(self) -> int:
        """Let the socket take of what is encrypted, and return how many bytes that were."""
        try:
            return self._left(self._send(self._encrypted))
        except (BlockingIOError, InterruptedError):
            return 0

    def _left(self, sent: int) -> int:
        """Note that so much of what is encrypted has left, and return how many bytes that were.

        As many as have left in proportion; all of them only when everything has.
        """
        encrypted, untaken = self._encrypted, self._untaken
        if sent == len(encrypted):
            self._encrypted, self._untaken = b"", 0
            return untaken
        self._encrypted = memoryview(encrypted)[sent:]
        taken = untaken * sent // len(encrypted)
        self._untaken -= taken
        return taken

    # ---- receiving

    def recv(self) -> bytes:
        """Return what has arrived complete; an end without TLS's own goodbye is an error."""
        if not self._ready:
            data = self.sock.recv(RECEIVE)
            if data:
                self._arriving.write(data)
            else:
                self._arriving.write_eof()
        data = b"" if self._ended else self._decrypt()
        self._ready = self._ended
        if data:
            return data
        if self._failure is not None:
            raise self._failure
        if not self._ended:
            raise BlockingIOError
        return b""

    def _decrypt(self) -> bytes:
        """Return what can be read, and note where it is the last."""
        pieces: list[bytes] = []
        try:
            while piece := self._engine.read(RECEIVE):
                pieces.append(piece)
                if not (self._arriving.pending or self._engine.pending()):
                    break  # OpenSSL would say so by an error, which takes longer than the reading
            else:
                self._ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLEOFError:
            self._fail(ConnectionResetError(errno.ECONNRESET, "cut off within TLS"))
        except ssl.SSLError as error:
            self._fail(ConnectionAbortedError(errno.EPROTO, f"TLS: {_reason(error)}"))
        if answer := _take_out():
            self._answer(answer)
        return b"".join(pieces)

    def _fail(self, failure: OSError) -> None:
        self._ended, self._failure = True, failure

    def _answer(self, answer: bytes) -> None:
        """Send what TLS itself has to say, such as an alert, unless other bytes are before it."""
        before = bytes(self._encrypted)
        self._encrypted = before + answer
        if not before:
            with suppress(OSError):  # of which the next one to send hears
                self._push()

    async def wait_readable(self) -> None:
        """Wait until :meth:`recv` has something to say; it may have it without the socket."""
        if self._ready:
            await checkpoint()
        else:
            await wait_readable(self.sock)

    # ---- the end

    async def end_sending(self) -> None:
        """Say TLS's goodbye (close_notify), then end our direction."""
        with suppress(ssl.SSLError):  # it also asks for the other end's, which may come or not
            self._engine.unwrap()
        self._encrypted = bytes(self._encrypted) + _take_out()
        while self._encrypted:
            self._push()
            if self._encrypted:
                await wait_writable(self.sock)
        self.sock.shutdown(socket.SHUT_WR)


async def shake_hands(sock: socket.socket, context: ssl.SSLContext, first: bytes) -> TlsTransport:
    """Agree upon keys with a client whose first bytes have been read.

    The mathematics takes well below a millisecond; for the client it waits as a task of its
    own, as long as the caller lets it. Raises :class:`HandshakeError`.
    """
    arriving = ssl.MemoryBIO()
    engine = context.wrap_bio(arriving, _LEAVING, server_side=True)
    arriving.write(first)
    try:
        while (step := _step(engine)).goes_on:
            await _send_all(sock, step.answer)
            arriving.write(await _receive(sock))
        if step.failure is not None:
            with suppress(OSError):
                sock.send(step.answer)  # the alert, which tells the client why
            raise HandshakeError(_reason(step.failure))
        await _send_all(sock, step.answer)
    except OSError as error:
        raise HandshakeError(error.strerror or str(error)) from None
    return TlsTransport(sock, engine, arriving)


class _Step(NamedTuple):
    """How far the handshake has got."""

    answer: bytes
    goes_on: bool = False
    failure: ssl.SSLError | None = None


def _step(engine: ssl.SSLObject) -> _Step:
    """Go on as far as what has arrived allows."""
    try:
        engine.do_handshake()
    except ssl.SSLWantReadError:
        return _Step(_take_out(), goes_on=True)
    except ssl.SSLError as error:
        return _Step(_take_out(), failure=error)
    return _Step(_take_out())


async def _send_all(sock: socket.socket, data: bytes) -> None:
    while data:
        await wait_writable(sock)
        with suppress(BlockingIOError, InterruptedError):
            data = data[sock.send(data) :]


async def _receive(sock: socket.socket) -> bytes:
    while True:
        await wait_readable(sock)
        with suppress(BlockingIOError, InterruptedError):
            data = sock.recv(RECEIVE)
            if not data:
                raise ConnectionResetError(errno.ECONNRESET, "the client has left")
            return data


def _some(taken: int) -> int:
    """Return how many bytes were taken; none is said otherwise, as a socket does."""
    if not taken:
        raise BlockingIOError
    return taken


def _reason(error: ssl.SSLError) -> str:
    """Return OpenSSL's own words for what is wrong, in small letters."""
    return (error.reason or str(error)).replace("_", " ").lower()
