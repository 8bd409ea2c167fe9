"""When users were last here, written in groups: who has long been away holds up no expiry."""

from __future__ import annotations

import time

import trio

from chat.patience import Patience
from chat.session import Presence
from storage.errors import StorageUnavailable
from storage.moderation_store import ModerationStore

_DAY = 86_400.0  # seconds
LOOK_EVERY = 60.0  # seconds
NOTE_EVERY = 3600.0
"""Seconds after which a user who stays is noted again, at the latest."""


class LastSeen:
    """Notes who is here; :meth:`run` has to run."""

    def __init__(
        self,
        store: ModerationStore,
        patience: Patience,
        presence: Presence,
        *,
        away_days: float = 30.0,
    ) -> None:
        """Note those who stay so often that they are never ``away_days`` away."""
        self._every = min(NOTE_EVERY, away_days * _DAY / 2)
        self._store = store
        self._patience = patience
        self._presence = presence
        self._noted: dict[int, float] = {}  # who is here, and when that was written
        self._left: set[int] = set()

    def left(self, user_id: int) -> None:
        """Note that a session of a user has ended."""
        self._left.add(user_id)

    async def run(self) -> None:
        """Look who is here, for ever."""
        while True:
            await trio.sleep(LOOK_EVERY)
            await self.write()

    async def write(self) -> None:
        """Write who has come, left, or been here for long; not where the database is away."""
        now = trio.current_time()
        here = self._presence.user_ids()
        every = self._every
        due = {user for user in here if self._noted.get(user, -every) <= now - every}
        left, self._left = self._left, set()
        if not (due | left):
            return
        try:
            await self._patience.ask(self._store.saw, list(due | left), time.time_ns() // 1000)
        except StorageUnavailable:
            self._left |= left
            return
        self._noted = {user: self._noted.get(user, now) for user in here} | dict.fromkeys(due, now)
