"""Our own protocol inside a WebSocket, for browsers (RFC 6455, docs/protocol.md).

The payloads of a WebSocket's messages, one after the other, are the byte stream that a plain
connection carries; how it is cut into messages means nothing. What is received passes wsproto,
which unmasks it and looks after the rules. What is sent needs no state: a frame from the server
has no mask, so its bytes are the same for all, and the fan-out's blobs stay what they are.
"""

from __future__ import annotations

import binascii
from base64 import b64decode

import structlog
import trio
from wsproto.connection import Connection, ConnectionType
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, TextMessage
from wsproto.frame_protocol import CloseReason
from wsproto.handshake import H11Handshake
from wsproto.utilities import RemoteProtocolError

from chat.messenger import Messenger
from server.conn import Conn
from server.gateways.http.errors import HttpError
from server.gateways.http.messages import Request
from server.gateways.native import NativeDialect, serve_native

log = structlog.get_logger()

_WHOLE_BINARY = 0x82  # the last, and only, piece of a binary message
_TINY = 126  # payloads below have their length in the header's second byte
_SMALL = 1 << 16

TURN = 200
"""WebSocket frames of one connection after which others have the loop: they may be tiny."""


def framed(payload: bytes) -> bytes:
    """Return a payload as one binary message from a server (RFC 6455, 5.2)."""
    size = len(payload)
    if size < _TINY:
        return b"%c%c%b" % (_WHOLE_BINARY, size, payload)
    if size < _SMALL:
        return b"%c\x7e%b%b" % (_WHOLE_BINARY, size.to_bytes(2), payload)
    return b"%c\x7f%b%b" % (_WHOLE_BINARY, size.to_bytes(8), payload)


class WebSocketDialect(NativeDialect):
    """Frames of our own protocol, each one a message of a WebSocket."""

    def wrap(self, frame: bytes) -> bytes:
        """Return a frame behind a WebSocket's header."""
        return framed(frame)


WEBSOCKET = WebSocketDialect()


class WebSocketGateway:
    """Takes connections over from HTTP that ask to become WebSockets."""

    def __init__(self, messenger: Messenger, ping_interval: float) -> None:
        self._messenger = messenger
        self._ping_interval = ping_interval

    async def serve(self, conn: Conn, request: Request) -> None:
        """Answer the handshake and serve; raises :class:`HttpError` where there can be none."""
        _check_origin(request)
        ws, answer = _shake_hands(request)
        conn.dialect = WEBSOCKET
        conn.begin_login()  # from here on it is a client that has to do that
        conn.send(answer)
        source = Source(conn, ws)
        conn.last_frame = source.close
        log.debug("connection.websocket", connection=conn.id)
        await serve_native(conn, self._messenger, self._ping_interval, WEBSOCKET, source.receive)


def _check_origin(request: Request) -> None:
    """Refuse the pages of other hosts: a browser lets any page open a WebSocket to us.

    That `Host` is a name of ours has been looked at before (DNS rebinding). Programs that are no
    browsers send no `Origin`.
    """
    origin = request.header(b"origin")
    if origin is None:
        return
    _, _, host = origin.partition(b"://")
    if host.lower() != (request.header(b"host") or b"").lower():
        raise HttpError(403, "Pages of other hosts cannot come in here: open this server's own.")


def _shake_hands(request: Request) -> tuple[Connection, bytes]:
    """Return what comes of the client's half of the handshake, and ours; raises HttpError."""
    if request.method != "GET":
        raise HttpError(405, "A WebSocket begins with GET.", headers=((b"Allow", b"GET"),))
    if not _is_key(request.header(b"sec-websocket-key") or b""):
        raise HttpError(400, "Sec-WebSocket-Key has to be 16 bytes in base64.")
    handshake = H11Handshake(ConnectionType.SERVER)
    try:
        handshake.initiate_upgrade_connection(list(request.headers), request.target)
    except RemoteProtocolError as error:
        hint = error.event_hint
        raise HttpError(
            getattr(hint, "status_code", 400),
            "This is no WebSocket handshake of version 13.",
            headers=tuple(getattr(hint, "headers", ())),
        ) from None
    except UnicodeError:  # wsproto takes Host for an international name
        raise HttpError(400, "Host names no host.") from None
    answer = handshake.send(AcceptConnection())  # without extensions: nothing is compressed
    assert handshake.connection is not None  # noqa: S101 - it has just been accepted
    return handshake.connection, answer


def _is_key(value: bytes) -> bool:
    try:
        return len(b64decode(value, validate=True)) == 16  # noqa: PLR2004 - RFC 6455, 4.2.1
    except binascii.Error:
        return False


class Source:
    """The bytes inside one client's WebSocket."""

    def __init__(self, conn: Conn, ws: Connection) -> None:
        self._conn = conn
        self._ws = ws
        self._end: CloseConnection | None = None

    async def receive(self) -> bytes:
        """Return what has arrived, at least one byte; ``b""`` when the client has closed.

        Whatever else is in a WebSocket is dealt with here. No more than one read of the socket is
        ever held: a message has no size limit, because it is passed on while it arrives.
        """
        while self._end is None:
            arrived = await self._take_frames()
            if arrived:
                return arrived
            if self._end is None:
                data = await self._conn.receive()
                if not data:
                    return b""
                self._ws.receive_data(data)
        return b""

    async def _take_frames(self) -> bytes:
        arrived = bytearray()
        for number, event in enumerate(self._ws.events(), 1):
            match event:
                case BytesMessage():
                    arrived += event.data
                case TextMessage():
                    arrived += event.data.encode()
                case Ping():
                    self._conn.send(self._ws.send(event.response()))
                case CloseConnection():
                    self._end = event
                    self._note_end(event)
                    break
            if not number % TURN:
                await trio.lowlevel.checkpoint()
        return bytes(arrived)

    def _note_end(self, event: CloseConnection) -> None:
        if event.code not in (
            CloseReason.NORMAL_CLOSURE, CloseReason.GOING_AWAY, CloseReason.NO_STATUS_RCVD,
        ):  # fmt: skip
            log.info("websocket.closed", connection=self._conn.id, code=int(event.code))

    def close(self, *, going_away: bool) -> bytes:
        """Return the close frame: the answer to the client's, or ours."""
        if self._end is not None:
            # What the client did wrong is told in its own words, which may be long.
            event = CloseConnection(code=self._end.code, reason=self._end.reason)
        else:
            code = CloseReason.GOING_AWAY if going_away else CloseReason.NORMAL_CLOSURE
            event = CloseConnection(code=code)
        return self._ws.send(event)
