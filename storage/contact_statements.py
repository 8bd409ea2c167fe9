"""What is done with contacts: one plain function for each thing."""

from __future__ import annotations

from sqlalchemy import Connection, and_, bindparam, delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from storage.records import User
from storage.schema import contacts, conversations, members, messages, users

_MINE = contacts.c.user_id == bindparam("user")
_IT = and_(_MINE, contacts.c.contact_id == bindparam("contact"))
_FIND = select(contacts.c.contact_id).where(_IT)
_COUNT = select(func.count()).where(_MINE)
_ADD = insert(contacts)
_REMOVE = delete(contacts).where(_IT)
_ADDED = (
    select(
        users.c.id,
        users.c.name,
        users.c.name_key,
        users.c.created_at,
        users.c.registered_at.is_not(None),
        users.c.blocked_until,
    )
    .join_from(contacts, users, users.c.id == contacts.c.contact_id)
    .where(_MINE)
)
_LATEST = (
    select(members.c.conversation_id, messages.c.id)
    .join_from(members, conversations, conversations.c.id == members.c.conversation_id)
    .join(
        messages,
        and_(
            messages.c.conversation_id == conversations.c.id,
            messages.c.seq == conversations.c.last_seq,
        ),
    )
    .where(members.c.user_id == bindparam("user"), conversations.c.kind == "direct")
)


def add(connection: Connection, user_id: int, contact_id: int, now: int, limit: int) -> bool | None:
    """Add a contact; False where it was there already, None where there are too many."""
    place = {"user": user_id, "contact": contact_id}
    if connection.execute(_FIND, place).first() is not None:
        return False
    if connection.execute(_COUNT, {"user": user_id}).scalar_one() >= limit:
        return None
    try:
        connection.execute(_ADD, {"user_id": user_id, "contact_id": contact_id, "added_at": now})
    except IntegrityError:
        # Another server added it in this moment, or there are no such users.
        connection.rollback()
        if connection.execute(_FIND, place).first() is None:
            raise
        return False
    return True


def remove(connection: Connection, user_id: int, contact_id: int) -> bool:
    """Remove a contact; False where there was none."""
    place = {"user": user_id, "contact": contact_id}
    return connection.execute(_REMOVE, place).rowcount > 0


def listed(connection: Connection, user_id: int) -> tuple[list[User], dict[int, int]]:
    """Return whom a user has added, and the last message of each direct conversation by its id."""
    added = [User(*row) for row in connection.execute(_ADDED, {"user": user_id})]
    latest = connection.execute(_LATEST, {"user": user_id})
    return added, {conversation: message for conversation, message in latest}  # noqa: C416
