"""A response as bytes: its head, and a body whose end the client can see (RFC 9112, 6).

h11 could do that too, but looks at every header of ours as if it were a stranger's, which showed
in the profile of short requests. ``tests/server/test_http_*`` read all of it with h11's client.
"""

from __future__ import annotations

import time
from email.utils import formatdate
from http import HTTPStatus

import h11

from server.conn import Conn
from server.gateways.http.messages import Headers

BODILESS = (204, 304)
"""Statuses of responses that have no body, and do not say how long it is."""

_REASONS = {status.value: status.phrase.encode() for status in HTTPStatus}
_CLOSE = (b"Connection", b"close")


class BrokenOff(Exception):
    """A body has ended before the length that its head told."""


class ResponseWriter:
    """The response to one request; nothing else sends on the connection meanwhile."""

    def __init__(self, conn: Conn, request: h11.Request | None = None) -> None:
        """Answer a request; None is one that could not be read, behind which nothing follows."""
        self._conn = conn
        self.head_only = request is not None and request.method == b"HEAD"
        """True: the client wants no body."""
        self._old = request is not None and request.http_version == b"1.0"
        self.closes = request is None or not _keeps_alive(request)
        """True: the connection ends behind the response."""
        self.begun = False
        self.done = False
        self._left: int | None = None  # bytes of the body to come; None: nobody knows
        self._chunked = False

    def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a whole response at once."""
        framing = () if status in BODILESS else ((b"Content-Length", b"%d" % len(body)),)
        head = self._head(status, (*headers, *framing))
        self._conn.send(head if self.head_only else head + body)
        self.done = True

    def start(self, status: int, headers: Headers, length: int | None) -> None:
        """Send the head of a response whose body comes by and by."""
        if length is not None:
            framing: Headers = ((b"Content-Length", b"%d" % length),)
        elif self._old:
            framing, self.closes = (), True
        else:
            framing, self._chunked = ((b"Transfer-Encoding", b"chunked"),), True
        self._left = length
        self._conn.send(self._head(status, (*headers, *framing)))

    def start_live(self, status: int, headers: Headers) -> None:
        """Send the head of a response that goes on until the connection ends."""
        self.closes = True
        self._conn.send(self._head(status, headers))

    async def data(self, data: bytes) -> None:
        """Send a part of the body, and wait until there is room for the next one."""
        if self.head_only or not data:
            return
        if self._left is not None:
            self._left -= len(data)
        self._conn.send(b"%x\r\n%s\r\n" % (len(data), data) if self._chunked else data)
        await self._conn.wait_room()

    def end(self) -> None:
        """End the body; raises :class:`BrokenOff` where its length is another than was told."""
        if self._left and not self.head_only:
            raise BrokenOff(f"{self._left} bytes are missing")
        if self._chunked and not self.head_only:
            self._conn.send(b"0\r\n\r\n")
        self.done = True

    def _head(self, status: int, headers: Headers) -> bytes:
        self.begun = True
        self.closes = self.closes or self._conn.closing
        lines = [b"HTTP/1.1 %d %s\r\nDate: %s" % (status, _REASONS[status], _date())]
        lines += [b"%s: %s" % header for header in headers]
        if self.closes:
            lines.append(b"%s: %s" % _CLOSE)
        head = b"\r\n".join((*lines, b"", b""))
        if head.count(b"\n") != len(lines) + 2:
            raise ValueError("a line end in a header of a response")
        return head


def _keeps_alive(request: h11.Request) -> bool:
    for name, value in request.headers:
        if name == b"connection":
            tokens = value.lower().replace(b" ", b"").split(b",")
            if b"close" in tokens:
                return False
    return request.http_version == b"1.1"


_date_made: tuple[int, bytes] = (0, b"")


def _date() -> bytes:
    """Return the time as HTTP writes it, made once a second."""
    global _date_made  # noqa: PLW0603 - a memo
    now = int(time.time())
    if _date_made[0] != now:
        _date_made = (now, formatdate(now, usegmt=True).encode())
    return _date_made[1]
