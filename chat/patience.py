"""How long anybody waits for a database that says nothing.

One that refuses answers at once, and asking it costs nothing; a frozen one holds each
call for as long as its driver allows. Once it has been silent for a while, who asks is
told so instead of waiting.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import count
from typing import TypeVar, TypeVarTuple

import trio

from storage.errors import StorageUnavailable

T = TypeVar("T")
Args = TypeVarTuple("Args")

SILENCE = 2.0
"""Seconds without an answer after which a database is said to be away; a call may take longer."""


class Patience:
    """Calls to the database, and whether any of them is answered; :meth:`run` has to run."""

    def __init__(self) -> None:
        self._silent = False
        self._begun: dict[int, float] = {}  # the calls under way, the oldest first
        self._asking: set[trio.CancelScope] = set()  # those that are given up in a silence
        self._numbers = count()
        self._heard_at = self._ended_at = float("-inf")

    async def ask(self, f: Callable[[*Args], Awaitable[T]], *args: *Args) -> T:
        """Call ``f``, which may be repeated, and return what it returns.

        Raises :class:`StorageUnavailable` as soon as the database is known to be silent. One
        call in ``SILENCE`` seconds goes through all the same where nobody else tries, or its
        return would never be noticed.
        """
        if self._silent and (self._begun or trio.current_time() < self._ended_at + SILENCE):
            raise StorageUnavailable("It has stopped answering.")
        with trio.CancelScope() as scope:
            self._asking.add(scope)
            try:
                return await self.insist(f, *args)
            finally:
                self._asking.discard(scope)
        raise StorageUnavailable(f"It did not answer for {SILENCE:g} seconds.")

    async def insist(self, f: Callable[[*Args], Awaitable[T]], *args: *Args) -> T:
        """Call ``f`` and wait for its end, however long that takes."""
        number = next(self._numbers)
        begun = self._begun[number] = trio.current_time()
        try:
            result = await f(*args)
        except Exception:
            if trio.current_time() - begun < SILENCE:  # else it is its driver that gave up
                self._hear()
            raise
        else:
            self._hear()
            return result
        finally:
            del self._begun[number]
            self._ended_at = trio.current_time()

    def _hear(self) -> None:
        self._silent = False
        self._heard_at = trio.current_time()

    async def run(self) -> None:
        """Give up, for ever, the calls to a database that answers none at all.

        Where it answers others, one that takes long is just slow.
        """
        while True:
            await trio.sleep(SILENCE / 4)
            oldest = next(iter(self._begun.values()), float("inf"))
            if trio.current_time() - max(oldest, self._heard_at) >= SILENCE:
                self._silent = True
                for scope in self._asking:
                    scope.cancel()
