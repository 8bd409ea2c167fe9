"""Sending files and getting them (S003-7, 12, 15, 16; S004-27).

Files sit beside the messages: an offer is answered at once, its chunks are stored as they come,
and when all are there, and right, a message that brings the file is written like any other.
"""

from __future__ import annotations

import re
import time
from functools import partial
from uuid import UUID

from chat.dispatch import Answer, FileStream, guarded, handles
from chat.files import MAX_OPEN_FILES, Incoming
from chat.messenger import Messenger
from chat.session import Session
from chat.writing import destination, unknown_message, unknown_user, write
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import Error, Notice
from protocol.filenames import safe_file_name
from protocol.vocabulary.files import (
    DescribeFile,
    Download,
    FileDetails,
    FileList,
    ListFiles,
    Offer,
    Offered,
    Received,
    SharedFile,
    Withdraw,
)
from storage.records import FileFacts, NewFile, StoredFile

_TRIED_AGAIN = (ErrorCode.STORAGE_UNAVAILABLE, ErrorCode.SHUTTING_DOWN, ErrorCode.INTERNAL)
"""Refusals after which the client offers a file anew: what has arrived of it is kept."""

_SHA256 = re.compile("[0-9a-fA-F]{64}")


@handles(Offer)
async def offer(messenger: Messenger, session: Session, request: Offer) -> Answer:
    """Take a file, or go on with it where a break has left it (S003-12)."""
    if not _SHA256.fullmatch(request.sha256):
        raise ProtocolError(
            ErrorCode.BAD_ARGUMENTS, "A file needs its SHA-256, written as 64 hex digits."
        )
    messenger.complaints.check(session, "file")
    messenger.files.check_size(request.size)  # before a single byte of it travels
    _check_stream(session, request.stream)
    await check_addressee(messenger, session, to=request.to, conversation=request.conversation)
    if request.to is None:
        check_quota(messenger, session, request.conversation, request.uuid)
    new = NewFile(
        owner_id=session.who.id,
        uuid=request.uuid.bytes,
        name=safe_file_name(request.name).encode(),
        size=request.size,
        sha256=bytes.fromhex(request.sha256),
        created_at=time.time_ns() // 1000,
    )
    incoming = await messenger.files.begin(
        new, ref=request.ref, conversation=request.conversation, to=request.to
    )
    session.files[request.stream] = incoming
    file = incoming.file
    session.peer.post(
        Offered(ref=request.ref, id=file.id, name=file.name.decode(), offset=incoming.offset)
    )
    if incoming.is_whole:
        _finish(messenger, session, request.stream)
    return None


def _check_stream(session: Session, stream: int) -> None:
    """Refuse a stream that is in use, or one too many; those that failed make room."""
    if stream in session.files or stream in session.uploads:
        raise ProtocolError(
            ErrorCode.BAD_STREAM, "Stream {stream} is in use; take another number.", stream=stream
        )
    if len(session.files) >= MAX_OPEN_FILES:
        failed = [number for number, incoming in session.files.items() if incoming.ended]
        if not failed:
            raise ProtocolError(
                ErrorCode.LIMIT_REACHED,
                "At most {limit} files can be on their way at once; wait for one of them.",
                limit=MAX_OPEN_FILES,
            )
        del session.files[failed[0]]


async def check_addressee(
    messenger: Messenger, session: Session, *, to: str | None, conversation: int
) -> None:
    """Refuse a file for nobody before it is sent; nothing comes of it yet."""
    if to is None:
        messenger.conversations.check_member(session, conversation)
        return
    peer = await messenger.accounts.find(to)
    if peer is None:
        raise unknown_user(to)
    if peer.id == session.who.id:
        raise ProtocolError(
            ErrorCode.BAD_ARGUMENTS, "You cannot send yourself a file; name somebody else."
        )


def check_quota(
    messenger: Messenger, session: Session, conversation: int, uuid: UUID | None = None
) -> None:
    """Refuse a file that could not be sent when it is there (S004-23); it is not counted yet."""
    key = b"" if uuid is None else uuid.bytes
    messenger.limits.check(session, conversation, "file", key)


async def take_chunk(messenger: Messenger, session: Session, stream: int, data: bytes) -> Answer:
    """Store a piece of a file that this session has offered."""
    incoming = session.files[stream]

    async def store() -> Answer:
        await messenger.files.append(incoming, data)
        return Received(ref=incoming.ref, offset=incoming.offset)

    if incoming.ended:  # it failed, and the client did not know that yet
        return None
    answer = await guarded(messenger, session, incoming.ref, "chunk of a file", store)
    if isinstance(answer, Error):
        messenger.files.let_go(incoming)
    elif incoming.is_whole:
        _finish(messenger, session, stream)
    return answer


