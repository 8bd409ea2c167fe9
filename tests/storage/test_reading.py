"""What is unread: counted from the messages themselves (S000-8, S002-7)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection

from protocol.limits import MAX_UNREAD
from storage import GENERAL_ID, Marker, Stores, User, reading_statements
from storage.driver import prepared
from storage.reading_statements import UNREAD_CAP
from storage.records import Had, Reader, Standing
from storage.room_records import Limits
from tests.storage.helpers import NOW, memberships, new, run, save, say, user


async def _unread(stores: Stores, *readers: tuple[User, int, int]) -> list[int]:
    """Return what is unread in the general chat for users who have read up to somewhere."""
    asked = [Reader(one.id, GENERAL_ID, read, last) for one, read, last in readers]
    return await stores.reading.unread(asked)


async def test_only_what_others_said_counts(stores: Stores) -> None:
    """S000-8: texts and files; not what happened, was taken back, or one said oneself."""
    ann, bob = await user(stores), await user(stores, "Bob")
    await say(stores, bob, "1", "2")
    await say(stores, ann, "3")
    await save(stores, [new(bob, kind="file"), new(bob, kind="join"), new(bob, kind="topic")])
    await save(stores, [new(bob, "new", kind="edit", target_id=1)])
    assert await _unread(stores, (ann, 0, 7)) == [3]
    assert await _unread(stores, (ann, 0, 7), (bob, 0, 7)) == [3, 1]
    assert await _unread(stores, (ann, 1, 7), (bob, 2, 7), (ann, 7, 7)) == [2, 1, 0]
    await save(stores, [new(bob, kind="delete", target_id=2)])
    assert await _unread(stores, (ann, 0, 8)) == [2]


async def test_what_came_later_does_not_count(stores: Stores) -> None:
    """A client is told of that separately, so it must not be in both."""
    ann, bob = await user(stores), await user(stores, "Bob")
    await say(stores, bob, *"12345")
    assert await _unread(stores, (ann, 1, 3)) == [2]
    assert await _unread(stores, (ann, 1, 3), (bob, 0, 5), (ann, 0, 4)) == [2, 0, 4]
    assert await stores.reading.unread([]) == []


async def test_many_conversations_at_once(stores: Stores) -> None:
    """More than one statement counts, each in its own conversation."""
    ann = await user(stores)
    readers, expected = [], []
    for number in range(40):
        friend = await user(stores, f"Friend{number}")
        conversation = await stores.conversations.ensure_direct(ann.id, friend.id, NOW)
        texts = [new(friend, conversation_id=conversation.id) for _ in range(number % 4)]
        await save(stores, texts)
        readers.append(Reader(ann.id, conversation.id, 0, len(texts)))
        expected.append(len(texts))
    assert await stores.reading.unread(readers) == expected
    found = await memberships(stores, ann.id)
    assert [one.unread for one in found] == [0, *expected]


async def test_a_login_is_told_what_is_unread(stores: Stores) -> None:
    """S002-7: for a group of users at once, behind each one's own marker."""
    ann, bob, cid = [await user(stores, name) for name in ("Ann", "Bob", "Cid")]
    await say(stores, ann, *"12345")
    await say(stores, bob, "6")
    await stores.conversations.move_markers([Marker(GENERAL_ID, bob.id, 4, 2)])
    found = await stores.conversations.memberships([ann.id, bob.id, cid.id])
    assert [general.unread for [general] in found] == [1, 3, 6]
    assert [general.read_seq for [general] in found] == [0, 2, 0]


