"""An asyncio loop in a thread of its own, to be called from Trio.

asyncmy knows asyncio only, and it must never meet Trio's loop. A call is one coroutine;
Trio's side waits for its end also when it is cancelled or too late, so that nothing of a
call goes on after it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar, TypeVarTuple

import outcome
import trio

T = TypeVar("T")
Args = TypeVarTuple("Args")

CANCEL_AGAIN = 1.0
"""Seconds after which a coroutine that did not heed a cancellation is cancelled again.

``asyncio.wait_for`` of Python 3.11, which asyncmy uses, can swallow one.
"""


class CallTimeout(Exception):
    """The coroutine did not end in time and was cancelled; it has ended now."""


class _Call:
    """One coroutine under way; everything here happens in the asyncio thread."""

    def __init__(
        self,
        coroutine: Coroutine[Any, Any, Any],
        seconds: float,
        deliver: Callable[[outcome.Outcome[Any]], object],
    ) -> None:
        loop = asyncio.get_running_loop()
        self._deliver = deliver
        self._timed_out = False
        self._timer = loop.call_later(seconds, self._expire)
        self._task = loop.create_task(coroutine)
        self._task.add_done_callback(self._end)

    def _expire(self) -> None:
        self._timed_out = True
        self.cancel()

    def cancel(self) -> None:
        if self._task.done():
            return
        self._task.cancel()
        self._timer.cancel()
        self._timer = self._task.get_loop().call_later(CANCEL_AGAIN, self.cancel)

    def _end(self, task: asyncio.Task[Any]) -> None:
        self._timer.cancel()
        if task.cancelled() and self._timed_out:
            self._deliver(outcome.Error(CallTimeout()))
        else:
            self._deliver(outcome.capture(task.result))


class AsyncioThread:
    """The thread; made by :func:`open_asyncio_thread`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Use a loop that runs in another thread."""
        self._loop = loop

    async def call(
        self, seconds: float, f: Callable[[*Args], Coroutine[Any, Any, T]], *args: *Args
    ) -> T:
        """Run a coroutine function over there and return what it returns.

        Raises :class:`CallTimeout` if it was not done after ``seconds`` of real time. If the
        caller is cancelled, so is the coroutine; where it ended before it noticed, its result
        is returned all the same.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        waiter = trio.lowlevel.current_task()
        token = trio.lowlevel.current_trio_token()
        calls: list[_Call] = []
        cancels: list[Callable[[], Any]] = []

        def begin() -> None:
            calls.append(_Call(f(*args), seconds, deliver))

        def deliver(result: outcome.Outcome[T]) -> None:
            token.run_sync_soon(wake, result)

        def wake(result: outcome.Outcome[T]) -> None:
            if cancels and _is_cancellation(result):
                result = outcome.capture(cancels[0])
            trio.lowlevel.reschedule(waiter, result)

        def cancel() -> None:
            calls[0].cancel()

        def abort(raise_cancel: Callable[[], Any]) -> trio.lowlevel.Abort:
            cancels.append(raise_cancel)
            self._loop.call_soon_threadsafe(cancel)
            return trio.lowlevel.Abort.FAILED  # wait for the end

        self._loop.call_soon_threadsafe(begin)
        result: T = await trio.lowlevel.wait_task_rescheduled(abort)
        return result


def _is_cancellation(result: outcome.Outcome[Any]) -> bool:
    return isinstance(result, outcome.Error) and isinstance(result.error, asyncio.CancelledError)


@asynccontextmanager
async def open_asyncio_thread(name: str) -> AsyncIterator[AsyncioThread]:
    """Start a thread with an asyncio loop; at the end, no call may be under way."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=_serve, args=(loop,), name=name, daemon=True)
    thread.start()
    try:
        yield AsyncioThread(loop)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(thread.join)


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.get_loop().run_forever()  # Runner's end cancels what is left and closes the loop
