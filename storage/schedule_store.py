"""Scheduled messages and time zones over a database; see the functions for what they do."""

from __future__ import annotations

from collections.abc import Sequence

from storage import schedule_statements as statements
from storage.database import Database
from storage.records import Due, NewScheduled, Scheduled


class ScheduleStore:
    """What is to be sent later."""

    def __init__(self, database: Database) -> None:
        """Keep it in a database."""
        self._database = database

    async def add(self, new: NewScheduled, *, most: int) -> Scheduled | None:
        """Store a scheduled message; None where the user has ``most`` of them.

        One with the same uuid is the same message, and is returned as it is.
        """
        return await self._database.write(statements.add, new, most)

    async def of_user(self, user_id: int) -> list[Scheduled]:
        """Return a user's scheduled messages, the first to be due first, with the texts' heads."""
        return await self._database.read(statements.of_user, user_id)

    async def due(self, now: int, limit: int) -> list[Due]:
        """Return what has to be sent, the first to be due first."""
        return await self._database.read(statements.due, now, limit)

    async def next_due(self) -> int | None:
        """Return when the next one is due; None where none is left."""
        return await self._database.read(statements.next_due)

    async def remove(self, ids: Sequence[int]) -> None:
        """Forget scheduled messages: they have been sent."""
        if ids:
            await self._database.write(statements.remove, ids)

    async def fail(self, number: int, reason: str) -> None:
        """Keep a scheduled message that could not be sent, for its user to see."""
        await self._database.write(statements.fail, number, reason)

    async def cancel(self, user_id: int, number: int) -> bool:
        """Forget a user's scheduled message; False where there is none with that id."""
        return await self._database.write(statements.cancel, user_id, number)

    async def set_zone(self, user_id: int, name: str) -> None:
        """Keep a user's time zone."""
        await self._database.write(statements.set_zone, user_id, name)
