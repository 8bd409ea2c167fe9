"""Long texts and files on their way out, and long texts on their way in: nothing is ever whole."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from urllib.parse import quote

from chat.dispatch import TextStream
from chat.uploads import TextChunk
from protocol.errors import ErrorCode
from protocol.events import Error, Event
from protocol.requests import Fetch, Request, Send
from protocol.vocabulary.files import DescribeFile, Download, FileDetails
from server.gateways.api.calls import call, check_goes_on, do, respond, stored
from server.gateways.api.parts import check_kind
from server.gateways.api.problems import problem, problem_of
from server.gateways.api.route import Call
from server.gateways.http.conditions import content_range, matches, wanted_range
from server.gateways.http.messages import JSON, Response

TEXT = b"text/plain"
BYTES = b"application/octet-stream"
NO_TAG = b""
"""Of what has no entity tag: a text can be changed."""

_GUARDED = (
    (b"Accept-Ranges", b"bytes"),
    (b"Cache-Control", b"private, no-cache"),
    # What somebody sent must not do anything where a browser shows it.
    (b"Content-Security-Policy", b"default-src 'none'; sandbox"),
)


async def send(one: Call) -> Response:
    """Write a message: JSON, or a text of any length as it is."""
    if check_kind(one.http, JSON, TEXT) == JSON:
        return await call(one)
    values = one.route.parts.read_address(one.http, one.places)
    peer, messenger = one.asker.peer, one.api.messenger
    async with one.asker.texts:
        with peer.waiting() as waiter:
            stream = waiter.ref
            try:
                await _take(one, stream)
                request = Send(ref=waiter.ref, stream=stream, **values)
                answer = await do(one, request)
            finally:  # what was broken off in the middle is no message
                upload = peer.session.uploads.pop(stream, None)
                if upload is not None:
                    messenger.intake.give_up(upload.body_id)
            answer = await stored(waiter) if answer is None else answer
    if isinstance(answer, Error):
        raise problem_of(answer)
    return respond(one, _event(answer))


async def _take(one: Call, stream: int) -> None:
    empty = True
    while data := await one.http.read():
        empty = False
        chunk = TextChunk(stream=stream, data=data)
        answer = await do(one, chunk)
        if isinstance(answer, Error):
            raise problem_of(answer)
    if empty:
        raise problem(ErrorCode.EMPTY_MESSAGE, "There is no text in this message.")


def _event(answer: object) -> Event:
    if not isinstance(answer, Event):
        raise TypeError(f"a message is not answered by {answer}")
    return answer


async def text(one: Call) -> Response:
    """Return the whole text of a message, or a range of it."""
    number = one.route.parts.read_address(one.http, one.places)["id"]
    source = await _stream(one, Fetch(id=number))
    headers: list[tuple[bytes, bytes]] = [(b"Content-Type", TEXT + b"; charset=utf-8"), *_GUARDED]
    part = wanted_range(one.http, source.size, NO_TAG)
    if part is None:
        return Response(200, headers, stream=_up_to(one, source, source.size), length=source.size)
    begin, end = part
    source = await _stream(one, Fetch(id=number, offset=begin))
    headers.append(content_range(begin, end, source.size))
    return Response(206, headers, stream=_up_to(one, source, end - begin), length=end - begin)


async def content(one: Call) -> Response:
    """Return a file, or a range of it; its hash is its entity tag."""
    number = one.route.parts.read_address(one.http, one.places)["id"]
    answer = await do(one, DescribeFile(id=number))
    if isinstance(answer, Error):
        raise problem_of(answer)
    if not isinstance(answer, FileDetails):
        raise TypeError(f"a file is not described by {answer}")
    tag = f'"{answer.sha256}"'.encode()
    headers: list[tuple[bytes, bytes]] = [(b"ETag", tag), *_GUARDED]
    if matches(one.http.header(b"if-none-match"), tag):
        return Response(304, headers)
    headers += [(b"Content-Type", BYTES), _disposition(answer.name)]
    begin, end = wanted_range(one.http, answer.size, tag) or (0, answer.size)
    whole = end - begin == answer.size
    if not whole:
        headers.append(content_range(begin, end, answer.size))
    source = await _stream(one, Download(id=number, offset=begin, limit=max(end - begin, 1)))
    stream = _up_to(one, source, end - begin)
    return Response(200 if whole else 206, headers, stream=stream, length=end - begin)


async def _stream(one: Call, request: Request) -> TextStream:
    answer = await do(one, request)
    if isinstance(answer, Error):
        raise problem_of(answer)
    if not isinstance(answer, TextStream):
        raise TypeError(f"{one.route.path} has to give a stream")
    return answer


async def _up_to(one: Call, source: TextStream, count: int) -> AsyncGenerator[bytes, None]:
    """Give so many bytes of a stream; raises :class:`HttpError` where the session is ended."""
    with one.asker.working():
        async for data in source.chunks:
            check_goes_on(one)
            yield data[:count]
            count -= len(data)
            if count <= 0:
                return


def _disposition(name: str) -> tuple[bytes, bytes]:
    """Return how a browser calls what it saves (RFC 6266): never shown, always saved."""
    return (b"Content-Disposition", b"attachment; filename*=UTF-8''" + quote(name, "").encode())
