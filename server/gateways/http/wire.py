"""Bytes of one connection to requests, and responses to bytes; h11 does it, without I/O.

There is one writer: the task that serves the connection. Each request has an h11 connection of
its own (it costs a microsecond), so that the bytes behind a request are in our hands: as the
head of the next one, or as the first frames of a WebSocket.
"""

from __future__ import annotations

import time
from email.utils import formatdate
from http import HTTPStatus

import h11
import trio

from server.conn import Conn
from server.gateways.http.errors import HttpError
from server.gateways.http.head import END, check, check_first_line, check_raw, too_long_a_target
from server.gateways.http.limits import MAX_DRAINED, MAX_TARGET, HttpLimits
from server.gateways.http.messages import Headers


class Gone(Exception):
    """The client has left in the middle of something."""


class Wire:
    """One connection's reading and writing."""

    def __init__(self, conn: Conn, limits: HttpLimits) -> None:
        self._conn = conn
        self._limits = limits
        self._ahead = bytearray()  # what has arrived and belongs to no request yet
        self._h11 = h11.Connection(h11.SERVER)

    # ---- in

    async def request(self) -> h11.Request | None:
        """Return the next request, None where there will be none.

        Raises :class:`HttpError` where it cannot be taken; then the connection is at its end.
        """
        if not await self._begins():
            return None
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=self._limits.head_bytes)
        head = await self._head()
        check_first_line(head)
        check_raw(head)
        self._h11.receive_data(head)
        event = self._next()
        if not isinstance(event, h11.Request):
            raise HttpError(400, "That is no request.")
        check(event)
        if self._ahead:
            self._h11.receive_data(bytes(self._ahead))
            self._ahead.clear()
        return event

    async def _begins(self) -> bool:
        """Wait for the first byte of a request; one empty line may stand before it."""
        while True:
            if self._ahead[:2] == b"\r\n":
                del self._ahead[:2]
            if self._ahead and self._ahead != b"\r":
                return True
            with trio.move_on_after(self._limits.idle_seconds):
                if data := await self._conn.receive():
                    self._ahead += data
                    continue
            return False  # never with 408: a client may be about to send on what we close

    async def _head(self) -> bytes:
        """Return everything up to the empty line."""
        limit, looked = self._limits.head_bytes, 0
        with trio.move_on_after(self._limits.head_seconds) as patience:
            while not (end := END.search(self._ahead, looked)) and len(self._ahead) <= limit:
                check_first_line(self._ahead)
                looked = max(len(self._ahead) - 2, 0)
                data = await self._conn.receive()
                if not data:
                    raise Gone
                self._ahead += data
        if patience.cancelled_caught:
            seconds = self._limits.head_seconds
            raise HttpError(408, f"The header did not end within {seconds:g} seconds.")
        size = end.end() if end else len(self._ahead)
        if size > limit:
            if b"\n" not in self._ahead[: MAX_TARGET + len(b"OPTIONS  HTTP/1.1\r\n")]:
                raise too_long_a_target()
            raise HttpError(431, f"The header may have {limit} bytes at most.")
        head = bytes(self._ahead[:size])
        del self._ahead[:size]
        return head

    async def body(self) -> bytes:
        """Return the next bytes of the request's body, ``b""`` at its end."""
        while True:
            event = self._next()
            if isinstance(event, h11.Data):
                return bytes(event.data)
            if event is not h11.NEED_DATA:
                return b""
            if self._h11.they_are_waiting_for_100_continue:
                self._send(
                    h11.InformationalResponse(status_code=100, reason=b"Continue", headers=[])
                )
            with trio.move_on_after(self._limits.idle_seconds) as patience:
                self._h11.receive_data(await self._conn.receive())
            if patience.cancelled_caught:
                raise HttpError(408, "The body stopped in the middle.")

    def _next(self) -> object:
        try:
            event = self._h11.next_event()
        except h11.RemoteProtocolError as error:
            if self._h11.trailing_data[1]:
                raise Gone from None
            raise HttpError(error.error_status_hint, f"{error}.".capitalize()) from None
        if isinstance(event, h11.ConnectionClosed):
            raise Gone
        return event

    @property
    def unread(self) -> bytes:
        """What has arrived behind the request."""
        return bytes(self._h11.trailing_data[0])

    # ---- out

    def start(self, status: int, headers: Headers) -> None:
        """Send the head of a response."""
        self._send(self._response(status, headers))

    def start_live(self, status: int, headers: Headers) -> None:
        """Send the head of a response that goes on until the connection ends.

        Not by h11, which would have everything behind it pass through itself, in chunks.
        """
        lines = [b"HTTP/1.1 %d %s" % (status, _REASONS[status]), b"Date: " + _date()]
        lines += [b"%s: %s" % header for header in headers]
        self._conn.send(b"\r\n".join((*lines, b"Connection: close", b"", b"")))

    async def data(self, data: bytes) -> None:
        """Send a part of a response, and wait until there is room for the next one."""
        if data:
            self._send(h11.Data(data=data))
            await self._conn.wait_room()

    def end(self) -> None:
        """Send what ends a response."""
        self._send(h11.EndOfMessage())

    def respond(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a whole response at once."""
        head = self._h11.send(self._response(status, headers))
        data = self._h11.send(h11.Data(data=body)) if body else b""
        last = self._h11.send(h11.EndOfMessage())
        self._conn.send(b"".join((head or b"", data or b"", last or b"")))

    def _response(self, status: int, headers: Headers) -> h11.Response:
        headers = [(b"Date", _date()), *headers]
        if self._h11.they_are_waiting_for_100_continue:
            headers.append((b"Connection", b"close"))  # the body will not be asked for
        return h11.Response(status_code=status, reason=_REASONS[status], headers=headers)

    def _send(self, event: h11.Event) -> None:
        if data := self._h11.send(event):
            self._conn.send(data)

    @property
    def can_respond(self) -> bool:
        """True: no response has begun."""
        return self._h11.our_state in (h11.IDLE, h11.SEND_RESPONSE)

    async def settle(self) -> bool:
        """Read what is left of the request; tell whether another one can follow."""
        size = 0
        while self._h11.our_state is h11.DONE and self._h11.their_state is h11.SEND_BODY:
            data = await self.body()
            size += len(data)
            if size > MAX_DRAINED:
                return False
        if self._h11.our_state is not h11.DONE or self._h11.their_state is not h11.DONE:
            return False
        self._ahead += self._h11.trailing_data[0]
        return True


_REASONS = {status.value: status.phrase.encode() for status in HTTPStatus}
_date_made: tuple[int, bytes] = (0, b"")


def _date() -> bytes:
    """Return the time as HTTP writes it, made once a second."""
    global _date_made  # noqa: PLW0603 - a memo
    now = int(time.time())
    if _date_made[0] != now:
        _date_made = (now, formatdate(now, usegmt=True).encode())
    return _date_made[1]
