"""How far each user's messages have been delivered, kept in memory and written in groups.

A marker only moves forward. One that a crash loses shows a user a few messages a
second time at the next login, and never hides one.
"""

from __future__ import annotations

import structlog
import trio

from chat.known import Known
from chat.patience import Patience
from storage.errors import StorageUnavailable
from storage.interface import ConversationStore
from storage.records import Marker

log = structlog.get_logger()

WRITE_EVERY = 2.0  # seconds


class DeliveredMarkers:
    """Collects markers and writes them now and then."""

    def __init__(self, store: ConversationStore, patience: Patience, known: Known) -> None:
        self._store = store
        self._patience = patience
        self._known = known
        self._moved: dict[tuple[int, int], int] = {}
        self._writing: dict[tuple[int, int], int] = {}  # on its way into the database
        self._one_at_a_time = trio.Lock()

    def move(self, user_id: int, conversation_id: int, seq: int) -> None:
        """Note that a user has had a conversation up to ``seq``."""
        key = (conversation_id, user_id)
        if seq > self._moved.get(key, -1):
            self._moved[key] = seq

    def pending(self, user_id: int, conversation_id: int) -> int:
        """Return a marker that is not yet written, 0 where there is none."""
        key = (conversation_id, user_id)
        return max(self._moved.get(key, 0), self._writing.get(key, 0))

    async def run(self) -> None:
        """Write for ever."""
        while True:
            await trio.sleep(WRITE_EVERY)
            await self.write()

    async def write(self) -> None:
        """Write what has moved; what a database that is away does not take is kept."""
        async with self._one_at_a_time:
            if not self._moved:
                return
            self._writing, self._moved = self._moved, {}
            markers = [Marker(place[0], place[1], seq) for place, seq in self._writing.items()]
            try:
                await self._patience.ask(self._store.move_delivered, markers)
            except BaseException as error:
                for (conversation, user), seq in self._writing.items():
                    self.move(user, conversation, seq)
                if not isinstance(error, StorageUnavailable):
                    raise
            else:
                self._known.delivered(markers)
            finally:
                self._writing = {}
