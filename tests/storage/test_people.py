"""Users, conversations and markers, the same for every database."""

from __future__ import annotations

from functools import partial

import pytest
import trio
from sqlalchemy import Connection, update

from storage import GENERAL_ID, Conversation, Marker, Membership, Stores, User, Visitor
from storage.people_statements import TooManySilentError
from storage.schema import conversations, members, users
from storage.seals import seal_title, seal_topic, vault_of
from tests.storage.helpers import NOW, ensure, memberships, new, run, save, say, user


async def test_a_new_user(stores: Stores) -> None:
    made = await ensure(stores, "Ånn 🦊", "ånn 🦊")
    assert made == User(made.id, "Ånn 🦊", "ånn 🦊", NOW)
    assert await stores.accounts.find("ånn 🦊") == made


async def test_a_user_is_made_once(stores: Stores) -> None:
    made = await ensure(stores, "Ann", "ann")
    assert await ensure(stores, "ANN", "ann", NOW + 1) == made


@pytest.mark.parametrize("key", ["ann ", "Ann", "änn", "ann\0", "ａｎｎ", "an", "annn", ""])
async def test_keys_differ_byte_by_byte(stores: Stores, key: str) -> None:
    ann = await ensure(stores, "Ann", "ann")
    assert await stores.accounts.find(key) is None
    other = await ensure(stores, "Other", key)
    assert other.id != ann.id
    assert await stores.accounts.find(key) == other
    assert await stores.accounts.find("ann") == ann


async def test_a_new_user_has_heard_all_that_was_said_before(stores: Stores) -> None:
    ann = await user(stores)
    await say(stores, ann, "a", "b", "c")
    bob = await user(stores, "Bob")
    general = Conversation(GENERAL_ID, "general", "general", 3)
    assert await memberships(stores, bob.id) == [Membership(general, bob.id, 3, read_seq=3)]
    assert await memberships(stores, ann.id) == [Membership(general, ann.id, 0)]


async def test_a_user_is_made_once_by_many_at_once(stores: Stores) -> None:
    made: list[User] = []

    async def enter(name: str) -> None:
        made.append(await ensure(stores, name, "ann"))

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(enter, f"Ann {number}")
    assert len({one.id for one in made}) == 1
    assert len(set(made)) == 1
    assert len(await memberships(stores, made[0].id)) == 1


async def test_many_come_at_once(stores: Stores) -> None:
    """New ones, known ones and one twice, in one transaction."""
    ann = await user(stores)
    visitors = [Visitor("Bob", "bob"), Visitor("ANN", "ann"), Visitor("BOB", "bob")]
    visitors += [Visitor(f"User {number}", f"user {number}") for number in range(1500)]
    came = await stores.accounts.ensure(visitors, NOW)
    made = [one for one in came if isinstance(one, User)]
    assert [one.name for one in made[:3]] == ["Bob", "Ann", "Bob"]
    assert made[0] == made[2]
    assert made[1] == ann
    assert len({one.id for one in made}) == 1502
    found = await stores.conversations.memberships([one.id for one in made])
    assert [[one.user_id for one in each] for each in found] == [[one.id] for one in made]


async def test_what_else_is_known_of_a_user(stores: Stores) -> None:
    await user(stores)

    def register(connection: Connection) -> None:
        connection.execute(update(users).values(registered_at=NOW, blocked_until=NOW + 1))

    await run(stores, register)
    ann = User(1, "Ann", "ann", NOW, True, NOW + 1)
    assert await stores.accounts.find("ann") == await user(stores) == ann
    bob = await user(stores, "Bob")
    assert (bob.registered, bob.blocked_until) == (False, 0)
    await stores.conversations.ensure_direct(ann.id, bob.id, NOW)
    assert (await memberships(stores, ann.id))[1].peer == bob


async def test_what_else_is_known_of_a_conversation(stores: Stores) -> None:
    ann = await user(stores)

    def decorate(connection: Connection) -> None:
        vault = vault_of(connection)
        topic, title = seal_topic(vault, GENERAL_ID, "Чай"), seal_title(vault, GENERAL_ID, "Tea 🍵")
        values = {"sealed_title": title, "topic": topic, "private": 1}
        connection.execute(update(conversations).values(values))
        connection.execute(update(members).values(role="owner"))

    await run(stores, decorate)
    tea = Conversation(GENERAL_ID, "general", "general", 0, "Tea 🍵", "Чай", True)
    assert await stores.conversations.get(GENERAL_ID) == tea
    assert await memberships(stores, ann.id) == [Membership(tea, ann.id, 0, role="owner")]


