"""Ending on SIGINT, SIGTERM and SIGHUP: the first asks, the second does not."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable

import trio

from cli.groups import ungrouped

EXIT_FAILED = 1
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop:
    """The wish to end, as two cancel scopes."""

    def __init__(self) -> None:
        self.signal = 0
        """The signal that came first, 0 where none did."""
        self.hard = trio.CancelScope()
        """Around everything."""
        self._gentle = trio.CancelScope()
        self.is_working = False
        """True: there is a connection to say goodbye to."""
        self._asked = False

    def begin(self) -> trio.CancelScope:
        """Return the scope for the work inside a client's block: after it, goodbye is said."""
        self.is_working = True
        return self._gentle

    def ask(self, number: int = 0) -> None:
        """End gently; the second time, or where the work has not begun, at once."""
        if self._asked or not self.is_working:
            self.hard.cancel()
        self._asked = True
        self.signal = self.signal or number
        self._gentle.cancel()


async def run_stoppable(work: Callable[[Stop], Awaitable[int]]) -> int:
    """Run ``work`` and return its exit code.

    Where a signal ended it that is 128 + the signal's number, and 1 where it was broken off
    otherwise.
    """
    stop = Stop()
    code = EXIT_FAILED
    with ungrouped():
        async with trio.open_nursery() as nursery:
            await nursery.start(_watch, stop)
            with stop.hard:
                code = await work(stop)
            nursery.cancel_scope.cancel()
    return 128 + stop.signal if stop.signal else code


async def _watch(stop: Stop, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    with trio.open_signal_receiver(*SIGNALS) as signals:
        task_status.started()
        async for number in signals:
            stop.ask(number)
