"""Turning to a conversation, paging through it, and moving the markers."""

from __future__ import annotations

from functools import partial

from msgspec.structs import replace

from chat.conversations import describe
from chat.dispatch import Answer, handles
from chat.handlers.messages import history_page
from chat.messenger import Messenger
from chat.session import Session
from chat.writing import unknown_user
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import Opened
from protocol.limits import MAX_PAGE
from protocol.requests import Delivered, History
from protocol.vocabulary.reading import HistoryFrom, MarkedRead, MarkRead, Open, ReadAll
from storage.records import Membership

CONTEXT = 10
"""Messages shown before the unread ones."""

SPOKEN = ("text", "file")
"""What counts as unread."""


@handles(Open)
async def open_conversation(messenger: Messenger, session: Session, request: Open) -> Answer:
    """Return a conversation with what is unread in it, which is read then (S000-9, S000-14)."""
    conversation = await _wanted(messenger, session, request)
    messenger.conversations.check_member(session, conversation)
    membership = await _membership(messenger, session, conversation)
    last, read = membership.conversation.last_seq, membership.read_seq
    behind = last - read if membership.unread else 0
    limit = min(behind + CONTEXT, MAX_PAGE)
    asked = History(conversation=conversation, before=last + 1, limit=limit, spoken=True)
    page = await history_page(messenger, session, asked)
    me = session.who.name
    shown = sum(
        message.seq > read and message.sender != me and message.kind in SPOKEN
        for message in page.messages
    )
    more = page.more and shown < membership.unread
    # What is neither in the answer nor was handed to this connection is not read by that.
    handed = min(last, session.peer.position(conversation) or 0)
    messenger.reading.read(session, conversation, handed if more else last)
    return Opened(
        ref=request.ref,
        conversation=describe(membership),
        messages=page.messages,
        more=more,
    )


async def _wanted(messenger: Messenger, session: Session, request: Open) -> int:
    """Return the conversation that is to be opened."""
    name = request.to
    if request.number is not None:
        # Beyond the list it may be somebody's name.
        name = await messenger.contacts.numbered(session, request.number) or str(request.number)
    if name is None:
        return request.conversation
    peer = await messenger.accounts.find(name)
    if peer is not None:
        return await messenger.conversations.meet(session, peer)
    if request.number is not None:
        raise ProtocolError(
            ErrorCode.UNKNOWN_USER,
            "There is no contact with the number {number}. /contacts lists them.",
            number=request.number,
        )
    raise unknown_user(name)


async def _membership(messenger: Messenger, session: Session, conversation: int) -> Membership:
    membership = await messenger.conversations.one(session.who, conversation)
    if membership is None:
        raise ProtocolError(
            ErrorCode.UNKNOWN_CONVERSATION,
            "You are in no conversation with the number {number}.",
            number=conversation,
        )
    return membership


@handles(Delivered)
async def delivered(messenger: Messenger, session: Session, request: Delivered) -> Answer:
    """Move the user's delivered marker, not beyond what this connection was sent."""
    position = session.peer.position(request.conversation)
    if position is not None:
        seq = min(request.seq, position)
        messenger.reading.delivered(session, request.conversation, seq)
    return None


@handles(MarkRead)
async def mark_read(messenger: Messenger, session: Session, request: MarkRead) -> Answer:
    """Move both markers, not beyond what this connection was sent."""
    position = session.peer.position(request.conversation)
    if position is not None:
        messenger.reading.read(session, request.conversation, min(request.seq, position))
    return None


@handles(ReadAll)
async def read_all(messenger: Messenger, session: Session, request: ReadAll) -> Answer:
    """Take all there is in a conversation for read."""
    messenger.conversations.check_member(session, request.conversation)
    membership = await _membership(messenger, session, request.conversation)
    last = membership.conversation.last_seq
    messenger.reading.read(session, request.conversation, last)
    return MarkedRead(ref=request.ref, conversation=request.conversation, read=last)


@handles(HistoryFrom)
async def history_from(messenger: Messenger, session: Session, request: HistoryFrom) -> Answer:
    """Return a page of what was said before or after a message (S003-17)."""
    message = await messenger.editing.seen(session, request.message)
    asked = partial(History, conversation=message.conversation_id, limit=request.limit, spoken=True)
    if request.older:
        page = await history_page(messenger, session, asked(before=message.seq))
    else:
        page = await history_page(messenger, session, asked(after=message.seq))
    return replace(page, ref=request.ref)
