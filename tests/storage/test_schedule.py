"""Scheduled messages and time zones, the same for every database (S004-25)."""

from __future__ import annotations

from uuid import uuid4

import pytest
import trio
from sqlalchemy.exc import IntegrityError

from storage import GENERAL_ID, Stores, User
from storage.records import QUOTED, NewScheduled, Scheduled
from tests.storage.helpers import NOW, user


def later(who: User, at: int = 0, text: str = "later", uuid: bytes | None = None) -> NewScheduled:
    """Return a message that is due at a time."""
    return NewScheduled(who.id, GENERAL_ID, text.encode(), NOW + at, NOW, uuid or uuid4().bytes)


async def keep(stores: Stores, new: NewScheduled) -> Scheduled:
    """Store it."""
    kept = await stores.schedule.add(new, most=100)
    assert kept is not None
    return kept


async def waiting(stores: Stores, now: int) -> list[str]:
    """Return the texts of what is due."""
    return [one.scheduled.body.decode() for one in await stores.schedule.due(NOW + now, 100)]


async def test_it_is_kept_as_it_is(stores: Stores) -> None:
    ann, bob = await user(stores), await user(stores, "Bob")
    text = "позже 🦊" * 20
    kept = await keep(stores, later(ann, 5, text))
    assert (kept.user_id, kept.conversation_id, kept.due_at) == (ann.id, GENERAL_ID, NOW + 5)
    assert (kept.failure, kept.body) == (None, text.encode()[:QUOTED])
    assert await stores.schedule.of_user(ann.id) == [kept]
    assert await stores.schedule.of_user(bob.id) == []
    [due] = await stores.schedule.due(NOW + 5, 10)
    assert (due.scheduled.body.decode(), due.name_key) == (text, "ann")


async def test_what_is_due_comes_in_its_order(stores: Stores) -> None:
    ann, bob = await user(stores), await user(stores, "Bob")
    assert await stores.schedule.next_due() is None
    for who, at in ((ann, 30), (bob, 10), (ann, 20), (bob, 20)):
        await keep(stores, later(who, at, f"{who.name} {at}"))
    assert await stores.schedule.next_due() == NOW + 10
    assert await waiting(stores, 9) == []
    assert await waiting(stores, 20) == ["Bob 10", "Ann 20", "Bob 20"]
    assert len(await stores.schedule.due(NOW + 99, 2)) == 2
    texts = [one.body for one in await stores.schedule.of_user(ann.id)]
    assert texts == [b"Ann 20", b"Ann 30"]


async def test_once_with_the_same_uuid(stores: Stores) -> None:
    """A request whose answer was lost is sent again, perhaps while the first one runs."""
    ann = await user(stores)
    uuid = uuid4().bytes
    first = await keep(stores, later(ann, uuid=uuid))
    assert await keep(stores, later(ann, 9, "other", uuid=uuid)) == first
    kept: list[int] = []
    again = uuid4().bytes

    async def add() -> None:
        kept.append((await keep(stores, later(ann, uuid=again))).id)

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(add)
    assert len(set(kept)) == 1
    assert len(await stores.schedule.of_user(ann.id)) == 2


async def test_a_user_has_so_many_and_no_more(stores: Stores) -> None:
    ann, bob = await user(stores), await user(stores, "Bob")
    answers: list[Scheduled | None] = []

    async def add() -> None:
        answers.append(await stores.schedule.add(later(ann), most=5))

    async with trio.open_nursery() as nursery:
        for _ in range(12):
            nursery.start_soon(add)
    assert sum(answer is not None for answer in answers) == 5
    assert await stores.schedule.add(later(bob), most=5) is not None
    with pytest.raises(IntegrityError):
        await stores.schedule.add(NewScheduled(ann.id, 4711, b"x", NOW, NOW, b"\1" * 16), most=9)


async def test_cancelled_by_its_user_only(stores: Stores) -> None:
    ann, bob = await user(stores), await user(stores, "Bob")
    kept = await keep(stores, later(ann))
    assert not await stores.schedule.cancel(bob.id, kept.id)
    assert await stores.schedule.cancel(ann.id, kept.id)
    assert not await stores.schedule.cancel(ann.id, kept.id)
    assert await stores.schedule.of_user(ann.id) == []


async def test_sent_and_refused(stores: Stores) -> None:
    """What was refused stays for its user to see, and is not due any more."""
    ann = await user(stores)
    one, two, three = [await keep(stores, later(ann, at)) for at in (1, 2, 3)]
    await stores.schedule.remove([one.id])
    await stores.schedule.remove([])
    await stores.schedule.fail(two.id, "blocked")
    found = await stores.schedule.of_user(ann.id)
    assert [(kept.id, kept.failure) for kept in found] == [(two.id, "blocked"), (three.id, None)]
    assert [due.scheduled.id for due in await stores.schedule.due(NOW + 9, 9)] == [three.id]
    assert await stores.schedule.next_due() == NOW + 3


async def test_a_users_time_zone(stores: Stores) -> None:
    ann = await user(stores)
    assert ann.zone is None
    await stores.schedule.set_zone(ann.id, "Europe/Moscow")
    found = await stores.accounts.find("ann")
    assert found is not None
    assert found.zone == "Europe/Moscow"


async def test_a_number_is_never_given_again(stores: Stores) -> None:
    """Who types the number of one that has been sent must not cancel another one."""
    ann = await user(stores)
    numbers = []
    for _ in range(3):
        kept = await keep(stores, later(ann))
        numbers.append(kept.id)
        await stores.schedule.remove([kept.id])
    assert len(set(numbers)) == 3
