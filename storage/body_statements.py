"""What is done with long texts: one plain function for each thing, in one transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, bindparam, delete, exists, func, insert, or_, select
from sqlalchemy.exc import IntegrityError

from storage import seals
from storage.schema import bodies, body_chunks, files, messages
from storage.seals import vault_of

MAX_CHUNK = 256 * 1024
"""The longest chunk, in bytes."""

CHUNKS_AT_ONCE = 32
"""How many chunks one transaction deletes; others wait for its end, on SQLite 10 ms for 2 MiB."""

_INSERT_BODY = insert(bodies)
_INSERT_CHUNK = insert(body_chunks)
_CHUNK = select(body_chunks.c.start).where(
    body_chunks.c.body_id == bindparam("body"), body_chunks.c.start == bindparam("offset")
)
_FIRST_START = (
    select(func.max(body_chunks.c.start))
    .where(body_chunks.c.body_id == bindparam("body"), body_chunks.c.start <= bindparam("offset"))
    .scalar_subquery()
)
_CHUNKS = (
    select(body_chunks.c.start, body_chunks.c.data)
    .where(
        body_chunks.c.body_id == bindparam("body"),
        body_chunks.c.start >= _FIRST_START,
        body_chunks.c.start < bindparam("end"),
    )
    .order_by(body_chunks.c.start)
)
_IN_USE = or_(
    exists().where(messages.c.body_id == bodies.c.id),
    exists().where(files.c.body_id == bodies.c.id),
)
_ORPHANS = select(bodies.c.id).where(~_IN_USE).order_by(bodies.c.id)
_LOCK_ORPHAN = (
    select(bodies.c.id).where(bodies.c.id == bindparam("body"), ~_IN_USE).with_for_update()
)
_NEXT_SLICE = (
    select(body_chunks.c.start)
    .where(body_chunks.c.body_id == bindparam("body"))
    .order_by(body_chunks.c.start)
    .limit(1)
    .offset(CHUNKS_AT_ONCE)
)
_DELETE_SLICE = delete(body_chunks).where(
    body_chunks.c.body_id == bindparam("body"), body_chunks.c.start < bindparam("end")
)
_DELETE_CHUNKS = delete(body_chunks).where(body_chunks.c.body_id == bindparam("body"))
_DELETE_BODY = delete(bodies).where(bodies.c.id == bindparam("body"))


def create(connection: Connection, now: int) -> int:
    """Begin a body and return its id."""
    key: Any = connection.execute(_INSERT_BODY, {"created_at": now}).inserted_primary_key
    return int(key[0])


def append(connection: Connection, body_id: int, offset: int, data: bytes) -> None:
    """Store a chunk at a byte offset, unless there is one already."""
    place = {"body": body_id, "offset": offset}
    if connection.execute(_CHUNK, place).first() is not None:
        return
    try:
        insert_chunk(connection, body_id, offset, data)
    except IntegrityError as error:
        # The same call ran twice at once, or there is no such body.
        connection.rollback()
        if connection.execute(_CHUNK, place).first() is None:
            raise KeyError(body_id) from error


def insert_chunk(connection: Connection, body_id: int, offset: int, data: bytes) -> None:
    """Store a chunk at a byte offset where there is none."""
    sealed = seals.seal_chunk(vault_of(connection), body_id, offset, data)
    connection.execute(_INSERT_CHUNK, {"body_id": body_id, "start": offset, "data": sealed})


def read(connection: Connection, body_id: int, offset: int, limit: int) -> bytes:
    """Return at most ``limit`` bytes from a byte offset, up to the first gap or the end."""
    end = offset + limit
    parts = []
    position = offset
    vault = vault_of(connection)
    place = {"body": body_id, "offset": offset, "end": end}
    for start, stored in connection.execute(_CHUNKS, place):
        data = seals.open_chunk(vault, body_id, start, stored)
        part = data[position - start : end - start]
        if start > position or not part:
            break
        parts.append(part)
        position += len(part)
    return b"".join(parts)


def orphans(connection: Connection) -> list[int]:
    """Return the ids of the bodies that no message and no file refers to."""
    return list(connection.execute(_ORPHANS).scalars())


def delete_slice(connection: Connection, body_id: int) -> bool | None:
    """Delete the first chunks of an orphan, and with the last of them the body itself.

    Returns True when the body is gone now, False when there is more of it, and None when it
    is not, or no longer, an orphan.
    """
    if connection.execute(_LOCK_ORPHAN, {"body": body_id}).first() is None:
        return None
    end = connection.execute(_NEXT_SLICE, {"body": body_id}).scalar()
    if end is not None:
        connection.execute(_DELETE_SLICE, {"body": body_id, "end": end})
        return False
    connection.execute(_DELETE_CHUNKS, {"body": body_id})
    connection.execute(_DELETE_BODY, {"body": body_id})
    return True
