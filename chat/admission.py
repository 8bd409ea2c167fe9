"""Invitations into rooms, links to them, and the owner's approval (S004-29)."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from typing import NamedTuple

import structlog
import trio

from chat.patience import Patience
from chat.rooms import Rooms
from chat.seats import check_keeper, pick
from chat.session import Presence, Session
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import Event
from protocol.vocabulary.admission import (
    MAX_HOURS,
    AdmissionAnswered,
    AdmissionAsked,
    AdmissionInfo,
    InvitationInfo,
    Invited,
)
from protocol.vocabulary.rooms import MAX_ROOM
from storage.admission_statements import (
    Invitation,
    Link,
    NewLink,
    Request,
    TooManyByOneError,
    TooManyError,
)
from storage.errors import StorageUnavailable
from storage.records import Conversation, User
from storage.room_records import Entered, Seat
from storage.room_store import RoomStore

log = structlog.get_logger()

MAX_INVITATIONS = 100
"""Of one user and not answered: all of them are shown at each login."""

MAX_BY_ONE = 5
"""Of those, by one and the same user."""

MAX_LINKS = 20
"""Of one room that hold: more would only be forgotten."""

MAX_REQUESTS = 100
"""To be let into one room, not answered, and so many are told to one user at each login."""

CODE_BYTES = 16
"""Random bytes of a link's code: 128 bits are not guessed."""

AT_ONCE = 500
"""Sessions that are told at once what waits for them."""

RETRY = 1.0  # seconds until the next attempt where the database is away

_HOUR = 3_600_000_000  # microseconds


class Code(NamedTuple):
    """A new link."""

    text: str
    expires_at: int


