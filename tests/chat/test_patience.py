"""A database that says nothing keeps nobody waiting, and a slow one is not taken for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from chat.patience import SILENCE, Patience
from storage.errors import StorageUnavailable

GIVEN_UP = 1.25 * SILENCE
"""Seconds after which a call to a silent database has ended."""


@asynccontextmanager
async def watching() -> AsyncIterator[Patience]:
    """Calls that are watched, for the time of a test."""
    patience = Patience()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(patience.run)
        yield patience
        nursery.cancel_scope.cancel()


async def _answer(seconds: float) -> float:
    await trio.sleep(seconds)
    return seconds


async def _refuse(seconds: float) -> None:
    await trio.sleep(seconds)
    raise StorageUnavailable("gone")


async def _asked(patience: Patience, seconds: float) -> tuple[bool, float]:
    """Ask for an answer after some seconds; return whether it came, and how long that took."""
    begin = trio.current_time()
    try:
        came = await patience.ask(_answer, seconds) == seconds
    except StorageUnavailable:
        came = False
    return came, round(trio.current_time() - begin, 6)


async def test_a_call_to_a_silent_database_is_given_up(autojump_clock: MockClock) -> None:
    """And who comes while another one tries is told at once."""
    async with watching() as patience, trio.open_nursery() as nursery:
        came, took = await _asked(patience, 60)
        assert not came
        assert SILENCE <= took <= GIVEN_UP
        assert await _asked(patience, 60) == (False, 0), "nobody tries, but it was just tried"
        await trio.sleep(SILENCE)
        nursery.start_soon(_asked, patience, 60)
        await trio.sleep(0.1)
        assert await _asked(patience, 0) == (False, 0)


async def test_its_return_is_noticed(autojump_clock: MockClock) -> None:
    """By the one call that goes through now and then; then everyone is served again."""
    async with watching() as patience:
        await _asked(patience, 60)
        await trio.sleep(SILENCE)
        assert await _asked(patience, 0.1) == (True, 0.1)
        assert await _asked(patience, 0.1) == (True, 0.1)


async def test_a_slow_call_is_no_silence(autojump_clock: MockClock) -> None:
    """Where others are answered meanwhile; the clock starts anew with each answer."""
    async with watching() as patience, trio.open_nursery() as nursery:
        slow: list[tuple[bool, float]] = []

        async def ask_slowly() -> None:
            slow.append(await _asked(patience, 10))

        nursery.start_soon(ask_slowly)
        for _ in range(12):
            assert (await _asked(patience, 0.9))[0]
        assert slow == [(True, 10)]


async def test_a_refusal_is_an_answer(autojump_clock: MockClock) -> None:
    """A database that is gone says so at once: asking it costs nothing, and reading may work."""
    async with watching() as patience:
        for _ in range(10):
            with pytest.raises(StorageUnavailable, match="gone"):
                await patience.ask(_refuse, 0.5)
        assert (await _asked(patience, 0.1))[0]


async def test_who_insists_is_not_given_up(autojump_clock: MockClock) -> None:
    """The journal waits, the others do not; that its driver gives up in the end is no answer."""
    async with watching() as patience, trio.open_nursery() as nursery:

        async def insist() -> None:
            for _ in range(3):
                with pytest.raises(StorageUnavailable, match="gone"):
                    await patience.insist(_refuse, 10)
                await trio.sleep(1)
            assert await patience.insist(_answer, 0.1) == 0.1

        nursery.start_soon(insist)
        assert (await _asked(patience, 60))[1] <= GIVEN_UP
        while trio.current_time() < 32.9:
            assert await _asked(patience, 0) == (False, 0)
            await trio.sleep(0.1)
        await trio.sleep(0.3)
        assert await _asked(patience, 0) == (True, 0)