async def test_no_such_conversation(stores: Stores) -> None:
    assert await stores.conversations.get(4711) is None
    assert await memberships(stores, 4711) == []


async def test_a_direct_conversation(stores: Stores) -> None:
    ann, bob = await user(stores), await user(stores, "Bob")
    made = await stores.conversations.ensure_direct(bob.id, ann.id, NOW)
    assert made == Conversation(made.id, "direct", f"direct:{ann.id}:{bob.id}", 0)
    assert await stores.conversations.get(made.id) == made
    assert await stores.conversations.ensure_direct(ann.id, bob.id, NOW) == made
    await save(stores, [new(ann, conversation_id=made.id)])
    later = await stores.conversations.ensure_direct(bob.id, ann.id, NOW)
    assert later == Conversation(made.id, "direct", made.key, 1)


async def test_memberships_in_order_with_the_peers(stores: Stores) -> None:
    ann, bob, eve = [await user(stores, name) for name in ("Ann", "Bob", "Eve")]
    with_eve = await stores.conversations.ensure_direct(ann.id, eve.id, NOW)
    with_bob = await stores.conversations.ensure_direct(ann.id, bob.id, NOW)
    alone = await stores.conversations.ensure_direct(ann.id, ann.id, NOW)
    with_both = await stores.conversations.ensure_direct(bob.id, eve.id, NOW)
    general = await stores.conversations.get(GENERAL_ID)
    assert general is not None
    assert await memberships(stores, ann.id) == [
        Membership(general, ann.id, 0),
        Membership(with_eve, ann.id, 0, eve),
        Membership(with_bob, ann.id, 0, bob),
        Membership(alone, ann.id, 0),
    ]
    assert await memberships(stores, bob.id) == [
        Membership(general, bob.id, 0),
        Membership(with_both, bob.id, 0, eve),
    ]


async def test_a_silent_conversation_is_there_for_who_opened_it(stores: Stores) -> None:
    """For the other one from the first message on; asked for by its number it is found."""
    ann, bob = await user(stores), await user(stores, "Bob")
    direct = await stores.conversations.ensure_direct(ann.id, bob.id, NOW)
    assert await stores.conversations.ensure_direct(bob.id, ann.id, NOW) == direct
    assert [len(await memberships(stores, one.id)) for one in (ann, bob)] == [2, 1]
    assert await stores.conversations.membership(bob.id, direct.id) == Membership(
        direct, bob.id, 0, ann
    )
    assert await stores.conversations.membership(bob.id, 4711) is None
    assert await stores.conversations.pair(direct.id) == (direct, [ann, bob])
    assert await stores.conversations.pair(GENERAL_ID) is None
    await save(stores, [new(ann, conversation_id=direct.id)])
    for one, unread in ((ann, 0), (bob, 1)):
        [_, found] = await memberships(stores, one.id)
        assert found == await stores.conversations.membership(one.id, direct.id)
        assert found.unread == unread


async def test_nobody_opens_many_conversations_silently(stores: Stores) -> None:
    """Those in which something was said, those of others and those there are do not count."""
    ann, bob, eve, dan = [await user(stores, name) for name in ("Ann", "Bob", "Eve", "Dan")]
    ensure = partial(stores.conversations.ensure_direct, silent=1)
    await ensure(bob.id, ann.id, NOW)
    first = await ensure(ann.id, eve.id, NOW)
    with pytest.raises(TooManySilentError):
        await ensure(ann.id, dan.id, NOW)
    assert await ensure(ann.id, eve.id, NOW) == first
    await save(stores, [new(eve, conversation_id=first.id)])
    await ensure(ann.id, dan.id, NOW)


async def test_a_direct_conversation_with_nobody(stores: Stores) -> None:
    ann = await user(stores)
    with pytest.raises(KeyError):
        await stores.conversations.ensure_direct(ann.id, 4711, NOW)
    assert len(await memberships(stores, ann.id)) == 1


