"""From a typed request to its handler: who may ask is declared beside the handler, checked here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from enum import IntEnum
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


@dataclass(frozen=True, slots=True)
class FileStream(TextStream):
    """The answer to a download: a file, or a part of it, likewise."""

    name: str
    sha256: str
    """As hex digits."""


Answer = Event | TextStream | None
RequestT = TypeVar("RequestT", bound=Request)
Handler = Callable[["Messenger", Session, RequestT], Awaitable[Answer]]


class Need(IntEnum):
    """What a session has to be for a request; each includes those before it."""

    NOBODY = 0
    """Also before the login."""
    GUEST = 1
    """Logged in, if only by a name."""
    ACCOUNT = 2
    """Logged in with a password, or with a token got by it."""
    ADMIN = 3
    """One whom the settings name, and logged in with a password."""


@dataclass(frozen=True, slots=True)
class _Rule:
    handler: Handler[Any]
    need: Need


_RULES: dict[type[Request], _Rule] = {}


def handles(
    request: type[RequestT], *, need: Need = Need.GUEST
) -> Callable[[Handler[RequestT]], Handler[RequestT]]:
    """Register the handler of a request, for sessions that are what it needs."""

    def register(handler: Handler[RequestT]) -> Handler[RequestT]:
        _RULES[request] = _Rule(handler, need)
        return handler

    return register


async def dispatch(messenger: Messenger, session: Session, request: Request) -> Answer:
    """Do what a request asks for and return the answer, which may be an error.

    None means that there is no answer, or that it comes in its place in the stream: the
    acknowledgement of a message stands where the message does.
    """

    async def do() -> Answer:
        return await _rule(session, request).handler(messenger, session, request)

    return await guarded(messenger, session, request.ref, _tag(request), do)


async def guarded(
    messenger: Messenger,
    session: Session,
    ref: int | None,
    what: str,
    do: Callable[[], Awaitable[Answer]],
) -> Answer:
    """Return what ``do`` returns, or the error that it comes to; ``what`` is for the log."""
    try:
        return await do()
    except ProtocolError as error:
        return Error(ref=ref, code=error.code, message=error.said(session.voice))
    except StorageUnavailable as error:
        messenger.outage.write(request=what, reason=str(error))
        return database_away(ref, session)
    except Exception:
        log.exception("request.failed", request=what)
        sentence = session.voice.say(
            "The server made a mistake with this request; it is in its log."
        )
        return Error(ref=ref, code=ErrorCode.INTERNAL, message=sentence)


def database_away(ref: int | None, session: Session) -> Error:
    """Return the answer to a request that the database had no part in."""
    sentence = session.voice.say("The database does not answer now; try again in a moment.")
    return Error(ref=ref, code=ErrorCode.STORAGE_UNAVAILABLE, message=sentence)


def needs() -> dict[type[Request], Need]:
    """Return what each request needs, for the table that tests and docs make of it."""
    return {request: rule.need for request, rule in _RULES.items()}


def _rule(session: Session, request: Request) -> _Rule:
    """Return the rule of a request; raises :class:`ProtocolError` where it may not be asked."""
    rule = _RULES.get(type(request))
    if rule is None:
        raise ProtocolError(
            ErrorCode.BAD_FRAME, "A {kind} frame does not belong here.", kind=_tag(request)
        )
    if rule.need > (present := standing(session)):
        raise _refusal(Need.GUEST if present is Need.NOBODY else rule.need)
    return rule


def standing(session: Session) -> Need:
    """Return what a session is."""
    if session.user is None:
        return Need.NOBODY
    if not session.registered:
        return Need.GUEST
    return Need.ADMIN if session.admin else Need.ACCOUNT


def _refusal(need: Need) -> ProtocolError:
    match need:
        case Need.ADMIN:
            return ProtocolError(
                ErrorCode.NOT_ALLOWED, "That is for the administrators of this server."
            )
        case Need.ACCOUNT:
            return ProtocolError(
                ErrorCode.NEEDS_ACCOUNT,
                "That needs an account: /register makes one of your name.",
            )
        case _:
            return ProtocolError(
                ErrorCode.NOT_LOGGED_IN, "Log in first: send a login frame with your name."
            )


def _tag(request: Request) -> str:
    return str(type(request).__struct_config__.tag)
