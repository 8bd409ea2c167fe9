"""Who is at the other end of a fresh connection: one decision after the other (issue 5, point 1).

1. A first byte of :data:`TLS_RECORD` begins TLS; what follows is decided inside it again.
2. Without TLS, who comes from another machine is told why not, in the words of its kind.
3. ``{`` begins our own protocol, an HTTP request HTTP; all else, silence too, is a person.
"""

from __future__ import annotations

from http import HTTPStatus

import structlog
import trio

from chat.messenger import Messenger
from chat.rates import Turns
from protocol.errors import ErrorCode
from protocol.events import Error
from protocol.language import N_
from server.certificate import Certificate
from server.conn import Conn
from server.dialect import MUTE
from server.gateways.http.connection import HttpGateway
from server.gateways.http.first_bytes import TOO_LATE, FirstBytes, is_http, look_at
from server.gateways.line import LineGateway
from server.gateways.native import NATIVE, serve_native
from server.gateways.terminal import text_lines
from server.listening import is_loopback
from server.settings import Settings
from server.tls_transport import HandshakeError, shake_hands

log = structlog.get_logger()

TLS_RECORD = b"\x16"
"""How TLS begins: a record of type handshake (RFC 8446, 5.1)."""

TLS_PATIENCE = 5.0
"""Seconds of silence after which one who cannot do without TLS is told so; on a bad line the
first packet comes late."""

HANDSHAKE_TIMEOUT = 10.0
"""Seconds a client has for its half of the handshake."""

NEEDS_TLS = N_("This server takes only encrypted connections (TLS) from other machines.")
NEEDS_TLS_AT_TELNET = N_(
    "This server takes only encrypted connections (TLS) from other machines: use the program "
    "mymessenger, or instead of telnet: openssl s_client -quiet -crlf -connect HOST:PORT"
)
NEEDS_HTTPS = N_(
    "This server takes only encrypted connections (TLS) from other machines: use https:// "
    "instead of http://."
)


class Opening:
    """Finds out who is there, and hands them to those who serve them."""

    def __init__(
        self,
        messenger: Messenger,
        lines: LineGateway,
        http: HttpGateway,
        certificate: Certificate,
        settings: Settings,
        *,
        handshakes: Turns,
    ) -> None:
        """Take what the gateways need; the certificate may be reloaded at any time.

        ``handshakes`` says when one more may begin.
        """
        self._messenger = messenger
        self._lines = lines
        self._http = http
        self._certificate = certificate
        self._settings = settings
        self._handshakes = handshakes

    async def serve(self, conn: Conn) -> None:
        """Serve a fresh connection until one end has had enough."""
        try:
            first = await self._first(conn)
            if first is not None and first.startswith(TLS_RECORD):
                # Nothing has been computed for this client so far.
                conn.dialect = MUTE  # whatever happens until TLS is there, a frame would be none
                await self._handshakes.turn(conn.session.ip)
                if not await self._secure(conn, first):
                    return
                first = await self._first(conn)
            if conn.transport.encrypted or self._may_be_plain(conn):
                await self._admit(conn, first)
            elif first != b"":
                self._refuse(conn, first)
        finally:
            self._messenger.leave(conn.session)

    async def _first(self, conn: Conn) -> bytes | None:
        """Return what the client says first; None where it waits for us to speak.

        Where that may be the beginning of an HTTP request, the rest of its first line is waited
        for, too, but no longer: a person may have typed it.
        """
        first = b""
        patience = self._settings.telnet_patience
        if not (conn.transport.encrypted or self._may_be_plain(conn)):
            patience = max(patience, TLS_PATIENCE)  # a person would only be refused
        with trio.move_on_after(patience):
            while look_at(first) is FirstBytes.UNCLEAR:
                data = await conn.receive()
                if not data:
                    return first
                first += data
        return first or None

    async def _admit(self, conn: Conn, first: bytes | None) -> None:
        silent = first is None
        if first is None:
            self._lines.greet(conn)
            first = await conn.receive()
        conn.push_back(first)
        if first.startswith(b"{"):
            if silent:  # a client of ours on a slow line
                conn.send(b"\r\n")  # a frame begins a line; it passes over what is none
            await serve_native(conn, self._messenger, self._settings.ping_interval)
        elif is_http(first) and not silent:
            await self._http.serve(conn)
        elif is_http(first):
            conn.send(TOO_LATE)
        elif first.startswith(TLS_RECORD) and not conn.transport.encrypted:
            conn.end_reason = "TLS came too late"  # what it was greeted with is no TLS either
        elif first:
            if not silent:
                self._lines.greet(conn)
            await self._lines.serve(conn)

    # ---- encryption

    async def _secure(self, conn: Conn, first: bytes) -> bool:
        """Go on over TLS; False where that did not succeed."""
        try:
            with trio.fail_after(HANDSHAKE_TIMEOUT):
                transport = await shake_hands(conn.sock, self._certificate.context, first)
        except (HandshakeError, trio.TooSlowError) as error:
            reason = str(error) if isinstance(error, HandshakeError) else "it took too long"
            conn.end_reason = f"no TLS: {reason}"
            return False
        conn.go_through(transport)
        conn.dialect = NATIVE
        return True

    def _may_be_plain(self, conn: Conn) -> bool:
        return self._settings.allow_plaintext or is_loopback(conn.session.ip)

    def _refuse(self, conn: Conn, first: bytes | None) -> None:
        """Tell a client without TLS why it cannot come in, so that it is understood."""
        log.info("plaintext.refused", connection=conn.id, address=conn.address)
        say = conn.session.voice.say
        if first is not None and first.startswith(b"{"):
            conn.post(Error(code=ErrorCode.TLS_REQUIRED, message=say(NEEDS_TLS)))
            conn.end(NEEDS_TLS)
        elif first is not None and is_http(first):
            conn.send(_forbidden(say(NEEDS_HTTPS)))
        else:
            conn.send(text_lines(say(NEEDS_TLS_AT_TELNET)))
        conn.end_reason = "it came without TLS"


def _forbidden(sentence: str) -> bytes:
    body = f"{sentence}\n".encode()
    status = HTTPStatus.FORBIDDEN
    head = (
        f"HTTP/1.1 {status} {status.phrase}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
