"""Saving messages and reading them again, the same for every database."""

from __future__ import annotations

from uuid import uuid4

import pytest
import trio
from msgspec.structs import asdict, replace
from sqlalchemy.exc import IntegrityError

from storage import GENERAL_ID, Message, Saved, Stores, open_stores
from storage.schema import messages as messages_table
from tests.keys import KEY
from tests.storage.helpers import NOW, new, save, say, user


def texts(found: list[Message]) -> list[str]:
    """Return what the messages say."""
    return [message.body.decode() for message in found]


async def test_a_saved_message_is_returned_whole(stores: Stores) -> None:
    ann = await user(stores)
    message = new(ann)
    [saved] = await save(stores, [message])
    assert not saved.duplicate
    assert asdict(saved.message) == asdict(message) | {"id": 1, "seq": 1, "edited_at": None}
    assert await stores.messages.Get(1) == saved.message
    assert await stores.messages.GetAll(GENERAL_ID) == [saved.message]


async def test_ids_and_seqs_rise_in_the_order_given(stores: Stores) -> None:
    ann, bob = await user(stores), await user(stores, "Bob")
    direct = await stores.conversations.ensure_direct(ann.id, bob.id, NOW)
    first = await save(
        stores,
        [
            new(ann, "a"),
            new(ann, "b", conversation_id=direct.id),
            new(bob, "c"),
            new(bob, "d", conversation_id=direct.id),
        ],
    )
    second = await say(stores, ann, "e")
    stored = [(saved.message.id, saved.message.seq) for saved in first + second]
    assert stored == [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3)]
    assert texts(await stores.messages.GetAll(GENERAL_ID)) == ["a", "c", "e"]
    assert texts(await stores.messages.GetAll(direct.id)) == ["b", "d"]
    general = await stores.conversations.get(GENERAL_ID)
    assert general is not None
    assert general.last_seq == 3


async def test_many_conversations_in_one_call(stores: Stores) -> None:
    ann = await user(stores)
    peers = [await user(stores, f"peer {number}") for number in range(5)]
    rooms = [(await stores.conversations.ensure_direct(ann.id, one.id, NOW)).id for one in peers]
    # One message to the first, two to the second, and so on: each counts for itself.
    batch = [
        new(ann, conversation_id=room) for place, room in enumerate(rooms) for _ in range(place + 1)
    ]
    await save(stores, batch)
    await save(stores, [new(ann, conversation_id=room) for room in rooms])
    found = [await stores.conversations.get(room) for room in rooms]
    assert [one.last_seq for one in found if one] == [2, 3, 4, 5, 6]
    for room in rooms:
        seqs = [message.seq for message in await stores.messages.GetAll(room)]
        assert seqs == list(range(1, len(seqs) + 1))


async def test_nothing_to_save(stores: Stores) -> None:
    assert await stores.messages.SaveMsg([]) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "👩‍👩‍👧‍👦 🏴󠁧󠁢󠁳󠁣󠁴󠁿 𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
        "nul \0 and a quote ' and \" and a backslash \\ and a percent %s %(a)s \x1a",
        "ends with a blank ",
        "x" * (1024 * 1024),
        "'\\" * (512 * 1024),  # what doubles when it is escaped
    ],
    ids=["empty", "emoji", "specials", "blank", "a MiB", "a MiB of quotes"],
)
async def test_any_text_comes_back(stores: Stores, text: str) -> None:
    ann = await user(stores)
    await say(stores, ann, text)
    [message] = await stores.messages.GetAll(GENERAL_ID)
    assert message.body == text.encode()
    assert message.size == len(text.encode())


async def test_bytes_that_are_no_text_come_back(stores: Stores) -> None:
    ann = await user(stores)
    body = bytes(range(256)) * 3
    message = replace(
        new(ann, uuid=b"\\'\0\x1a%s\xff\xfe\x00\x00\x00\x00\x00\x00\x00\x00"), body=body
    )
    await save(stores, [message])
    [found] = await stores.messages.GetAll(GENERAL_ID)
    assert (found.body, found.uuid) == (body, message.uuid)


async def test_a_sender_keeps_the_name_of_that_time(stores: Stores) -> None:
    ann = await user(stores)
    await save(stores, [replace(new(ann), sender_name="Ann 🦊 ")])
    [found] = await stores.messages.GetAll(GENERAL_ID)
    assert found.sender_name == "Ann 🦊 "


async def test_a_repetition_returns_the_first(stores: Stores) -> None:
    ann = await user(stores)
    message = new(ann, "once")
    [first] = await save(stores, [message])
    [again] = await save(stores, [replace(message, body=b"other", sent_at=NOW + 1)])
    assert again == Saved(first.message, True)
    assert texts(await stores.messages.GetAll(GENERAL_ID)) == ["once"]


async def test_repetitions_among_new_ones(stores: Stores) -> None:
    ann, bob = await user(stores), await user(stores, "Bob")
    old = new(ann, "old")
    [stored] = await save(stores, [old])
    twice = new(bob, "twice")
    saved = await save(stores, [new(ann, "a"), old, twice, new(ann, "b"), twice, old])
    assert [one.duplicate for one in saved] == [False, True, False, False, True, True]
    assert saved[1].message == saved[5].message == stored.message
    assert saved[4].message == saved[2].message
    assert [one.message.id for one in saved] == [2, 1, 3, 4, 3, 1]
    assert texts(await stores.messages.GetAll(GENERAL_ID)) == ["old", "a", "twice", "b"]
    [next_one] = await say(stores, ann, "next")
    assert (next_one.message.id, next_one.message.seq) == (5, 5)