class Admission:
    """Who may come into rooms that are not open to them; :meth:`run` has to run."""

    def __init__(
        self, store: RoomStore, patience: Patience, presence: Presence, rooms: Rooms
    ) -> None:
        self._store = store
        self._patience = patience
        self._presence = presence
        self._rooms = rooms
        self._greeted: list[Session] = []  # they have come and wait for what waits for them
        self._wake = trio.Event()

    # ---- invitations

    async def invite(self, session: Session, seat: Seat, user: User) -> bool:
        """Invite somebody into a room; False where it had been done before."""
        async with self._rooms.changing(seat.conversation.id):
            return await self._invite(session, await self._rooms.still(session, seat), user)

    async def _invite(self, session: Session, seat: Seat, user: User) -> bool:
        room = seat.conversation
        if room.private:
            check_keeper(seat)
            if not user.registered:
                raise ProtocolError(
                    ErrorCode.NEEDS_ACCOUNT,
                    "{name} is a guest: anybody can use that name, so it gets into no private "
                    "room. With /register {name} makes the name an account.",
                    name=user.name,
                )
        if await self._patience.ask(self._store.role_of, room.id, user.id) is not None:
            raise ProtocolError(
                ErrorCode.BAD_ARGUMENTS, "{name} is in this room already.", name=user.name
            )
        now = _now()
        try:
            invite = partial(self._store.invite, most=MAX_INVITATIONS, most_by_one=MAX_BY_ONE)
            fresh = await self._patience.ask(invite, room.id, user.id, session.who.id, now)
        except TooManyByOneError:
            raise ProtocolError(
                ErrorCode.LIMIT_REACHED,
                "{name} has {limit} invitations of yours that are not answered; wait for one.",
                name=user.name,
                limit=MAX_BY_ONE,
            ) from None
        except TooManyError:
            raise ProtocolError(
                ErrorCode.LIMIT_REACHED,
                "{name} has {limit} invitations that are not answered, and gets no more.",
                name=user.name,
                limit=MAX_INVITATIONS,
            ) from None
        if fresh:
            invitation = Invitation(room, user.id, session.who.name, now)
            self._tell(user.id, Invited(invitation=describe(invitation)))
        return fresh

    async def invitations(self, session: Session) -> list[Invitation]:
        """Return the invitations of the session's user."""
        return await self._patience.ask(self._store.invitations, [session.who.id])

    async def accept(self, session: Session, room: str) -> Entered:
        """Go into a room by an invitation."""
        invitation = await self._invitation(session, room)
        entered = await self._rooms.put_in(
            invitation.conversation, session.who, self._store.enter_invited, asker=session
        )
        if entered is None:  # another device was first
            raise _not_invited(room)
        return entered

    async def decline(self, session: Session, room: str) -> Conversation:
        """Say no to an invitation; return the room."""
        invitation = await self._invitation(session, room)
        place = invitation.conversation
        await self._patience.ask(self._store.decline, place.id, session.who.id)
        return place

    async def _invitation(self, session: Session, room: str) -> Invitation:
        found = pick(await self.invitations(session), room)
        if not found:
            raise _not_invited(room)
        if len(found) > 1:
            raise ProtocolError(
                ErrorCode.BAD_ARGUMENTS,
                "You are invited to several rooms called {room}: write the number instead, "
                "/invitations shows it.",
                room=room[:MAX_ROOM],
            )
        return found[0]

    # ---- links and those who come by them

    async def make_link(self, session: Session, seat: Seat, hours: int) -> Code:
        """Make a link; its code is nowhere but in what this returns."""
        if not 1 <= hours <= MAX_HOURS:
            raise ProtocolError(
                ErrorCode.BAD_ARGUMENTS, "A link holds 1 to {limit} hours.", limit=MAX_HOURS
            )
        async with self._rooms.changing(seat.conversation.id):
            seat = await self._rooms.still(session, seat)
            _check_gate(seat)
            return await self._make_link(session, seat, hours)

    async def _make_link(self, session: Session, seat: Seat, hours: int) -> Code:
        code, now = secrets.token_urlsafe(CODE_BYTES), _now()
        expires_at = now + hours * _HOUR
        try:
            link = NewLink(seat.conversation.id, _hash(code), session.who.id, now, expires_at)
            await self._patience.ask(self._store.add_link, link, MAX_LINKS)
        except TooManyError:
            raise ProtocolError(
                ErrorCode.LIMIT_REACHED,
                "{room} has {limit} links; /revoke one before.",
                room=seat.conversation.title,
                limit=MAX_LINKS,
            ) from None
        return Code(code, expires_at)

    async def links(self, seat: Seat) -> list[Link]:
        """Return the links of a room that hold."""
        _check_gate(seat)
        return await self._patience.ask(self._store.links, seat.conversation.id, _now())

    async def revoke(self, session: Session, seat: Seat, link_id: int) -> None:
        """Make a link worthless."""
        room = seat.conversation
        async with self._rooms.changing(room.id):
            _check_gate(await self._rooms.still(session, seat))
            revoke = self._store.revoke_link
            revoked = await self._patience.ask(revoke, room.id, link_id, _now())
        if not revoked:
            raise ProtocolError(
                ErrorCode.BAD_ARGUMENTS,
                "{room} has no link with the number {number}; /links shows them.",
                room=room.title,
                number=link_id,
            )

    async def ask(self, session: Session, code: str) -> tuple[Conversation, bool]:
        """Ask to be let in by a link; return its room, and whether one is in it already."""
        me, now = session.who, _now()
        try:
            asked = await self._patience.ask(self._store.ask, _hash(code), me.id, now, MAX_REQUESTS)
        except TooManyError:
            raise ProtocolError(
                ErrorCode.LIMIT_REACHED, "Too many ask to be let in there; try again later."
            ) from None
        if asked is None:
            raise ProtocolError(
                ErrorCode.UNKNOWN_ROOM,
                "This code lets nobody in: it is wrong, or too old, or it has been revoked.",
            )
        room = asked.conversation
        if asked.fresh:
            log.info("room.asked", room=room.id, user=me.name)
            news = _news(room, Request(me.name, now))
            for keeper in await self._patience.ask(self._store.keepers, room.id):
                self._tell(keeper, news)
        return room, asked.member

    async def requests(self, seat: Seat) -> list[Request]:
        """Return who asks to be let into a room."""
        _check_gate(seat)
        return await self._patience.ask(self._store.requests, seat.conversation.id)

    async def approve(self, session: Session, seat: Seat, user: User) -> None:
        """Let somebody in who has asked."""
        room = seat.conversation
        async with self._rooms.changing(room.id):
            _check_gate(await self._rooms.still(session, seat))
            entered = await self._rooms.let_in(room, user, self._store.enter_approved)
        if entered is None:
            raise _not_asked(user, room)
        self._tell(user.id, AdmissionAnswered(room=room.title or "", admitted=True))

    async def deny(self, session: Session, seat: Seat, user: User) -> None:
        """Do not let somebody in who has asked."""
        room = seat.conversation
        async with self._rooms.changing(room.id):
            _check_gate(await self._rooms.still(session, seat))
            denied = await self._patience.ask(self._store.deny, room.id, user.id)
        if not denied:
            raise _not_asked(user, room)
        self._tell(user.id, AdmissionAnswered(room=room.title or "", admitted=False))

    # ---- telling

    def _tell(self, user_id: int, event: Event) -> None:
        for session in self._presence.of(user_id):
            session.peer.notify(event)

    def greet(self, session: Session) -> None:
        """Tell a session that has just come what waits for an answer of its user."""
        self._greeted.append(session)
        self._wake.set()

    async def run(self) -> None:
        """Tell those who come, for ever; many at once share a look at the database."""
        while True:
            if not self._greeted:
                self._wake = trio.Event()
                await self._wake.wait()
            sessions, self._greeted = self._greeted[:AT_ONCE], self._greeted[AT_ONCE:]
            try:
                await self._greet(sessions)
            except StorageUnavailable:
                # It may be away for long, and people come and go all the time.
                waiting = [*sessions, *self._greeted]
                self._greeted = [one for one in waiting if self._is_here(one)]
                await trio.sleep(RETRY)
            except Exception:
                log.exception("admission.greet_failed", sessions=len(sessions))
                await trio.sleep(RETRY)

    def _is_here(self, session: Session) -> bool:
        return session in self._presence.of(session.who.id)

    async def _greet(self, sessions: Sequence[Session]) -> None:
        users = list({session.who.id for session in sessions})
        waiting: dict[int, list[Event]] = {user: [] for user in users}
        for invitation in await self._patience.ask(self._store.invitations, users):
            waiting[invitation.user_id].append(Invited(invitation=describe(invitation)))
        for one in await self._patience.ask(self._store.asking, users, MAX_REQUESTS):
            news = _news(one.conversation, Request(one.name, one.created_at))
            waiting[one.keeper_id].append(news)
        for session in sessions:
            if self._is_here(session):
                for event in waiting[session.who.id]:
                    # There are few of them, and they may be what a snapshot makes up for.
                    session.peer.post(event)


