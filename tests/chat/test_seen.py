"""When users were here is written in groups, and seldom (decision 2)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from trio.testing import MockClock

from chat.patience import Patience
from chat.seen import LOOK_EVERY, NOTE_EVERY, LastSeen
from chat.session import Presence
from storage.errors import StorageUnavailable
from storage.moderation_store import ModerationStore
from storage.records import User
from tests.chat.fakes import Author


class Store(ModerationStore):
    """Remembers what was written."""

    def __init__(self) -> None:
        self.calls: list[set[int]] = []
        self.away = False

    async def saw(self, user_ids: Sequence[int], now: int) -> None:  # noqa: ARG002
        if self.away:
            raise StorageUnavailable("away")
        self.calls.append(set(user_ids))


def someone(number: int) -> Author:
    """Return a session of a user."""
    return Author(User(number, f"user{number}", f"user{number}", 0))


@pytest.fixture
def presence() -> Presence:
    """Two users, one of them with two devices."""
    presence = Presence()
    for number in (1, 1, 2):
        presence.add(someone(number))
    return presence


async def test_who_stays_is_noted_now_and_then(presence: Presence, mock_clock: MockClock) -> None:
    """At the first look and then each hour, all in one go; who leaves at the next look."""
    store = Store()
    seen = LastSeen(store, Patience(), presence)
    await seen.write()
    await seen.write()
    assert store.calls == [{1, 2}]
    leaving = someone(3)
    presence.add(leaving)
    await seen.write()
    presence.remove(leaving)
    seen.left(3)
    mock_clock.jump(NOTE_EVERY)
    await seen.write()
    await seen.write()
    assert store.calls == [{1, 2}, {3}, {1, 2, 3}]
    assert LOOK_EVERY < NOTE_EVERY


async def test_what_a_database_that_is_away_does_not_take_is_kept(presence: Presence) -> None:
    store = Store()
    seen = LastSeen(store, Patience(), presence)
    seen.left(3)
    store.away = True
    await seen.write()
    store.away = False
    await seen.write()
    assert store.calls == [{1, 2, 3}]