async def test_a_direct_conversation_is_made_once_by_many_at_once(stores: Stores) -> None:
    ann, bob = await user(stores), await user(stores, "Bob")
    made: set[int] = set()

    async def ensure(one: int, other: int) -> None:
        made.add((await stores.conversations.ensure_direct(one, other, NOW)).id)

    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(ensure, ann.id, bob.id)
            nursery.start_soon(ensure, bob.id, ann.id)
    [number] = made
    for one in (ann, bob):
        assert await stores.conversations.membership(one.id, number) is not None


async def test_markers_only_move_forward(stores: Stores) -> None:
    ann, bob = await user(stores), await user(stores, "Bob")
    await say(stores, ann, *"abcdef")
    direct = await stores.conversations.ensure_direct(ann.id, bob.id, NOW)
    await save(stores, [new(ann, conversation_id=direct.id)])

    async def move(*markers: tuple[int, User, int]) -> list[tuple[int, int]]:
        await stores.conversations.move_markers(
            [Marker(conversation, who.id, seq) for conversation, who, seq in markers]
        )
        return [
            (one.user_id, one.delivered_seq)
            for who in (ann, bob)
            for one in await memberships(stores, who.id)
        ]

    a, b = ann.id, bob.id
    assert await move((GENERAL_ID, ann, 4)) == [(a, 4), (a, 0), (b, 0), (b, 0)]
    assert await move((GENERAL_ID, ann, 3)) == [(a, 4), (a, 0), (b, 0), (b, 0)]
    assert await move(
        (GENERAL_ID, ann, 5), (GENERAL_ID, bob, 5), (direct.id, bob, 1), (GENERAL_ID, ann, 2)
    ) == [(a, 5), (a, 0), (b, 5), (b, 1)]
    assert await move() == [(a, 5), (a, 0), (b, 5), (b, 1)]
    assert await move((4711, ann, 6), (GENERAL_ID, bob, 6)) == [(a, 5), (a, 0), (b, 6), (b, 1)]


async def test_each_marker_moves_for_itself(stores: Stores) -> None:
    """What was delivered and what was read; the further one of several counts."""
    ann, bob = await user(stores), await user(stores, "Bob")

    async def move(*markers: tuple[User, int, int]) -> list[tuple[int, int]]:
        await stores.conversations.move_markers(
            [Marker(GENERAL_ID, who.id, delivered, read) for who, delivered, read in markers]
        )
        found = [await memberships(stores, who.id) for who in (ann, bob)]
        return [(general.delivered_seq, general.read_seq) for [general] in found]

    assert await move((ann, 4, 2)) == [(4, 2), (0, 0)]
    assert await move((ann, 3, 3)) == [(4, 3), (0, 0)]
    assert await move((ann, 5, 1)) == [(5, 3), (0, 0)]
    assert await move((ann, 0, 4), (bob, 5, 0)) == [(5, 4), (5, 0)]
    assert await move((bob, 7, 1), (bob, 6, 2), (ann, 7, 2)) == [(7, 4), (7, 2)]


async def test_a_thousand_markers_at_once(stores: Stores) -> None:
    users = [await user(stores, f"user {number}") for number in range(60)]
    everywhere = [Marker(GENERAL_ID, one.id, 7) for one in users]
    unknown = [Marker(GENERAL_ID, 10_000 + number, 7) for number in range(2500)]
    await stores.conversations.move_markers(everywhere + unknown)
    for one in users:
        [membership] = await memberships(stores, one.id)
        assert membership.delivered_seq == 7


async def test_markers_moved_by_many_at_once(stores: Stores) -> None:
    users = [await user(stores, f"user {number}") for number in range(5)]

    async def move(seq: int) -> None:
        ones = users if seq % 2 else users[::-1]
        await stores.conversations.move_markers([Marker(GENERAL_ID, u.id, seq) for u in ones])

    async with trio.open_nursery() as nursery:
        for seq in range(30):
            nursery.start_soon(move, seq)
    for one in users:
        [membership] = await memberships(stores, one.id)
        assert membership.delivered_seq == 29
