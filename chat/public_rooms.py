"""The list of public rooms, which is one for all who ask (S002-10)."""

from __future__ import annotations

from collections.abc import Sequence

import trio

from chat.patience import Patience
from chat.seats import MAX_ROOMS
from storage.records import Conversation
from storage.room_store import RoomStore

Listed = tuple[Conversation, int]
"""A room, and how many are in it."""

LISTED = 600
"""Rooms in a list: one frame holds them, however long their names and topics are."""

MOST = LISTED + MAX_ROOMS + 1
"""Rooms that are asked for: those of one's own are shown apart, and not a second time."""

HELD = 5.0
"""Seconds for which the list of a server with many rooms is shown as it is."""

QUICK = 0.1
"""Seconds: a list that took no longer is made anew for who asks later."""


class PublicRooms:
    """Lists the rooms; whoever asks while a list is being made waits for the next one."""

    def __init__(self, store: RoomStore, patience: Patience) -> None:
        self._store = store
        self._patience = patience
        self._one_at_a_time = trio.Lock()
        self._begun_at = float("-inf")
        self._held_until = float("-inf")
        self._list: Sequence[Listed] = ()

    async def list(self) -> Sequence[Listed]:
        """Return the rooms, the fullest first; where there are many, as of some seconds ago."""
        asked_at = trio.current_time()
        async with self._one_at_a_time:
            begun_at = trio.current_time()
            if self._begun_at < asked_at and self._held_until < begun_at:
                self._list = await self._patience.ask(self._store.public, MOST)
                self._begun_at, ended_at = begun_at, trio.current_time()
                many = len(self._list) >= MOST or ended_at - begun_at > QUICK
                self._held_until = ended_at + HELD if many else begun_at
            return self._list
