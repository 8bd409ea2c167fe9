"""Sealing, and what becomes of rows that were moved, swapped, cut or changed (S000-20)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import Connection, Table, select, update
from structlog.testing import capture_logs

from storage import GENERAL_ID, Message, Stores, User, seals
from storage.moderation_records import NewComplaint
from storage.records import QUOTED, NewFile, NewScheduled
from storage.schema import body_chunks, complaints, conversations, files, messages, scheduled
from storage.sealing import OVERHEAD, BrokenSealError, KeyVault, Scope, new_key, unwrap, wrap
from storage.seals import UNREADABLE, seal_message
from tests.storage.helpers import NOW, add_file, new, run, save, say, user

VAULT = KeyVault(bytes(32))
HERE = Scope(b"conversation", 1)
texts = st.binary(max_size=200)


@given(texts, texts)
def test_what_is_sealed_opens(text: bytes, bound: bytes) -> None:
    sealed = VAULT.seal(HERE, text, bound)
    assert len(sealed) == len(text) + OVERHEAD
    assert VAULT.open(HERE, sealed, bound) == text
    assert len(text) < 8 or text not in sealed


@given(st.binary(min_size=1, max_size=50), st.data())
def test_any_changed_bit_is_seen(text: bytes, data: st.DataObject) -> None:
    sealed = bytearray(VAULT.seal(HERE, text, b"place"))
    bit = data.draw(st.integers(0, 8 * len(sealed) - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BrokenSealError):
        VAULT.open(HERE, bytes(sealed), b"place")


@given(texts, st.data())
def test_what_is_cut_or_longer_does_not_open(text: bytes, data: st.DataObject) -> None:
    sealed = VAULT.seal(HERE, text, b"place")
    cut = data.draw(st.integers(0, len(sealed) - 1))
    for other in (sealed[:cut], sealed[cut + 1 :], sealed + b"\0"):
        with pytest.raises(BrokenSealError):
            VAULT.open(HERE, other, b"place")


@pytest.mark.parametrize(
    ("vault", "scope", "bound"),
    [
        (KeyVault(b"\1" * 32), HERE, b"place"),
        (VAULT, Scope(b"conversation", 2), b"place"),
        (VAULT, Scope(b"conversation", 1, 1), b"place"),
        (VAULT, Scope(b"body", 1), b"place"),
        (VAULT, HERE, b"plac"),
        (VAULT, HERE, b""),
    ],
)
def test_only_with_the_same_key_and_place(vault: KeyVault, scope: Scope, bound: bytes) -> None:
    sealed = VAULT.seal(HERE, b"text", b"place")
    with pytest.raises(BrokenSealError):
        vault.open(scope, sealed, bound)


def test_a_nonce_is_never_used_twice() -> None:
    assert len({VAULT.seal(HERE, b"the same", b"")[1:13] for _ in range(10_000)}) == 10_000


def test_a_conversation_gets_a_new_key_long_before_its_nonces_run_out() -> None:
    message = Message(1 << 30, 1, 1, 1, "Ann", b"\1" * 16, NOW, b"text", 4)
    old = Scope(b"conversation", 1)
    bound = seals._message_bound(message)
    with pytest.raises(BrokenSealError):
        VAULT.open(old, seal_message(VAULT, message), bound)
    assert VAULT.open(Scope(b"conversation", 1, 1), seal_message(VAULT, message), bound) == b"text"


def test_the_root_key_opens_with_its_master_key_only() -> None:
    root, master = new_key(), new_key()
    wrapped = wrap(master, root)
    assert unwrap(master, wrapped) == root
    assert root not in wrapped
    with pytest.raises(BrokenSealError):
        unwrap(new_key(), wrapped)


# ---- rows


@pytest.fixture(autouse=True)
def nothing_reported() -> Iterator[None]:
    """Let each test see its own reports: a row is reported once."""
    seals._report.cache_clear()
    yield
    seals._report.cache_clear()


async def change(stores: Stores, table: Table, number: int, **values: Any) -> None:
    """Write into a row past the statements."""

    def write(connection: Connection) -> None:
        connection.execute(update(table).where(table.c.id == number).values(values))

    await run(stores, write)


async def column(stores: Stores, table: Table, number: int, name: str) -> bytes:
    """Return what a row really holds."""

    def read(connection: Connection) -> bytes:
        return bytes(connection.execute(select(table.c[name]).filter_by(id=number)).scalar_one())

    return await run(stores, read)


async def test_two_texts_that_changed_places(stores: Stores) -> None:
    """Both are unreadable, the others are there, and the log says which."""
    ann, bob = await user(stores), await user(stores, "Bob")
    await say(stores, ann, "I pay", "between")
    await say(stores, bob, "I owe")
    one, three = [await column(stores, messages, number, "body") for number in (1, 3)]
    await change(stores, messages, 1, body=three)
    await change(stores, messages, 3, body=one)
    with capture_logs() as logs:
        found = await stores.messages.GetAll(GENERAL_ID)
        await stores.messages.GetAll(GENERAL_ID)
    assert [message.body for message in found] == [UNREADABLE, b"between", UNREADABLE]
    assert [message.size for message in found] == [len(message.body) for message in found]
    assert [(one["event"], one["place"]) for one in logs] == [
        ("storage.unreadable", (1,)),
        ("storage.unreadable", (3,)),
    ]


@pytest.mark.parametrize(
    "values",
    [
        {"sender_name": "Bob"},
        {"sender_id": 2},
        {"sent_at": NOW - 1},
        {"seq": 77},
        {"uuid": b"\7" * 16},
        {"size": 4},
        {"body_id": 1},
        {"target_id": 2},
        {"file_id": 1},
        {"due_at": NOW},
        {"conversation_id": 2},
        {"kind": "file"},
        {"kind": "edit"},
        {"body": b""},
        {"body": b"hello"},
        {"body": b"\1" * 40},
    ],
    ids=lambda values: "{}={}".format(*next(iter(values.items()))),
)
async def test_who_said_what_when_and_where_is_bound(
    stores: Stores, values: dict[str, Any]
) -> None:
    """Nothing of such a row leads to a file or a long text that belongs to others."""
    ann, bob = await user(stores), await user(stores, "Bob")
    await stores.conversations.ensure_direct(ann.id, bob.id, NOW)
    await add_file(stores, bob, "secret.txt", 3, await stores.bodies.create(NOW))
    [saved] = await say(stores, ann, "hello")
    await say(stores, ann, "other")
    await change(stores, messages, saved.message.id, **values)
    found = await stores.messages.Get(saved.message.id)
    assert found is not None
    assert found.body == UNREADABLE
    assert (found.body_id, found.file_id, found.file) == (None, None, None)


async def test_an_edited_and_a_deleted_message(stores: Stores) -> None:
    """What an edit brought is sealed for the row of its target; deleted ones are empty."""
    ann = await user(stores)
    await say(stores, ann, "first", "second")
    await save(stores, [new(ann, "edited", kind="edit", target_id=1)])
    await save(stores, [new(ann, "", kind="delete", target_id=2)])
    found = await stores.messages.GetAll(GENERAL_ID)
    assert [message.body for message in found] == [b"edited", b"", b"edited", b""]
    assert await column(stores, messages, 2, "body") == b""
    entry = await column(stores, messages, 3, "body")
    await change(stores, messages, 1, body=entry)
    one = await stores.messages.Get(1)
    assert one is not None
    assert one.body == UNREADABLE


async def test_a_comment_on_what_cannot_be_read(stores: Stores) -> None:
    ann = await user(stores)
    await say(stores, ann, "first")
    await save(stores, [new(ann, "why?", target_id=1)])
    await change(stores, messages, 1, body=b"?")
    [comment] = await stores.messages.GetAll(GENERAL_ID, after=1)
    assert comment.body == b"why?"
    assert comment.quote is not None
    assert comment.quote.text == UNREADABLE[:QUOTED]


async def long_text(stores: Stores, sender: User, *parts: bytes) -> int:
    """Store a text in chunks; return the body's id."""
    body_id = await stores.bodies.create(NOW)
    start = 0
    for part in parts:
        await stores.bodies.append(body_id, start, part)
        start += len(part)
    return body_id


