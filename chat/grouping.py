"""Many calls that each want a little from the database, done together.

A thousand clients that come at once, as after a restart, would be a thousand
transactions one after the other. What comes while one transaction runs shares the
next one instead.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import trio
from outcome import Error, Outcome, Value

AskT = TypeVar("AskT")
AnswerT = TypeVar("AnswerT")

MAX_GROUP = 100
"""The most calls done together: more would keep the journal waiting."""


class _Waiter(Generic[AskT, AnswerT]):
    __slots__ = ("answer", "ask", "done")

    def __init__(self, ask: AskT) -> None:
        self.ask = ask
        self.answer: Outcome[AnswerT] | None = None
        self.done = trio.Event()


class Grouped(Generic[AskT, AnswerT]):
    """Does calls in groups; :meth:`run` has to run."""

    def __init__(self, do: Callable[[Sequence[AskT]], Awaitable[Sequence[AnswerT]]]) -> None:
        """Do calls with ``do``, which returns an answer for each, in their order."""
        self._do = do
        self._waiting: deque[_Waiter[AskT, AnswerT]] = deque()
        self._wake = trio.Event()

    async def call(self, ask: AskT) -> AnswerT:
        """Return the answer to one call; raises what its group raised."""
        waiter = _Waiter[AskT, AnswerT](ask)
        self._waiting.append(waiter)
        self._wake.set()
        await waiter.done.wait()
        if waiter.answer is None:
            raise RuntimeError("woken without an answer")
        return waiter.answer.unwrap()

    async def run(self) -> None:
        """Do what is asked, group after group, for ever."""
        while True:
            if not self._waiting:
                self._wake = trio.Event()
                await self._wake.wait()
            group = [self._waiting.popleft() for _ in range(min(MAX_GROUP, len(self._waiting)))]
            for waiter, answer in zip(group, await self._outcomes(group), strict=True):
                waiter.answer = answer
                waiter.done.set()

    async def _outcomes(
        self, group: Sequence[_Waiter[AskT, AnswerT]]
    ) -> Sequence[Outcome[AnswerT]]:
        try:
            return [Value(answer) for answer in await self._do([waiter.ask for waiter in group])]
        except Exception as error:
            return [Error(error) for _ in group]
