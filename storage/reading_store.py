"""What has been read and what has not, in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from storage import reading_statements
from storage.database import Database
from storage.records import Had, Marker, Message, Reader, Standing


class ReadingStore:
    """Counts of what is unread; the markers themselves are in the store of conversations."""

    def __init__(self, database: Database) -> None:
        """Count in a database."""
        self._database = database

    async def unread(self, readers: Sequence[Reader]) -> list[int]:
        """Return for each reader how many texts and files of others are behind what it has read.

        Only the newest 1000 entries of a conversation are looked at.
        """
        return await self._database.read(reading_statements.unread, readers)

    async def readers(self, message: Message, user_id: int | None, limit: int) -> list[Had]:
        """Return how far those have had its conversation who were in it when it was sent.

        That is its readers but the sender, those who have read furthest first and at most
        ``limit``, or one user if that was there.
        """
        return await self._database.read(reading_statements.readers, message, user_id, limit)

    async def standings(
        self, markers: Sequence[Marker], expired: Mapping[int, int]
    ) -> list[Standing | None]:
        """Return how members stand now, given markers that may not be written yet.

        The answer has the higher of both, and None for who is no member. What is delivered of
        what has ``expired``, up to a number by conversation, is read.
        """
        return await self._database.read(reading_statements.standings, markers, expired)
