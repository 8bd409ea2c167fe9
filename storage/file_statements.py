"""What is done with files: one plain function for each thing, in one transaction.

Their bytes are in chunks, as those of long texts are (``storage/body_statements.py``).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, bindparam, delete, exists, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from storage import body_statements
from storage.driver import Row
from storage.records import ListedFile, NewFile, StoredFile
from storage.schema import body_chunks, files, messages, users

_STORED = select(
    files.c.id,
    files.c.owner_id,
    files.c.uuid,
    files.c.name,
    files.c.size,
    files.c.sha256,
    files.c.body_id,
    files.c.received,
    (files.c.complete == 1).label("complete"),
)
_GET = _STORED.where(files.c.id == bindparam("file"))
_FIND = _STORED.where(files.c.owner_id == bindparam("owner"), files.c.uuid == bindparam("key"))
_INSERT = insert(files)
_TOUCH = update(files).where(files.c.id == bindparam("file")).values(created_at=bindparam("now"))
_LOCK = (
    select(files.c.received, files.c.size, files.c.body_id)
    .where(files.c.id == bindparam("file"))
    .with_for_update()
)
_INSERT_CHUNK = insert(body_chunks)
_RECEIVE = update(files).where(files.c.id == bindparam("file")).values(received=bindparam("end"))
_COMPLETE = (
    update(files)
    .where(files.c.id == bindparam("file"))
    .values(complete=1, created_at=bindparam("now"))
)
_IN_USE = exists().where(messages.c.file_id == files.c.id)
_LOCK_WHOLE = _GET.with_for_update()
_USED = select(messages.c.id).where(messages.c.file_id == bindparam("file")).limit(1)
_LOCK_OWNER = select(users.c.id).where(users.c.id == bindparam("owner")).with_for_update()
_COUNT_UNFINISHED = select(func.count()).where(
    files.c.owner_id == bindparam("owner"), files.c.complete == 0
)
_DELETE = delete(files).where(files.c.id == bindparam("file"))
_ABANDONED = (
    select(files.c.id)
    .where(files.c.created_at < bindparam("before"), ~_IN_USE)
    .order_by(files.c.id)
    .limit(bindparam("limit"))
)
_LIST = (
    select(
        messages.c.id,
        messages.c.seq,
        messages.c.sent_at,
        messages.c.sender_name,
        files.c.name,
        files.c.size,
    )
    .join(files, files.c.id == messages.c.file_id)
    .where(
        messages.c.conversation_id == bindparam("conversation"),
        messages.c.file_id > 0,  # so that an index holds nothing but these
        messages.c.id < bindparam("before"),
        messages.c.kind == "file",
    )
    .order_by(messages.c.id.desc())
    .limit(bindparam("limit"))
)
_FOREVER = 2**63 - 1


def begin(connection: Connection, new: NewFile, most: int) -> StoredFile | None:
    """Return the owner's file with that uuid, made if there is none.

    One that has begun is heard of now, so it is not yet abandoned. None: it would be a new one,
    and the owner has ``most`` files that are not complete.
    """
    key = {"owner": new.owner_id, "key": new.uuid}
    connection.execute(_LOCK_OWNER, {"owner": new.owner_id})  # two at once count one another
    found = connection.execute(_FIND, key).first()
    if found is None:
        owner = {"owner": new.owner_id}
        if connection.execute(_COUNT_UNFINISHED, owner).scalar_one() >= most:
            return None
        body_id = body_statements.create(connection, new.created_at) if new.size else None
        try:
            return _insert(connection, new, body_id, complete=False)
        except IntegrityError:  # the same call ran twice at once
            connection.rollback()
            found = connection.execute(_FIND, key).one()
    connection.execute(_TOUCH, {"file": found.id, "now": new.created_at})
    return _stored(found)


def add(connection: Connection, new: NewFile, body_id: int | None) -> StoredFile:
    """Make a file of bytes that are stored already; called again it returns the same one."""
    try:
        return _insert(connection, new, body_id, complete=True)
    except IntegrityError:
        connection.rollback()
        made = find(connection, new.owner_id, new.uuid)
        if made is None:
            raise
        return made


def _insert(
    connection: Connection, new: NewFile, body_id: int | None, *, complete: bool
) -> StoredFile:
    received = new.size if complete else 0
    values: dict[str, Any] = {
        "owner_id": new.owner_id,
        "uuid": new.uuid,
        "name": new.name,
        "size": new.size,
        "sha256": new.sha256,
        "body_id": body_id,
        "received": received,
        "complete": int(complete),
        "created_at": new.created_at,
    }
    key: Any = connection.execute(_INSERT, values).inserted_primary_key
    return StoredFile(
        int(key[0]), new.owner_id, new.uuid, new.name, new.size, new.sha256, body_id, received,
        complete,
    )  # fmt: skip


def get(connection: Connection, file_id: int) -> StoredFile | None:
    """Return one file, or None where there is none."""
    row = connection.execute(_GET, {"file": file_id}).first()
    return None if row is None else _stored(row)


def find(connection: Connection, owner_id: int, uuid: bytes) -> StoredFile | None:
    """Return the owner's file with that uuid."""
    row = connection.execute(_FIND, {"owner": owner_id, "key": uuid}).first()
    return None if row is None else _stored(row)


def _stored(row: Row) -> StoredFile:
    return StoredFile(*row)


def append(connection: Connection, file_id: int, offset: int, data: bytes) -> int:
    """Store a chunk behind what is there; return how many bytes are there then.

    Where something else is there than the caller takes to be, nothing is stored: of two that
    send the same file at once, one is told so. Raises KeyError where there is no such file.
    """
    place = connection.execute(_LOCK, {"file": file_id}).first()
    if place is None:
        raise KeyError(file_id)
    end = offset + len(data)
    if place.received != offset or end > place.size:
        return int(place.received)
    connection.execute(_INSERT_CHUNK, {"body_id": place.body_id, "start": offset, "data": data})
    connection.execute(_RECEIVE, {"file": file_id, "end": end})
    return end


def complete(connection: Connection, file_id: int, now: int) -> bool:
    """Note that all of a file is there and right; False where there is none any more."""
    if connection.execute(_LOCK, {"file": file_id}).first() is None:
        return False
    connection.execute(_COMPLETE, {"file": file_id, "now": now})
    return True


def delete_unreferenced(connection: Connection, file_id: int, unfinished: bool) -> bool:
    """Delete a file that no message brings; its body is an orphan then.

    True: there is no such file any more, whoever deleted it. False: it is in use, or it is
    complete and was to be ``unfinished``.
    """
    place = {"file": file_id}
    row = connection.execute(_LOCK_WHOLE, place).first()
    if row is None:
        return True
    if (unfinished and row.complete) or connection.execute(_USED, place).first() is not None:
        return False
    try:
        connection.execute(_DELETE, place)
    except IntegrityError:  # a message that brings it has just been stored
        connection.rollback()
        return False
    return True


def abandoned(connection: Connection, before: int, limit: int) -> list[int]:
    """Return files that no message brings and that were last heard of before that time."""
    return list(connection.execute(_ABANDONED, {"before": before, "limit": limit}).scalars())


def of_conversation(
    connection: Connection, conversation_id: int, before: int | None, limit: int
) -> list[ListedFile]:
    """Return the last files of a conversation, of messages before one of them, in rising order."""
    rows = connection.execute(
        _LIST,
        {
            "conversation": conversation_id,
            "before": _FOREVER if before is None else before,
            "limit": limit,
        },
    )
    return [ListedFile(*row) for row in rows][::-1]
