"""The one way into the database for the chunks of all long texts, and out for those given up."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeVar, TypeVarTuple

import structlog
import trio

from storage.errors import StorageUnavailable
from storage.interface import BodyStore

log = structlog.get_logger()

T = TypeVar("T")
Args = TypeVarTuple("Args")

WRITES = 1
"""Pieces being written, or slices being deleted, at a time, over all connections.

SQLite writes one transaction after the other, in the order in which they were asked for: with
one of ours among them the journal's commit waits for one piece at most, however many texts
are on their way. MySQL could take more, and its disk has the commits to sync as well.
"""

PIECE = 64 * 1024
"""Bytes in one transaction: a commit behind it waits for a millisecond, at 256 KiB for four."""

RETRY = 5.0  # seconds between attempts while the database is away


class Intake:
    """Stores chunks, and deletes the texts that will be no message; :meth:`run` has to run."""

    def __init__(self, store: BodyStore) -> None:
        self._store = store
        self._writing = trio.CapacityLimiter(WRITES)
        self._given_up: deque[int] = deque()
        self._wake = trio.Event()

    async def create(self) -> int:
        """Begin a text and return where it is stored."""
        async with self._writing:
            return await self._store.create(time.time_ns() // 1000)

    async def append(self, body_id: int, offset: int, data: bytes) -> None:
        """Store a chunk at a byte offset; where this fails, a part of it may be there."""
        for begin in range(0, len(data), PIECE):
            async with self._writing:
                await self._store.append(body_id, offset + begin, data[begin : begin + PIECE])

    async def write(self, store: Callable[[*Args], Awaitable[T]], *args: *Args) -> T:
        """Let another store write a piece, of PIECE bytes at most, in its turn."""
        async with self._writing:
            return await store(*args)

    def give_up(self, body_id: int | None) -> None:
        """Delete a text, soon; nothing of it may be on its way. None is a text of no chunks.

        One that a message refers to stays. What is not deleted before the server stops is
        deleted at its next start.
        """
        if body_id is not None:
            self._given_up.append(body_id)
            self._wake.set()

    async def run(self) -> None:
        """Delete for ever, in slices, so that commits and chunks come in between."""
        while True:
            if not self._given_up:
                self._wake = trio.Event()
                await self._wake.wait()
            try:
                async with self._writing:
                    more = await self._store.delete_slice(self._given_up[0])
            except StorageUnavailable:
                await trio.sleep(RETRY)
                continue
            except Exception:
                log.exception("text.delete_failed", body=self._given_up[0])
                more = False
            if not more:
                self._given_up.popleft()
