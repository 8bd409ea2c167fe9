"""What is done with scheduled messages and time zones: a function for each, one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace
from sqlalchemy import (
    Connection,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from storage import seals
from storage.driver import Row
from storage.records import QUOTED, Due, NewScheduled, Scheduled
from storage.schema import scheduled, users
from storage.sealing import Vault
from storage.seals import LaterPlace, vault_of

_COLUMNS = (
    scheduled.c.id,
    scheduled.c.user_id,
    scheduled.c.conversation_id,
    scheduled.c.due_at,
    scheduled.c.uuid,
    scheduled.c.failure,
    scheduled.c.created_at,
    scheduled.c.body,
)
_MINE = scheduled.c.user_id == bindparam("user")
_WAITING = scheduled.c.failure.is_(None)
_LOCK_USER = select(users.c.id).where(users.c.id == bindparam("user")).with_for_update()
_COUNT = select(func.count()).select_from(scheduled).where(_MINE)
_BY_UUID = select(*_COLUMNS).where(scheduled.c.uuid == bindparam("uuid"))
_OF_USER = select(*_COLUMNS).where(_MINE).order_by(scheduled.c.due_at, scheduled.c.id)
_DUE = (
    select(*_COLUMNS, users.c.name_key)
    .select_from(scheduled.join(users, users.c.id == scheduled.c.user_id))
    .where(_WAITING, scheduled.c.due_at <= bindparam("now"))
    .order_by(scheduled.c.due_at, scheduled.c.id)
    .limit(bindparam("limit"))
)
_NEXT_DUE = select(func.min(scheduled.c.due_at)).where(_WAITING)
_REMOVE = delete(scheduled).where(scheduled.c.id.in_(bindparam("ids", expanding=True)))
_FAIL = (
    update(scheduled)
    .where(scheduled.c.id == bindparam("number"))
    .values(failure=bindparam("reason"))
)
_CANCEL = delete(scheduled).where(scheduled.c.id == bindparam("number"), _MINE)
_SET_ZONE = update(users).where(users.c.id == bindparam("user")).values(zone=bindparam("chosen"))


def add(connection: Connection, new: NewScheduled, most: int) -> Scheduled | None:
    """Store a scheduled message; None where the user has ``most`` of them.

    One with the same uuid is the same message, and is returned as it is.
    """
    connection.execute(_LOCK_USER, {"user": new.user_id})
    known = _known(connection, new.uuid)
    if known is not None:
        return known
    if connection.execute(_COUNT, {"user": new.user_id}).scalar_one() >= most:
        return None
    place = LaterPlace(new.user_id, new.conversation_id, new.created_at, new.uuid)
    values = {
        "user_id": new.user_id,
        "conversation_id": new.conversation_id,
        "body": seals.seal_scheduled(vault_of(connection), place, new.body),
        "due_at": new.due_at,
        "created_at": new.created_at,
        "uuid": new.uuid,
    }
    try:
        connection.execute(insert(scheduled), values)
    except IntegrityError:  # in this moment, or there is no such user or conversation
        connection.rollback()
        known = _known(connection, new.uuid)
        if known is None:
            raise
        return known
    return _known(connection, new.uuid)


def _known(connection: Connection, uuid: bytes) -> Scheduled | None:
    row = connection.execute(_BY_UUID, {"uuid": uuid}).first()
    return None if row is None else _headed(_scheduled(vault_of(connection), row))


def _scheduled(vault: Vault, row: Row) -> Scheduled:
    number, user_id, conversation_id, due_at, uuid, failure, created_at, body = row
    place = LaterPlace(user_id, conversation_id, created_at, uuid)
    text = seals.open_scheduled(vault, place, body)
    return Scheduled(number, user_id, conversation_id, due_at, uuid, failure, text)


def _headed(whole: Scheduled) -> Scheduled:
    """Leave only the head of the text."""
    return replace(whole, body=whole.body[:QUOTED])


def of_user(connection: Connection, user_id: int) -> list[Scheduled]:
    """Return a user's scheduled messages, the first to be due first, with the texts' heads."""
    vault = vault_of(connection)
    rows = connection.execute(_OF_USER, {"user": user_id})
    return [_headed(_scheduled(vault, row)) for row in rows]


def due(connection: Connection, now: int, limit: int) -> list[Due]:
    """Return what has to be sent, the first to be due first."""
    vault = vault_of(connection)
    rows = connection.execute(_DUE, {"now": now, "limit": limit})
    return [Due(_scheduled(vault, row[:-1]), row[-1]) for row in rows]


def next_due(connection: Connection) -> int | None:
    """Return when the next one is due; None where none is left."""
    return connection.execute(_NEXT_DUE).scalar()


def remove(connection: Connection, ids: Sequence[int]) -> None:
    """Forget scheduled messages: they have been sent."""
    connection.execute(_REMOVE, {"ids": list(ids)})


def fail(connection: Connection, number: int, reason: str) -> None:
    """Keep a scheduled message that could not be sent, for its user to see."""
    connection.execute(_FAIL, {"number": number, "reason": reason})


def cancel(connection: Connection, user_id: int, number: int) -> bool:
    """Forget a user's scheduled message; False where there is none with that id."""
    return connection.execute(_CANCEL, {"user": user_id, "number": number}).rowcount == 1


def set_zone(connection: Connection, user_id: int, name: str) -> None:
    """Keep a user's time zone."""
    connection.execute(_SET_ZONE, {"user": user_id, "chosen": name})
