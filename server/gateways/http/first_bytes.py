"""How an HTTP client begins, told from a person who types."""

from __future__ import annotations

import re
from enum import Enum

METHODS = (
    b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"CONNECT", b"TRACE",
    b"PRI",  # with which HTTP/2 begins
)  # fmt: skip

LONGEST = 8 * 1024
"""Bytes of a first line that are looked at; a longer one with a method before it is HTTP."""

TOO_LATE = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
    b"This connection was silent for too long and has been greeted as a person at telnet.\n"
    b"Send the request again, on another one.\n"
)
"""The answer to who was greeted already: what a page sends is never typed into the chat."""

_REQUEST = re.compile(rb"(?:\r?\n)?[A-Z]{3,10} \S+ HTTP/\d")
_METHOD = re.compile(rb"(?:\r?\n)?(?:" + b"|".join(METHODS) + rb") +(?:[/*]|https?:)\S*")
"""What nobody types who is asked for a name: a method, and what looks like a target."""


class FirstBytes(Enum):
    """What the first bytes of a connection are."""

    HTTP = "http"
    UNCLEAR = "unclear"
    """It may become either; more has to come."""
    OTHER = "other"


def look_at(first: bytes) -> FirstBytes:
    """Tell what begins with these bytes, which may be a part of the first line only."""
    if _REQUEST.match(first):
        return FirstBytes.HTTP
    line = first.lstrip(b"\r\n")
    if b"\n" in line or not could_be_http(line):
        return FirstBytes.OTHER
    return FirstBytes.HTTP if len(line) > LONGEST else FirstBytes.UNCLEAR


def could_be_http(line: bytes) -> bool:
    """Tell whether a line that is not complete could become the first one of a request."""
    word, blank, rest = line.partition(b" ")
    if not blank:
        return any(method.startswith(word) for method in METHODS)
    return word in METHODS and len(rest.split(b" ")) <= 2  # noqa: PLR2004 - target and version


def is_http(first: bytes) -> bool:
    """Tell whether a client speaks HTTP, where no more than this has come within its patience."""
    return look_at(first) is FirstBytes.HTTP or bool(_METHOD.match(first))
