"""What each request does. A handler's return value is the answer; it never writes to a socket."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from functools import partial

import structlog

from chat.conversations import describe
from chat.dispatch import Answer, TextStream, handles
from chat.journal import Entry
from chat.messenger import Messenger, as_event
from chat.session import Session
from chat.uploads import MAX_OPEN, TextChunk, Upload
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import (
    Goodbye,
    HistoryPage,
    LoggedIn,
    Notice,
    PongReply,
    StatusReport,
    StorageState,
)
from protocol.events import Message as MessageEvent
from protocol.framing import encode
from protocol.ids import new_uuid
from protocol.limits import MAX_HEADER, MAX_TEXT
from protocol.requests import (
    GENERAL,
    Delivered,
    Fetch,
    History,
    Login,
    Ping,
    Quit,
    Send,
    Status,
)
from storage.records import Membership, Message, NewMessage

log = structlog.get_logger()


FETCH_CHUNK = 64 * 1024
"""Bytes of a long text that are read, and wait for a slow client, at once."""

PAGE_MARGIN = 1024
"""Bytes of a history page that are not messages."""


@handles(Login, login=False)
async def login(messenger: Messenger, session: Session, request: Login) -> Answer:
    """Let a user in and begin to feed what was missed (S001-3, S001-20, S002-5..7)."""
    if session.user is not None:
        sentence = f"This connection is {session.user.name}'s already; open another one."
        raise ProtocolError(ErrorCode.ALREADY_LOGGED_IN, sentence)
    user = await messenger.accounts.enter(request.name)
    memberships = await messenger.conversations.of(user)
    # No await from here on: the answer is sent before anything that it announces, and nobody
    # can make a conversation in between that this session would not hear of.
    session.user = user
    messenger.presence.add(session)
    if not messenger.journal.available:  # the others have been told when it went away
        session.peer.post(StorageState(available=False))
    show = messenger.limit_show if request.history is None else max(request.history, 0)
    for membership in memberships:
        after = _first_shown(membership, request.resume or {}, show)
        session.peer.follow(
            membership.conversation, after=after, delivered=membership.delivered_seq
        )
    log.info(
        "user.logged_in", user=user.name, address=session.peer.address, resumed=bool(request.resume)
    )
    return LoggedIn(
        ref=request.ref,
        user_id=user.id,
        name=user.name,
        guest=True,
        conversations=[describe(membership) for membership in memberships],
    )


def _first_shown(membership: Membership, resume: dict[int, int], show: int) -> int:
    """Return the sequence number behind which a client is fed."""
    last = membership.conversation.last_seq
    asked = resume.get(membership.conversation.id)
    if asked is not None:
        return min(asked, last)
    if membership.conversation.id == GENERAL:
        return max(min(membership.delivered_seq, last - show), 0)
    return membership.delivered_seq


@handles(Send)
async def send(messenger: Messenger, session: Session, request: Send) -> Answer:
    """Write a message; it is acknowledged in its place in the stream, once it is stored."""
    upload = None if request.stream is None else session.uploads.pop(request.stream, None)
    try:
        message = await _message(messenger, session, request, upload)
        messenger.journal.append(Entry(message, session, request.ref))
    except BaseException:
        if upload is not None:
            messenger.intake.give_up(upload.body_id)
        raise
    return None


async def _message(
    messenger: Messenger, session: Session, request: Send, upload: Upload | None
) -> NewMessage:
    """Return what is to be stored; raises :class:`ProtocolError` where nothing can be."""
    user = session.who
    # What cannot be sent is refused before anything comes of it, such as a new conversation.
    long = _long_text(request, upload)
    conversation, text = await _address(messenger, session, request)
    whole = text.encode()
    body, size, body_id = long or (whole, len(whole), None)
    return NewMessage(
        conversation_id=conversation,
        sender_id=user.id,
        sender_name=user.name,
        # Also without the client's uuid a repeated commit of ours must not store twice.
        uuid=(request.uuid or new_uuid()).bytes,
        sent_at=time.time_ns() // 1000,
        body=body,
        size=size,
        body_id=body_id,
    )


def _long_text(request: Send, upload: Upload | None) -> tuple[bytes, int, int | None] | None:
    """Return head, size and place of a text that came in chunks, None for one in the frame.

    Raises :class:`ProtocolError` where either cannot be sent.
    """
    if request.stream is not None:
        if upload is None or request.text is not None:
            sentence = f"Stream {request.stream} has no chunks, or there is a text beside it."
            raise ProtocolError(ErrorCode.BAD_STREAM, sentence)
        return upload.finish(), upload.size, upload.body_id
    if request.text is None or not request.text.strip():
        raise ProtocolError(ErrorCode.EMPTY_MESSAGE, "There is no text in this message.")
    if len(request.text.encode()) > MAX_TEXT:
        sentence = f"A text of more than {MAX_TEXT} bytes has to be sent as a stream of chunks."
        raise ProtocolError(ErrorCode.TEXT_TOO_LONG, sentence)
    return None


async def _address(messenger: Messenger, session: Session, request: Send) -> tuple[int, str]:
    """Return the conversation a message goes to, and its text without the addressee."""
    text = request.text or ""
    if request.to is not None:
        peer = await messenger.accounts.find(request.to)
        if peer is None:
            sentence = f"Nobody called {request.to[:64]} has been here. /status lists who is."
            raise ProtocolError(ErrorCode.UNKNOWN_USER, sentence)
        return await messenger.conversations.direct(session, peer), text
    if request.addressed:
        word, _, rest = text.strip().partition(" ")
        peer = await messenger.accounts.find(word) if rest.strip() else None
        if peer is not None:
            return await messenger.conversations.direct(session, peer), rest.strip()
        if rest.strip():
            # Who meant a person and mistyped the name has just told everyone.
            sentence = f"Nobody is called {word[:64]}, so this goes to all. /send-to never does."
            session.peer.post(Notice(message=sentence))
    messenger.conversations.check_member(session, request.conversation)
    return request.conversation, text


@handles(TextChunk)
async def chunk(messenger: Messenger, session: Session, request: TextChunk) -> Answer:
    """Store a piece of a long text."""
    upload = session.uploads.get(request.stream)
    if upload is None:
        # Whose first chunk was refused must never begin with its second one.
        session.streams_refused = session.streams_refused or len(session.uploads) >= MAX_OPEN
        if session.streams_refused:
            sentence = (
                f"At most {MAX_OPEN} streams can be open at once. This connection opened more and "
                "takes no new ones; connect again."
            )
            raise ProtocolError(ErrorCode.BAD_STREAM, sentence)
        upload = session.uploads[request.stream] = Upload(messenger.intake)
    await upload.append(request.data)
    return None


@handles(History)
async def history(messenger: Messenger, session: Session, request: History) -> Answer:
    """Return a page of a conversation (S003-10)."""
    messenger.conversations.check_member(session, request.conversation)
    page = partial(
        messenger.stores.messages.GetAll,
        request.conversation,
        after=request.after,
        before=request.before,
        limit=request.limit + 1,
    )
    messages = await messenger.patience.ask(page)
    events = [as_event(message) for message in messages]
    forward = request.after is not None
    fitting = _fitting(events if forward else events[::-1], request.limit)
    return HistoryPage(
        ref=request.ref,
        conversation=request.conversation,
        messages=fitting if forward else fitting[::-1],
        more=len(fitting) < len(events),
    )


def _fitting(events: list[MessageEvent], limit: int) -> list[MessageEvent]:
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
    message = await messenger.patience.ask(messenger.stores.messages.Get, request.id)
    if message is None or session.peer.position(message.conversation_id) is None:
        sentence = f"You can see no message with the number {request.id}."
        raise ProtocolError(ErrorCode.UNKNOWN_MESSAGE, sentence)
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


@handles(Delivered)
async def delivered(messenger: Messenger, session: Session, request: Delivered) -> Answer:
    """Move the user's delivered marker, not beyond what this connection was sent."""
    position = session.peer.position(request.conversation)
    if position is not None:
        seq = min(request.seq, position)
        messenger.markers.move(session.who.id, request.conversation, seq)
    return None


@handles(Status)
async def status(messenger: Messenger, session: Session, request: Status) -> Answer:
    """Tell facts about the connection and who is here (S004-9)."""
    return StatusReport(
        ref=request.ref,
        name=session.who.name,
        address=session.peer.address,
        connected_at=session.peer.connected_at,
        server=messenger.name,
        users=messenger.presence.names(),
        connections=messenger.presence.count(),
    )


@handles(Ping, login=False)
async def ping(messenger: Messenger, session: Session, request: Ping) -> Answer:  # noqa: ARG001
    """Say that the server is there."""
    return PongReply(ref=request.ref)


@handles(Quit, login=False)
async def leave(messenger: Messenger, session: Session, request: Quit) -> Answer:  # noqa: ARG001
    """Say goodbye when everything the client sent has been answered."""
    await session.wait_in_flight(0)
    return Goodbye(ref=request.ref, reason="Goodbye.")
