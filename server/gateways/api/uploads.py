"""Files on their way in: one request, or, after breaks, several; nothing is ever whole here.

A file has an id of the client's choice and a hash, so whoever sends it again goes on where the
break was, and cannot send it twice. The body may begin anywhere that the server has already.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chat.uploads import TextChunk
from protocol.errors import ErrorCode
from protocol.events import Error, Event
from protocol.vocabulary.files import Offer, Offered, Received
from server.gateways.api.calls import do, json_response, respond, stored
from server.gateways.api.peer import Waiter
from server.gateways.api.problems import problem, problem_of
from server.gateways.api.route import Call
from server.gateways.http.errors import HttpError
from server.gateways.http.messages import Request, Response

_PART = re.compile(rb"bytes (\d{1,16})-(\d{1,16})/(\d{1,16})")


async def offer(one: Call) -> Response:
    """Say which file will come, and learn from which byte on it is wanted."""
    values = await one.route.parts.read(one.http, one.places)
    with _opened(one) as waiter:
        answer = await _offer(one, waiter, values)
        if isinstance(answer, Offered) and answer.offset == values["size"]:
            answer = _good(await stored(waiter))
        elif isinstance(answer, Offered):
            return json_response(one.http, answer, 200, _offset(answer.offset))
    return respond(one, answer)


async def upload(one: Call) -> Response:
    """Take a file, or the rest of it, or a part."""
    begin, size = wanted_part(one.http)
    values = one.route.parts.read_address(one.http, one.places) | {"size": size}
    with _opened(one) as waiter:
        answer = await _offer(one, waiter, values)
        if not isinstance(answer, Offered):
            return respond(one, answer)
        if begin > answer.offset:
            raise HttpError(
                409,
                f"Send the file from byte {answer.offset} on: all before that is here.",
                code=ErrorCode.BAD_STREAM,
                headers=(_offset(answer.offset),),
            )
        reached = await _take(one, waiter.ref, begin, answer.offset, size)
        if reached < size:
            part = Received(offset=reached)
            return json_response(one.http, part, 202, _offset(reached))
        return respond(one, _good(await stored(waiter)))


def wanted_part(request: Request) -> tuple[int, int]:
    """Return where a body begins in its file, and how long the file is.

    Raises :class:`HttpError` (400, 411) where it does not say so.
    """
    length, part = request.length, request.header(b"content-range")
    if part is None:
        if length is None and request.chunked:
            raise HttpError(411, "Say how long the file is, by Content-Length or Content-Range.")
        return 0, length or 0
    found = _PART.fullmatch(part)
    if found is None:
        raise HttpError(400, "Content-Range has to be: bytes FIRST-LAST/SIZE.")
    first, last, size = map(int, found.groups())
    if not first <= last < size or length not in (None, last - first + 1):
        raise HttpError(400, "Content-Range and the length of the body do not fit together.")
    return first, size


@contextmanager
def _opened(one: Call) -> Iterator[Waiter]:
    """Surround what is done with one file; what has arrived of it is kept for the next time."""
    session, files = one.asker.session, one.api.messenger.files
    with one.asker.peer.waiting() as waiter:
        try:
            yield waiter
        finally:
            incoming = session.files.pop(waiter.ref, None)
            if incoming is not None:
                files.let_go(incoming)


async def _offer(one: Call, waiter: Waiter, values: dict[str, Any]) -> Event:
    request = Offer(ref=waiter.ref, stream=waiter.ref, **values)
    answer = await do(one, request)
    return _good(await stored(waiter) if answer is None else answer)


async def _take(one: Call, stream: int, begin: int, offset: int, size: int) -> int:
    """Store the body behind ``offset``; return how far the file is there then."""
    skip = offset - begin
    while data := await one.http.read():
        new, skip = data[skip:], max(skip - len(data), 0)
        if not new:
            continue
        if offset + len(new) > size:
            raise problem(ErrorCode.BAD_STREAM, "More came than the size of the file.")
        chunk = TextChunk(stream=stream, data=new)
        _good(await do(one, chunk))
        offset += len(new)
    return offset


def _good(answer: object) -> Event:
    if isinstance(answer, Error):
        raise problem_of(answer)
    if not isinstance(answer, Event):
        raise problem(ErrorCode.BAD_STREAM, "Another request has gone on with this file.")
    return answer


def _offset(offset: int) -> tuple[bytes, bytes]:
    """Return the header that tells how far a file is stored."""
    return (b"Upload-Offset", b"%d" % offset)
