"""The rows of the database as plain values; nothing of SQLAlchemy leaves this package."""

from __future__ import annotations

from msgspec import Struct

QUOTED = 80
"""How much of a text is quoted above a comment on it, in bytes."""

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
    registered: bool = False
    """True: an account with a password; False: a guest."""
    blocked_until: int = 0
    zone: str | None = None
    """The time zone that the user has chosen, as ``Europe/Moscow``."""
    language: str | None = None
    """The language that the user has chosen, as ``ru``."""


class Visitor(Struct, frozen=True):
    """Somebody at the door: a name, and its form that is unique."""

    name: str
    name_key: str
    skeleton: str = ""
    """What the name looks like: those that look alike have the same; empty is not compared."""


class LookAlike(Struct, frozen=True):
    """Why a visitor is not let in: the name looks like one that is taken."""

    name: str
    """The one that is taken."""


class Conversation(Struct, frozen=True):
    """A conversation; its messages carry dense sequence numbers from 1 to ``last_seq``."""

    id: int
    kind: str
    """``general``, ``direct`` or ``room``."""
    key: str
    """What makes it unique: ``general``, or ``direct:LOW:HIGH`` with the two users' ids."""
    last_seq: int
    title: str | None = None
    topic: str = ""
    private: bool = False


class Membership(Struct, frozen=True):
    """That a user is in a conversation, as what, and how far its messages reached that user."""

    conversation: Conversation
    user_id: int
    delivered_seq: int
    peer: User | None = None
    """In a direct conversation the other user."""
    read_seq: int = 0
    role: str = "member"
    unread: int = 0
    """Texts and files of others behind ``read_seq``, of the newest 1000 entries; not stored."""

    @property
    def reader(self) -> Reader:
        """The member as one who reads."""
        return Reader(self.user_id, self.conversation.id, self.read_seq, self.conversation.last_seq)


class Marker(Struct, frozen=True):
    """How far a user's messages were delivered and read; storing it never moves one back."""

    conversation_id: int
    user_id: int
    delivered_seq: int
    read_seq: int = 0


class Reader(Struct, frozen=True):
    """Who has read a conversation up to where, and up to where there is something."""

    user_id: int
    conversation_id: int
    read_seq: int
    last_seq: int


class Standing(Struct, frozen=True):
    """How a member stands in a conversation."""

    delivered_seq: int
    read_seq: int
    last_seq: int
    unread: int


class Had(Struct, frozen=True):
    """How far a member of a conversation has had it."""

    name: str
    delivered_seq: int
    read_seq: int


class Quote(Struct, frozen=True, gc=False):
    """What a comment answers, as it is shown above it."""

    sender_name: str
    text: bytes
    """The head of the text, at most 80 bytes, which may end inside a character; empty where it
    was deleted."""


class FileFacts(Struct, frozen=True, gc=False):
    """What is shown of a file that a message brings."""

    name: bytes
    """In UTF-8."""
    size: int


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
    kind: str = "text"
    """``text`` or ``file``, which people write; ``edit`` or ``delete``, which change the target;
    ``join``, ``leave``, ``topic`` or ``role``, which tell what happened."""
    target_id: int | None = None
    """The message that this one answers or changes."""
    file_id: int | None = None
    due_at: int | None = None
    """When it was to be sent, if it was scheduled and the server was away then."""
    quote: Quote | None = None
    """Not stored, only shown; the row of the target has it."""
    file: FileFacts | None = None
    """Not stored, only shown; the row of the file has it."""


class Message(Struct, frozen=True, gc=False):
    """A stored message: the columns of its row in their order, then what other rows have."""

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
    kind: str = "text"
    """As of a new message, or ``deleted``: then the text is gone."""
    target_id: int | None = None
    file_id: int | None = None
    due_at: int | None = None
    edited_at: int | None = None
    quote: Quote | None = None
    file: FileFacts | None = None


class Saved(Struct, frozen=True, gc=False):
    """What became of a new message."""

    message: Message
    duplicate: bool
    """True: it had been stored before under the same uuid, and nothing was written now."""


class Device(Struct, frozen=True):
    """A device that logs in by a token; of the token itself only a hash is kept."""

    id: int
    user_id: int
    label: str
    """What it calls itself."""
    address: str
    """Where it was seen last, without the port."""
    created_at: int
    seen_at: int


class NewFile(Struct, frozen=True):
    """A file that somebody is going to send."""

    owner_id: int
    uuid: bytes
    """16 bytes, unique for each owner: a second one with the same is the same file."""
    name: bytes
    """In UTF-8."""
    size: int
    sha256: bytes
    created_at: int


class StoredFile(Struct, frozen=True):
    """A file, or what is there of it."""

    id: int
    owner_id: int
    uuid: bytes
    name: bytes
    size: int
    sha256: bytes
    body_id: int | None
    """Where its bytes are; None for an empty one."""
    received: int
    """How many of its bytes are stored, from the first one on without a gap."""
    complete: bool
    """True: all of it is here, and its hash is right."""


class ListedFile(Struct, frozen=True):
    """A file as the list of a conversation's files shows it."""

    message_id: int
    seq: int
    sent_at: int
    sender_name: str
    name: bytes
    size: int


class NewScheduled(Struct, frozen=True):
    """A message that is to be sent later."""

    user_id: int
    conversation_id: int
    body: bytes
    due_at: int
    created_at: int
    uuid: bytes
    """The message's own: so it cannot be stored twice, whatever happens between two steps."""


class Scheduled(Struct, frozen=True):
    """A message that waits for its time, or was refused then."""

    id: int
    user_id: int
    conversation_id: int
    due_at: int
    uuid: bytes
    failure: str | None
    """The code of the error with which it was refused."""
    body: bytes
    """The text; in a list only the head of it."""


class Due(Struct, frozen=True):
    """A scheduled message whose time has come, and whose it is."""

    scheduled: Scheduled
    name_key: str
