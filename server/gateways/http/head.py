"""What h11 lets pass in the head of a request, and what we do not (RFC 9112).

Everything here is about requests that two programs could read in different ways: where one of
them is a proxy before us, what the second sees may have been smuggled past the first.
"""

from __future__ import annotations

import re

import h11

from server.gateways.http.errors import HttpError
from server.gateways.http.limits import MAX_TARGET

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE")
"""Those that there are (RFC 9110, 5789); what else looks like one is not implemented."""

END = re.compile(rb"\n\r?\n")
"""The end of a head. That a line has to end with CR LF is looked at when all of it is there."""

_FIRST_LINE = re.compile(rb"[!-~]+ [!-~]+ HTTP/\d\.\d\r\n")
_AUTHORITY = re.compile(rb"https?://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)


def check_first_line(begun: bytes | bytearray) -> None:
    """Refuse a head whose first line is there and is none, without waiting for all of it."""
    if b"\n" in begun and not _FIRST_LINE.match(begun):
        raise HttpError(400, "A request begins with a line such as GET / HTTP/1.1.")


def check_raw(head: bytes) -> None:
    """Refuse line ends, folded lines and NULs that others might read in another way."""
    if b"\0" in head:
        raise HttpError(400, "There is a NUL in the header.")
    ends = head.count(b"\r\n")
    if head.count(b"\n") != ends or head.count(b"\r") != ends:
        raise HttpError(400, "Each line of the header ends with CR LF, and nothing else does.")
    if b"\r\n " in head or b"\r\n\t" in head:
        raise HttpError(400, "A header goes on in a second line: nobody does that any more.")


def check(request: h11.Request) -> None:
    """Refuse what is well-formed and yet not for us."""
    if request.http_version not in (b"1.1", b"1.0"):
        raise HttpError(505, "This server speaks HTTP/1.1 and HTTP/1.0.")
    if request.method.decode() not in METHODS:
        raise HttpError(501, "This server knows no such method.")
    if len(request.target) > MAX_TARGET:
        raise too_long_a_target()
    names = [name for name, _ in request.headers]
    if b"transfer-encoding" in names:
        if b"content-length" in names:
            raise HttpError(400, "Say how long the body is in one way, not in two.")
        if request.http_version == b"1.0":
            raise HttpError(400, "HTTP/1.0 knows no Transfer-Encoding.")
    for name, value in request.headers:
        if name == b"expect" and value.lower() != b"100-continue":
            raise HttpError(417, "Expect: 100-continue is all that can be expected here.")


def too_long_a_target() -> HttpError:
    """Return the error for an address that is too long."""
    return HttpError(414, f"The address may have {MAX_TARGET} bytes at most.")


def split_target(request: h11.Request) -> tuple[bytes | None, bytes]:
    """Return the host a request is for and its target without it (RFC 9112, 3.2).

    Raises :class:`HttpError` where the target is none.
    """
    target = request.target
    if absolute := _AUTHORITY.fullmatch(target):
        rest = absolute[2]
        return absolute[1], rest if rest.startswith(b"/") else b"/" + rest
    hosts = [value for name, value in request.headers if name == b"host"]
    if request.method == b"CONNECT":
        raise HttpError(501, "This server is no proxy.")
    if not target.startswith(b"/") and (target, request.method) != (b"*", b"OPTIONS"):
        raise HttpError(400, "An address begins with a slash.")
    return hosts[0] if hosts else None, target
