"""What is done with files: one plain function for each thing, in one transaction.

Their bytes are in chunks, as those of long texts are (``storage/body_statements.py``).
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace
from sqlalchemy import Connection, bindparam, delete, exists, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from storage import body_statements, seals
from storage.driver import Row
from storage.records import ListedFile, NewFile, StoredFile
from storage.schema import files, messages, users
from storage.sealing import Vault
from storage.seals import UNREADABLE, FilePlace, vault_of

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
_SEAL = (
    update(files)
    .where(files.c.id == bindparam("file"))
    .values(name=bindparam("title"), sha256=bindparam("hash"))
)
_TOUCH = update(files).where(files.c.id == bindparam("file")).values(created_at=bindparam("now"))
_LOCK = (
    select(files.c.received, files.c.size, files.c.body_id)
    .where(files.c.id == bindparam("file"))
    .with_for_update()
)
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
        files.c.id,
        files.c.owner_id,
        files.c.uuid,
        files.c.size,
        files.c.body_id,
        files.c.name,
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
    return _stored(vault_of(connection), found)


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
        "name": b"",
        "size": new.size,
        "sha256": b"",
        "body_id": body_id,
        "received": received,
        "complete": int(complete),
        "created_at": new.created_at,
    }
    key: Any = connection.execute(_INSERT, values).inserted_primary_key
    number = int(key[0])
    place = FilePlace(number, new.owner_id, new.uuid, new.size, body_id)  # the number, too
    name, sha256 = seals.seal_file(vault_of(connection), place, new.name, new.sha256)
    connection.execute(_SEAL, {"file": number, "title": name, "hash": sha256})
    return StoredFile(
        number, new.owner_id, new.uuid, new.name, new.size, new.sha256, body_id, received,
        complete,
    )  # fmt: skip


def get(connection: Connection, file_id: int) -> StoredFile | None:
    """Return one file, or None where there is none."""
    row = connection.execute(_GET, {"file": file_id}).first()
    return None if row is None else _stored(vault_of(connection), row)


def find(connection: Connection, owner_id: int, uuid: bytes) -> StoredFile | None:
    """Return the owner's file with that uuid."""
    row = connection.execute(_FIND, {"owner": owner_id, "key": uuid}).first()
    return None if row is None else _stored(vault_of(connection), row)


def _stored(vault: Vault, row: Row) -> StoredFile:
    """Return a file; of one whose row does not open nothing is left that leads anywhere."""
    file = StoredFile(*row)
    place = FilePlace(file.id, file.owner_id, file.uuid, file.size, file.body_id)
    name = seals.open_file_name(vault, place, file.name)
    sha256 = seals.open_file_hash(vault, place, file.sha256)
    if name is None or sha256 is None:
        return replace(file, name=UNREADABLE, sha256=bytes(32), size=0, body_id=None)
    return replace(file, name=name, sha256=sha256)


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
    body_statements.insert_chunk(connection, place.body_id, offset, data)
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
    vault = vault_of(connection)
    return [_listed(vault, row) for row in rows][::-1]


def _listed(vault: Vault, row: Row) -> ListedFile:
    message_id, seq, sent_at, sender_name, *where, stored = row
    place = FilePlace(*where)
    name = seals.open_file_name(vault, place, stored)
    return ListedFile(
        message_id, seq, sent_at, sender_name, UNREADABLE if name is None else name, place.size
    )
