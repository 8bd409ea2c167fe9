"""What is done with rooms and who is in them: one plain function for each thing.

Whoever comes, goes or changes locks the room's row first, so that two servers count its
members and its owners one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from storage import message_statements, seals
from storage.people_statements import CONVERSATION_COLUMNS, USER_COLUMNS, as_conversation
from storage.records import Conversation, Message, User
from storage.room_records import (
    MEMBER,
    MODERATOR,
    OWNER,
    PUBLIC,
    Entered,
    Left,
    Limits,
    Member,
    Seat,
    TooManyMembersError,
    TooManyRoomsError,
)
from storage.schema import (
    conversations,
    invitations,
    join_requests,
    links,
    members,
    messages,
    users,
)
from storage.seals import vault_of

NEWEST = 1000
"""Entries of a room among which is looked for what was said: people come and go for ever."""

_BEHIND_PUBLIC = "room;"  # the first text behind all that begins with PUBLIC
_SPOKEN = ("text", "file")
_SHOWN = (*_SPOKEN, "deleted")

_LOCK = select(*CONVERSATION_COLUMNS).where(conversations.c.id == bindparam("id")).with_for_update()
_BY_KEY = select(*CONVERSATION_COLUMNS).where(conversations.c.key == bindparam("key"))
_PUBLIC_BY_NUMBER = select(*CONVERSATION_COLUMNS).where(
    conversations.c.id == bindparam("id"),
    conversations.c.key >= PUBLIC,
    conversations.c.key < _BEHIND_PUBLIC,
)
_LATEST_SAID = (
    select(messages.c.seq)
    .where(
        messages.c.conversation_id == bindparam("id"),
        messages.c.seq > bindparam("after"),
        messages.c.kind.in_(_SHOWN),
    )
    .order_by(messages.c.seq.desc())
    .limit(bindparam("count"))
)
_SEAT = select(members.c.role, members.c.read_seq, members.c.delivered_seq).where(
    members.c.conversation_id == bindparam("id"), members.c.user_id == bindparam("user")
)
_COUNT_MEMBERS = (
    select(func.count()).select_from(members).where(members.c.conversation_id == bindparam("id"))
)
_COUNT_ROOMS = (
    select(func.count())
    .select_from(members.join(conversations, conversations.c.id == members.c.conversation_id))
    .where(members.c.user_id == bindparam("user"), conversations.c.kind == "room")
)
_RANK = case(
    (members.c.role == OWNER, 0), (members.c.role == MODERATOR, 1), else_=2
)  # the order in which they are listed and inherit
_MEMBERS = (
    select(members.c.role, *USER_COLUMNS)
    .select_from(members.join(users, users.c.id == members.c.user_id))
    .where(members.c.conversation_id == bindparam("id"))
    .order_by(_RANK, members.c.joined_at, members.c.user_id)
    .limit(bindparam("limit"))
)
_OWNERS = _COUNT_MEMBERS.where(members.c.role == OWNER)
_REMOVE = delete(members).where(
    members.c.conversation_id == bindparam("id"), members.c.user_id == bindparam("user")
)
_SET_ROLE = (
    update(members)
    .where(members.c.conversation_id == bindparam("id"), members.c.user_id == bindparam("user"))
    .values(role=bindparam("part"))
)
_SET_TOPIC = (
    update(conversations)
    .where(conversations.c.id == bindparam("place"))
    .values(topic=bindparam("text"))
)
_SEAL_TITLE = (
    update(conversations)
    .where(conversations.c.id == bindparam("place"))
    .values(sealed_title=bindparam("sealed"))
)
_in_room = (
    select(func.count())
    .where(members.c.conversation_id == conversations.c.id)
    .correlate(conversations)
    .scalar_subquery()
)
_spoken = exists(
    select(literal(1))
    .where(messages.c.conversation_id == conversations.c.id, messages.c.kind.in_(_SPOKEN))
    .correlate(conversations)
)
_SEATS = (
    select(*CONVERSATION_COLUMNS, members.c.role)
    .select_from(members.join(conversations, conversations.c.id == members.c.conversation_id))
    .where(members.c.user_id == bindparam("user"), conversations.c.kind == "room")
    .order_by(conversations.c.id)
)
_SEAT_IN = _SEATS.where(members.c.conversation_id == bindparam("id"))
_HEADS = (
    select(members.c.conversation_id, func.count())
    .where(members.c.conversation_id.in_(bindparam("ids", expanding=True)))
    .group_by(members.c.conversation_id)
)
_PUBLIC_ROOMS = (
    select(*CONVERSATION_COLUMNS, _in_room)
    .where(
        conversations.c.key >= PUBLIC,
        conversations.c.key < _BEHIND_PUBLIC,
        or_(_in_room > 0, _spoken),
    )
    .order_by(_in_room.desc(), conversations.c.id)
    .limit(bindparam("limit"))
)


def find_room(connection: Connection, key: str) -> Conversation | None:
    """Return the room with that key."""
    row = connection.execute(_BY_KEY, {"key": key}).first()
    return None if row is None else as_conversation(vault_of(connection), row)


def public_by_number(connection: Connection, conversation_id: int) -> Conversation | None:
    """Return the public room with that number."""
    row = connection.execute(_PUBLIC_BY_NUMBER, {"id": conversation_id}).first()
    return None if row is None else as_conversation(vault_of(connection), row)


def make_room(
    connection: Connection,
    key: str,
    title: str,
    user_id: int,
    now: int,
    *,
    private: bool,
    most: int | None = None,
) -> tuple[Conversation, bool]:
    """Return the room with that key, and whether it had to be made; nobody is put into it.

    Raises :class:`TooManyRoomsError` where it would be made by one who is in ``most``.
    """
    found = find_room(connection, key)
    if found is not None:
        return found, False
    if most is not None and _count_rooms(connection, user_id) >= most:
        raise TooManyRoomsError
    hidden = private and vault_of(connection).seals
    values = {
        "kind": "room", "key": key, "last_seq": 0, "created_at": now,
        "title": None if hidden else title, "private": int(private), "created_by": user_id,
    }  # fmt: skip
    try:
        made: Any = connection.execute(insert(conversations), values).inserted_primary_key
    except IntegrityError:
        connection.rollback()  # another server made it in this moment
        row = connection.execute(_BY_KEY, {"key": key}).one()
        return as_conversation(vault_of(connection), row), False
    number = int(made[0])
    if hidden:
        sealed = seals.seal_title(vault_of(connection), number, title)
        connection.execute(_SEAL_TITLE, {"place": number, "sealed": sealed})
    return Conversation(number, "room", key, 0, title, "", private), True


def lock(connection: Connection, conversation_id: int) -> Conversation:
    """Keep others from changing a room until the transaction ends; return it."""
    row = connection.execute(_LOCK, {"id": conversation_id}).one()
    return as_conversation(vault_of(connection), row)


def _count_rooms(connection: Connection, user_id: int) -> int:
    return int(connection.execute(_COUNT_ROOMS, {"user": user_id}).scalar_one())


def _latest(connection: Connection, room: Conversation, count: int) -> list[Message]:
    """Return the last things that were said in a room, as far as they are among its newest."""
    values = {"id": room.id, "after": room.last_seq - NEWEST, "count": count}
    said = connection.execute(_LATEST_SAID, values).scalars().all()
    if not said:
        return []
    return message_statements.page(
        connection, room.id, said[-1] - 1, room.last_seq + 1, len(said), spoken=True
    )


def enter(
    connection: Connection, conversation_id: int, user_id: int, now: int, limits: Limits
) -> Entered:
    """Put a user into a room, as its owner if nobody is there, and return what is found there.

    Whether the user may come in is not asked here. An invitation and a request of the user's are
    answered by it.

    Raises :class:`TooManyMembersError` or :class:`TooManyRoomsError`.
    """
    place = {"id": conversation_id, "user": user_id}
    room = lock(connection, conversation_id)
    latest = _latest(connection, room, limits.messages)
    seat = connection.execute(_SEAT, place).first()
    if seat is not None:
        return Entered(room, seat.role, seat.read_seq, seat.delivered_seq, False, latest)
    count = connection.execute(_COUNT_MEMBERS, {"id": room.id}).scalar_one()
    if count >= limits.members:
        raise TooManyMembersError
    if _count_rooms(connection, user_id) >= limits.rooms:
        raise TooManyRoomsError
    role = MEMBER if count else OWNER
    connection.execute(
        insert(members),
        {
            "conversation_id": room.id, "user_id": user_id, "delivered_seq": room.last_seq,
            "joined_at": now, "read_seq": room.last_seq, "role": role,
        },
    )  # fmt: skip
    for table in (invitations, join_requests):
        connection.execute(
            delete(table).where(table.c.conversation_id == room.id, table.c.user_id == user_id)
        )
    return Entered(room, role, room.last_seq, room.last_seq, True, latest)


def leave(connection: Connection, conversation_id: int, user_id: int, now: int) -> Left | None:
    """Take a user out of a room; None where it is not in it.

    The last owner who leaves hands over to the oldest moderator, else to the oldest member. A
    private room that nobody is in any more cannot be entered by anything that was given out.
    """
    room = lock(connection, conversation_id)
    place = {"id": room.id, "user": user_id}
    if not connection.execute(_REMOVE, place).rowcount:
        return None
    if connection.execute(_OWNERS, {"id": room.id}).scalar_one():
        return Left(None)
    first = connection.execute(_MEMBERS, {"id": room.id, "limit": 1}).first()
    if first is None:
        if room.private:
            _shut(connection, room.id, now)
        return Left(None)
    heir = User(*first[1:])
    connection.execute(_SET_ROLE, {"id": room.id, "user": heir.id, "part": OWNER})
    return Left(heir)


def _shut(connection: Connection, conversation_id: int, now: int) -> None:
    """Make worthless what lets people into a room."""
    for table in (invitations, join_requests):
        connection.execute(delete(table).where(table.c.conversation_id == conversation_id))
    connection.execute(
        update(links)
        .where(links.c.conversation_id == conversation_id, links.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def role_of(connection: Connection, conversation_id: int, user_id: int) -> str | None:
    """Return what a user is in a room, None where it is not in it."""
    seat = connection.execute(_SEAT, {"id": conversation_id, "user": user_id}).first()
    return None if seat is None else str(seat.role)


def set_role(connection: Connection, conversation_id: int, user_id: int, role: str) -> bool:
    """Give a member another role; False where the room would be left without an owner."""
    lock(connection, conversation_id)
    place = {"id": conversation_id, "user": user_id}
    connection.execute(_SET_ROLE, {**place, "part": role})
    if connection.execute(_OWNERS, {"id": conversation_id}).scalar_one():
        return True
    connection.rollback()
    return False


def set_topic(connection: Connection, conversation_id: int, topic: str) -> None:
    """Say what a room is about."""
    sealed = seals.seal_topic(vault_of(connection), conversation_id, topic)
    connection.execute(_SET_TOPIC, {"place": conversation_id, "text": sealed})


def members_of(
    connection: Connection, conversation_id: int, limit: int
) -> tuple[list[Member], int]:
    """Return the members of a room, owners and moderators first, and how many there are."""
    rows = connection.execute(_MEMBERS, {"id": conversation_id, "limit": limit})
    found = [Member(User(*row[1:]), row[0]) for row in rows]
    return found, connection.execute(_COUNT_MEMBERS, {"id": conversation_id}).scalar_one()


def seats_of(
    connection: Connection, user_id: int, conversation_id: int | None = None
) -> list[Seat]:
    """Return the rooms that a user is in by their numbers, or only the one that is named."""
    if conversation_id is None:
        rows = connection.execute(_SEATS, {"user": user_id})
    else:
        rows = connection.execute(_SEAT_IN, {"user": user_id, "id": conversation_id})
    return [Seat(as_conversation(vault_of(connection), row[:-1]), row[-1]) for row in rows]


def heads(connection: Connection, conversation_ids: Sequence[int]) -> dict[int, int]:
    """Return how many are in each of some rooms; those that nobody is in are left out."""
    rows = connection.execute(_HEADS, {"ids": conversation_ids})
    return {row[0]: row[1] for row in rows}


def public_rooms(connection: Connection, limit: int) -> list[tuple[Conversation, int]]:
    """Return the public rooms and how many are in each, the fullest first.

    One that nobody is in, and in which nothing has been said, is left out.
    """
    rows = connection.execute(_PUBLIC_ROOMS, {"limit": limit})
    return [(as_conversation(vault_of(connection), row[:-1]), row[-1]) for row in rows]


def keepers(connection: Connection, conversation_id: int) -> Sequence[int]:
    """Return the ids of a room's owners and moderators."""
    return (
        connection.execute(
            select(members.c.user_id).where(
                members.c.conversation_id == conversation_id, members.c.role.in_((OWNER, MODERATOR))
            )
        )
        .scalars()
        .all()
    )
