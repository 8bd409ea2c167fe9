"""Calls from Trio into an asyncio thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest
import trio

from storage import bridge
from storage.bridge import AsyncioThread, CallTimeout, open_asyncio_thread

LONG = 60.0


@pytest.fixture
async def thread() -> AsyncIterator[AsyncioThread]:
    """A running thread."""
    async with open_asyncio_thread("test") as started:
        yield started


async def test_a_result_comes_back(thread: AsyncioThread) -> None:
    async def where(number: int) -> tuple[int, str]:
        await asyncio.sleep(0)
        return number, threading.current_thread().name

    assert await thread.call(LONG, where, 3) == (3, "test")


async def test_an_error_comes_back(thread: AsyncioThread) -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await thread.call(LONG, fail)


async def test_many_at_once(thread: AsyncioThread) -> None:
    async def later(number: int) -> int:
        await asyncio.sleep(number % 3 / 1000)
        return number

    results = {}

    async def call(number: int) -> None:
        results[number] = await thread.call(LONG, later, number)

    async with trio.open_nursery() as nursery:
        for number in range(200):
            nursery.start_soon(call, number)
    assert results == {number: number for number in range(200)}


async def test_a_call_that_takes_too_long(thread: AsyncioThread) -> None:
    ended = []

    async def wait() -> None:
        try:
            await asyncio.sleep(LONG)
        finally:
            ended.append(True)

    with pytest.raises(CallTimeout):
        await thread.call(0.01, wait)
    assert ended == [True]


async def test_a_cancelled_caller_waits_for_the_end(thread: AsyncioThread) -> None:
    begun, ended = threading.Event(), []

    async def wait() -> None:
        begun.set()
        try:
            await asyncio.sleep(LONG)
        finally:
            await asyncio.sleep(0.01)  # as saying goodbye to a server takes
            ended.append(True)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(thread.call, LONG, wait)
        await trio.to_thread.run_sync(begun.wait)
        nursery.cancel_scope.cancel()
    assert ended == [True]


async def test_a_caller_that_is_cancelled_already_calls_nobody(thread: AsyncioThread) -> None:
    called = []

    async def note() -> None:
        called.append(True)

    with trio.CancelScope() as scope:
        scope.cancel()
        await thread.call(LONG, note)
    assert scope.cancelled_caught
    assert called == []


async def test_a_result_that_came_before_the_cancellation_is_kept(thread: AsyncioThread) -> None:
    begun, results = threading.Event(), []

    async def finish_all_the_same() -> str:
        begun.set()
        try:
            await asyncio.sleep(LONG)
        except asyncio.CancelledError:
            return "done"
        return "too late"

    async def call() -> None:
        results.append(await thread.call(LONG, finish_all_the_same))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(call)
        await trio.to_thread.run_sync(begun.wait)
        nursery.cancel_scope.cancel()
    assert results == ["done"]


async def test_a_swallowed_cancellation_is_repeated(
    thread: AsyncioThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge, "CANCEL_AGAIN", 0.01)
    swallowed = []

    async def swallow() -> None:
        for _ in range(3):
            try:
                await asyncio.sleep(LONG)
            except asyncio.CancelledError:
                swallowed.append(True)
        await asyncio.sleep(LONG)

    with pytest.raises(CallTimeout):
        await thread.call(0.01, swallow)
    assert len(swallowed) == 3


async def test_the_thread_ends_with_what_it_left_over() -> None:
    ended = []

    async def leave_a_task() -> None:
        async def go_on() -> None:
            try:
                await asyncio.sleep(LONG)
            finally:
                ended.append(True)

        tasks.append(asyncio.create_task(go_on()))
        await asyncio.sleep(0)

    tasks: list[asyncio.Task[None]] = []
    async with open_asyncio_thread("a thread that ends") as thread:
        await thread.call(LONG, leave_a_task)
    assert ended == [True]
    assert "a thread that ends" not in {one.name for one in threading.enumerate()}
