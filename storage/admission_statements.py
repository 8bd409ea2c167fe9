"""Invitations into rooms, links to them, and requests to be let in (S004-29)."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import Connection, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from storage.people_statements import CONVERSATION_COLUMNS, as_conversation
from storage.records import Conversation
from storage.room_records import MODERATOR, OWNER, Entered, Limits
from storage.room_statements import enter, lock, role_of
from storage.schema import conversations, invitations, join_requests, links, members, users
from storage.seals import vault_of


class TooManyError(Exception):
    """There are as many invitations, links or requests as there can be."""


class TooManyByOneError(TooManyError):
    """There are as many invitations as one user may give another."""


class Invitation(Struct, frozen=True):
    """That somebody is invited into a room."""

    conversation: Conversation
    user_id: int
    by: str
    created_at: int


class Link(Struct, frozen=True):
    """A link to a room; its code is nowhere, only a hash of it is stored."""

    id: int
    by: str
    created_at: int
    expires_at: int


class NewLink(Struct, frozen=True):
    """A link on its way into the database: the columns of its row."""

    conversation_id: int
    token_hash: bytes
    created_by: int
    created_at: int
    expires_at: int


class Asking(Struct, frozen=True):
    """Somebody who asks to be let into a room."""

    conversation: Conversation
    keeper_id: int
    """One of those who may say yes."""
    name: str
    created_at: int


class Request(Struct, frozen=True):
    """A request to be let in, as those see it who answer it."""

    name: str
    created_at: int


class Asked(Struct, frozen=True):
    """What became of a code that somebody came with."""

    conversation: Conversation
    member: bool
    """True: the user is in the room already."""
    fresh: bool
    """False: the user has asked before."""


_INVITATIONS = (
    select(*CONVERSATION_COLUMNS, invitations.c.user_id, users.c.name, invitations.c.created_at)
    .select_from(
        invitations.join(conversations, conversations.c.id == invitations.c.conversation_id).join(
            users, users.c.id == invitations.c.invited_by
        )
    )
    .where(invitations.c.user_id.in_(bindparam("users", expanding=True)))
    .order_by(invitations.c.created_at, conversations.c.id)
)
_OPEN = select(invitations.c.conversation_id, invitations.c.invited_by).where(
    invitations.c.user_id == bindparam("user")
)
_LINKS = (
    select(links.c.id, users.c.name, links.c.created_at, links.c.expires_at)
    .select_from(links.join(users, users.c.id == links.c.created_by))
    .where(
        links.c.conversation_id == bindparam("id"),
        links.c.revoked_at.is_(None),
        links.c.expires_at > bindparam("now"),
    )
    .order_by(links.c.id)
)
_BY_HASH = (
    select(links.c.id.label("link"), *CONVERSATION_COLUMNS)
    .select_from(links.join(conversations, conversations.c.id == links.c.conversation_id))
    .where(
        links.c.token_hash == bindparam("hash"),
        links.c.revoked_at.is_(None),
        links.c.expires_at > bindparam("now"),
    )
)
_REQUESTS = (
    select(users.c.name, join_requests.c.created_at)
    .select_from(join_requests.join(users, users.c.id == join_requests.c.user_id))
    .where(join_requests.c.conversation_id == bindparam("id"))
    .order_by(join_requests.c.created_at, users.c.id)
)
_ASKED_ORDER = (join_requests.c.created_at, users.c.id)
_ASKING = (
    select(
        *CONVERSATION_COLUMNS,
        members.c.user_id.label("keeper"),
        users.c.name,
        join_requests.c.created_at,
        func.row_number()
        .over(partition_by=members.c.user_id, order_by=_ASKED_ORDER)
        .label("place"),
    )
    .select_from(
        members.join(join_requests, join_requests.c.conversation_id == members.c.conversation_id)
        .join(conversations, conversations.c.id == members.c.conversation_id)
        .join(users, users.c.id == join_requests.c.user_id)
    )
    .where(
        members.c.user_id.in_(bindparam("users", expanding=True)),
        members.c.role.in_((OWNER, MODERATOR)),
    )
    .subquery()
)
_ASKING_FIRST = (
    select(*_ASKING.c).where(_ASKING.c.place <= bindparam("most")).order_by(_ASKING.c.place)
)


def invite(
    connection: Connection,
    conversation_id: int,
    user_id: int,
    by: int,
    now: int,
    *,
    most: int,
    most_by_one: int,
) -> bool:
    """Note an invitation; False where the user has one into that room already.

    Raises :class:`TooManyError` where ``most`` of the user's have not been answered, and
    :class:`TooManyByOneError` where ``most_by_one`` have not that are by the same one.
    """
    open_ones = dict(map(tuple, connection.execute(_OPEN, {"user": user_id})))
    if conversation_id in open_ones:
        return False
    if sum(inviter == by for inviter in open_ones.values()) >= most_by_one:
        raise TooManyByOneError
    if len(open_ones) >= most:
        raise TooManyError
    values = {
        "conversation_id": conversation_id, "user_id": user_id, "invited_by": by, "created_at": now,
    }  # fmt: skip
    try:
        connection.execute(insert(invitations), values)
    except IntegrityError:
        connection.rollback()
        return False
    return True


def invitations_of(connection: Connection, user_ids: Sequence[int]) -> list[Invitation]:
    """Return the invitations of some users, the oldest first."""
    return [
        Invitation(as_conversation(vault_of(connection), row[:-3]), *row[-3:])
        for row in connection.execute(_INVITATIONS, {"users": user_ids})
    ]


def drop_invitation(connection: Connection, conversation_id: int, user_id: int) -> bool:
    """Take an invitation away; False where there is none."""
    gone = connection.execute(
        delete(invitations).where(
            invitations.c.conversation_id == conversation_id, invitations.c.user_id == user_id
        )
    )
    return bool(gone.rowcount)


def enter_invited(
    connection: Connection, conversation_id: int, user_id: int, now: int, limits: Limits
) -> Entered | None:
    """Put a user into a room by an invitation; None where there is none."""
    lock(connection, conversation_id)  # before the row that who leaves as the last one deletes
    if not drop_invitation(connection, conversation_id, user_id):
        return None
    return enter(connection, conversation_id, user_id, now, limits)


def add_link(connection: Connection, link: NewLink, most: int) -> None:
    """Note a link; one that is noted already stays as it is, so that this may be repeated.

    Raises :class:`TooManyError` where the room has ``most`` that hold.
    """
    known = select(links.c.id).where(links.c.token_hash == link.token_hash)
    if connection.execute(known).first() is not None:
        return
    if len(links_of(connection, link.conversation_id, link.created_at)) >= most:
        raise TooManyError
    connection.execute(insert(links), asdict(link))


def links_of(connection: Connection, conversation_id: int, now: int) -> list[Link]:
    """Return the links of a room that hold."""
    rows = connection.execute(_LINKS, {"id": conversation_id, "now": now})
    return [Link(*row) for row in rows]


def revoke_link(connection: Connection, conversation_id: int, link_id: int, now: int) -> bool:
    """Make a link worthless; False where the room has none of that number that holds."""
    done = connection.execute(
        update(links)
        .where(
            links.c.id == link_id,
            links.c.conversation_id == conversation_id,
            links.c.revoked_at.is_(None),
            links.c.expires_at > now,
        )
        .values(revoked_at=now)
    )
    return bool(done.rowcount)


def ask(
    connection: Connection, token_hash: bytes, user_id: int, now: int, most: int
) -> Asked | None:
    """Note that a user asks to be let in by a link; None where no such link holds.

    Raises :class:`TooManyError` where ``most`` ask to be let into that room.
    """
    row = connection.execute(_BY_HASH, {"hash": token_hash, "now": now}).first()
    if row is None:
        return None
    room = as_conversation(vault_of(connection), row[1:])
    if role_of(connection, room.id, user_id) is not None:
        return Asked(room, True, False)
    if len(requests_of(connection, room.id)) >= most:
        raise TooManyError
    values = {
        "conversation_id": room.id, "user_id": user_id, "link_id": row.link, "created_at": now,
    }  # fmt: skip
    try:
        connection.execute(insert(join_requests), values)
    except IntegrityError:
        connection.rollback()
        return Asked(room, False, False)
    return Asked(room, False, True)


def requests_of(connection: Connection, conversation_id: int) -> list[Request]:
    """Return who asks to be let into a room, who asked first first."""
    return [Request(*row) for row in connection.execute(_REQUESTS, {"id": conversation_id})]


def drop_request(connection: Connection, conversation_id: int, user_id: int) -> bool:
    """Take a request away; False where there is none."""
    gone = connection.execute(
        delete(join_requests).where(
            join_requests.c.conversation_id == conversation_id, join_requests.c.user_id == user_id
        )
    )
    return bool(gone.rowcount)


def enter_approved(
    connection: Connection, conversation_id: int, user_id: int, now: int, limits: Limits
) -> Entered | None:
    """Put a user into a room who has asked for it; None where it has not."""
    lock(connection, conversation_id)
    if not drop_request(connection, conversation_id, user_id):
        return None
    return enter(connection, conversation_id, user_id, now, limits)


def asking(connection: Connection, user_ids: Sequence[int], most: int) -> list[Asking]:
    """Return who asks to be let into the rooms that some users keep, who asked first first.

    There are ``most`` for each of the users.
    """
    return [
        Asking(as_conversation(vault_of(connection), row[:-4]), *row[-4:-1])
        for row in connection.execute(_ASKING_FIRST, {"users": user_ids, "most": most})
    ]
