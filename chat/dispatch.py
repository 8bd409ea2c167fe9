"""From a typed request to its handler: who may ask is declared beside the handler, checked here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from chat.session import Session
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import Error, Event
from protocol.requests import Request
from storage.errors import StorageUnavailable

if TYPE_CHECKING:
    from chat.messenger import Messenger

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class TextStream:
    """The answer to a fetch: a long text, read from the database while it is sent."""

    ref: int | None
    id: int
    offset: int
    size: int
    """Bytes of the whole text."""
    chunks: AsyncIterator[bytes]


Answer = Event | TextStream | None
RequestT = TypeVar("RequestT", bound=Request)
Handler = Callable[["Messenger", Session, RequestT], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class _Rule:
    handler: Handler[Any]
    login: bool


_RULES: dict[type[Request], _Rule] = {}


def handles(
    request: type[RequestT], *, login: bool = True
) -> Callable[[Handler[RequestT]], Handler[RequestT]]:
    """Register the handler of a request; with ``login`` only for those who are logged in."""

    def register(handler: Handler[RequestT]) -> Handler[RequestT]:
        _RULES[request] = _Rule(handler, login)
        return handler

    return register


async def dispatch(messenger: Messenger, session: Session, request: Request) -> Answer:
    """Do what a request asks for and return the answer, which may be an error.

    None means that there is no answer, or that it comes in its place in the stream: the
    acknowledgement of a message stands where the message does.
    """
    try:
        rule = _rule(session, request)
        return await rule.handler(messenger, session, request)
    except ProtocolError as error:
        return Error(ref=request.ref, code=error.code, message=error.sentence)
    except StorageUnavailable as error:
        messenger.outage.warn(request=_tag(request), reason=str(error))
        return database_away(request.ref)
    except Exception:
        log.exception("request.failed", request=_tag(request))
        sentence = "The server made a mistake with this request; it is in its log."
        return Error(ref=request.ref, code=ErrorCode.INTERNAL, message=sentence)


def database_away(ref: int | None) -> Error:
    """Return the answer to a request that the database had no part in."""
    sentence = "The database does not answer now; try again in a moment."
    return Error(ref=ref, code=ErrorCode.STORAGE_UNAVAILABLE, message=sentence)


def _rule(session: Session, request: Request) -> _Rule:
    """Return the rule of a request; raises :class:`ProtocolError` where it may not be asked."""
    rule = _RULES.get(type(request))
    if rule is None:
        raise ProtocolError(ErrorCode.BAD_FRAME, f"A {_tag(request)} frame does not belong here.")
    if rule.login and session.user is None:
        sentence = "Log in first: send a login frame with your name."
        raise ProtocolError(ErrorCode.NOT_LOGGED_IN, sentence)
    return rule


def _tag(request: Request) -> str:
    return str(type(request).__struct_config__.tag)
