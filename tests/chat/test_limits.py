"""Counting messages in periods: whose clock jumps, who sends again, what is forgotten (S004-17)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from chat.limits import Allowance, Limit, Limits
from chat.patience import Patience
from protocol.errors import ErrorCode, ProtocolError
from protocol.requests import GENERAL
from storage import Stores, User, open_stores
from tests.chat.fakes import Author
from tests.storage.helpers import user

MINUTE = 60_000_000
PERIOD = 60 * MINUTE


class Clock:
    """A clock that stands until it is set, in microseconds."""

    def __init__(self) -> None:
        self.now = 1_800_000_000_000_000

    def __call__(self) -> int:
        return self.now * 1000


@pytest.fixture
async def stores(sqlite_url: str) -> AsyncIterator[Stores]:
    """A database of its own."""
    async with open_stores(sqlite_url) as opened:
        yield opened


@pytest.fixture
def clock() -> Clock:
    """The time."""
    return Clock()


def make(stores: Stores, clock: Clock, most: int = 3) -> Limits:
    """Return what counts up to ``most`` an hour."""
    return Limits(stores.moderation, Patience(), Limit(most, 60.0), zone=None, now=clock)


def take(limits: Limits, author: Author, uuid: bytes | None = None) -> int | None:
    """Count one message; return how many are left, None where it was refused."""
    try:
        allowance = limits.take(author, GENERAL, "text", uuid or uuid4().bytes)
    except ProtocolError as error:
        return None if error.code == ErrorCode.LIMIT_REACHED else -1
    return -1 if allowance is None else allowance.left


def someone(number: int = 1) -> Author:
    """Return a session of a user."""
    return Author(User(number, f"user{number}", f"user{number}", 0))


async def test_the_count_starts_anew(stores: Stores, clock: Clock) -> None:
    """A period begins with the first message, not by the clock on the wall."""
    limits, ann = make(stores, clock), someone()
    assert [take(limits, ann) for _ in range(4)] == [2, 1, 0, None]
    clock.now += PERIOD - 1
    assert take(limits, ann) is None
    clock.now += 1
    assert take(limits, ann) == 2
    clock.now += 10 * PERIOD
    assert take(limits, ann) == 2


@pytest.mark.parametrize("jump", [1, MINUTE, PERIOD, 400 * PERIOD])
async def test_a_clock_that_is_put_back_locks_nobody_out(
    stores: Stores, clock: Clock, jump: int
) -> None:
    limits, ann = make(stores, clock), someone()
    assert [take(limits, ann) for _ in range(4)] == [2, 1, 0, None]
    clock.now -= jump
    assert take(limits, ann) == 2


async def test_what_is_not_counted(stores: Stores, clock: Clock) -> None:
    """Rooms and private messages (decision 1), edits, and what happened in a conversation."""
    limits, ann = make(stores, clock, most=1), someone()
    for conversation, kind in ((2, "text"), (GENERAL, "edit"), (GENERAL, "join")):
        assert limits.take(ann, conversation, kind, uuid4().bytes) is None
    assert make(stores, clock, most=0).take(ann, GENERAL, "text", uuid4().bytes) is None
    assert take(limits, ann) == 0
    with pytest.raises(ProtocolError):
        limits.take(ann, GENERAL, "file", uuid4().bytes)


async def test_the_same_message_again(stores: Stores, clock: Clock) -> None:
    """It is neither counted nor refused, also where its period ended in between."""
    limits, ann, uuid = make(stores, clock), someone(), uuid4().bytes
    assert [take(limits, ann), take(limits, ann), take(limits, ann, uuid)] == [2, 1, 0]
    assert take(limits, ann) is None
    assert take(limits, ann, uuid) == 0
    assert take(limits, someone(2), uuid) == 2  # of another sender it is another one
    clock.now += PERIOD
    assert take(limits, ann, uuid) == 3
    assert take(limits, ann) == 2


async def test_what_came_to_nothing_is_given_back(stores: Stores, clock: Clock) -> None:
    limits, ann, uuid = make(stores, clock), someone(), uuid4().bytes
    assert take(limits, ann, uuid) == 2
    limits.give_back(ann, uuid)
    limits.give_back(ann, uuid)
    assert [take(limits, ann) for _ in range(4)] == [2, 1, 0, None]


async def test_who_is_told(stores: Stores, clock: Clock) -> None:
    """At five, and then at each of the last ones; not again of what was sent again."""
    limits, ann = make(stores, clock), someone()
    for left in range(10, -1, -1):
        limits.tell(ann, Allowance(left, clock.now, False))
    limits.tell(ann, Allowance(0, clock.now, True))
    assert len(ann.screen.posted) == 5


async def test_what_is_written_and_loaded(stores: Stores, clock: Clock) -> None:
    """S004-17: over a restart; in groups, and nothing where nothing has changed."""
    limits = make(stores, clock)
    people = [Author(await user(stores, f"user{number}")) for number in range(3)]
    for author in people:
        take(limits, author)
    await limits.write()
    await limits.write()
    take(limits, people[0])
    await limits.write()
    limits = make(stores, clock)
    await limits.load()
    assert [take(limits, author) for author in people] == [0, 1, 1]
    clock.now += PERIOD
    limits = make(stores, clock)
    await limits.load()
    assert [take(limits, author) for author in people] == [2, 2, 2]


async def test_whose_period_is_over_is_forgotten(stores: Stores, clock: Clock) -> None:
    limits = make(stores, clock)
    author = Author(await user(stores))
    take(limits, author)
    clock.now += 3 * PERIOD
    limits._forget()
    assert limits._counts  # it is not written yet
    await limits.write()
    limits._forget()
    assert not limits._counts
