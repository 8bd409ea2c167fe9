"""Who has had a message, and who has read it."""

from __future__ import annotations

from chat.dispatch import Answer, handles
from chat.messenger import Messenger
from chat.receipts import named
from chat.session import Session
from chat.writing import unknown_user
from protocol.errors import ErrorCode, ProtocolError
from protocol.vocabulary.receipts import ReceiptList, Receipts
from storage.records import User


@handles(Receipts)
async def receipts(messenger: Messenger, session: Session, request: Receipts) -> Answer:
    """Tell how far a message of a conversation that one is in has got."""
    message = await messenger.editing.seen(session, request.message)
    user = await _wanted(messenger, request)
    found, more = await messenger.receipts.of(message, user)
    if user is not None:
        named(found, user)
        if request.watch and not found[0].read:
            messenger.receipts.watch(session, message, user)
            # what has moved while the database was asked is told here, and not there
            found, more = await messenger.receipts.of(message, user)
    return ReceiptList(
        ref=request.ref,
        message=message.id,
        conversation=message.conversation_id,
        receipts=found,
        more=more,
    )


async def _wanted(messenger: Messenger, request: Receipts) -> User | None:
    if request.who is None:
        if request.watch:
            raise ProtocolError(ErrorCode.BAD_ARGUMENTS, "To watch a message takes a name.")
        return None
    user = await messenger.accounts.find(request.who)
    if user is None:
        raise unknown_user(request.who)
    return user
