"""Writing messages and reading them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

from chat.dispatch import Answer, TextStream, handles
from chat.handlers.files import take_chunk
from chat.messenger import Messenger, as_event, as_receipt
from chat.session import Session
from chat.uploads import MAX_OPEN, TextChunk, Upload
from chat.writing import check_text, destination, quote_of, write
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import HistoryPage
from protocol.events import Message as MessageEvent
from protocol.framing import encode
from protocol.language import N_
from protocol.limits import MAX_HEADER, MAX_NAME
from protocol.requests import Fetch, History, Send
from storage.errors import StorageUnavailable
from storage.records import Message, Saved

_RULES = frozenset(
    (
        ErrorCode.BLOCKED,
        ErrorCode.LIMIT_REACHED,
        ErrorCode.NOT_ALLOWED,
        ErrorCode.TOO_LATE,
        ErrorCode.UNKNOWN_CONVERSATION,
        ErrorCode.UNKNOWN_MESSAGE,
        ErrorCode.UNKNOWN_USER,
    )
)
"""What can be the answer to a request that was good the first time."""

FETCH_CHUNK = 64 * 1024
"""Bytes of a long text that are read, and wait for a slow client, at once."""

PAGE_MARGIN = 1024
"""Bytes of a history page that are not messages."""


@handles(Send)
async def send(messenger: Messenger, session: Session, request: Send) -> Answer:
    """Write a message; it is acknowledged in its place in the stream, once it is stored."""
    try:
        await _send(messenger, session, request)
    except ProtocolError as error:
        return await stored_before(messenger, session, request.ref, request.uuid, error)
    return None


async def _send(messenger: Messenger, session: Session, request: Send) -> None:
    upload = None if request.stream is None else session.uploads.pop(request.stream, None)
    try:
        messenger.complaints.check(session)
        # What cannot be sent is refused before anything comes of it, such as a new conversation.
        long = _long_text(request, upload)
        target = await _answered(messenger, session, request)
        if target is None:
            conversation, text = await _address(messenger, session, request)
        else:
            conversation, text = target.conversation_id, request.text or ""
        whole = text.encode()
        body, size, body_id = long or (whole, len(whole), None)
        write(
            messenger, session, request.ref, conversation, body,
            uuid=request.uuid, size=size, body_id=body_id,
            target_id=request.reply_to, quote=None if target is None else quote_of(target),
        )  # fmt: skip
    except BaseException:
        if upload is not None:
            messenger.intake.give_up(upload.body_id)
        raise


async def stored_before(
    messenger: Messenger, session: Session, ref: int | None, uuid: UUID | None, error: ProtocolError
) -> Answer:
    """Return the acknowledgement of what must not be done now, where it was done before.

    What is sent again because its acknowledgement was lost must not be told that it is too
    late, or too much. Raises the ``error`` where it is new.
    """
    if uuid is None or error.code not in _RULES:
        raise error
    find = messenger.stores.messages.sent
    try:
        stored = await messenger.patience.ask(find, session.who.id, uuid.bytes)
    except StorageUnavailable:
        raise error from None
    if stored is None:
        raise error
    return as_receipt(Saved(stored, duplicate=True), ref)


def _long_text(request: Send, upload: Upload | None) -> tuple[bytes, int, int | None] | None:
    """Return head, size and place of a text that came in chunks, None for one in the frame.

    Raises :class:`ProtocolError` where either cannot be sent.
    """
    if request.stream is not None:
        if upload is None or request.text is not None:
            raise ProtocolError(
                ErrorCode.BAD_STREAM,
                "Stream {stream} has no chunks, or there is a text beside it.",
                stream=request.stream,
            )
        if request.addressed:
            # A name is looked for in short texts only: all would read what was for one.
            raise ProtocolError(
                ErrorCode.BAD_ARGUMENTS, "A text this long needs the field `to`, not `addressed`."
            )
        return upload.finish(), upload.size, upload.body_id
    check_text(
        request.text, N_("A text of more than {limit} bytes has to be sent as a stream of chunks.")
    )
    return None


async def _answered(messenger: Messenger, session: Session, request: Send) -> Message | None:
    """Return the message that a comment answers, None for what is no comment (S004-24)."""
    if request.reply_to is None:
        return None
    if request.to is not None or request.addressed:
        raise ProtocolError(
            ErrorCode.BAD_ARGUMENTS,
            "A comment goes where the message stands that it answers, and to nobody apart.",
        )
    return await messenger.editing.answered(session, request.reply_to)


async def _address(messenger: Messenger, session: Session, request: Send) -> tuple[int, str]:
    """Return the conversation a message goes to, and its text without the addressee."""
    text = request.text or ""
    to, place = request.to, request.conversation
    if request.addressed and to is None:
        word, _, rest = text.strip().partition(" ")
        peer = await messenger.accounts.find(word) if rest.strip() else None
        if peer is not None:
            return await messenger.conversations.direct(session, peer), rest.strip()
        if rest.strip():
            # Who meant a person and mistyped the name has just told everyone.
            session.tell(
                "Nobody is called {name}, so this goes to all who are in this conversation. "
                "/send-to never does.",
                name=word[:MAX_NAME],
            )
    return await destination(messenger, session, to=to, conversation=place), text


@handles(TextChunk)
async def chunk(messenger: Messenger, session: Session, request: TextChunk) -> Answer:
    """Store a piece of a file that was offered, or of a long text."""
    if request.stream in session.files:
        return await take_chunk(messenger, session, request.stream, request.data)
    upload = session.uploads.get(request.stream)
    if upload is None:
        # Whose first chunk was refused must never begin with its second one.
        session.streams_refused = session.streams_refused or len(session.uploads) >= MAX_OPEN
        if session.streams_refused:
            raise ProtocolError(
                ErrorCode.BAD_STREAM,
                "At most {limit} streams can be open at once. This connection opened more and "
                "takes no new ones; connect again.",
                limit=MAX_OPEN,
            )
        upload = session.uploads[request.stream] = Upload(messenger.intake)
    await upload.append(request.data)
    return None


@handles(History)
async def history(messenger: Messenger, session: Session, request: History) -> Answer:
    """Return a page of a conversation (S003-10)."""
    messenger.conversations.check_member(session, request.conversation)
    return await history_page(messenger, session, request)


async def history_page(messenger: Messenger, session: Session, request: History) -> HistoryPage:
    """Return a page of a conversation that the one who asks is in."""
    expiry, more = messenger.expiry, False
    place = (session.who.id, request.conversation)
    after, before, limit = request.after, request.before, request.limit + 1
    if request.spoken:
        messages, more = await expiry.spoken(*place, after=after, before=before, limit=limit)
    else:
        messages = await expiry.page(*place, after=after, before=before, limit=limit)
    events = [as_event(message) for message in messages]
    forward = request.after is not None
    shown = fitting(events if forward else events[::-1], request.limit)
    return HistoryPage(
        ref=request.ref,
        conversation=request.conversation,
        messages=shown if forward else shown[::-1],
        more=more or len(shown) < len(events),
        forward=forward,
    )


def fitting(events: list[MessageEvent], limit: int) -> list[MessageEvent]:
    """Return as many of the first messages as the limit and one frame allow, at least one."""
    room = MAX_HEADER - PAGE_MARGIN
    for count, event in enumerate(events[:limit]):
        room -= len(encode(event))
        if room < 0:
            return events[: max(count, 1)]
    return events[:limit]


@handles(Fetch)
async def fetch(messenger: Messenger, session: Session, request: Fetch) -> Answer:
    """Return the whole of a long text, as a stream."""
    message = await messenger.editing.seen(session, request.id)
    return TextStream(
        ref=request.ref,
        id=message.id,
        offset=request.offset,
        size=message.size,
        chunks=_read(messenger, message, request.offset),
    )


async def _read(messenger: Messenger, message: Message, offset: int) -> AsyncIterator[bytes]:
    if message.body_id is None:
        yield message.body[offset:]
        return
    read = messenger.stores.bodies.read
    while data := await messenger.patience.ask(read, message.body_id, offset, FETCH_CHUNK):
        yield data
        offset += len(data)
    if offset < message.size:
        raise ProtocolError(
            ErrorCode.UNKNOWN_MESSAGE,
            "Message {number} has been changed or deleted while it was on its way.",
            number=message.id,
        )
