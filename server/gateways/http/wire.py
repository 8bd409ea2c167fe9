"""Bytes of one connection to requests; h11 reads them, without I/O of its own.

Each request has an h11 connection of
its own (it costs a microsecond), so that the bytes behind a request are in our hands: as the
head of the next one, or as the first frames of a WebSocket.
"""

from __future__ import annotations

import math

import h11
import trio

from server.conn import Conn
from server.gateways.http.errors import HttpError
from server.gateways.http.head import END, check, check_first_line, check_raw, too_long_a_target
from server.gateways.http.limits import MAX_DRAINED, MAX_TARGET, HttpLimits
from server.gateways.http.writing import ResponseWriter


class Gone(Exception):
    """The client has left in the middle of something."""


class Wire:
    """One connection's reading and writing."""

    def __init__(self, conn: Conn, limits: HttpLimits) -> None:
        self._conn = conn
        self._limits = limits
        self._ahead = bytearray()  # what has arrived and belongs to no request yet
        self._h11 = h11.Connection(h11.SERVER)
        self._closes = True
        self._body_until = 0.0  # when a stranger's body has to be here
        self.writer = ResponseWriter(conn)
        """Sends the response to the present request."""

    async def request(self) -> h11.Request | None:
        """Return the next request, None where there will be none.

        Raises :class:`HttpError` where it cannot be taken; then the connection is at its end.
        """
        if not await self._begins():
            return None
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=self._limits.head_bytes)
        self.writer = ResponseWriter(self._conn)
        head = self._complete() or await self._rest()
        check_raw(head)
        self._h11.receive_data(head)
        event = self._next()
        if not isinstance(event, h11.Request):
            raise HttpError(400, "That is no request.")
        check(event)
        self.writer = ResponseWriter(self._conn, event)
        self._closes = self.writer.closes
        self._body_until = trio.current_time() + self._limits.idle_seconds
        if self._h11.they_are_waiting_for_100_continue:
            self.writer.closes = True  # unless the body is asked for
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

    def _complete(self, looked: int = 0) -> bytes | None:
        """Return everything up to the empty line, None where that has not come yet.

        Raises :class:`HttpError` where it cannot become a request any more.
        """
        limit = self._limits.head_bytes
        end = END.search(self._ahead, looked)
        size = end.end() if end else len(self._ahead)
        if size > limit:
            if b"\n" not in self._ahead[: MAX_TARGET + len(b"OPTIONS  HTTP/1.1\r\n")]:
                raise too_long_a_target()
            raise HttpError(431, f"The header may have {limit} bytes at most.")
        check_first_line(self._ahead)
        if end is None:
            return None
        head = bytes(self._ahead[:size])
        del self._ahead[:size]
        return head

    async def _rest(self) -> bytes:
        """Return a head that comes in pieces, as soon as all of it is there."""
        with trio.move_on_after(self._limits.head_seconds):
            while data := await self._conn.receive():
                looked = max(len(self._ahead) - 2, 0)
                self._ahead += data
                if head := self._complete(looked):
                    return head
            raise Gone
        seconds = self._limits.head_seconds
        raise HttpError(408, f"The header did not end within {seconds:g} seconds.")

    async def body(self) -> bytes:
        """Return the next bytes of the request's body, ``b""`` at its end."""
        while True:
            event = self._next()
            if isinstance(event, h11.Data):
                return bytes(event.data)
            if event is not h11.NEED_DATA:
                return b""
            if self._h11.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, reason=b"Continue", headers=[])
                self._conn.send(self._h11.send(go_on) or b"")
                self.writer.closes = self._closes
            await self._more_body()

    async def _more_body(self) -> None:
        """Wait for a body's next bytes, a stranger's no longer than until all has to be here."""
        seconds, stranger = self._limits.idle_seconds, self._conn.entry.waiting
        until = self._body_until if stranger else trio.current_time() + seconds
        with trio.move_on_at(until):
            self._h11.receive_data(await self._conn.receive())
            return
        if stranger:
            raise HttpError(408, f"Without a token a body has {seconds:g} seconds to come.")
        raise HttpError(408, "The body stopped in the middle.")

    def _next(self) -> object:
        try:
            event = self._h11.next_event()
        except h11.RemoteProtocolError as error:
            self.writer.closes = True  # nobody knows where the next request would begin
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

    def end_if_overdue(self) -> None:
        """Let the connection end behind the response where it has not logged in for too long.

        It would keep for ever one of the places of those who wait; a client that is told so
        connects again. What is between two requests is bounded by itself.
        """
        conn = self._conn
        age = trio.current_time() - conn.login_begun
        if conn.entry.waiting and age > self._limits.login_seconds and not self.writer.closes:
            self.writer.closes = True
            conn.end_reason = "it did not log in in time"
            conn.counters.met("login_timeout", connection=conn.id, address=conn.address)

    async def taken(self) -> bool:
        """Wait until most of the response is taken; False where a stranger is too slow in that.

        Requests may have arrived together: none is answered while the answers before it wait.
        """
        stranger = self._conn.entry.waiting
        with trio.move_on_after(self._limits.idle_seconds if stranger else math.inf):
            await self._conn.wait_room()
            return True
        return False

    async def settle(self) -> bool:
        """Read what is left of the request; tell whether another one can follow."""
        if self.writer.closes or not self.writer.done:
            return False
        size = 0
        while self._h11.their_state is h11.SEND_BODY:
            size += len(await self.body())
            if size > MAX_DRAINED:
                return False
        self._ahead += self._h11.trailing_data[0]
        return self._h11.their_state is h11.DONE
