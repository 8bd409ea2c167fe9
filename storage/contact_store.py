"""Whom users have added to their contacts, in the database."""

from __future__ import annotations

from storage import contact_statements
from storage.database import Database
from storage.records import User


class ContactStore:
    """Contacts that were added; who one writes with is in the store of conversations."""

    def __init__(self, database: Database) -> None:
        """Keep the contacts in a database."""
        self._database = database

    async def add(self, user_id: int, contact_id: int, now: int, *, limit: int) -> bool | None:
        """Add a contact; False where it was there already, None where there are ``limit``."""
        return await self._database.write(contact_statements.add, user_id, contact_id, now, limit)

    async def remove(self, user_id: int, contact_id: int) -> bool:
        """Remove a contact; False where there was none."""
        return await self._database.write(contact_statements.remove, user_id, contact_id)

    async def listed(self, user_id: int) -> tuple[list[User], dict[int, int]]:
        """Return whom a user has added, and the last message of each direct conversation.

        The messages are ids by the id of their conversation: a higher one is later.
        """
        return await self._database.read(contact_statements.listed, user_id)
