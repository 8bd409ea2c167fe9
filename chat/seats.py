"""Which room somebody means, who looks after it, and what is wrong where it is none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol, TypeVar

from chat.names import name_key
from protocol.errors import ErrorCode, ProtocolError
from protocol.limits import MAX_TYPED
from protocol.vocabulary.rooms import MAX_ROOM
from storage.records import Conversation
from storage.room_records import MODERATOR, OWNER, Seat

MAX_ROOMS = 500
"""That one user is in: a login reads, follows and lists them all, which has to stay quick."""

KEEPERS = (OWNER, MODERATOR)
"""Who looks after a room."""

NUMBER = re.compile(r"#?(\d{1,15})", re.ASCII)
"""How a room is called by its number."""


class _InRoom(Protocol):
    @property
    def conversation(self) -> Conversation: ...


InRoomT = TypeVar("InRoomT", bound=_InRoom)


def pick(things: Sequence[InRoomT], text: str) -> list[InRoomT]:
    """Return what belongs to the rooms that somebody means by a name, or by a number as ``#12``."""
    if len(text) > MAX_TYPED:  # no name has so many, and to compare it would take too long
        return []
    found = [one for one in things if name_key(one.conversation.title or "") == name_key(text)]
    number = NUMBER.fullmatch(text.strip())
    if number and not found:
        found = [one for one in things if one.conversation.id == int(number[1])]
    return found


def check_keeper(seat: Seat) -> None:
    """Raise :class:`ProtocolError` unless the user looks after the room."""
    if seat.role not in KEEPERS:
        raise ProtocolError(
            ErrorCode.NOT_ALLOWED,
            "Only owners and moderators of a room can do that; /members shows them.",
        )


def not_in(room: str) -> ProtocolError:
    """Return the error for one who is not in a room."""
    return ProtocolError(
        ErrorCode.UNKNOWN_ROOM, "You are in no room called {room}.", room=room[:MAX_ROOM]
    )


def too_many_rooms() -> ProtocolError:
    """Return the error for one who is in as many rooms as one can be in."""
    return ProtocolError(
        ErrorCode.LIMIT_REACHED,
        "One can be in {limit} rooms at most; /leave one before.",
        limit=MAX_ROOMS,
    )


def not_there(name: str, room: Conversation) -> ProtocolError:
    """Return the error for somebody else who is not in a room."""
    return ProtocolError(
        ErrorCode.UNKNOWN_USER, "{name} is not in the room {room}.", name=name, room=room.title
    )


def ambiguous(room: str) -> ProtocolError:
    """Return the error for a name that several rooms have."""
    return ProtocolError(
        ErrorCode.BAD_ARGUMENTS,
        "There are several rooms called {room} for you: write #NUMBER instead of the name. "
        "/get_chats and /invitations show the numbers.",
        room=room,
    )


def is_private(seat: Seat) -> bool:
    """Tell whether one comes into a room only where somebody lets one in."""
    return seat.conversation.private