def _finish(messenger: Messenger, session: Session, stream: int) -> None:
    """Let a file that is whole become a message, beside all else: comparing may take a while."""
    incoming = session.files.pop(stream)
    session.in_flight += 1
    messenger.files.beside(_publish, messenger, session, incoming)


async def _publish(messenger: Messenger, session: Session, incoming: Incoming) -> None:
    try:
        do = partial(_write, messenger, session, incoming)
        answer = await guarded(messenger, session, incoming.ref, "file", do)
        if isinstance(answer, Error):
            if answer.code not in _TRIED_AGAIN:
                await messenger.files.drop(incoming)
            session.peer.post(answer)
    finally:
        messenger.files.let_go(incoming)
        session.acknowledged()


async def _write(messenger: Messenger, session: Session, incoming: Incoming) -> Answer:
    await messenger.files.settle(incoming)
    conversation = await destination(
        messenger, session, to=incoming.to, conversation=incoming.conversation
    )
    write_file(messenger, session, incoming.ref, conversation, incoming.file)
    return None


def write_file(
    messenger: Messenger, session: Session, ref: int | None, conversation: int, file: StoredFile
) -> None:
    """Hand the message that brings a file to the journal.

    It has the file's uuid, so it is stored once however often the file is offered.
    """
    write(
        messenger, session, ref, conversation, file.name,
        kind="file", uuid=UUID(bytes=file.uuid),
        file_id=file.id, file=FileFacts(file.name, file.size),
    )  # fmt: skip


@handles(Withdraw)
async def withdraw(messenger: Messenger, session: Session, request: Withdraw) -> Answer:
    """Delete what has arrived of a file that is not sent."""
    if not await messenger.files.withdraw(session.who.id, request.uuid.bytes):
        raise ProtocolError(ErrorCode.TOO_LATE, "The file has been sent already.")
    return Notice(ref=request.ref, message=session.voice.say("The file was not sent."))


@handles(DescribeFile)
async def describe(messenger: Messenger, session: Session, request: DescribeFile) -> Answer:
    """Tell what the file of a message is."""
    file = await _visible(messenger, session, request.id)
    return FileDetails(
        ref=request.ref,
        id=request.id,
        name=file.name.decode(),
        size=file.size,
        sha256=file.sha256.hex(),
    )


@handles(Download)
async def download(messenger: Messenger, session: Session, request: Download) -> Answer:
    """Return a file, or a part of it, as a stream (S003-15)."""
    file = await _visible(messenger, session, request.id)
    end = file.size if request.limit is None else min(file.size, request.offset + request.limit)
    return FileStream(
        ref=request.ref,
        id=request.id,
        offset=request.offset,
        size=file.size,
        chunks=messenger.files.read(file, request.offset, end),
        name=file.name.decode(),
        sha256=file.sha256.hex(),
    )


async def _visible(messenger: Messenger, session: Session, message_id: int) -> StoredFile:
    """Return the file of a message; it is for those who can see the message, and no one else."""
    message = await messenger.expiry.get(session.who.id, message_id)
    if message is None or session.peer.position(message.conversation_id) is None:
        raise unknown_message(message_id)
    if message.kind == "deleted":
        raise ProtocolError(
            ErrorCode.UNKNOWN_FILE, "Message {number} has been deleted.", number=message_id
        )
    file = None if message.file_id is None else await messenger.files.get(message.file_id)
    if file is None:
        raise ProtocolError(
            ErrorCode.UNKNOWN_FILE,
            "Message {number} brings no file. /files lists those there are.",
            number=message_id,
        )
    return file


@handles(ListFiles)
async def list_files(messenger: Messenger, session: Session, request: ListFiles) -> Answer:
    """List the files of a conversation."""
    messenger.conversations.check_member(session, request.conversation)
    listing = partial(
        messenger.stores.files.of_conversation,
        request.conversation,
        before=request.before,
        limit=request.limit + 1,
    )
    hidden = await messenger.expiry.hidden(session.who.id, request.conversation)
    found = [one for one in await messenger.patience.ask(listing) if one.seq > hidden]
    shown = found[-request.limit :]
    return FileList(
        ref=request.ref,
        conversation=request.conversation,
        files=[
            SharedFile(
                id=one.message_id,
                time=one.sent_at,
                sender=one.sender_name,
                name=one.name.decode(),
                size=one.size,
            )
            for one in shown
        ],
        more=len(found) > len(shown),
    )
