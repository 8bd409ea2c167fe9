"""Files in chunks, the same for every database (S003-19, S003-20)."""

from __future__ import annotations

from uuid import uuid4

import pytest
import trio
from msgspec.structs import replace
from sqlalchemy import Connection, func, select

from storage import GENERAL_ID, FileFacts, Stores, User
from storage.records import NewFile, StoredFile
from storage.schema import body_chunks
from tests.storage.helpers import NOW, new, run, save, user

SHA256 = bytes(range(32))


def offer(owner: User, size: int = 10, *, uuid: bytes | None = None, now: int = NOW) -> NewFile:
    """Return a file that nothing has come of yet."""
    return NewFile(owner.id, uuid or uuid4().bytes, "отчёт.pdf".encode(), size, SHA256, now)


async def sent(stores: Stores, owner: User, file: StoredFile) -> int:
    """Store the message that brings a file; return its id."""
    message = replace(
        new(owner, "отчёт.pdf", kind="file", uuid=file.uuid),
        file_id=file.id,
        file=FileFacts(file.name, file.size),
    )
    [saved] = await save(stores, [message])
    return saved.message.id


async def whole(stores: Stores, owner: User, data: bytes = b"contents") -> StoredFile:
    """Store a file that is complete."""
    file = await stores.files.begin(offer(owner, len(data)))
    if data:
        await stores.files.append(file.id, 0, data)
    assert await stores.files.complete(file.id, NOW)
    return file


async def test_a_file_comes_in_chunks(stores: Stores) -> None:
    """S003-20: name, bytes and id, in rows that are never big."""
    ann = await user(stores)
    file = await stores.files.begin(offer(ann, 10))
    assert (file.received, file.complete, file.sha256) == (0, False, SHA256)
    assert await stores.files.append(file.id, 0, b"01234") == 5
    assert await stores.files.append(file.id, 5, b"56789") == 10
    stored = await stores.files.get(file.id)
    assert stored is not None
    assert (stored.received, stored.complete) == (10, False)
    assert stored.body_id is not None
    assert await stores.bodies.read(stored.body_id, 0, 100) == b"0123456789"
    assert await stores.files.complete(file.id, NOW)
    stored = await stores.files.get(file.id)
    assert stored is not None
    assert stored.complete


async def test_no_row_is_big(stores: Stores) -> None:
    """S003-20: a chunk of more than 256 KiB is a mistake."""
    file = await stores.files.begin(offer(await user(stores), 2**20))
    with pytest.raises(ValueError, match="too long"):
        await stores.files.append(file.id, 0, bytes(256 * 1024 + 1))
    await stores.files.append(file.id, 0, bytes(256 * 1024))

    def longest(connection: Connection) -> int:
        return int(
            connection.execute(select(func.max(func.length(body_chunks.c.data)))).scalar_one()
        )

    assert await run(stores, longest) == 256 * 1024


async def test_the_same_uuid_is_the_same_file(stores: Stores) -> None:
    """S003-12: another offer of it goes on with what is there; for each owner."""
    ann, bob = await user(stores), await user(stores, "Bob")
    uuid = uuid4().bytes
    file = await stores.files.begin(offer(ann, uuid=uuid))
    await stores.files.append(file.id, 0, b"0123")
    again = await stores.files.begin(offer(ann, uuid=uuid))
    assert (again.id, again.received, again.body_id) == (file.id, 4, file.body_id)
    assert await stores.files.find(ann.id, uuid) == again
    other = await stores.files.begin(offer(bob, uuid=uuid))
    assert other.id != file.id
    assert await stores.files.find(bob.id, uuid4().bytes) is None


async def test_two_offers_at_once_make_one_file(stores: Stores) -> None:
    """S003-12: exactly once, also where a client came back before the server knew it had gone."""
    ann = await user(stores)
    new_file = offer(ann)
    ids = []

    async def begin() -> None:
        ids.append((await stores.files.begin(new_file)).id)

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(begin)
    assert len(set(ids)) == 1
    assert await stores.bodies.delete_orphans() == 0