def describe(invitation: Invitation) -> InvitationInfo:
    """Return an invitation as it is shown."""
    room = invitation.conversation
    return InvitationInfo(
        conversation=room.id,
        room=room.title or "",
        by=invitation.by,
        time=invitation.created_at,
        private=room.private,
    )


def _check_gate(seat: Seat) -> None:
    """Raise :class:`ProtocolError` unless the room has a gate, and the user keeps it."""
    room = seat.conversation
    if not room.private:
        raise ProtocolError(
            ErrorCode.BAD_ARGUMENTS,
            "Everybody can go into {room} with /chats {room}; links are for private rooms.",
            room=room.title,
        )
    check_keeper(seat)


def _news(room: Conversation, request: Request) -> AdmissionAsked:
    return AdmissionAsked(
        conversation=room.id,
        room=room.title or "",
        request=AdmissionInfo(user=request.name, time=request.created_at),
    )


def _hash(code: str) -> bytes:
    return sha256(code.encode()).digest()


def _not_invited(room: str) -> ProtocolError:
    return ProtocolError(
        ErrorCode.UNKNOWN_ROOM,
        "You have no invitation to {room}; /invitations lists those you have.",
        room=room[:MAX_ROOM],
    )


def _not_asked(user: User, room: Conversation) -> ProtocolError:
    return ProtocolError(
        ErrorCode.UNKNOWN_USER,
        "{name} does not ask to be let into {room}; /requests lists who does.",
        name=user.name,
        room=room.title,
    )


def _now() -> int:
    return time.time_ns() // 1000
