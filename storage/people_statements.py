"""What is done with users, conversations and members: one plain function for each thing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace
from sqlalchemy import (
    Connection,
    Insert,
    Update,
    and_,
    bindparam,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from storage import reading_statements, seals
from storage.records import GENERAL_ID, Conversation, LookAlike, Marker, Membership, User, Visitor
from storage.schema import conversations, members, users
from storage.sealing import Vault
from storage.seals import vault_of

_AT_ONCE = 1000  # well below what a statement may have parameters

USER_COLUMNS = (
    users.c.id,
    users.c.name,
    users.c.name_key,
    users.c.created_at,
    users.c.registered_at.is_not(None).label("registered"),
    users.c.blocked_until,
    users.c.zone,
    users.c.language,
)
CONVERSATION_COLUMNS = (
    conversations.c.id,
    conversations.c.kind,
    conversations.c.key,
    conversations.c.last_seq,
    conversations.c.title,
    conversations.c.topic,
    conversations.c.private,
    conversations.c.sealed_title,
)
_PLACE = (members.c.user_id, members.c.delivered_seq, members.c.read_seq, members.c.role)
_USER_BY_KEY = select(*USER_COLUMNS).where(users.c.name_key == bindparam("key"))
_USERS_BY_KEY = select(*USER_COLUMNS).where(users.c.name_key.in_(bindparam("keys", expanding=True)))
_ALIKE = select(
    users.c.skeleton, users.c.name, users.c.registered_at.is_not(None).label("registered")
).where(
    users.c.skeleton.in_(bindparam("skeletons", expanding=True)),
    or_(users.c.registered_at.is_not(None), users.c.seen_at > bindparam("since")),
)
_CONVERSATION_BY_ID = select(*CONVERSATION_COLUMNS).where(conversations.c.id == bindparam("id"))
_CONVERSATION_BY_KEY = select(*CONVERSATION_COLUMNS).where(conversations.c.key == bindparam("key"))

_others = members.alias("others")
_PLACES = (
    select(*CONVERSATION_COLUMNS, *_PLACE, *USER_COLUMNS)
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
    .order_by(conversations.c.id)  # the general chat has the lowest
)
_MEMBERSHIPS = _PLACES.where(
    members.c.user_id.in_(bindparam("user_ids", expanding=True)),
    # Anybody can open as many conversations with somebody as there are names of guests: until
    # something is said in one, it is only there for who opened it.
    or_(
        conversations.c.kind != "direct",
        conversations.c.last_seq > 0,
        conversations.c.created_by == members.c.user_id,
    ),
)
_MEMBERSHIP = _PLACES.where(
    members.c.user_id == bindparam("user"), members.c.conversation_id == bindparam("id")
)
_ROOMS = _PLACES.where(members.c.user_id == bindparam("user"), conversations.c.kind == "room")
_PAIR = (
    select(*USER_COLUMNS)
    .select_from(members.join(users, users.c.id == members.c.user_id))
    .where(members.c.conversation_id == bindparam("id"))
    .order_by(users.c.id)
)
_COUNT_SILENT = (
    select(func.count())
    .select_from(members.join(conversations, conversations.c.id == members.c.conversation_id))
    .where(
        members.c.user_id == bindparam("user"),
        conversations.c.kind == "direct",
        conversations.c.last_seq == 0,
        conversations.c.created_by == bindparam("user"),
    )
)


class TooManySilentError(Exception):
    """The user has opened as many conversations without saying anything as there may be."""


def _move(column: str) -> Update:
    """Return what moves a marker of some members forward."""
    return (
        update(members)
        .where(
            members.c.conversation_id == bindparam("conversation"),
            members.c.user_id.in_(bindparam("user_ids", expanding=True)),
            members.c[column] < bindparam("seq"),
        )
        .values({column: bindparam("seq")})
    )


_MOVE = {column: _move(column) for column in ("delivered_seq", "read_seq")}


def find_user(connection: Connection, name_key: str) -> User | None:
    """Return the user with that key."""
    row = connection.execute(_USER_BY_KEY, {"key": name_key}).first()
    return None if row is None else User(*row)


def find_users(connection: Connection, name_keys: Sequence[str]) -> list[User | None]:
    """Return the users with those keys, in their order."""
    found = _users_by_key(connection, list(dict.fromkeys(name_keys)))
    return [found.get(key) for key in name_keys]


def ensure_users(
    connection: Connection, visitors: Sequence[Visitor], now: int, since: int
) -> list[User | LookAlike]:
    """Return the visitors' users, in their order; those there are none of are made.

    None is made of a visitor whose name looks like another one that is registered, or was here
    after ``since``, or stands earlier in ``visitors``: the other one is returned instead. So it
    is for a guest who was here before, but only where the other one is registered.
    """
    wanted: dict[str, Visitor] = {}
    for visitor in visitors:
        wanted.setdefault(visitor.name_key, visitor)  # the first one names it
    found = _users_by_key(connection, list(wanted))
    missing = [visitor for key, visitor in wanted.items() if key not in found]
    guests = [one for key, one in wanted.items() if key in found and not found[key].registered]
    alike = _look_alikes(connection, missing, guests, since)
    missing = [visitor for visitor in missing if visitor.name_key not in alike]
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
    return [alike.get(visitor.name_key) or found[visitor.name_key] for visitor in visitors]


def _look_alikes(
    connection: Connection, visitors: Sequence[Visitor], guests: Sequence[Visitor], since: int
) -> dict[str, LookAlike]:
    """Return, by their keys, the visitors whose names look like names that are taken.

    ``guests`` have been here before; only accounts keep them out.
    """
    taken: dict[str, str] = {}
    accounts: dict[str, str] = {}
    shapes = [visitor.skeleton for visitor in (*visitors, *guests) if visitor.skeleton]
    for start in range(0, len(shapes), _AT_ONCE):
        some = {"skeletons": shapes[start : start + _AT_ONCE], "since": since}
        for row in connection.execute(_ALIKE, some):
            taken[row.skeleton] = row.name
            if row.registered:
                accounts[row.skeleton] = row.name
    alike = {
        guest.name_key: LookAlike(accounts[guest.skeleton])
        for guest in guests
        if guest.skeleton in accounts
    }
    for visitor in visitors:
        if not visitor.skeleton:
            continue
        other = taken.setdefault(visitor.skeleton, visitor.name)
        if other != visitor.name:
            alike[visitor.name_key] = LookAlike(other)
    return alike


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
        {
            "name": visitor.name,
            "name_key": visitor.name_key,
            "skeleton": visitor.skeleton or None,
            "created_at": now,
            "seen_at": now,
        }
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
    return None if row is None else as_conversation(vault_of(connection), row)


def direct_pair(
    connection: Connection, conversation_id: int
) -> tuple[Conversation, list[User]] | None:
    """Return a direct conversation and the users in it."""
    conversation = get_conversation(connection, conversation_id)
    if conversation is None or conversation.kind != "direct":
        return None
    rows = connection.execute(_PAIR, {"id": conversation_id})
    return conversation, [User(*row) for row in rows]


def ensure_direct(
    connection: Connection, user_id: int, peer_id: int, now: int, *, silent: int | None = None
) -> Conversation:
    """Return the direct conversation of two users, made by the first if there is none.

    Raises :class:`TooManySilentError` where one would be made and the first has made ``silent``
    in which nobody has said anything.
    """
    low, high = sorted((user_id, peer_id))
    key = f"direct:{low}:{high}"
    row = connection.execute(_CONVERSATION_BY_KEY, {"key": key}).first()
    if row is not None:
        return as_conversation(vault_of(connection), row)
    if silent is not None:
        count = connection.execute(_COUNT_SILENT, {"user": user_id}).scalar_one()
        if count >= silent:
            raise TooManySilentError
    try:
        values = {
            "kind": "direct", "key": key, "last_seq": 0, "created_at": now, "created_by": user_id,
        }  # fmt: skip
        conversation_id = _inserted_id(connection, insert(conversations), values)
        _add_members(connection, conversation_id, {low, high}, 0, now)
    except IntegrityError as error:
        # Another server made it in this moment, or there are no such users.
        connection.rollback()
        row = connection.execute(_CONVERSATION_BY_KEY, {"key": key}).first()
        if row is None:
            raise KeyError((user_id, peer_id)) from error
        return as_conversation(vault_of(connection), row)
    return Conversation(conversation_id, "direct", key, 0)


def as_conversation(vault: Vault, row: Sequence[Any]) -> Conversation:
    """Return the conversation of a row with :data:`CONVERSATION_COLUMNS`."""
    number, kind, key, last_seq, title, topic, private, sealed_title = row
    if sealed_title is not None:
        title = seals.open_title(vault, number, sealed_title)
    topic = seals.open_topic(vault, number, topic)
    return Conversation(number, kind, key, last_seq, title, topic, bool(private))


def _add_members(
    connection: Connection, conversation_id: int, user_ids: set[int], seen_seq: int, now: int
) -> None:
    rows = [
        {
            "conversation_id": conversation_id,
            "user_id": user_id,
            "delivered_seq": seen_seq,
            "read_seq": seen_seq,
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
            membership = _membership(vault_of(connection), row)
            found[membership.user_id].append(membership)
    _count_unread(connection, found)
    return [found[user_id] for user_id in user_ids]


def membership(connection: Connection, user_id: int, conversation_id: int) -> Membership | None:
    """Return a user's part in one conversation, also in one that nobody has written into."""
    row = connection.execute(_MEMBERSHIP, {"user": user_id, "id": conversation_id}).first()
    if row is None:
        return None
    found = {user_id: [_membership(vault_of(connection), row)]}
    _count_unread(connection, found)
    return found[user_id][0]


