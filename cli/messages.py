"""A message as the client hands it to a program."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Age(Enum):
    """Where a message stands relative to this client's login."""

    SEEN = "seen"
    """The user has had it before, here or on another device: it is history."""
    MISSED = "missed"
    """It was written before the login and the user has not had it yet."""
    LIVE = "live"
    """It was written after the login."""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a conversation."""

    id: int
    """Unique on the server."""
    seq: int
    """Its sequence number in its conversation."""
    time: int
    """Microseconds since 1970-01-01 00:00 UTC, by the server's clock."""
    conversation: int
    sender: str
    text: str
    """Not sanitised: pass it through :mod:`protocol.text` before it reaches a terminal."""
    size: int | None
    """Bytes of the whole text where ``text`` is only its head; ``Client.fetch`` gets the rest."""
    private_with: str | None
    """The other user's name where the conversation is a direct one."""
    own: bool
    """True: this client sent it. From another device of the same user it is False."""
    age: Age