async def test_chunks_that_changed_places(stores: Stores) -> None:
    """In one text, or from another's: what is in their place is as long, and a text."""
    ann = await user(stores)
    parts = (b"a" * 500, b"b" * 500, b"c" * 500)
    mine, other = await long_text(stores, ann, *parts), await long_text(stores, ann, *parts)

    def swap(connection: Connection) -> None:
        def chunk(body: int, start: int) -> Any:
            return (body_chunks.c.body_id == body) & (body_chunks.c.start == start)

        def data(body: int, start: int) -> Any:
            return connection.execute(select(body_chunks.c.data).where(chunk(body, start))).scalar()

        for body, start, source in ((mine, 0, data(other, 0)), (mine, 500, data(mine, 1000))):
            connection.execute(update(body_chunks).where(chunk(body, start)).values(data=source))

    await run(stores, swap)
    text = await stores.bodies.read(mine, 0, 10_000)
    assert len(text) == 1500
    assert text.decode().startswith(UNREADABLE.decode())
    assert text[500:].decode().startswith(UNREADABLE.decode())
    assert text[1000:] == parts[2]
    assert b"a" * 9 not in text
    assert await stores.bodies.read(other, 0, 10_000) == b"".join(parts)


async def test_a_file_whose_content_is_anothers(stores: Stores) -> None:
    """It has no content then, and no hash that anything fits."""
    ann, bob = await user(stores), await user(stores, "Bob")
    secret = await add_file(stores, bob, "secret.txt", 3, await long_text(stores, bob, b"abc"))
    bait = await add_file(stores, ann, "bait.txt", 3, await long_text(stores, ann, b"xyz"))
    stolen = await stores.files.get(secret)
    assert stolen is not None
    await change(stores, files, bait, body_id=stolen.body_id)
    file = await stores.files.get(bait)
    assert file is not None
    assert (file.name, file.size, file.body_id, file.sha256) == (UNREADABLE, 0, None, bytes(32))