async def test_who_is_far_behind(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the newest entries are looked at; the number told is never too high."""
    monkeypatch.setattr("storage.reading_statements.UNREAD_CAP", 10)
    ann, bob = await user(stores), await user(stores, "Bob")
    await say(stores, bob, *map(str, range(20)))
    assert await _unread(stores, (ann, 0, 20)) == [10]
    assert await _unread(stores, (ann, 0, 20), (ann, 15, 20), (bob, 0, 20)) == [10, 5, 0]
    await save(stores, [new(bob, kind="join")])
    assert await _unread(stores, (ann, 0, 21)) == [9]


def test_both_ends_agree_on_the_highest_number() -> None:
    """S000-8: beyond it people see 1000+."""
    assert UNREAD_CAP == MAX_UNREAD


async def test_standings_have_the_higher_of_both_markers(stores: Stores) -> None:
    """S002-17: what is written, and what is about to be."""
    ann, bob = await user(stores), await user(stores, "Bob")
    await say(stores, bob, *"12345")
    await stores.conversations.move_markers([Marker(GENERAL_ID, ann.id, 3, 2)])
    assert await stores.reading.standings(
        [
            Marker(GENERAL_ID, ann.id, 0),
            Marker(GENERAL_ID, ann.id, 4, 1),
            Marker(GENERAL_ID, ann.id, 4, 5),
            Marker(GENERAL_ID, bob.id, 1),
            Marker(77, ann.id, 1),
            Marker(GENERAL_ID, 77, 1),
        ],
        {},
    ) == [
        Standing(3, 2, 5, 3),
        Standing(4, 2, 5, 3),
        Standing(5, 5, 5, 0),
        Standing(1, 0, 5, 0),
        None,
        None,
    ]


async def test_what_has_expired_is_read(stores: Stores) -> None:
    """S002-15: but not what somebody has not had."""
    ann, bob = await user(stores), await user(stores, "Bob")
    await say(stores, bob, *"12345")
    await stores.conversations.move_markers([Marker(GENERAL_ID, ann.id, 3, 1)])
    found = await stores.reading.standings([Marker(GENERAL_ID, ann.id, 0)], {GENERAL_ID: 2})
    assert found == [Standing(3, 2, 5, 3)]
    found = await stores.reading.standings([Marker(GENERAL_ID, ann.id, 0)], {GENERAL_ID: 5})
    assert found == [Standing(3, 3, 5, 2)]


async def test_a_message_of_a_stranger_kind_is_nothing_said(stores: Stores) -> None:
    """A kind that a newer server stored is not counted."""
    ann, bob = await user(stores), await user(stores, "Bob")
    [saved] = await save(stores, [new(bob, kind="poll")])
    assert await _unread(stores, (ann, 0, 1)) == [0]
    assert saved.message == await stores.messages.Get(saved.message.id)


async def test_standings_look_at_nobody_else(stores: Stores) -> None:
    """Not at all of some users in all of some conversations, which may be thousand times more."""
    people = [await user(stores, f"user{number}") for number in range(40)]
    room, _ = await stores.rooms.make("room:dev", "dev", people[0].id, NOW)
    for who in people:
        await stores.rooms.enter(room.id, who.id, NOW, Limits(members=100, rooms=9))
    wanted = [(room.id, people[0]), (4711, people[0])]
    wanted += [(GENERAL_ID, who) for who in people[1:]]
    standings = await stores.reading.standings(
        [Marker(place, who.id, 0) for place, who in wanted], {}
    )
    assert [one is not None for one in standings] == [True, False] + [True] * 39

    def rows(connection: Connection) -> int:
        values = {"conversation0": room.id, "user0": people[0].id}
        values |= {"conversation1": GENERAL_ID, "user1": people[1].id}
        return len(
            prepared(reading_statements._seats, 2, connection.dialect).execute(connection, values)
        )

    assert await run(stores, rows) == 2


async def test_only_rooms(stores: Stores) -> None:
    """With what is unread there; whatever else one is in."""
    ann, bob = await user(stores), await user(stores, "Bob")
    direct = await stores.conversations.ensure_direct(bob.id, ann.id, NOW)
    room, _ = await stores.rooms.make("room:dev", "dev", bob.id, NOW)
    for who in (bob, ann):
        await stores.rooms.enter(room.id, who.id, NOW, Limits(members=9, rooms=9))
    await save(stores, [new(bob, conversation_id=place.id) for place in (direct, room)])
    [one] = await stores.conversations.rooms(ann.id)
    assert one == (await memberships(stores, ann.id))[-1]
    assert (one.conversation.title, one.unread) == ("dev", 1)


async def test_who_has_had_a_message(stores: Stores) -> None:
    """Issue 6.5: those who were there, but the sender; who has read furthest comes first."""
    ann, bob, cid = [await user(stores, name) for name in ("Ann", "Bob", "Cid")]
    message = (await save(stores, [new(ann)]))[0].message
    after = replace(message, sent_at=NOW + 60_000_000)
    move = stores.conversations.move_markers
    await move([Marker(GENERAL_ID, cid.id, 1, 0), Marker(GENERAL_ID, bob.id, 1, 1)])
    assert await stores.reading.readers(after, None, 5) == [Had("Bob", 1, 1), Had("Cid", 1, 0)]
    assert await stores.reading.readers(after, None, 1) == [Had("Bob", 1, 1)]
    assert await stores.reading.readers(after, cid.id, 5) == [Had("Cid", 1, 0)]
    assert await stores.reading.readers(after, ann.id, 5) == []
    before = replace(message, sent_at=0)
    assert await stores.reading.readers(before, None, 5) == [], "they came later"