def rooms(connection: Connection, user_id: int) -> list[Membership]:
    """Return the rooms a user is in, by their numbers."""
    vault, rows = vault_of(connection), connection.execute(_ROOMS, {"user": user_id})
    found = {user_id: [_membership(vault, row) for row in rows]}
    _count_unread(connection, found)
    return found[user_id]


def _count_unread(connection: Connection, found: dict[int, list[Membership]]) -> None:
    places = [(some, index) for some in found.values() for index in range(len(some))]
    counts = reading_statements.unread(connection, [some[index].reader for some, index in places])
    for (some, index), unread in zip(places, counts, strict=True):
        if unread:
            some[index] = replace(some[index], unread=unread)


def _membership(vault: Vault, row: Sequence[Any]) -> Membership:
    middle, end = len(CONVERSATION_COLUMNS), len(CONVERSATION_COLUMNS) + len(_PLACE)
    user_id, delivered_seq, read_seq, role = row[middle:end]
    peer = row[end:]
    return Membership(
        as_conversation(vault, row[:middle]),
        user_id,
        delivered_seq,
        None if peer[0] is None else User(*peer),
        read_seq,
        role,
    )


def move_markers(connection: Connection, markers: Sequence[Marker]) -> None:
    """Move markers forward, each of the two for itself.

    In a busy chat most members stand at the same place, so a statement moves all of them.
    The order is always the same, so that two servers seldom wait for each other in a circle.
    """
    furthest: dict[tuple[int, str, int], int] = {}
    for marker in markers:
        for column, seq in (("delivered_seq", marker.delivered_seq), ("read_seq", marker.read_seq)):
            place = (marker.conversation_id, column, marker.user_id)
            furthest[place] = max(seq, furthest.get(place, 0))
    groups: dict[tuple[int, str, int], list[int]] = defaultdict(list)
    for (conversation_id, column, user_id), seq in sorted(furthest.items()):
        if seq:  # all markers start there
            groups[conversation_id, column, seq].append(user_id)
    for (conversation_id, column, seq), user_ids in groups.items():
        for start in range(0, len(user_ids), _AT_ONCE):
            some = user_ids[start : start + _AT_ONCE]
            connection.execute(
                _MOVE[column], {"conversation": conversation_id, "seq": seq, "user_ids": some}
            )
