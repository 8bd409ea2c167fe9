"""Rooms: who may come in, who is what in them, and what they are about (S002-9, S002-10)."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar
from weakref import WeakValueDictionary

import structlog
import trio
from msgspec.structs import replace

from chat.conversations import Conversations
from chat.names import check_name, name_key
from chat.patience import Patience
from chat.seats import (
    KEEPERS,
    MAX_ROOMS,
    NUMBER,
    ambiguous,
    check_keeper,
    is_private,
    not_in,
    not_there,
    pick,
    too_many_rooms,
)
from chat.session import Session
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import new_uuid
from protocol.language import N_
from protocol.vocabulary.rooms import MAX_TOPIC, ROLES, TOPIC_TYPED
from storage.records import Conversation, Membership, User
from storage.room_records import (
    MODERATOR,
    OWNER,
    PUBLIC,
    Entered,
    Limits,
    Seat,
    TooManyMembersError,
    TooManyRoomsError,
)
from storage.room_store import RoomStore

log = structlog.get_logger()

MAX_MEMBERS = 10_000
"""In one room: a message costs a send to each of them, and a thousand are a few milliseconds."""

SHOWN = 20
"""Messages that greet who comes into a room."""

LIMITS = Limits(members=MAX_MEMBERS, rooms=MAX_ROOMS, messages=SHOWN)

EntryT = TypeVar("EntryT", bound=Entered | None)
Happened = Callable[[User, int, str, str], None]
"""Writes into a conversation what somebody did to it, of which kind, and more about it."""


class Rooms:
    """Lets people into rooms and out of them, one change of a room after the other.

    What the sessions of this server know of a room changes in the order in which the database
    did, because whoever changes something waits for the one before.
    """

    def __init__(
        self,
        store: RoomStore,
        patience: Patience,
        conversations: Conversations,
        happened: Happened,
    ) -> None:
        self._store = store
        self._patience = patience
        self._conversations = conversations
        self._happened = happened
        self._changing: WeakValueDictionary[int, trio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def changing(self, conversation_id: int) -> AsyncIterator[None]:
        """Surround what changes a room, and what those who are here have to hear of it.

        Whoever began it may end meanwhile: what the database has done is done, and so the
        rest of it is, too. A database that is silent is waited for as long as anywhere.
        """
        lock = self._changing.get(conversation_id)
        if lock is None:
            lock = self._changing[conversation_id] = trio.Lock()
        async with lock:
            with trio.CancelScope(shield=True):
                yield

    async def still(self, session: Session, seat: Seat) -> Seat:
        """Return a seat as it is now; while the room is kept from changing it stays so."""
        room = seat.conversation
        found = await self._patience.ask(self._store.seats, session.who.id, room.id)
        if not found:
            self._is_out(session.who, room)
            raise not_in(room.title or "")
        return found[0]

    def _is_out(self, user: User, room: Conversation) -> None:
        """Let no session of a user follow a room that the database says it is not in.

        That is so where it has left, or was put out, and the answer of the database was lost.
        """
        self._conversations.left(
            user, room, reason=N_("You are no longer in the room {room}."), room=room.title
        )

    # ---- which room

    async def seat(self, session: Session, conversation_id: int, room: str | None) -> Seat:
        """Return the room that a request is about, which the session's user is in.

        Raises :class:`ProtocolError` where there is none; it says the same of rooms that there
        are not, and of those that one is not in.
        """
        if room is not None:
            return self._only(await self._seats(session), room)
        self._conversations.check_member(session, conversation_id)
        ask = partial(self._store.seats, session.who.id, conversation_id)
        found = await self._patience.ask(ask)
        if not found:
            await self._check_out(session, conversation_id)
            raise ProtocolError(
                ErrorCode.UNKNOWN_ROOM,
                "That is for rooms: /chats NAME goes into one, /get_chats lists them.",
            )
        return found[0]

    async def _check_out(self, session: Session, conversation_id: int) -> None:
        """See to a session that follows what its user has no seat in."""
        conversation = await self._conversations.get(conversation_id)
        if conversation is not None and conversation.kind == "room":
            async with self.changing(conversation_id):
                await self.still(session, Seat(conversation, ""))

    async def _seats(self, session: Session) -> list[Seat]:
        return await self._patience.ask(self._store.seats, session.who.id)

    def _only(self, seats: Sequence[Seat], room: str) -> Seat:
        found = pick(seats, room)
        if not found:
            raise not_in(room)
        if len(found) > 1:
            raise ambiguous(room)
        return found[0]

    # ---- coming

    async def join(self, session: Session, name: str, *, private: bool) -> tuple[Entered, bool]:
        """Go into a room, made where there is none; also return whether it was made.

        What is a number is never a name: the rooms in the list have numbers.

        Whoever repeats it, because the answer was lost, is in the same room and not in a second
        one.
        """
        if private and not session.registered:
            raise ProtocolError(
                ErrorCode.NEEDS_ACCOUNT,
                "Private rooms are for accounts, for anybody can use a guest's name: "
                "/register makes one of yours.",
            )
        number = NUMBER.fullmatch(name.strip())
        if number:
            return await self.enter(session, await self._numbered(session, int(number[1]))), False
        shown = check_name(name)
        mine = [seat for seat in pick(await self._seats(session), shown) if is_private(seat)]
        if len(mine) > 1:
            raise ambiguous(shown)
        if mine:
            return await self.enter(session, mine[0].conversation), False
        key = f"private:{new_uuid().hex}" if private else PUBLIC + name_key(shown)
        room, made = await self._find_or_make(session, key, shown, private=private)
        return await self.enter(session, room), made

    async def _numbered(self, session: Session, number: int) -> Conversation:
        """Return the room with that number, if it is open to the session's user."""
        seats = await self._patience.ask(self._store.seats, session.who.id, number)
        if seats:
            return seats[0].conversation
        room = await self._patience.ask(self._store.public_by_number, number)
        if room is None:
            raise ProtocolError(
                ErrorCode.UNKNOWN_ROOM,
                "You can see no room with the number {number}.",
                number=number,
            )
        return room

    async def _find_or_make(
        self, session: Session, key: str, name: str, *, private: bool
    ) -> tuple[Conversation, bool]:
        found = None if private else await self._patience.ask(self._store.find, key)
        if found is not None:
            return found, False
        make = partial(self._store.make, private=private, most=LIMITS.rooms)
        try:
            made = await self._patience.ask(make, key, name, session.who.id, _now())
        except TooManyRoomsError:
            raise too_many_rooms() from None
        if made[1]:
            log.info("room.made", room=made[0].id, user=session.who.name, private=private)
        return made

    async def enter(self, session: Session, room: Conversation) -> Entered:
        """Go into a room that is open to the session's user."""
        return await self.put_in(room, session.who, self._store.enter, asker=session)

    async def put_in(
        self,
        room: Conversation,
        user: User,
        enter: Callable[[int, int, int, Limits], Awaitable[EntryT]],
        *,
        asker: Session | None = None,
    ) -> EntryT:
        """Put a user into a room with a method of the store; all its sessions follow (S004-28).

        ``asker`` is answered with it. Where the method returns None nothing has happened.
        """
        async with self.changing(room.id):
            return await self.let_in(room, user, enter, asker=asker)

    async def let_in(
        self,
        room: Conversation,
        user: User,
        enter: Callable[[int, int, int, Limits], Awaitable[EntryT]],
        *,
        asker: Session | None = None,
    ) -> EntryT:
        """Do what :meth:`put_in` does, for one who keeps the room from changing."""
        with self._conversations.looking():
            try:
                entered = await self._patience.ask(enter, room.id, user.id, _now(), LIMITS)
            except TooManyMembersError:
                raise ProtocolError(
                    ErrorCode.LIMIT_REACHED,
                    "There are {limit} people in {room}; more do not fit in.",
                    limit=MAX_MEMBERS,
                    room=room.title,
                ) from None
            except TooManyRoomsError:
                raise too_many_rooms() from None
            if entered is not None:
                self._has_entered(user, entered, asker)
        return entered

    def _has_entered(self, user: User, entered: Entered, asker: Session | None) -> None:
        membership = membership_of(user, entered)
        self._conversations.entered(user, membership, asker=asker)
        if entered.fresh:
            log.info("room.entered", room=entered.conversation.id, user=user.name)
            self._happened(user, entered.conversation.id, "join", "")

    # ---- going

    async def leave(self, session: Session, room: Conversation) -> None:
        """Leave a room; where no owner would be left somebody else becomes one."""
        me = session.who
        async with self.changing(room.id):
            await self._take_out(
                room, me, by=me, asker=session, reason=N_("You have left the room {room}.")
            )

    async def kick(self, session: Session, seat: Seat, user: User) -> None:
        """Put somebody out of a room."""
        room, me = seat.conversation, session.who
        if user.id == me.id:
            raise ProtocolError(ErrorCode.BAD_ARGUMENTS, "To go yourself write /leave.")
        async with self.changing(room.id):
            seat = await self.still(session, seat)
            part = await self._patience.ask(self._store.role_of, room.id, user.id)
            if part is None:
                self._is_out(user, room)
                raise not_there(user.name, room)
            if seat.role != OWNER and not (seat.role == MODERATOR and part not in KEEPERS):
                raise ProtocolError(
                    ErrorCode.NOT_ALLOWED,
                    "You may not put {name} out of this room.",
                    name=user.name,
                )
            if part == OWNER:
                raise ProtocolError(
                    ErrorCode.NOT_ALLOWED,
                    "{name} is an owner of this room; /role {name} member comes before.",
                    name=user.name,
                )
            await self._take_out(
                room, user, by=me, reason=N_("{name} has put you out of the room {room}.")
            )

    async def _take_out(
        self,
        room: Conversation,
        user: User,
        *,
        by: User,
        asker: Session | None = None,
        reason: str,
    ) -> None:
        left = await self._patience.ask(self._store.leave, room.id, user.id, _now())
        # Also where it had left before: then a session may still not know of it.
        self._conversations.left(
            user, room, asker=asker, reason=reason, name=by.name, room=room.title
        )
        if left is None:
            raise not_there(user.name, room)
        log.info("room.left", room=room.id, user=user.name, by=by.name)
        self._happened(by, room.id, "leave", "" if by.id == user.id else user.name)
        if left.heir is not None:
            self._conversations.changed_role(left.heir.id, room.id, OWNER)
            self._happened(user, room.id, "role", f"{OWNER} {left.heir.name}")

    # ---- what there is to change

    async def set_topic(self, session: Session, seat: Seat, topic: str) -> str:
        """Say what a room is about; return it as it is kept."""
        # A longer one is not even normalised, which would take too long.
        kept = unicodedata.normalize("NFC", topic).strip() if len(topic) <= TOPIC_TYPED else topic
        if len(kept) > MAX_TOPIC:
            raise ProtocolError(
                ErrorCode.TEXT_TOO_LONG,
                "A topic has at most {limit} characters; this one has {length}.",
                limit=MAX_TOPIC,
                length=len(kept),
            )
        room = seat.conversation
        async with self.changing(room.id):
            check_keeper(await self.still(session, seat))
            await self._patience.ask(self._store.set_topic, room.id, kept)
            self._conversations.changed(replace(room, topic=kept))
            self._happened(session.who, room.id, "topic", kept)
        return kept

    async def set_role(self, session: Session, seat: Seat, user: User, role: str) -> None:
        """Make somebody something else in a room; owners do."""
        room = seat.conversation
        if role not in ROLES:
            raise ProtocolError(
                ErrorCode.BAD_ARGUMENTS, "There are {roles} in a room.", roles=", ".join(ROLES)
            )
        async with self.changing(room.id):
            if (await self.still(session, seat)).role != OWNER:
                raise ProtocolError(ErrorCode.NOT_ALLOWED, "Only owners of a room can do that.")
            before = await self._patience.ask(self._store.role_of, room.id, user.id)
            if before is None:
                self._is_out(user, room)
                raise not_there(user.name, room)
            if before == role:
                return
            if not await self._patience.ask(self._store.set_role, room.id, user.id, role):
                raise ProtocolError(
                    ErrorCode.NOT_ALLOWED,
                    "A room needs an owner: make somebody else one before.",
                )
            self._conversations.changed_role(user.id, room.id, role)
            self._happened(session.who, room.id, "role", f"{role} {user.name}")


def membership_of(user: User, entered: Entered) -> Membership:
    """Return somebody's part in a room that it has come into."""
    return Membership(
        entered.conversation,
        user.id,
        entered.delivered_seq,
        read_seq=entered.read_seq,
        role=entered.role,
    )


def _now() -> int:
    return time.time_ns() // 1000
