"""Who is here: one session a connection, and the register of all that are logged in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import tzinfo
from itertools import count
from operator import attrgetter
from typing import Protocol

import trio

from chat.files import Incoming
from chat.uploads import Upload
from protocol.events import Event, Notice, Sent
from protocol.language import Voice, english
from storage.records import Conversation, User

_numbers = count(1)


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
        """Send an answer as soon as the connection takes it; never waits."""
        ...

    def notify(self, event: Event) -> None:
        """Send news that nobody asked for; never waits.

        It is left out where the connection does not take what it has been sent: then a
        snapshot makes up for all of it later, so that one that is stuck costs no memory.
        """
        ...

    def follow(self, conversation: Conversation, *, after: int, delivered: int) -> None:
        """Feed it the conversation from behind ``after``, then live. Again is harmless.

        ``delivered`` is what its user has had before; a line of hyphens may stand there.
        """
        ...

    def end(self, template: str, /, **values: object) -> None:
        """Say why, in the session's language, and close the connection."""
        ...

    def unfollow(self, conversation_id: int) -> None:
        """Feed it nothing more of a conversation; one that is not followed is no error."""
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
    registered: bool = False
    """The name has a password, and this session has proved to know it."""
    admin: bool = False
    voice: Voice = field(default_factory=english)
    """The language of all sentences for this session."""
    zone: tzinfo | None = None
    """The user's time zone; None is the server's."""
    device_id: int | None = None
    """The device it logged in from, where that has a token."""
    device: str = ""
    """What its program calls the device."""
    begun_at: int = 0
    """When it logged in, in microseconds since the epoch (S000-4)."""
    here: bool = True
    """False: it asks now and then (HTTP API), and does not make its user one who is here."""
    id: int = field(default_factory=_numbers.__next__)
    contacts_shown: tuple[str, ...] | None = None
    """The names of the contacts as they were last shown, which are called by their numbers."""
    reads_along: bool = False
    """What it is shown where its user writes is read by that: a person types there."""
    uploads: dict[int, Upload] = field(default_factory=dict)
    files: dict[int, Incoming] = field(default_factory=dict)
    """The files it is sending, by stream."""
    streams_refused: bool = False
    """Too many streams were begun; no further one is taken."""
    in_flight: int = 0
    """What was asked for and is not yet answered: messages on their way, texts being sent."""
    _calm: trio.Event | None = None

    @property
    def ip(self) -> str:
        """The address it comes from, without the port (S000-4)."""
        return self.peer.address.rpartition(":")[0].strip("[]")

    @property
    def who(self) -> User:
        """The user, for what only those who are logged in can reach."""
        if self.user is None:
            raise RuntimeError("nobody is logged in")
        return self.user

    def tell(self, template: str, /, **values: object) -> None:
        """Say something about what was just asked for, in the session's language."""
        self.peer.post(Notice(message=self.voice.say(template, **values)))

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
        here = (next(filter(_here, sessions), None) for sessions in self._sessions.values())
        return sorted((one.who.name for one in here if one is not None), key=str.casefold)

    def has_others(self, session: Session) -> bool:
        """Tell whether the session's user has another one; it may have ended itself by now."""
        return any(other is not session for other in self._sessions.get(session.who.id, ()))

    def user_ids(self) -> set[int]:
        """Return the ids of all who are here."""
        return {number for number, sessions in self._sessions.items() if any(map(_here, sessions))}

    def count(self) -> int:
        """Return the number of sessions that are here."""
        return sum(sum(map(_here, sessions)) for sessions in self._sessions.values())


_here = attrgetter("here")
