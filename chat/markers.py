"""How far each user's messages have been delivered, kept in memory and written in groups.

A marker only moves forward. One that a crash loses shows a user a few messages a
second time at the next login, and never hides one.
"""

from __future__ import annotations

import structlog
import trio

from storage.errors import StorageUnavailable
from storage.interface import ConversationStore
from storage.records import Marker

log = structlog.get_logger()

WRITE_EVERY = 2.0  # seconds


class DeliveredMarkers:
    """Collects markers and writes them now and then."""

    def __init__(self, store: ConversationStore) -> None:
        self._store = store
        self._moved: dict[tuple[int, int], int] = {}

    def move(self, user_id: int, conversation_id: int, seq: int) -> None:
        """Note that a user has had a conversation up to ``seq``."""
        key = (conversation_id, user_id)
        if seq > self._moved.get(key, -1):
            self._moved[key] = seq

    def pending(self, user_id: int, conversation_id: int) -> int:
        """Return a marker that is not yet written, 0 where there is none."""
        return self._moved.get((conversation_id, user_id), 0)

    async def run(self) -> None:
        """Write for ever."""
        while True:
            await trio.sleep(WRITE_EVERY)
            await self.write()

    async def write(self) -> None:
        """Write what has moved; what a database that is away does not take is kept."""
        moved, self._moved = self._moved, {}
        if not moved:
            return
        markers = [Marker(conversation, user, seq) for (conversation, user), seq in moved.items()]
        try:
            await self._store.move_delivered(markers)
        except StorageUnavailable:
            for (conversation, user), seq in moved.items():
                self.move(user, conversation, seq)
