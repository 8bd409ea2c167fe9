"""Rooms and who is in them, as plain values."""

from __future__ import annotations

from msgspec import Struct

from storage.records import Conversation, Message, User

OWNER, MODERATOR, MEMBER = "owner", "moderator", "member"

PUBLIC = "room:"
"""How the keys of public rooms begin, with their names behind; those of others are random."""


class TooManyMembersError(Exception):
    """The room is full."""


class TooManyRoomsError(Exception):
    """The user is in as many rooms as one can be in."""


class Limits(Struct, frozen=True):
    """How much there may be."""

    members: int
    """In one room."""
    rooms: int
    """That one user is in."""
    messages: int = 0
    """That greet who comes into a room."""


class Entered(Struct, frozen=True):
    """What somebody finds in a room."""

    conversation: Conversation
    role: str
    read_seq: int
    delivered_seq: int
    fresh: bool
    """False: the user had been in it before."""
    messages: list[Message]
    """The latest that people said."""


class Left(Struct, frozen=True):
    """What became of a room that somebody left."""

    heir: User | None
    """Who is an owner now, because the last one has gone."""


class Seat(Struct, frozen=True):
    """A room that a user is in, and as what."""

    conversation: Conversation
    role: str


class Member(Struct, frozen=True):
    """Somebody in a room."""

    user: User
    role: str
