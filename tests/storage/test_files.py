"""Files in chunks, the same for every database (S003-19, S003-20)."""

from __future__ import annotations

from uuid import uuid4

import pytest
import trio
from msgspec.structs import replace
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import IntegrityError

from storage import GENERAL_ID, FileFacts, Stores, User
from storage.file_statements import _LIST
from storage.records import NewFile, StoredFile
from storage.schema import body_chunks
from storage.sealing import OVERHEAD
from tests.storage.helpers import NOW, new, run, save, user

SHA256 = bytes(range(32))


def offer(owner: User, size: int = 10, *, uuid: bytes | None = None, now: int = NOW) -> NewFile:
    """Return a file that nothing has come of yet."""
    return NewFile(owner.id, uuid or uuid4().bytes, "отчёт.pdf".encode(), size, SHA256, now)


async def begin(stores: Stores, new_file: NewFile) -> StoredFile:
    """Begin a file that the owner has room for."""
    file = await stores.files.begin(new_file, most=100)
    assert file is not None
    return file


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
    file = await begin(stores, offer(owner, len(data)))
    if data:
        await stores.files.append(file.id, 0, data)
    assert await stores.files.complete(file.id, NOW)
    return file


async def test_a_file_comes_in_chunks(stores: Stores) -> None:
    """S003-20: name, bytes and id, in rows that are never big."""
    ann = await user(stores)
    file = await begin(stores, offer(ann, 10))
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
    file = await begin(stores, offer(await user(stores), 2**20))
    with pytest.raises(ValueError, match="too long"):
        await stores.files.append(file.id, 0, bytes(256 * 1024 + 1))
    await stores.files.append(file.id, 0, bytes(256 * 1024))

    def longest(connection: Connection) -> int:
        return int(
            connection.execute(select(func.max(func.length(body_chunks.c.data)))).scalar_one()
        )

    assert await run(stores, longest) == 256 * 1024 + OVERHEAD


async def test_the_same_uuid_is_the_same_file(stores: Stores) -> None:
    """S003-12: another offer of it goes on with what is there; for each owner."""
    ann, bob = await user(stores), await user(stores, "Bob")
    uuid = uuid4().bytes
    file = await begin(stores, offer(ann, uuid=uuid))
    await stores.files.append(file.id, 0, b"0123")
    again = await begin(stores, offer(ann, uuid=uuid))
    assert (again.id, again.received, again.body_id) == (file.id, 4, file.body_id)
    assert await stores.files.find(ann.id, uuid) == again
    other = await begin(stores, offer(bob, uuid=uuid))
    assert other.id != file.id
    assert await stores.files.find(bob.id, uuid4().bytes) is None


async def test_two_offers_at_once_make_one_file(stores: Stores) -> None:
    """S003-12: exactly once, also where a client came back before the server knew it had gone."""
    ann = await user(stores)
    new_file = offer(ann)
    ids = []

    async def offer_it() -> None:
        ids.append((await begin(stores, new_file)).id)

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(offer_it)
    assert len(set(ids)) == 1
    assert await stores.bodies.delete_orphans() == 0


async def test_a_chunk_that_does_not_follow_is_not_stored(stores: Stores) -> None:
    """S003-12: of two connections that send one file, one is told where the other has got to."""
    file = await begin(stores, offer(await user(stores), 10))
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
    assert await stores.files.delete_unreferenced(file.id)
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
    assert not await stores.files.delete_unreferenced(file.id)
    assert await stores.files.abandoned(NOW + 1) == []
    [deletion] = await save(stores, [new(ann, "", kind="delete", target_id=number)])
    assert deletion.message.target_id == number
    assert await stores.files.delete_unreferenced(file.id)
    assert await stores.files.get(file.id) is None
    assert await stores.bodies.delete_orphans() == 1


async def test_what_is_abandoned_is_found(stores: Stores) -> None:
    """S003-12: what nobody goes on with can be deleted; another offer is a sign of life."""
    ann = await user(stores)
    old, touched, done = [offer(ann, now=NOW - 1000) for _ in range(3)]
    files = [await begin(stores, one) for one in (old, touched, done)]
    await begin(stores, replace(touched, created_at=NOW))
    await stores.files.complete(files[2].id, NOW)
    fresh = await begin(stores, offer(ann))
    assert await stores.files.abandoned(NOW) == [files[0].id]
    assert len(await stores.files.abandoned(NOW + 1)) == 4
    assert await stores.files.abandoned(NOW + 1, limit=1) == [files[0].id]
    assert not await stores.files.delete_unreferenced(files[2].id, unfinished=True)
    assert await stores.files.delete_unreferenced(fresh.id, unfinished=True)
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


async def test_what_is_done_a_second_time_is_done(stores: Stores) -> None:
    """A database that was restarted during a commit is asked again: nothing fails, or leaks."""
    ann = await user(stores)
    body_id = await stores.bodies.create(NOW)
    typed = offer(ann, 5)
    file = await stores.files.add(typed, body_id)
    assert await stores.files.add(typed, body_id) == file
    with pytest.raises(IntegrityError):
        await stores.files.add(replace(offer(ann), owner_id=4711), None)
    assert await stores.files.delete_unreferenced(file.id)
    assert await stores.files.delete_unreferenced(file.id), "it is gone, whoever asks"


async def test_files_that_are_not_complete_are_counted(stores: Stores) -> None:
    """S004-34: of each user; the next one is not taken, and old ones are gone on with."""
    ann, bob = await user(stores), await user(stores, "Bob")
    for _ in range(3):
        await whole(stores, ann)
    first, second = offer(ann), offer(ann)
    file = await stores.files.begin(first, most=2)
    assert file is not None
    assert await stores.files.begin(second, most=2) is not None
    assert await stores.files.begin(offer(ann), most=2) is None
    assert await stores.files.begin(first, most=2) == file
    assert await stores.files.begin(offer(bob), most=2) is not None
    await stores.files.delete_unreferenced(file.id)
    assert await stores.files.begin(offer(ann), most=2) is not None


async def test_offers_at_once_are_counted_too(stores: Stores) -> None:
    """S004-34: two transactions cannot both take the last place."""
    ann = await user(stores)
    taken = []

    async def offer_one() -> None:
        taken.append(await stores.files.begin(offer(ann), most=3))

    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(offer_one)
    assert len([one for one in taken if one is not None]) == 3


async def test_listing_files_reads_no_other_messages(stores: Stores) -> None:
    """S003-15: an index holds the files of each conversation, however much is said in it."""

    def plan(connection: Connection) -> str:
        is_mysql = connection.dialect.name == "mysql"
        explain = "EXPLAIN" if is_mysql else "EXPLAIN QUERY PLAN"
        place = {"conversation": GENERAL_ID, "before": 2**62, "limit": 51}
        statement = _LIST.compile(connection, compile_kwargs={"render_postcompile": True})
        parameters = statement.construct_params(place)
        if is_mysql:
            connection.exec_driver_sql("ANALYZE TABLE messages, files").all()
        rows = connection.exec_driver_sql(
            f"{explain} {statement}",
            tuple(parameters[name] for name in statement.positiontup or ()),
        )
        return "\n".join(str(tuple(row)) for row in rows)

    ann = await user(stores)
    for _ in range(10):
        await save(stores, [new(ann, f"{number}") for number in range(100)])
    await sent(stores, ann, await whole(stores, ann))
    assert "messages_shared" in await run(stores, plan)