async def test_a_chunk_that_does_not_follow_is_not_stored(stores: Stores) -> None:
    """S003-12: of two connections that send one file, one is told where the other has got to."""
    file = await stores.files.begin(offer(await user(stores), 10))
    assert await stores.files.append(file.id, 3, b"345") == 0
    assert await stores.files.append(file.id, 0, b"012") == 3
    assert await stores.files.append(file.id, 0, b"xyz1") == 3
    assert await stores.files.append(file.id, 3, bytes(8)) == 3, "more than the file has"
    assert file.body_id is not None
    assert await stores.bodies.read(file.body_id, 0, 100) == b"012"
    with pytest.raises(KeyError):
        await stores.files.append(4711, 0, b"lost")


async def test_an_empty_file_has_no_body(stores: Stores) -> None:
    ann = await user(stores)
    file = await whole(stores, ann, b"")
    assert file.body_id is None
    assert await stores.files.delete_unreferenced(file.id) is not None
    assert await stores.files.get(file.id) is None


async def test_a_file_of_a_message_stays(stores: Stores) -> None:
    """S003-19: a message has the id of its file, which stays as long as it does."""
    ann = await user(stores)
    file = await whole(stores, ann)
    number = await sent(stores, ann, file)
    message = await stores.messages.Get(number)
    assert message is not None
    assert (message.kind, message.file_id) == ("file", file.id)
    assert message.file == FileFacts("отчёт.pdf".encode(), 8)
    assert await stores.files.delete_unreferenced(file.id) is None
    assert await stores.files.abandoned(NOW + 1) == []
    [deletion] = await save(stores, [new(ann, "", kind="delete", target_id=number)])
    assert deletion.message.target_id == number
    gone = await stores.files.delete_unreferenced(file.id)
    assert gone is not None
    assert gone.body_id == file.body_id
    assert await stores.bodies.delete_orphans() == 1


async def test_what_is_abandoned_is_found(stores: Stores) -> None:
    """S003-12: what nobody goes on with can be deleted; another offer is a sign of life."""
    ann = await user(stores)
    old, touched, done = [offer(ann, now=NOW - 1000) for _ in range(3)]
    files = [await stores.files.begin(one) for one in (old, touched, done)]
    await stores.files.begin(replace(touched, created_at=NOW))
    await stores.files.complete(files[2].id, NOW)
    fresh = await stores.files.begin(offer(ann))
    assert await stores.files.abandoned(NOW) == [files[0].id]
    assert len(await stores.files.abandoned(NOW + 1)) == 4
    assert await stores.files.abandoned(NOW + 1, limit=1) == [files[0].id]
    assert await stores.files.delete_unreferenced(files[2].id, unfinished=True) is None
    assert await stores.files.delete_unreferenced(fresh.id, unfinished=True) is not None
    assert await stores.files.complete(fresh.id, NOW) is False


async def test_a_file_of_a_body_that_is_there(stores: Stores) -> None:
    ann = await user(stores)
    body_id = await stores.bodies.create(NOW)
    await stores.bodies.append(body_id, 0, b"typed")
    file = await stores.files.add(offer(ann, 5), body_id)
    assert await stores.files.get(file.id) == file
    assert (file.complete, file.received, file.body_id) == (True, 5, body_id)


async def test_the_files_of_a_conversation(stores: Stores) -> None:
    """S003-15: the last ones, before one of them, and of no other conversation."""
    ann, bob = await user(stores), await user(stores, "Bob")
    direct = await stores.conversations.ensure_direct(ann.id, bob.id, NOW)
    numbers = [await sent(stores, ann, await whole(stores, ann)) for _ in range(3)]
    await save(stores, [new(ann, "no file")])
    list_files = stores.files.of_conversation
    found = await list_files(GENERAL_ID, before=None, limit=10)
    assert [one.message_id for one in found] == numbers
    assert {(one.sender_name, one.name, one.size) for one in found} == {
        ("Ann", "отчёт.pdf".encode(), 8)
    }
    found = await list_files(GENERAL_ID, before=numbers[2], limit=1)
    assert [one.message_id for one in found] == [numbers[1]]
    assert await list_files(direct.id, before=None, limit=10) == []
