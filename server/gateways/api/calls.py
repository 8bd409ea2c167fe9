"""Any request of HTTP to the protocol's, and its answer to a response."""

from __future__ import annotations

import gzip
from typing import Any
from urllib.parse import urlencode

import msgspec
import trio
from msgspec import Struct
from msgspec.structs import replace

from chat.dispatch import Answer, dispatch
from chat.uploads import TextChunk
from protocol.errors import ErrorCode
from protocol.events import Error, Event, HistoryPage, Opened, Reply
from protocol.requests import Delivered
from protocol.requests import Request as ProtocolRequest
from protocol.vocabulary.files import FileList
from protocol.vocabulary.reading import MarkRead
from server.gateways.api.peer import Waiter
from server.gateways.api.problems import problem, problem_of
from server.gateways.api.route import Call
from server.gateways.http.conditions import accepts_gzip
from server.gateways.http.messages import JSON, Request, Response

PATIENCE = 30.0
"""Seconds that a request waits for its message to be stored, while the database is away."""

GZIP_FROM = 4 * 1024
"""Bytes of JSON from which on compressing pays: less fits into three packets anyway."""

_FAST = 1  # compression level: twice as quick as the usual one, and nearly as small

HEADERS = ((b"Content-Type", JSON), (b"Cache-Control", b"no-store"))


async def call(one: Call) -> Response:
    """Do what a route says: fields to a request, the answer to JSON."""
    values = await one.route.parts.read(one.http, one.places)
    answer = await ask(one, values)
    return respond(one, answer)


async def do(one: Call, request: ProtocolRequest | TextChunk) -> Answer:
    """Have a request done, unless the session has been ended while this call was under way.

    Raises :class:`HttpError` (401).
    """
    check_goes_on(one)
    return await dispatch(one.api.messenger, one.peer.session, request)


def check_goes_on(one: Call) -> None:
    """Raise :class:`HttpError` (401) where the session has been ended."""
    ended = one.peer.ended
    if ended is not None:
        raise problem(ErrorCode.SESSION_ENDED, ended.said(one.peer.session.voice))


async def ask(one: Call, values: dict[str, Any]) -> Event | None:
    """Ask the chat, and return its answer; raises :class:`HttpError` where that is an error."""
    peer = one.peer
    with peer.waiting() as waiter:
        request = one.route.request(ref=waiter.ref, **values)
        if isinstance(request, (Delivered, MarkRead)):
            check_is_in(one, request.conversation)
            peer.claim(request.conversation, request.seq)
        answer = await do(one, request)
        if answer is None and one.route.in_stream:
            answer = await stored(waiter)
    if isinstance(answer, Error):
        raise problem_of(answer)
    if answer is not None and not isinstance(answer, Event):
        raise TypeError(f"{one.route.path} does not give a stream")
    return answer


def check_is_in(one: Call, conversation: int) -> None:
    """Raise :class:`HttpError` (404) where the asker is not in a conversation.

    The protocol does not answer what moves a marker, so it does not say that either.
    """
    if one.peer.position(conversation) is None:
        raise problem(
            ErrorCode.UNKNOWN_CONVERSATION,
            one.peer.session.voice.say(
                "You are in no conversation with the number {number}.", number=conversation
            ),
        )


async def stored(waiter: Waiter) -> Event:
    """Return the acknowledgement, as soon as there is one.

    Raises :class:`HttpError` (503) where the database lets it wait for too long.
    """
    with trio.move_on_after(PATIENCE):
        return await waiter.get()
    raise problem(
        ErrorCode.STORAGE_UNAVAILABLE,
        "The database does not answer. What you sent may be stored when it does: to find out, "
        "send it again with the same Idempotency-Key.",
    )


def respond(one: Call, answer: Event | None) -> Response:
    """Return the response to an answer that is no error."""
    if answer is None:
        return Response(204, HEADERS[1:])
    status = one.route.status
    if isinstance(answer, Opened):
        status = 201 if answer.created else 200
    if getattr(answer, "duplicate", False):
        status = 200
    return json_response(one.http, answer, status, *next_link(one, answer))


def json_response(
    request: Request, answer: Struct, status: int = 200, *headers: tuple[bytes, bytes]
) -> Response:
    """Return a struct as JSON, compressed where the client can read that and it pays."""
    if isinstance(answer, Reply) and answer.ref is not None:
        answer = replace(answer, ref=None)
    body = msgspec.json.encode(answer)
    if len(body) < GZIP_FROM or not accepts_gzip(request):
        return Response(status, (*HEADERS, *headers), body)
    packed = (b"Content-Encoding", b"gzip")
    body = gzip.compress(body, _FAST, mtime=0)
    return Response(status, (*HEADERS, *headers, packed, (b"Vary", b"Accept-Encoding")), body)


def next_link(one: Call, answer: Event) -> tuple[tuple[bytes, bytes], ...]:
    """Return where the next page is, as a header (RFC 8288), if there is one."""
    fields = _next_page(answer)
    if fields is None or not fields.keys() <= set(one.route.parts.query.__struct_fields__):
        return ()
    query = one.http.query | fields
    path = one.http.raw_path.decode("ascii", "replace")
    return ((b"Link", f'<{path}?{urlencode(query)}>; rel="next"'.encode()),)


def language_of(request: Request) -> str:
    """Return the language that a request likes best, empty where it does not say."""
    accepted = (request.header(b"accept-language") or b"").decode("latin-1")
    return accepted.partition(",")[0].partition(";")[0].strip()[:32].replace("-", "_")


def _next_page(answer: Event) -> dict[str, str] | None:
    match answer:
        case HistoryPage(more=True, forward=True, messages=[*_, last]):
            return {"after": str(last.seq)}
        case HistoryPage(more=True, messages=[first, *_]):
            return {"before": str(first.seq)}
        case FileList(more=True, files=[first, *_]):
            return {"before": str(first.id)}
    return None