async def test_only_repetitions(stores: Stores) -> None:
    ann = await user(stores)
    batch = [new(ann, str(number)) for number in range(3)]
    first = await save(stores, batch)
    again = await save(stores, batch[::-1])
    assert again == [Saved(one.message, True) for one in first[::-1]]
    assert await stores.messages.GetLastMsgID() == 3


async def test_a_uuid_belongs_to_its_sender(stores: Stores) -> None:
    ann, bob = await user(stores), await user(stores, "Bob")
    uuid = uuid4().bytes
    saved = await save(stores, [new(ann, "a", uuid=uuid), new(bob, "b", uuid=uuid)])
    assert [one.duplicate for one in saved] == [False, False]
    saved = await save(stores, [new(bob, "b", uuid=uuid), new(ann, "c"), new(ann, "a", uuid=uuid)])
    assert [(one.message.id, one.duplicate) for one in saved] == [(2, True), (3, False), (1, True)]


async def test_a_big_repeated_batch(stores: Stores) -> None:
    ann = await user(stores)
    batch = [new(ann, str(number)) for number in range(2500)]
    await save(stores, batch[::2])
    saved = await save(stores, batch)
    assert [one.duplicate for one in saved] == [True, False] * 1250
    assert [one.message.uuid for one in saved] == [one.uuid for one in batch]


async def test_all_or_none(stores: Stores) -> None:
    ann = await user(stores)
    with pytest.raises(KeyError, match="4711"):
        await save(stores, [new(ann), new(ann, conversation_id=4711), new(ann)])
    assert await stores.messages.GetAll(GENERAL_ID) == []
    assert await stores.messages.GetLastMsgID() == 0
    [saved] = await say(stores, ann, "next")
    assert (saved.message.id, saved.message.seq) == (1, 1)


async def test_a_repetition_does_not_hide_a_missing_conversation(stores: Stores) -> None:
    ann = await user(stores)
    message = new(ann)
    await save(stores, [message])
    with pytest.raises(KeyError, match="4711"):
        await save(stores, [message, new(ann), new(ann, conversation_id=4711)])
    assert len(await stores.messages.GetAll(GENERAL_ID)) == 1


async def test_a_sender_nobody_knows(stores: Stores) -> None:
    ann = await user(stores)
    with pytest.raises(IntegrityError) as caught:
        await save(stores, [new(ann), replace(new(ann), sender_id=4711, body=b"secret")])
    assert "secret" not in str(caught.value)  # it will be in the log
    assert await stores.messages.GetAll(GENERAL_ID) == []
    [saved] = await say(stores, ann, "next")
    assert (saved.message.id, saved.message.seq) == (1, 1)


async def test_get_of_nothing(stores: Stores) -> None:
    assert await stores.messages.Get(1) is None
    assert await stores.messages.GetLastMsgID() == 0
    assert await stores.messages.GetAll(GENERAL_ID) == []
    assert await stores.messages.GetAll(GENERAL_ID, limit=10) == []
    assert await stores.messages.GetAll(4711, after=3, before=9, limit=2) == []


async def test_twenty_save_at_once(stores: Stores) -> None:
    users = [await user(stores, f"user {number}") for number in range(20)]
    finished: list[tuple[int, list[Saved]]] = []

    async def talk(number: int) -> None:
        for round_ in range(5):
            batch = [new(users[number], f"{number} {round_} {part}") for part in range(3)]
            finished.append((number, await save(stores, batch)))

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(talk, number)

    found = await stores.messages.GetAll(GENERAL_ID)
    assert [message.seq for message in found] == list(range(1, 301))
    assert [message.id for message in found] == list(range(1, 301))
    assert await stores.messages.GetLastMsgID() == 300
    by_id = {message.id: message for message in found}
    for _, batch in finished:
        first = batch[0].message.id
        assert [one.message.id for one in batch] == [first, first + 1, first + 2]
        assert all(by_id[one.message.id] == one.message for one in batch)
    for number in range(20):
        mine = [batch[0].message.id for who, batch in finished if who == number]
        assert mine == sorted(mine)


async def test_the_same_message_from_many_at_once(stores: Stores) -> None:
    ann = await user(stores)
    message = new(ann)
    results: list[Saved] = []

    async def send() -> None:
        results.extend(await save(stores, [new(ann), message]))

    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(send)
    mine = [saved for saved in results if saved.message.uuid == message.uuid]
    assert len({saved.message.id for saved in mine}) == 1
    assert sum(not saved.duplicate for saved in mine) == 1
    assert [one.seq for one in await stores.messages.GetAll(GENERAL_ID)] == list(range(1, 12))


async def test_everything_is_there_after_reopening(database_url: str) -> None:
    async with open_stores(database_url, keys=KEY) as stores:
        ann = await user(stores)
        saved = await say(stores, ann, "kept", "too")
    async with open_stores(database_url, keys=KEY) as stores:
        assert await stores.messages.GetAll(GENERAL_ID) == [one.message for one in saved]
        assert await stores.accounts.find("ann") == ann
        [more] = await say(stores, ann, "more")
        assert (more.message.id, more.message.seq) == (3, 3)


def test_records_and_table_have_the_same_order() -> None:
    columns = tuple(column.name for column in messages_table.c)
    assert (*columns, "quote", "file") == Message.__struct_fields__
