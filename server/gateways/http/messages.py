"""A request as a handler gets it, and the response that it returns."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote_to_bytes

from server.gateways.http.errors import PROBLEM, HttpError

if TYPE_CHECKING:
    from server.conn import Conn

Headers = Sequence[tuple[bytes, bytes]]

MAX_QUERY_FIELDS = 50

JSON = b"application/json"


@dataclass(frozen=True)
class Request:
    """One request; its body is read from the connection while it is asked for."""

    method: str
    target: bytes
    """As it was sent, without an authority before it."""
    headers: Headers
    """Names in lower case."""
    address: str
    """Where it comes from, ``1.2.3.4:5678``."""
    encrypted: bool
    """True: it came over TLS."""
    version: bytes
    read: Callable[[], Awaitable[bytes]]
    """Return the next bytes of the body, ``b""`` at its end."""
    body_limit: int
    admit: Callable[[], None]
    """Note that who asks has proven to be a user: their connection is no stranger's any more."""

    def header(self, name: bytes) -> bytes | None:
        """Return the value of a header, several of them joined; None where there is none."""
        found = [value for key, value in self.headers if key == name]
        return b", ".join(found) if found else None

    @cached_property
    def path(self) -> str:
        """The path, with its escapes resolved; raises :class:`HttpError` where they are wrong."""
        return _text(unquote_to_bytes(self.raw_path))

    @property
    def raw_path(self) -> bytes:
        """The path as it was sent."""
        return self.target.partition(b"?")[0]

    @cached_property
    def query(self) -> dict[str, str]:
        """The fields behind the question mark; raises where one comes twice, or is no text."""
        raw = _text(self.target.partition(b"?")[2])
        try:
            pairs = parse_qsl(
                raw, keep_blank_values=True, errors="strict", max_num_fields=MAX_QUERY_FIELDS
            )
        except ValueError:
            raise HttpError(400, "What stands behind the question mark cannot be read.") from None
        query = dict(pairs)
        if len(query) < len(pairs):
            raise HttpError(400, "Each field may stand once behind the question mark.")
        return query

    @property
    def has_body(self) -> bool:
        """True: something may follow the header."""
        return self.chunked or (self.length or 0) > 0

    @property
    def length(self) -> int | None:
        """How long the body says that it is."""
        value = self.header(b"content-length")
        return None if value is None else int(value)

    @property
    def chunked(self) -> bool:
        """True: nobody knows how long the body is before its end."""
        return self.header(b"transfer-encoding") is not None

    async def whole_body(self) -> bytes:
        """Return the body; raises :class:`HttpError` (413) where it is longer than the limit."""
        if (self.length or 0) > self.body_limit:
            raise self._too_long()
        parts, size = [], 0
        while data := await self.read():
            size += len(data)
            if size > self.body_limit:
                raise self._too_long()
            parts.append(data)
        return b"".join(parts)

    def _too_long(self) -> HttpError:
        return HttpError(413, f"The body may have {self.body_limit} bytes at most.")


def _text(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise HttpError(400, "The address is not valid UTF-8.") from None
    if "\0" in text:
        raise HttpError(400, "The address has a NUL character in it.")
    return text


@dataclass(frozen=True, slots=True)
class Response:
    """What a handler returns."""

    status: int = 200
    headers: Headers = ()
    body: bytes = b""
    stream: AsyncGenerator[bytes, None] | None = None
    """Further bytes, as the client takes them; it is closed when there is no more need of it."""
    length: int | None = None
    """How many those are in all; None where nobody knows: they come in chunks."""
    live: Callable[[Conn], Awaitable[None]] | None = None
    """Takes the connection over: all it sends is the body, whose end is the connection's."""


def text_response(text: str, status: int = 200, *, headers: Headers = ()) -> Response:
    """Return a response for people."""
    kind = (b"Content-Type", b"text/plain; charset=utf-8")
    return Response(status, (kind, *headers), text.encode())


def error_response(error: HttpError) -> Response:
    """Return an error as a response."""
    headers = ((b"Content-Type", PROBLEM), *error.headers)
    return Response(error.status, headers, error.problem())
