"""What is done with users, conversations and members: one plain function for each thing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Insert, and_, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from storage.records import GENERAL_ID, Conversation, Marker, Membership, User, Visitor
from storage.schema import conversations, members, users

_AT_ONCE = 1000  # well below what a statement may have parameters

_USER = (users.c.id, users.c.name, users.c.name_key, users.c.created_at)
_CONVERSATION = (
    conversations.c.id,
    conversations.c.kind,
    conversations.c.key,
    conversations.c.last_seq,
)
_USER_BY_KEY = select(*_USER).where(users.c.name_key == bindparam("key"))
_USERS_BY_KEY = select(*_USER).where(users.c.name_key.in_(bindparam("keys", expanding=True)))
_CONVERSATION_BY_ID = select(*_CONVERSATION).where(conversations.c.id == bindparam("id"))
_CONVERSATION_BY_KEY = select(*_CONVERSATION).where(conversations.c.key == bindparam("key"))

_others = members.alias("others")
_MEMBERSHIPS = (
    select(*_CONVERSATION, members.c.user_id, members.c.delivered_seq, *_USER)
    .select_from(
        members.join(conversations, conversations.c.id == members.c.conversation_id)
        .outerjoin(
            _others,
            and_(
                conversations.c.kind == "direct",
                _others.c.conversation_id == members.c.conversation_id,
                _others.c.user_id != members.c.user_id,
            ),
        )
        .outerjoin(users, users.c.id == _others.c.user_id)
    )
    .where(members.c.user_id.in_(bindparam("user_ids", expanding=True)))
    .order_by(conversations.c.id)  # the general chat has the lowest
)
_MOVE_DELIVERED = (
    update(members)
    .where(
        members.c.conversation_id == bindparam("conversation"),
        members.c.user_id.in_(bindparam("user_ids", expanding=True)),
        members.c.delivered_seq < bindparam("seq"),
    )
    .values(delivered_seq=bindparam("seq"))
)


def find_user(connection: Connection, name_key: str) -> User | None:
    """Return the user with that key."""
    row = connection.execute(_USER_BY_KEY, {"key": name_key}).first()
    return None if row is None else User(*row)


def ensure_users(connection: Connection, visitors: Sequence[Visitor], now: int) -> list[User]:
    """Return the visitors' users, in their order; those there are none of are made."""
    wanted = {visitor.name_key: visitor for visitor in reversed(visitors)}  # the first one names it
    found = _users_by_key(connection, list(wanted))
    missing = [visitor for key, visitor in wanted.items() if key not in found]
    if missing:
        try:
            _add_users(connection, missing, now)
        except IntegrityError:
            # Another server made some of them in this moment: then they are there now.
            connection.rollback()
            found = _users_by_key(connection, list(wanted))
            missing = [visitor for visitor in missing if visitor.name_key not in found]
            _add_users(connection, missing, now)
        found |= _users_by_key(connection, [visitor.name_key for visitor in missing])
    return [found[visitor.name_key] for visitor in visitors]


def _users_by_key(connection: Connection, keys: Sequence[str]) -> dict[str, User]:
    found: dict[str, User] = {}
    for start in range(0, len(keys), _AT_ONCE):
        some = {"keys": keys[start : start + _AT_ONCE]}
        found |= {row.name_key: User(*row) for row in connection.execute(_USERS_BY_KEY, some)}
    return found


def _add_users(connection: Connection, visitors: Sequence[Visitor], now: int) -> None:
    if not visitors:
        return
    rows = [
        {"name": visitor.name, "name_key": visitor.name_key, "created_at": now}
        for visitor in visitors
    ]
    connection.execute(insert(users), rows)
    made = _users_by_key(connection, [visitor.name_key for visitor in visitors])
    general = connection.execute(_CONVERSATION_BY_ID, {"id": GENERAL_ID}).one()
    ids = {user.id for user in made.values()}
    _add_members(connection, GENERAL_ID, ids, general.last_seq, now)


def get_conversation(connection: Connection, conversation_id: int) -> Conversation | None:
    """Return one conversation."""
    row = connection.execute(_CONVERSATION_BY_ID, {"id": conversation_id}).first()
    return None if row is None else Conversation(*row)


def ensure_direct(connection: Connection, user_id: int, peer_id: int, now: int) -> Conversation:
    """Return the direct conversation of two users, made if there is none."""
    low, high = sorted((user_id, peer_id))
    key = f"direct:{low}:{high}"
    row = connection.execute(_CONVERSATION_BY_KEY, {"key": key}).first()
    if row is not None:
        return Conversation(*row)
    try:
        values = {"kind": "direct", "key": key, "last_seq": 0, "created_at": now}
        conversation_id = _inserted_id(connection, insert(conversations), values)
        _add_members(connection, conversation_id, {low, high}, 0, now)
    except IntegrityError as error:
        # Another server made it in this moment, or there are no such users.
        connection.rollback()
        row = connection.execute(_CONVERSATION_BY_KEY, {"key": key}).first()
        if row is None:
            raise KeyError((user_id, peer_id)) from error
        return Conversation(*row)
    return Conversation(conversation_id, "direct", key, 0)


def _add_members(
    connection: Connection, conversation_id: int, user_ids: set[int], delivered_seq: int, now: int
) -> None:
    rows = [
        {
            "conversation_id": conversation_id,
            "user_id": user_id,
            "delivered_seq": delivered_seq,
            "joined_at": now,
        }
        for user_id in sorted(user_ids)
    ]
    connection.execute(insert(members), rows)


def _inserted_id(connection: Connection, statement: Insert, values: dict[str, object]) -> int:
    key: Any = connection.execute(statement, values).inserted_primary_key
    return int(key[0])


def memberships(connection: Connection, user_ids: Sequence[int]) -> list[list[Membership]]:
    """Return for each user all conversations it is in, the general chat first, then by id."""
    found: dict[int, list[Membership]] = {user_id: [] for user_id in user_ids}
    wanted = list(found)
    for start in range(0, len(wanted), _AT_ONCE):
        some = {"user_ids": wanted[start : start + _AT_ONCE]}
        for row in connection.execute(_MEMBERSHIPS, some):
            membership = _membership(row)
            found[membership.user_id].append(membership)
    return [found[user_id] for user_id in user_ids]


def _membership(row: Sequence[Any]) -> Membership:
    conversation, (user_id, delivered_seq), peer = row[:4], row[4:6], row[6:]
    return Membership(
        Conversation(*conversation),
        user_id,
        delivered_seq,
        None if peer[0] is None else User(*peer),
    )


def move_delivered(connection: Connection, markers: Sequence[Marker]) -> None:
    """Move delivered markers forward.

    In a busy chat most members stand at the same place, so a statement moves all of them.
    The order is always the same, so that two servers seldom wait for each other in a circle.
    """
    furthest: dict[tuple[int, int], int] = {}
    for marker in markers:
        place = (marker.conversation_id, marker.user_id)
        furthest[place] = max(marker.delivered_seq, furthest.get(place, 0))
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for (conversation_id, user_id), seq in sorted(furthest.items()):
        groups[conversation_id, seq].append(user_id)
    for (conversation_id, seq), user_ids in groups.items():
        for start in range(0, len(user_ids), _AT_ONCE):
            some = user_ids[start : start + _AT_ONCE]
            connection.execute(
                _MOVE_DELIVERED, {"conversation": conversation_id, "seq": seq, "user_ids": some}
            )
