"""The store of quotas, complaints and blocks, and of when users were last here."""

from __future__ import annotations

from collections.abc import Sequence

from storage import moderation_statements
from storage.database import Database
from storage.moderation_records import Block, Complaint, Filed, Lifted, NewComplaint, Quota


class ModerationStore:
    """What the rules about writing have to remember."""

    def __init__(self, database: Database) -> None:
        """Keep it in a database."""
        self._database = database

    async def quotas(self, since: int) -> list[Quota]:
        """Return the quotas that began after a time."""
        return await self._database.read(moderation_statements.quotas, since)

    async def save_quotas(self, changed: Sequence[Quota]) -> None:
        """Write quotas."""
        await self._database.write(moderation_statements.save_quotas, changed)

    async def sent_since(self, since: int, most: int) -> list[tuple[int, bytes]]:
        """Return sender and uuid of the general chat's latest messages."""
        return await self._database.read(moderation_statements.sent_since, since, most)

    async def saw(self, user_ids: Sequence[int], now: int) -> None:
        """Note that users are here."""
        await self._database.write(moderation_statements.saw, user_ids, now)

    async def blocks(self, now: int) -> list[Block]:
        """Return who is blocked at a time."""
        return await self._database.read(moderation_statements.blocks, now)

    async def complain(
        self, complaint: NewComplaint, since: int, threshold: int, until: int
    ) -> Filed:
        """Take a complaint; with ``threshold`` of them after ``since`` the user is blocked."""
        return await self._database.write(
            moderation_statements.complain, complaint, since, threshold, until
        )

    async def block(self, complaint: NewComplaint, until: int) -> None:
        """Block a user at an administrator's word."""
        await self._database.write(moderation_statements.block_by, complaint, until)

    async def lift(self, target_id: int, now: int) -> Lifted:
        """End a user's block and settle all complaints about it; return what there was."""
        return await self._database.write(moderation_statements.lift, target_id, now)

    async def open_complaints(self, since: int, limit: int) -> list[Complaint]:
        """Return the latest complaints that may still lead to a block."""
        return await self._database.read(moderation_statements.open_complaints, since, limit)
