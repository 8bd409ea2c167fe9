"""The rows of the database as plain values; nothing of SQLAlchemy leaves this package."""

from __future__ import annotations

from msgspec import Struct

GENERAL_ID = 1
"""The id of the general chat; the first migration creates it."""


class User(Struct, frozen=True):
    """An account, or a guest who has been here."""

    id: int
    name: str
    name_key: str
    """The form of the name that is unique: normalised and case-folded by ``chat``."""
    created_at: int
    """Microseconds since the epoch, as all times here."""


class Visitor(Struct, frozen=True):
    """Somebody at the door: a name, and its form that is unique."""

    name: str
    name_key: str


class Conversation(Struct, frozen=True):
    """A conversation; its messages carry dense sequence numbers from 1 to ``last_seq``."""

    id: int
    kind: str
    """``general``, ``direct`` or ``room``."""
    key: str
    """What makes it unique: ``general``, or ``direct:LOW:HIGH`` with the two users' ids."""
    last_seq: int


class Membership(Struct, frozen=True):
    """That a user is in a conversation, and how far its messages reached that user."""

    conversation: Conversation
    user_id: int
    delivered_seq: int
    peer: User | None = None
    """In a direct conversation the other user."""


class Marker(Struct, frozen=True):
    """A user's delivered marker; storing one never moves it back."""

    conversation_id: int
    user_id: int
    delivered_seq: int


class NewMessage(Struct, frozen=True, gc=False):
    """A message on its way into the database."""

    conversation_id: int
    sender_id: int
    sender_name: str
    uuid: bytes
    """16 bytes, unique for each sender: a second one with the same is the same message."""
    sent_at: int
    body: bytes
    """The text in UTF-8, or the head of it where ``body_id`` is given."""
    size: int
    """Bytes of the whole text."""
    body_id: int | None = None
    """Where the whole text is, when it is too long for a row."""


class Message(Struct, frozen=True, gc=False):
    """A stored message."""

    id: int
    conversation_id: int
    seq: int
    sender_id: int
    sender_name: str
    uuid: bytes
    sent_at: int
    body: bytes
    size: int
    body_id: int | None = None


class Saved(Struct, frozen=True, gc=False):
    """What became of a new message."""

    message: Message
    duplicate: bool
    """True: it had been stored before under the same uuid, and nothing was written now."""
