"""Calls that come together go to the database together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
import trio

from chat.grouping import MAX_GROUP, Grouped
from storage.errors import StorageUnavailable


class Doubling:
    """Doubles numbers, a group a time, when it is let."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.gate: trio.Event | None = None
        self.failures: list[Exception] = []
        self.grouped = Grouped(self._do)
        self.answers: dict[int, object] = {}

    async def _do(self, asks: Sequence[int]) -> list[int]:
        self.groups.append(list(asks))
        if self.gate is not None:
            await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        return [2 * ask for ask in asks]

    async def ask(self, number: int) -> None:
        """Ask, and keep the answer or the error."""
        try:
            self.answers[number] = await self.grouped.call(number)
        except StorageUnavailable as error:
            self.answers[number] = error


@asynccontextmanager
async def doubling() -> AsyncIterator[tuple[Doubling, trio.Nursery]]:
    """A group that runs, for the time of a test."""
    async with trio.open_nursery() as nursery:
        made = Doubling()
        nursery.start_soon(made.grouped.run)
        yield made, nursery
        nursery.cancel_scope.cancel()


async def test_each_gets_its_own_answer_and_they_share_the_work() -> None:
    """What comes while one group is done is the next group, of a bounded size."""
    async with doubling() as (made, nursery):
        made.gate = trio.Event()
        for number in range(2 * MAX_GROUP + 2):
            nursery.start_soon(made.ask, number)
            if not number:
                await trio.testing.wait_all_tasks_blocked()
        await trio.testing.wait_all_tasks_blocked()
        assert (made.groups, made.answers) == ([[0]], {})
        made.gate.set()
        await trio.testing.wait_all_tasks_blocked()
        assert [len(group) for group in made.groups] == [1, MAX_GROUP, MAX_GROUP, 1]
        assert made.answers == {number: 2 * number for number in range(2 * MAX_GROUP + 2)}


async def test_a_failure_is_told_to_its_group_and_to_nobody_else() -> None:
    """The next group is tried again."""
    async with doubling() as (made, nursery):
        made.gate, made.failures = trio.Event(), [StorageUnavailable("away")]
        nursery.start_soon(made.ask, 1)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(made.ask, 2)
        await trio.testing.wait_all_tasks_blocked()
        made.gate.set()
        await trio.testing.wait_all_tasks_blocked()
        assert isinstance(made.answers[1], StorageUnavailable)
        assert made.answers[2] == 4


async def test_who_does_not_wait_any_longer_disturbs_nobody() -> None:
    """A client that goes away in the middle of its login."""
    async with doubling() as (made, nursery):
        made.gate = trio.Event()
        nursery.start_soon(made.ask, 0)
        await trio.testing.wait_all_tasks_blocked()
        with trio.move_on_after(0) as gone:
            await made.grouped.call(1)
        assert gone.cancelled_caught
        nursery.start_soon(made.ask, 2)
        made.gate.set()
        await trio.testing.wait_all_tasks_blocked()
        assert made.answers == {0: 0, 2: 4}


async def test_a_mistake_does_not_stop_the_groups() -> None:
    """Whoever asked gets it; the task that does the work goes on."""
    async with doubling() as (made, _nursery):
        made.failures = [ValueError("a mistake")]
        with pytest.raises(ValueError, match="a mistake"):
            await made.grouped.call(1)
        assert await made.grouped.call(2) == 4
