"""A database whose statements find what seals and opens the rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from storage.database import Args, Database, T
from storage.sealing import Vault
from storage.seals import use_vault


class UnlockedDatabase:
    """A database together with its vault; see :class:`storage.database.Database`."""

    def __init__(self, database: Database, vault: Vault) -> None:
        """Give the statements of a database a vault."""
        self._database = database
        self._vault = vault

    @property
    def description(self) -> str:
        """Which database this is."""
        return self._database.description

    async def prepare(self, migrate: Callable[[Connection], T]) -> T:
        """Run a migration, which knows no vault."""
        return await self._database.prepare(migrate)

    async def wipe(self, tables: Sequence[str]) -> None:
        """Write tables anew."""
        await self._database.wipe(tables)

    async def read(self, f: Callable[[Connection, *Args], T], *args: *Args) -> T:
        """Run a function that changes nothing."""
        return await self._database.read(_unlocked, self._vault, f, *args)

    async def write(self, f: Callable[[Connection, *Args], T], *args: *Args) -> T:
        """Run a function that changes something."""
        return await self._database.write(_unlocked, self._vault, f, *args)


def _unlocked(
    connection: Connection, vault: Vault, f: Callable[[Connection, *Args], T], *args: *Args
) -> T:
    use_vault(connection, vault)
    return f(connection, *args)
