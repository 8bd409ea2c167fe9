"""A long text on its way out, and a database that goes away in the middle of it."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable

import trio

from chat.dispatch import TextStream
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import Error, Part, PongReply
from protocol.framing import Incoming, event_reader
from server.conn import Conn
from server.delivery import Delivery
from server.gateways import line, native
from server.gateways.native import NATIVE
from server.gateways.terminal import Terminal
from storage.errors import StorageUnavailable
from tests.chat.fakes import MemoryStores, messenger_on
from tests.memory_storage import MemoryStorage


async def _served(show: Callable[[Conn], object]) -> bytes:
    """Let a connection show something, then a pong; return all that came."""
    near, far = socket.socketpair()
    near.setblocking(False)
    conn = Conn(near, "a test", Delivery(MemoryStorage()), NATIVE, 8192)
    stream = trio.SocketStream(trio.socket.from_stdlib_socket(far))

    async def gateway(conn: Conn) -> None:
        show(conn)
        await trio.testing.wait_all_tasks_blocked()
        conn.post(PongReply())

    received = b""
    async with trio.open_nursery() as nursery, stream:
        nursery.start_soon(conn.run, gateway)
        with trio.fail_after(20):
            while data := await stream.receive_some():
                received += data
    return received


async def _chunks(*chunks: bytes, then: Exception | None = None) -> AsyncIterator[bytes]:
    for chunk in chunks:
        await trio.lowlevel.checkpoint()
        yield chunk
    if then is not None:
        raise then


def _person(conn: Conn) -> line._Person:
    messenger = messenger_on(MemoryStores())
    return line._Person(
        Terminal(conn), messenger, line.LineGateway(messenger, None, lambda _room: None)
    )


def _text(chunks: AsyncIterator[bytes]) -> TextStream:
    return TextStream(ref=7, id=3, offset=10, size=16, chunks=chunks)


def _answer(conn: Conn, text: TextStream) -> bool:
    return conn.start_soon(native._answer, conn, text, native.NATIVE)


async def test_parts_come_in_order_and_the_last_one_is_marked() -> None:
    """Each with its offset; the text may go on between them at its reader's pace."""
    received = await _served(lambda conn: _answer(conn, _text(_chunks(b"abc", b"def"))))
    assert event_reader().feed(received) == [
        Incoming(Part(ref=7, id=3, offset=10, size=3), b"abc"),
        Incoming(Part(ref=7, id=3, offset=13, size=3), b"def"),
        Incoming(Part(ref=7, id=3, offset=16, size=0, last=True)),
        Incoming(PongReply()),
    ]


async def test_at_telnet_a_text_stands_between_two_lines() -> None:
    """A character may be cut between two chunks; control characters are shown, not sent."""
    half, rest = "я".encode()[:1], "я".encode()[1:]
    received = await _served(
        lambda conn: conn.start_soon(
            _person(conn)._show, _text(_chunks(b"a\x1b[2J\n" + half, rest + b"\r\nz"))
        )
    )
    shown = received.decode()
    assert shown.startswith("--- message 3, 16 bytes ---\r\n")
    assert "a␛[2J\r\n  я\r\n  z\r\n--- end of message 3 ---\r\n" in shown


async def test_a_text_that_is_deleted_on_its_way_is_no_whole_one() -> None:
    """S004-24: who reads it is told, at a terminal, too."""
    gone = ProtocolError(ErrorCode.UNKNOWN_MESSAGE, "Message {number} is gone.", number=3)
    cut = [_text(_chunks(b"abc", then=gone)) for _ in range(2)]
    received = await _served(lambda conn: _answer(conn, cut[0]))
    first, error, pong = [i.frame for i in event_reader().feed(received) if isinstance(i, Incoming)]
    assert isinstance(first, Part)
    assert not first.last
    assert error == Error(ref=7, code=ErrorCode.UNKNOWN_MESSAGE, message="Message 3 is gone.")
    assert pong == PongReply()
    shown = await _served(lambda conn: conn.start_soon(_person(conn)._show, cut[1]))
    assert b"end of message 3" not in shown
    assert b"Message 3 is gone." in shown


async def test_a_database_that_goes_away_is_an_error_of_the_fetch() -> None:
    """The connection goes on, and the client can fetch the rest from its offset later."""
    text = _text(_chunks(b"abc", then=StorageUnavailable("away")))
    received = await _served(lambda conn: _answer(conn, text))
    first, error, pong = [i.frame for i in event_reader().feed(received) if isinstance(i, Incoming)]
    assert isinstance(first, Part)
    assert isinstance(error, Error)
    assert (error.ref, error.code) == (7, ErrorCode.STORAGE_UNAVAILABLE)
    assert pong == PongReply()
