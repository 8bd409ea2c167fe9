"""What is sealed, with which data key, and what it is bound to.

The bound values are the rest of the row, as far as it never changes: a text that is moved to
another row, put in another's place or given another sender, file or time does not open. What is
not sealed, and why, is in ``docs/encryption.md``.

What does not open is damaged or was tampered with. Whoever reads it gets :data:`UNREADABLE`
in its place, and the log says once which row it is: one bad row keeps nobody from the others.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from typing import NamedTuple

import structlog
from msgspec.structs import replace
from sqlalchemy import Connection

from storage.records import Message
from storage.sealing import OVERHEAD, BrokenSealError, Scope, Vault

log = structlog.get_logger()

UNREADABLE = "⚠ This cannot be read: what the database has of it is damaged.".encode()
"""What stands in the place of what does not open."""

_VAULT = "mymessenger_vault"

_PART = 30  # bits of a message id; see storage/sealing.py
_NOTHING = -1  # where a row has no number; there is none below 1

# The first number says what it is: one conversation's key seals several kinds of things.
_TEXT, _TOPIC, _TITLE, _SCHEDULED = range(1, 5)
_NAME, _HASH = range(1, 3)

_MESSAGE = Struct(">B10q16s")
_PLACE = Struct(">Bq")
_CHUNK = Struct(">qq")
_FILE = Struct(">B4q16s")
_LATER = Struct(">B3q16s")
_COMPLAINT = Struct(">3q")

_EMPTIED = ("deleted", "delete", "edit")
"""Kinds of messages whose text may have been taken away."""
_TEXTLESS = ("deleted", "delete")
"""Kinds of messages that show no text."""


def use_vault(connection: Connection, vault: Vault) -> None:
    """Say what seals and opens for the statements on a connection."""
    connection.execution_options(**{_VAULT: vault})


def vault_of(connection: Connection) -> Vault:
    """Return what seals and opens for the statements on a connection."""
    vault: Vault = connection.get_execution_options()[_VAULT]
    return vault


@lru_cache(maxsize=1024)
def _report(what: str, *place: int) -> None:
    """Log what does not open, once each: it may be read again and again."""
    log.error(
        "storage.unreadable",
        what=what,
        place=place,
        advice="the row is damaged or was tampered with: compare it with a backup",
    )


def is_emptied(stored: Message) -> bool:
    """Tell whether the text of a message was taken away; the row says so itself, unsealed."""
    return not stored.body and stored.kind in _EMPTIED


def seal_message(vault: Vault, message: Message) -> bytes:
    """Return the text of a message as its row holds it."""
    if not vault.seals:
        return message.body
    return vault.seal(_message_scope(message), message.body, _message_bound(message))


def open_message(vault: Vault, stored: Message) -> Message:
    """Return a message with its text; ``stored`` has in its place what the row holds.

    Of one that does not open nothing is left that leads anywhere: no long text, no file.
    """
    if not vault.seals:
        return stored
    if is_emptied(stored):
        return stored if not stored.size else replace(stored, size=0, body_id=None)
    try:
        text = vault.open(_message_scope(stored), stored.body, _message_bound(stored))
    except BrokenSealError:
        _report("message", stored.id)
        kind = stored.kind if stored.kind in _EMPTIED else "text"
        text = b"" if kind in _TEXTLESS else UNREADABLE
        return replace(stored, body=text, size=len(text), body_id=None, file_id=None, kind=kind)
    return replace(stored, body=text)


def _message_scope(message: Message) -> Scope:
    return _conversation(message.conversation_id, message.id >> _PART)


def _conversation(conversation_id: int, part: int = 0) -> Scope:
    return Scope(b"conversation", conversation_id, part)


def _message_bound(message: Message) -> bytes:
    numbers = _MESSAGE.pack(
        _TEXT,
        message.id,
        message.conversation_id,
        message.seq,
        message.sender_id,
        message.sent_at,
        message.size,
        _number(message.body_id),
        _number(message.target_id),
        _number(message.file_id),
        _number(message.due_at),
        message.uuid,
    )
    return b"%b%b\0%b" % (numbers, message.kind.encode(), message.sender_name.encode())


def _number(number: int | None) -> int:
    return _NOTHING if number is None else number


def seal_chunk(vault: Vault, body_id: int, start: int, data: bytes) -> bytes:
    """Return a chunk of a long text or a file as its row holds it; each body has its own key."""
    return vault.seal(Scope(b"body", body_id), data, _CHUNK.pack(body_id, start))


def open_chunk(vault: Vault, body_id: int, start: int, stored: bytes) -> bytes:
    """Return a chunk; one that does not open is as long, and says so instead."""
    try:
        return vault.open(Scope(b"body", body_id), stored, _CHUNK.pack(body_id, start))
    except BrokenSealError:
        _report("chunk", body_id, start)
        length = max(len(stored) - OVERHEAD, 0)
        return (UNREADABLE + b"\n")[:length].ljust(length)


def seal_topic(vault: Vault, conversation_id: int, topic: str) -> bytes | None:
    """Return a topic as the row of the room holds it."""
    if not topic:
        return None
    bound = _PLACE.pack(_TOPIC, conversation_id)
    return vault.seal(_conversation(conversation_id), topic.encode(), bound)


def open_topic(vault: Vault, conversation_id: int, stored: bytes | None) -> str:
    """Return a topic, empty where there is none."""
    return "" if stored is None else _open_place(vault, _TOPIC, conversation_id, stored)


def seal_title(vault: Vault, conversation_id: int, title: str) -> bytes:
    """Return the title of a private room as its row holds it."""
    bound = _PLACE.pack(_TITLE, conversation_id)
    return vault.seal(_conversation(conversation_id), title.encode(), bound)


def open_title(vault: Vault, conversation_id: int, stored: bytes) -> str:
    """Return the title of a private room."""
    return _open_place(vault, _TITLE, conversation_id, stored)


def _open_place(vault: Vault, what: int, conversation_id: int, stored: bytes) -> str:
    bound = _PLACE.pack(what, conversation_id)
    try:
        return vault.open(_conversation(conversation_id), stored, bound).decode()
    except BrokenSealError:
        _report("topic" if what == _TOPIC else "title", conversation_id)
        return UNREADABLE.decode()


class LaterPlace(NamedTuple):
    """What a scheduled message is bound to."""

    user_id: int
    conversation_id: int
    created_at: int
    uuid: bytes


def seal_scheduled(vault: Vault, place: LaterPlace, body: bytes) -> bytes:
    """Return the text of a scheduled message as its row holds it."""
    return vault.seal(_conversation(place.conversation_id), body, _LATER.pack(_SCHEDULED, *place))


def open_scheduled(vault: Vault, place: LaterPlace, stored: bytes) -> bytes:
    """Return the text of a scheduled message."""
    bound = _LATER.pack(_SCHEDULED, *place)
    try:
        return vault.open(_conversation(place.conversation_id), stored, bound)
    except BrokenSealError:
        _report("scheduled", place.user_id, place.conversation_id)
        return UNREADABLE


class FilePlace(NamedTuple):
    """What the name and the hash of a file are bound to."""

    file_id: int
    owner_id: int
    uuid: bytes
    size: int
    body_id: int | None

    def bound(self, what: int) -> bytes:
        """Return it as bytes."""
        numbers = (self.file_id, self.owner_id, self.size, _number(self.body_id))
        return _FILE.pack(what, *numbers, self.uuid)

    @property
    def scope(self) -> Scope:
        """The owner's: a file belongs to no conversation, and may be in several."""
        return Scope(b"files", self.owner_id)