async def test_files_that_changed_names(stores: Stores) -> None:
    ann = await user(stores)
    one = await add_file(stores, ann, "one.txt", 3)
    two = await add_file(stores, ann, "two.txt", 3)
    await change(stores, files, one, name=await column(stores, files, two, "name"))
    await save(stores, [replace(new(ann, "look", kind="file"), file_id=one)])
    [listed] = await stores.files.of_conversation(GENERAL_ID, before=None, limit=9)
    assert listed.name == UNREADABLE
    [shown] = await stores.messages.GetAll(GENERAL_ID)
    assert shown.file is not None
    assert (shown.body, shown.file.name) == (b"look", UNREADABLE)


async def test_rooms_topics_and_titles(stores: Stores) -> None:
    ann = await user(stores)
    den, _ = await stores.rooms.make("r:1", "The den", ann.id, NOW, private=True)
    lab, _ = await stores.rooms.make("r:2", "The lab", ann.id, NOW, private=True)
    for room in (den, lab):
        await stores.rooms.set_topic(room.id, f"about {room.title}")
    found = await stores.conversations.get(den.id)
    assert found is not None
    assert (found.title, found.topic) == ("The den", "about The den")
    for name in ("topic", "sealed_title"):
        stored = await column(stores, conversations, lab.id, name)
        assert b"lab" not in stored
        await change(stores, conversations, den.id, **{name: stored})
    found = await stores.conversations.get(den.id)
    assert found is not None
    assert found.title == found.topic == UNREADABLE.decode()


async def test_scheduled_messages_and_complaints(stores: Stores) -> None:
    ann, bob = await user(stores), await user(stores, "Bob")
    for number, who in enumerate((ann, bob)):
        later = NewScheduled(who.id, GENERAL_ID, b"later", NOW + number, NOW, uuid4().bytes)
        await stores.schedule.add(later, most=9)
        complaint = NewComplaint(who.id, f"user:{who.id}", who.id, b"spam", NOW)
        await stores.moderation.complain(complaint, 0, 1, NOW + 9)
    for table, name in ((scheduled, "body"), (complaints, "reason")):
        await change(stores, table, 1, **{name: await column(stores, table, 2, name)})
    due = await stores.schedule.due(NOW + 9, 9)
    assert [one.scheduled.body for one in due] == [UNREADABLE, b"later"]
    assert {one.reason for one in await stores.moderation.blocks(NOW)} == {UNREADABLE, b"spam"}


async def test_nothing_is_stored_as_it_was_written(stores: Stores) -> None:
    """Neither is the SHA-256 of a file, by which known ones could be found."""
    ann = await user(stores)
    await say(stores, ann, "hello")
    assert b"hello" not in await column(stores, messages, 1, "body")
    made = NewFile(ann.id, uuid4().bytes, b"name.txt", 3, b"\5" * 32, NOW)
    file = await stores.files.add(made, await stores.bodies.create(NOW))
    for name, plain in (("name", b"name"), ("sha256", b"\5" * 8)):
        assert plain not in await column(stores, files, file.id, name)
    assert await stores.files.get(file.id) == file
