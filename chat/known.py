"""Who has been here since the start, and in what: enough to let them in without a database.

Asked only when the database is away. It is exact all the same: every message, marker and
new conversation passes this process, and who is fed by a number too low would get
messages twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from weakref import WeakValueDictionary

from msgspec import Struct

from protocol.limits import MAX_UNREAD
from storage.records import Conversation, Marker, Membership, Message, User

MAX_USERS = 10_000
"""The users kept, the latest to come."""

MAX_SEATS = 50_000
"""The memberships kept in all. With as many users as may be, all of it takes 35 MiB."""


class _Room(Struct, weakref=True):
    """A conversation, one object for all who are in it; gone with the last of them."""

    id: int
    kind: str
    key: str
    last_seq: int
    title: str | None
    topic: str
    private: bool


class _Seat(Struct):
    """A user's part in a conversation."""

    room: _Room
    delivered_seq: int
    read_seq: int
    peer: User | None
    role: str


class _Person(Struct):
    user: User
    seats: dict[int, _Seat]


class Known:
    """Users with their memberships, as the database has them or will have them."""

    def __init__(self, *, max_users: int = MAX_USERS, max_seats: int = MAX_SEATS) -> None:
        self._max_users = max_users
        self._max_seats = max_seats
        self._people: dict[int, _Person] = {}  # the one who was here longest ago comes first
        self._ids: dict[str, int] = {}
        self._rooms: WeakValueDictionary[int, _Room] = WeakValueDictionary()
        self._seats = 0  # of all
        self._readings = 0
        self._meanwhile: dict[int, int] = {}

    def user(self, name_key: str) -> User | None:
        """Return the user with that key, None where it is not known."""
        number = self._ids.get(name_key)
        return None if number is None else self._people[number].user

    def memberships(self, user_id: int) -> list[Membership] | None:
        """Return all that a user is in, the general chat first; None where it is not known."""
        person = self._people.get(user_id)
        if person is None:
            return None
        return [
            Membership(
                _conversation(seat.room),
                user_id,
                seat.delivered_seq,
                seat.peer,
                seat.read_seq,
                seat.role,
                # Only the database can tell who said what; this is seldom too much.
                unread=min(max(seat.room.last_seq - seat.read_seq, 0), MAX_UNREAD),
            )
            for seat in person.seats.values()
        ]

    def direct(self, user_id: int, peer_id: int) -> int | None:
        """Return the id of the direct conversation of two users, None where it is not known."""
        person = self._people.get(user_id)
        for seat in person.seats.values() if person else ():
            if seat.peer is not None and seat.peer.id == peer_id:
                return seat.room.id
        return None

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Surround a look at the database and the :meth:`keep` or :meth:`join` behind it.

        What is published in between is newer than what the database has told.
        """
        self._readings += 1
        try:
            yield
        finally:
            self._readings -= 1
            if not self._readings:
                self._meanwhile.clear()

    def keep(self, user: User, memberships: Sequence[Membership]) -> None:
        """Know a user, and all that it is in; one that is in too much stays unknown."""
        before = self._forget(user.id)
        if len(memberships) > self._max_seats:
            return
        seats: dict[int, _Seat] = {}
        for membership in memberships:
            room = self._room(membership.conversation)
            had = before.get(room.id)
            seat = seats[room.id] = _seat(room, membership)
            if had is not None:
                seat.delivered_seq = max(seat.delivered_seq, had.delivered_seq)
                seat.read_seq = max(seat.read_seq, had.read_seq)
        self._people[user.id] = _Person(user, seats)
        self._ids[user.name_key] = user.id
        self._seats += len(seats)
        self._make_room()

    def join(self, user: User, membership: Membership) -> None:
        """Note that a user, if it is known, is in a conversation that is new to it."""
        person = self._people.get(user.id)
        if person is not None and membership.conversation.id not in person.seats:
            room = self._room(membership.conversation)
            person.seats[room.id] = _seat(room, membership)
            self._seats += 1
            self._make_room()

    def leave(self, user_id: int, conversation_id: int) -> None:
        """Note that a user is no longer in a conversation."""
        person = self._people.get(user_id)
        if person is not None and person.seats.pop(conversation_id, None) is not None:
            self._seats -= 1

    def describe(self, conversation: Conversation) -> None:
        """Note what a room is about now."""
        room = self._rooms.get(conversation.id)
        if room is not None:
            room.topic = conversation.topic

    def appoint(self, user_id: int, conversation_id: int, role: str) -> None:
        """Note what a member of a room is now."""
        person = self._people.get(user_id)
        seat = person.seats.get(conversation_id) if person else None
        if seat is not None:
            seat.role = role

    def published(self, messages: Iterable[Message]) -> None:
        """Note what has been stored, before anybody is shown it."""
        for message in messages:
            place = message.conversation_id
            if self._readings:
                self._meanwhile[place] = max(message.seq, self._meanwhile.get(place, 0))
            room = self._rooms.get(place)
            if room is not None:
                room.last_seq = max(message.seq, room.last_seq)

    def moved(self, markers: Iterable[Marker]) -> None:
        """Note markers that have been written; those on their way are nothing known here."""
        for marker in markers:
            person = self._people.get(marker.user_id)
            seat = person.seats.get(marker.conversation_id) if person else None
            if seat is not None:
                seat.delivered_seq = max(marker.delivered_seq, seat.delivered_seq)
                seat.read_seq = max(marker.read_seq, seat.read_seq)

    def _room(self, conversation: Conversation) -> _Room:
        room = self._rooms.get(conversation.id)
        if room is None:
            room = _Room(
                conversation.id,
                conversation.kind,
                conversation.key,
                0,
                conversation.title,
                conversation.topic,
                conversation.private,
            )
            self._rooms[conversation.id] = room
        newest = self._meanwhile.get(conversation.id, 0)
        room.last_seq = max(room.last_seq, conversation.last_seq, newest)
        return room

    def _make_room(self) -> None:
        while len(self._people) > self._max_users or self._seats > self._max_seats:
            self._forget(next(iter(self._people)))

    def _forget(self, user_id: int) -> dict[int, _Seat]:
        """Forget a user, and return the seats it had."""
        person = self._people.pop(user_id, None)
        if person is None:
            return {}
        del self._ids[person.user.name_key]
        self._seats -= len(person.seats)
        return person.seats


def _seat(room: _Room, membership: Membership) -> _Seat:
    return _Seat(
        room, membership.delivered_seq, membership.read_seq, membership.peer, membership.role
    )


def _conversation(room: _Room) -> Conversation:
    return Conversation(
        room.id, room.kind, room.key, room.last_seq, room.title, room.topic, room.private
    )
