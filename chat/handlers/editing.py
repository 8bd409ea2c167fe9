"""Comments, edits and deletions (S004-24)."""

from __future__ import annotations

from functools import partial

import structlog
import trio

from chat.dispatch import Answer, handles
from chat.handlers.messages import fitting, stored_before
from chat.messenger import Messenger, as_event
from chat.patience import SILENCE
from chat.session import Session
from chat.writing import check_text, write
from protocol.errors import ProtocolError
from protocol.events import HistoryPage, Notice
from protocol.limits import MAX_PAGE
from protocol.vocabulary.editing import Comments, Delete, Edit, ListOwn, Thread

log = structlog.get_logger()


@handles(Edit)
async def edit(messenger: Messenger, session: Session, request: Edit) -> Answer:
    """Change a message of one's own; acknowledged in the stream like a message (S004-24)."""
    body = check_text(request.text)
    if session.in_flight:
        await _settle(session)  # earlier changes count
    try:
        target = await messenger.editing.to_edit(session, request.id)
        write(
            messenger, session, request.ref, target.conversation_id, body,
            kind="edit", uuid=request.uuid, target_id=target.id,
            on_stored=partial(messenger.editing.forget, target),
        )  # fmt: skip
    except ProtocolError as error:
        return await stored_before(messenger, session, request.ref, request.uuid, error)
    log.debug("message.edited", message=target.id, by=session.who.name)
    return None


@handles(Delete)
async def delete(messenger: Messenger, session: Session, request: Delete) -> Answer:
    """Take a message back, or away from a room that one looks after (S004-24)."""
    try:
        target = await messenger.editing.to_delete(session, request.id)
        if target.kind == "deleted":  # perhaps by this very request, whose answer was lost
            sentence = session.voice.say("Message {number} is deleted.", number=target.id)
            return Notice(ref=request.ref, message=sentence)
        write(
            messenger, session, request.ref, target.conversation_id, b"",
            kind="delete", uuid=request.uuid, target_id=target.id,
            on_stored=partial(messenger.editing.forget, target),
        )  # fmt: skip
    except ProtocolError as error:
        return await stored_before(messenger, session, request.ref, request.uuid, error)
    log.info("message.deleted", message=target.id, author=target.sender_name, by=session.who.name)
    return None


@handles(Comments)
async def comments(messenger: Messenger, session: Session, request: Comments) -> Answer:
    """Show a message with the comments on it (S004-24)."""
    await _settle(session)
    message = await messenger.editing.seen(session, request.id)
    answers = await messenger.expiry.thread(session.who.id, message, limit=MAX_PAGE + 1)
    found = [as_event(comment) for comment in answers]
    shown = fitting([as_event(message), *reversed(found)], MAX_PAGE + 1)
    return Thread(
        ref=request.ref,
        message=shown[0],
        comments=shown[:0:-1],
        more=len(shown) <= len(found),
    )


@handles(ListOwn)
async def list_own(messenger: Messenger, session: Session, request: ListOwn) -> Answer:
    """Show what one has written last, so that one learns its numbers."""
    messenger.conversations.check_member(session, request.conversation)
    await _settle(session)
    own = await messenger.expiry.own(session.who.id, request.conversation, limit=request.limit)
    found = [as_event(message) for message in own]
    shown = fitting(found[::-1], request.limit)[::-1]
    return HistoryPage(
        ref=request.ref,
        conversation=request.conversation,
        messages=shown,
        more=len(shown) < len(found),
    )


async def _settle(session: Session) -> None:
    """Wait until what the user wrote just before is stored, so that it is among what is shown."""
    with trio.move_on_after(SILENCE):
        await session.wait_in_flight(0)
