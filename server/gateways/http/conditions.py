"""Conditional requests and ranges (RFC 9110, 13 and 14)."""

from __future__ import annotations

import re

from server.gateways.http.errors import HttpError
from server.gateways.http.messages import Request

_RANGE = re.compile(rb"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.IGNORECASE)
_NEVER = re.compile(rb"\s*q\s*=\s*0(?:\.0*)?\s*")
_TAG = re.compile(rb'(?:W/)?("[^"]*")')


def matches(value: bytes | None, tag: bytes) -> bool:
    """Tell whether a list of entity tags, as in If-None-Match, has one, weakly compared."""
    if value is None:
        return False
    return value.strip() == b"*" or tag in _TAG.findall(value)


def wanted_range(request: Request, size: int, tag: bytes) -> tuple[int, int] | None:
    """Return begin and end of the part that is asked for, None for all of it.

    A range that cannot be read, several of them, and one of an older version (If-Range) mean all.
    Raises :class:`HttpError` (416) for one that has nothing in it.
    """
    value = request.header(b"range")
    if value is None or request.method != "GET":
        return None
    found = _RANGE.fullmatch(value)
    if found is None or found.groups() == (b"", b""):
        return None
    condition = request.header(b"if-range")
    if condition is not None and condition != tag:  # a date is none of ours
        return None
    first, last = found.groups()
    if first:
        begin = int(first)
        end = min(int(last) + 1, size) if last else size
        if last and int(last) < begin:
            return None
    else:
        begin, end = max(size - int(last), 0), size
    if begin >= end:
        raise HttpError(
            416,
            f"There is nothing in that range: there are {size} bytes.",
            headers=((b"Content-Range", b"bytes */%d" % size),),
        )
    return begin, end


def content_range(begin: int, end: int, size: int) -> tuple[bytes, bytes]:
    """Return the header of a part."""
    return (b"Content-Range", b"bytes %d-%d/%d" % (begin, end - 1, size))


def accepts_gzip(request: Request) -> bool:
    """Tell whether a response may be compressed with gzip."""
    for part in (request.header(b"accept-encoding") or b"").lower().split(b","):
        coding, _, parameters = part.partition(b";")
        if coding.strip() in (b"gzip", b"x-gzip", b"*"):
            return not _NEVER.fullmatch(parameters)
    return False
