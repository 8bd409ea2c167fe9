"""Our own protocol: JSON headers on lines, raw bytes behind some (S004-31, docs/protocol.md)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import structlog

from chat.dispatch import Answer, TextStream, dispatch
from chat.messenger import Messenger, as_event
from chat.seldom import Seldom
from chat.uploads import TextChunk
from protocol import PROTOCOL_VERSION
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import Error, Event, Goodbye, Part, Welcome
from protocol.framing import Incoming, encode, request_reader
from protocol.limits import LOGIN_HEADER, MAX_HEADER
from protocol.requests import Chunk, Hello, Pong, Request
from server.conn import Conn
from server.gateways.texts import send_text
from storage.records import Message

log = structlog.get_logger()
refused = Seldom("frame.refused", level=logging.INFO)


class NativeDialect:
    """Frames of our own protocol."""

    divider = b""

    def wrap(self, frame: bytes) -> bytes:
        """Return a frame as the client gets it; another transport may put something around it."""
        return frame

    def message(self, message: Message, prev: int) -> bytes:
        """Return a `message` frame."""
        return self.wrap(encode(as_event(message, prev)))

    def event(self, event: Event) -> bytes:
        """Return the event's frame."""
        return self.wrap(encode(event))


NATIVE = NativeDialect()


async def serve_native(
    conn: Conn,
    messenger: Messenger,
    ping_interval: float,
    dialect: NativeDialect = NATIVE,
    receive: Callable[[], Awaitable[bytes]] | None = None,
) -> None:
    """Read and answer frames until the client has had enough.

    ``receive`` returns the next bytes of the frames, ``b""`` at their end; it is the connection's
    own where they come as they are.
    """
    conn.dialect = dialect
    receive = receive or conn.receive
    reader = request_reader(LOGIN_HEADER)
    greeted = False
    while data := await receive():
        if conn.session.user is not None:
            reader.limit = MAX_HEADER
        for item in reader.feed(data):
            await conn.wait_room()  # one read can hold thousands of requests
            await conn.asked()
            if isinstance(item, ProtocolError):
                _refuse(conn, item)
            elif not greeted:
                greeted = _greet(conn, messenger, item.frame, ping_interval)
                if not greeted:
                    return
            elif not await _take(conn, messenger, item, dialect):
                return
        if reader.broken:
            conn.end("What follows cannot be understood.")
            return
    await conn.session.wait_in_flight(0)


def _refuse(conn: Conn, error: ProtocolError) -> None:
    refused.write(connection=conn.id, code=str(error.code))
    sentence = error.said(conn.session.voice)
    conn.post(Error(ref=error.ref, code=error.code, message=sentence))


def _greet(conn: Conn, messenger: Messenger, request: Request, ping_interval: float) -> bool:
    """Answer the first frame; False where client and server cannot talk to each other."""
    if not isinstance(request, Hello):
        _refuse(conn, ProtocolError(ErrorCode.BAD_FRAME, "The first frame is hello.", request.ref))
        conn.end("The first frame has to be hello.")
        return False
    if request.protocol != PROTOCOL_VERSION:
        error = ProtocolError(
            ErrorCode.UNSUPPORTED_VERSION,
            "This server speaks version {ours} of the protocol, not {theirs}.",
            request.ref,
            ours=PROTOCOL_VERSION,
            theirs=request.protocol,
        )
        _refuse(conn, error)
        conn.end("{reason}", reason=error)
        return False
    conn.answers_pings = True
    log.debug("connection.native", connection=conn.id, client=request.client)
    conn.post(
        Welcome(
            ref=request.ref,
            protocol=PROTOCOL_VERSION,
            server=messenger.name,
            ping_interval=ping_interval,
        )
    )
    return True


async def _take(
    conn: Conn, messenger: Messenger, item: Incoming[Request], dialect: NativeDialect
) -> bool:
    """Do what one frame asks for; False where it was the last one."""
    request = item.frame
    if isinstance(request, Pong):
        return True
    answer = await dispatch(
        messenger,
        conn.session,
        TextChunk(stream=request.stream, data=item.payload)
        if isinstance(request, Chunk)
        else request,
    )
    await _answer(conn, answer, dialect)
    return not isinstance(answer, Goodbye)


async def _answer(conn: Conn, answer: Answer, dialect: NativeDialect) -> None:
    if isinstance(answer, TextStream):
        parts = _Parts(answer, dialect)
        await send_text(conn, answer, parts.piece, parts.end)
    elif answer is not None:
        conn.post(answer)


class _Parts:
    """A long text as `part` frames."""

    def __init__(self, text: TextStream, dialect: NativeDialect) -> None:
        self._text = text
        self._dialect = dialect
        self._offset = text.offset

    def piece(self, data: bytes) -> bytes:
        part = self._part(data, last=False)
        self._offset += len(data)
        return part

    def end(self) -> bytes:
        return self._part(b"", last=True)

    def _part(self, data: bytes, *, last: bool) -> bytes:
        text = self._text
        part = Part(ref=text.ref, id=text.id, offset=self._offset, size=len(data), last=last)
        return self._dialect.wrap(encode(part, data))
