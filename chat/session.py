"""Who is here: one session a connection, and the register of all that are logged in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

import trio

from chat.uploads import Upload
from protocol.events import Event, Sent
from storage.records import Conversation, User


class Peer(Protocol):
    """A connection as the rules see it."""

    @property
    def address(self) -> str:
        """Where it comes from, for people (S000-4)."""
        ...

    @property
    def connected_at(self) -> int:
        """When it was made, in microseconds since the epoch."""
        ...

    def post(self, event: Event) -> None:
        """Send an event as soon as the connection takes it; never waits."""
        ...

    def follow(self, conversation: Conversation, *, after: int, delivered: int) -> None:
        """Feed it the conversation from behind ``after``, then live. Again is harmless.

        ``delivered`` is what its user has had before; a line of hyphens may stand there.
        """
        ...

    def acknowledge(self, sent: Sent) -> None:
        """Put an acknowledgement in the place of the message in what it receives."""
        ...

    def position(self, conversation_id: int) -> int | None:
        """Return the last sequence number handed over; None where it is not followed."""
        ...


@dataclass(eq=False, slots=True)
class Session:
    """One connection's part in the chat. Nobody is logged in while ``user`` is None."""

    peer: Peer
    user: User | None = None
    uploads: dict[int, Upload] = field(default_factory=dict)
    streams_refused: bool = False
    """Too many streams were begun; no further one is taken."""
    in_flight: int = 0
    """What was asked for and is not yet answered: messages on their way, texts being sent."""
    _calm: trio.Event | None = None

    @property
    def who(self) -> User:
        """The user, for what only those who are logged in can reach."""
        if self.user is None:
            raise RuntimeError("nobody is logged in")
        return self.user

    def acknowledged(self) -> None:
        """One of those in flight has been answered."""
        self.in_flight -= 1
        if self._calm is not None:
            self._calm.set()

    async def wait_in_flight(self, most: int) -> None:
        """Wait until no more than ``most`` are in flight."""
        while self.in_flight > most:
            self._calm = trio.Event()
            await self._calm.wait()
        self._calm = None


class Presence:
    """The sessions that are logged in, by user (S001-12 keeps the connections themselves)."""

    def __init__(self) -> None:
        self._sessions: dict[int, list[Session]] = {}

    def add(self, session: Session) -> None:
        """Register a session; its user is logged in."""
        self._sessions.setdefault(session.who.id, []).append(session)

    def remove(self, session: Session) -> None:
        """Forget a session; one that is not registered is none of our business."""
        if session.user is None:
            return
        sessions = self._sessions.get(session.user.id, [])
        if session in sessions:
            sessions.remove(session)
        if not sessions:
            self._sessions.pop(session.user.id, None)

    def of(self, user_id: int) -> Iterable[Session]:
        """Return the sessions of one user, as they are now."""
        return tuple(self._sessions.get(user_id, ()))

    def names(self) -> list[str]:
        """Return the names of all who are here, sorted."""
        return sorted(
            (sessions[0].who.name for sessions in self._sessions.values()), key=str.casefold
        )

    def count(self) -> int:
        """Return the number of sessions."""
        return sum(map(len, self._sessions.values()))
