"""One HTTP connection: request after request, each answered before the next is read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing

import h11
import structlog

from protocol.errors import ProtocolError
from server.conn import Conn
from server.dialect import MUTE
from server.gateways.http.errors import HttpError
from server.gateways.http.head import split_target
from server.gateways.http.hosts import Hosts
from server.gateways.http.limits import HttpLimits
from server.gateways.http.messages import Request, Response, error_response
from server.gateways.http.wire import Gone, Wire
from server.gateways.http.writing import BrokenOff, ResponseWriter
from storage.errors import StorageUnavailable

log = structlog.get_logger()

Handler = Callable[[Request], Awaitable[Response]]
Upgrade = Callable[[Conn, Request], Awaitable[None]]
"""Takes a whole connection over; see :meth:`HttpGateway.serve`."""

ALWAYS = (
    (b"X-Content-Type-Options", b"nosniff"),
    (b"Referrer-Policy", b"no-referrer"),
    (b"Cross-Origin-Resource-Policy", b"same-origin"),
)
"""Headers of every response."""


class HttpGateway:
    """Serves connections whose first bytes were HTTP's."""

    def __init__(
        self,
        handler: Handler,
        *,
        limits: HttpLimits,
        hosts: Hosts,
        upgrades: Mapping[bytes, Upgrade],
    ) -> None:
        """Answer with what ``handler`` returns; ``upgrades`` take connections over, by path."""
        self._handler = handler
        self._limits = limits
        self._hosts = hosts
        self._upgrades = upgrades

    async def serve(self, conn: Conn) -> None:
        """Answer requests until one end has had enough.

        A request for a path in ``upgrades`` that asks for an upgrade is handed over together with
        the connection: what arrived behind it is the first that :meth:`Conn.receive` returns. The
        upgrade answers it, or raises :class:`HttpError` before it has sent anything.
        """
        conn.dialect = MUTE  # nothing of what the chat says comes by itself
        conn.keeps_time = True
        wire = Wire(conn, self._limits)
        try:
            while await self._serve_one(conn, wire):
                pass
        except Gone:
            pass

    async def _serve_one(self, conn: Conn, wire: Wire) -> bool:
        """Answer one request; tell whether another one can follow."""
        conn.answering = False
        try:
            head = await wire.request()
            if head is None:
                return False
            request = self._request(conn, wire, head)
            await conn.asked()
        except HttpError as error:
            log.info("http.refused", connection=conn.id, status=error.status, reason=error.detail)
            _refuse(wire, error)
            return False
        upgrade = self._upgrades.get(request.raw_path)
        if upgrade is not None:
            return await self._upgrade(conn, wire, request, upgrade)
        conn.answering = True
        response = await self._answer(conn, request)
        wire.end_if_overdue()
        if response.live is not None:
            await _hand_over(conn, wire.writer, response)
            return False
        try:
            await _send(wire.writer, response)
            return await wire.taken() and await wire.settle()
        except (HttpError, ProtocolError, StorageUnavailable, BrokenOff) as error:
            # The response has begun: that it breaks off tells the client that it is not whole.
            log.info("http.broken_off", connection=conn.id, reason=str(error))
            return False

    def _request(self, conn: Conn, wire: Wire, head: h11.Request) -> Request:
        host, target = split_target(head)
        self._hosts.check(host)
        return Request(
            method=head.method.decode(),
            target=target,
            headers=head.headers,
            address=conn.address,
            encrypted=conn.transport.encrypted,
            version=head.http_version,
            read=wire.body,
            body_limit=self._limits.body_bytes,
            admit=conn.entry.admit,
        )

    async def _answer(self, conn: Conn, request: Request) -> Response:
        """Return the handler's response, or an error's: no exception ends the connection."""
        try:
            return await self._handler(request)
        except HttpError as error:
            return error_response(error)
        except Gone:
            raise
        except Exception:
            log.exception("http.failed", connection=conn.id, path=request.raw_path.decode("latin"))
            return error_response(
                HttpError(500, "The server made a mistake with this request; it is in its log.")
            )

    async def _upgrade(self, conn: Conn, wire: Wire, request: Request, upgrade: Upgrade) -> bool:
        if request.has_body or not _wants_upgrade(request):
            error = HttpError(
                426,
                "This address is for WebSockets.",
                headers=((b"Upgrade", b"websocket"), (b"Connection", b"upgrade")),
            )
            _refuse(wire, error)
            return False
        if unread := wire.unread:
            conn.push_back(unread)
        try:
            await upgrade(conn, request)
        except HttpError as error:
            _refuse(wire, error)
        return False


def _wants_upgrade(request: Request) -> bool:
    tokens = (request.header(b"connection") or b"").lower().replace(b" ", b"").split(b",")
    return b"upgrade" in tokens and (request.header(b"upgrade") or b"").lower() == b"websocket"


def _refuse(wire: Wire, error: HttpError) -> None:
    if not wire.writer.begun:
        response = error_response(error)
        wire.writer.closes = True
        wire.writer.whole(response.status, (*ALWAYS, *response.headers), response.body)


async def _send(writer: ResponseWriter, response: Response) -> None:
    headers = (*ALWAYS, *response.headers)
    if response.stream is None:
        writer.whole(response.status, headers, response.body)
        return
    async with aclosing(response.stream) as stream:
        writer.start(response.status, headers, response.length)
        if not writer.head_only:
            async for data in stream:
                await writer.data(data)
        writer.end()


async def _hand_over(conn: Conn, writer: ResponseWriter, response: Response) -> None:
    """Send the head of a response whose body is what the connection sends from now on."""
    writer.start_live(response.status, (*ALWAYS, *response.headers))
    conn.answering = False
    if response.live is not None and not writer.head_only:
        await response.live(conn)
