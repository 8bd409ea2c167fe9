"""Putting something into a conversation: who may, where it goes, and on to the journal.

Every entry of a conversation passes here, whether somebody said it or it happened.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

from chat.journal import Entry
from chat.session import Session
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import new_uuid
from protocol.language import N_
from protocol.limits import MAX_NAME, MAX_TEXT
from storage.records import QUOTED, FileFacts, Message, NewMessage, Quote

if TYPE_CHECKING:
    from chat.messenger import Messenger


async def destination(
    messenger: Messenger, session: Session, *, to: str | None, conversation: int
) -> int:
    """Return the id of the conversation with the user ``to``, or ``conversation``.

    Raises :class:`ProtocolError` where there is no such user, or one is not in the conversation.
    """
    messenger.complaints.check(session)  # before anything comes of it, such as a conversation
    if to is not None:
        peer = await messenger.accounts.find(to)
        if peer is None:
            raise unknown_user(to)
        return await messenger.conversations.direct(session, peer)
    messenger.conversations.check_member(session, conversation)
    await messenger.conversations.announce(conversation)
    return conversation


def unknown_user(name: str) -> ProtocolError:
    """Return the error for a name that nobody has."""
    return ProtocolError(
        ErrorCode.UNKNOWN_USER,
        "Nobody called {name} has been here. /status lists who is.",
        name=name[: 2 * MAX_NAME],
    )


def unknown_message(number: int) -> ProtocolError:
    """Return the error for a message that there is not, or that is not for the asker."""
    return ProtocolError(
        ErrorCode.UNKNOWN_MESSAGE, "You can see no message with the number {number}.", number=number
    )


def check_text(
    text: str | None, too_long: str = N_("A text has at most {limit} bytes here.")
) -> bytes:
    """Return a text as it is stored; raises where there is none, or more than one frame takes."""
    if text is None or not text.strip():
        raise ProtocolError(ErrorCode.EMPTY_MESSAGE, "There is no text in this message.")
    body = text.encode()
    if len(body) > MAX_TEXT:
        raise ProtocolError(ErrorCode.TEXT_TOO_LONG, too_long, limit=MAX_TEXT)
    return body


def quote_of(target: Message) -> Quote:
    """Return what a comment shows of the message that it answers (S004-24)."""
    return Quote(target.sender_name, target.body[:QUOTED])


def write(
    messenger: Messenger,
    session: Session,
    ref: int | None,
    conversation: int,
    body: bytes,
    *,
    kind: str = "text",
    uuid: UUID | None = None,
    size: int | None = None,
    body_id: int | None = None,
    target_id: int | None = None,
    quote: Quote | None = None,
    file_id: int | None = None,
    file: FileFacts | None = None,
    due_at: int | None = None,
    on_stored: Callable[[], None] | None = None,
) -> None:
    """Hand an entry of a conversation to the journal; ``ref`` is acknowledged once it is stored.

    Then ``on_stored`` is called, too.

    Raises :class:`ProtocolError` where nothing more is taken at the moment, of anybody or of
    this user.
    """
    user = session.who
    messenger.complaints.check(session, kind)
    message = NewMessage(
        conversation_id=conversation,
        sender_id=user.id,
        sender_name=user.name,
        # Also without the client's uuid a repeated commit of ours must not store twice.
        uuid=(uuid or new_uuid()).bytes,
        sent_at=time.time_ns() // 1000,
        body=body,
        size=len(body) if size is None else size,
        body_id=body_id,
        kind=kind,
        target_id=target_id,
        file_id=file_id,
        due_at=due_at,
        quote=quote,
        file=file,
    )
    limits = messenger.limits
    allowance = limits.take(session, conversation, kind, message.uuid)
    try:
        messenger.journal.append(Entry(message, session, ref, on_stored, allowance))
    except ProtocolError:
        if allowance is not None and not allowance.again:
            limits.give_back(session, message.uuid)
        raise
    if allowance is not None:
        limits.tell(session, allowance)