def seal_file(vault: Vault, place: FilePlace, name: bytes, sha256: bytes) -> tuple[bytes, bytes]:
    """Return the name and the SHA-256 of a file as its row holds them.

    The hash would tell whether a file is one that is known elsewhere.
    """
    return (
        vault.seal(place.scope, name, place.bound(_NAME)),
        vault.seal(place.scope, sha256, place.bound(_HASH)),
    )


def open_file_name(vault: Vault, place: FilePlace, stored: bytes) -> bytes | None:
    """Return the name of a file; None where its row does not open."""
    return _open_file(vault, place, _NAME, stored)


def open_file_hash(vault: Vault, place: FilePlace, stored: bytes) -> bytes | None:
    """Return the SHA-256 of a file; None where its row does not open."""
    return _open_file(vault, place, _HASH, stored)


def _open_file(vault: Vault, place: FilePlace, what: int, stored: bytes) -> bytes | None:
    try:
        return vault.open(place.scope, stored, place.bound(what))
    except BrokenSealError:
        _report("file", place.file_id)
        return None


class ComplaintPlace(NamedTuple):
    """What the reason of a complaint is bound to."""

    target_id: int
    reporter: str
    reporter_id: int
    created_at: int

    @property
    def bound(self) -> bytes:
        """It as bytes."""
        numbers = _COMPLAINT.pack(self.target_id, self.reporter_id, self.created_at)
        return numbers + self.reporter.encode()


_COMPLAINTS = Scope(b"complaints", 0)


def seal_reason(vault: Vault, place: ComplaintPlace, reason: bytes) -> bytes:
    """Return the reason of a complaint as its row holds it."""
    return vault.seal(_COMPLAINTS, reason, place.bound)


def open_reason(vault: Vault, place: ComplaintPlace, stored: bytes) -> bytes:
    """Return the reason of a complaint."""
    try:
        return vault.open(_COMPLAINTS, stored, place.bound)
    except BrokenSealError:
        _report("complaint", place.target_id, place.created_at)
        return UNREADABLE
