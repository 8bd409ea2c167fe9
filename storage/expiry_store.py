"""The store of what has had its time."""

from __future__ import annotations

from storage import expiry_statements, spent_statements
from storage.database import Database
from storage.expiry_statements import NOTHING, Horizon, Slice, Stretch

__all__ = ["NOTHING", "ExpiryStore", "Horizon", "Slice", "Stretch"]


class ExpiryStore:
    """How far conversations have expired, and how that is deleted."""

    def __init__(self, database: Database) -> None:
        """Delete from a database."""
        self._database = database

    async def horizon(self, conversation_id: int, known: Horizon, cutoff: int) -> Horizon:
        """Return how far the messages are from before ``cutoff``; they are so up to ``known``."""
        return await self._database.read(expiry_statements.horizon, conversation_id, known, cutoff)

    async def lowest_delivered(
        self, conversation_id: int, after: int, since: int, limit: int
    ) -> tuple[int | None, int | None]:
        """Return how far everything has reached some members, and the last one looked at."""
        return await self._database.read(
            expiry_statements.lowest_delivered, conversation_id, after, since, limit
        )

    async def delivered(self, conversation_id: int, user_id: int) -> int:
        """Return how far a conversation has been delivered to a user."""
        return await self._database.read(expiry_statements.delivered, conversation_id, user_id)

    async def others(self, after: int, limit: int, cutoff: int) -> tuple[list[int], int | None]:
        """Return which rooms and direct conversations have an old message, some at a time."""
        return await self._database.read(expiry_statements.others, after, limit, cutoff)

    async def delete_slice(self, stretch: Stretch, limit: int) -> Slice:
        """Delete the oldest messages of a stretch, ``limit`` at most."""
        return await self._database.write(expiry_statements.delete_slice, stretch, limit)

    async def deleted_seq(self, conversation_id: int) -> int:
        """Return up to which number a conversation has been deleted."""
        return await self._database.read(expiry_statements.deleted_seq, conversation_id)

    async def missed(self, user_id: int) -> list[tuple[int, int]]:
        """Return where more has been deleted than has been delivered to a user, and how much."""
        return await self._database.read(expiry_statements.missed, user_id)

    async def orphans(self, after: int, before: int, limit: int) -> list[int]:
        """Return the next bodies, made before then, that nothing refers to."""
        return await self._database.read(expiry_statements.orphans, after, before, limit)

    async def forget_spent(self, before: int, limit: int) -> bool:
        """Forget what is kept of deleted messages sent before then; True where there is more."""
        return await self._database.write(spent_statements.forget, before, limit)
