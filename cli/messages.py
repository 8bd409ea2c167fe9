"""A message as the client hands it to a program."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from protocol.events import Message


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

    frame: Message
    """The message as the server sent it, with what it answers, its file and its kind."""
    own: bool
    """True: this client sent it. From another device of the same user it is False."""
    age: Age
    private_with: str | None = None
    """The other user's name where the conversation is a direct one."""
    room: str | None = None
    """The room's name where the conversation is one."""

    @property
    def id(self) -> int:
        """Unique on the server."""
        return self.frame.id

    @property
    def seq(self) -> int:
        """Its sequence number in its conversation."""
        return self.frame.seq

    @property
    def time(self) -> int:
        """Microseconds since 1970-01-01 00:00 UTC, by the server's clock."""
        return self.frame.time

    @property
    def conversation(self) -> int:
        """The id of its conversation."""
        return self.frame.conversation

    @property
    def sender(self) -> str:
        """The sender's name, not sanitised."""
        return self.frame.sender

    @property
    def text(self) -> str:
        """Not sanitised: pass it through :mod:`protocol.text` before it reaches a terminal."""
        return self.frame.text

    @property
    def size(self) -> int | None:
        """Bytes of the whole text where ``text`` is only its head; ``Client.fetch`` gets it."""
        return self.frame.size
