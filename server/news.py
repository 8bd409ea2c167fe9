"""News that nobody asked for, and what makes up for those that found a channel full."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import trio

from storage.errors import StorageUnavailable

if TYPE_CHECKING:
    from chat.session import Session
    from protocol.events import Event
    from server.conn import Conn

SNAPSHOT_RETRY = 1.0
"""Seconds until another snapshot, where the database was not there, or something changed."""


class News:
    """Sends news to one connection, or, where its channel is full, a snapshot later."""

    __slots__ = ("_conn", "_looking", "_making_good", "missed", "snapshot")

    def __init__(self, conn: Conn) -> None:
        self._conn = conn
        self.snapshot: Callable[[Session], Awaitable[Event]] | None = None
        """Returns what makes up for news that were left out."""
        self.missed = False
        """True: something was not sent because the channel was full, and a snapshot is due."""
        self._making_good = False  # a task sends a snapshot, or waits until there is room for it
        self._looking = False  # a snapshot is being made, which may be older than the news

    def send(self, event: Event) -> None:
        """Send an event if there is room for it, else a snapshot when there is."""
        if not self._conn.channel.full:
            self._conn.post(event)
            # The snapshot behind it may undo it: then another one makes up for that.
            self.missed = self.missed or self._looking
            return
        self.missed = True
        if not self._making_good and self.snapshot is not None:
            self._making_good = self._conn.start_soon(self._make_good, self.snapshot)

    async def _make_good(self, snapshot: Callable[[Session], Awaitable[Event]]) -> None:
        """Send how everything stands as soon as there is room, in the place of news left out."""
        conn = self._conn
        while self.missed and not conn.ending:
            await conn.wait_room()
            self.missed = False
            self._looking = True
            try:
                conn.post(await snapshot(conn.session))
            except StorageUnavailable:
                self.missed = True
            finally:
                self._looking = False
            if self.missed:
                await trio.sleep(SNAPSHOT_RETRY)
        self._making_good = False
