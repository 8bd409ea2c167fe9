"""From a database's address to open stores."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import structlog
import trio
from sqlalchemy import Connection

from storage.database import Database
from storage.errors import StorageConfigurationError, StorageUnavailable
from storage.interface import Stores
from storage.keys import MasterKey
from storage.migrations import upgrade
from storage.sealing import Vault
from storage.sealing_rows import SEALED_TABLES
from storage.stores import DatabaseStores
from storage.unlocked import UnlockedDatabase
from storage.unlocking import Unlocked, change, unlock

if TYPE_CHECKING:
    from storage.mysql import MysqlAddress

log = structlog.get_logger()

DEADLINE = 10.0
"""Seconds of real time after which MySQL is taken for unavailable."""

_MYSQL_SCHEMES = ("mysql", "mariadb", "mysql+asyncmy")
_MYSQL_FORM = "mysql://user:password@host:3306/name"
_ENCODE = "write special characters in user and password as %40 for @, %2F for /, %23 for #"


@asynccontextmanager
async def open_stores(
    url: str, *, create: bool = True, deadline: float = DEADLINE, keys: MasterKey | None = None
) -> AsyncIterator[Stores]:
    """Open a database and bring its tables to the form this program needs.

    What people write is sealed with what the master key of ``keys`` opens; with None it is not.

    ``url`` is ``sqlite:///path`` or a plain path, or ``mysql://user:password@host:3306/name``
    with special characters in user and password percent-encoded. With ``create`` a missing
    database is made. A call to MySQL that takes longer than ``deadline`` seconds of real time
    is given up with :class:`StorageUnavailable`.

    Raises :class:`StorageConfigurationError` where the database cannot be used; the text never
    contains the password.
    """
    async with _open(url, create=create, deadline=deadline) as database:
        try:
            vault = await _prepare(database, keys)
        except StorageUnavailable as error:
            raise StorageConfigurationError(str(error)) from error
        yield DatabaseStores(UnlockedDatabase(database, vault))


async def _prepare(database: Database, master: MasterKey | None) -> Vault:
    """Bring the tables to their present form and open the seals of what is in them."""
    found = [] if master is None else await trio.to_thread.run_sync(master.load)

    def upgrade_and_unlock(connection: Connection) -> Unlocked:
        upgrade(connection)
        return unlock(connection, master, found)

    unlocked = await database.prepare(upgrade_and_unlock)
    if unlocked.sealed_now:
        log.info("storage.sealed", rows=unlocked.sealed_now, database=database.description)
        await database.wipe(SEALED_TABLES)
    return unlocked.vault


async def change_master_key(url: str, master: MasterKey, new: bytes) -> None:
    """Give a database another master key, whether a server uses it now or none does.

    Raises :class:`StorageConfigurationError` where that cannot be done, and then nothing was.
    After :class:`StorageUnavailable` the database has the one key or the other, and ``master``
    still has both, if it is a file.
    """
    async with _open(url, create=False, deadline=DEADLINE, guest=True) as database:
        await database.write(change, master, new)
    await trio.to_thread.run_sync(master.settle, new)


def _open(
    url: str, *, create: bool, deadline: float, guest: bool = False
) -> AbstractAsyncContextManager[Database]:
    # Each driver is imported only where it is used: they take their time.
    scheme, separator, rest = url.partition("://")
    if separator and scheme in _MYSQL_SCHEMES:
        from storage.mysql import open_mysql

        return open_mysql(mysql_address(url), create=create, deadline=deadline)
    if separator and scheme != "sqlite":
        raise StorageConfigurationError(
            f"This server knows no database {scheme}://; use sqlite:///path or {_MYSQL_FORM}."
        )
    from storage.sqlite import open_sqlite

    return open_sqlite(_sqlite_path(rest if separator else f"/{url}"), create=create, guest=guest)


def _sqlite_path(rest: str) -> Path:
    """Return the path in what follows ``sqlite://``; a relative one has a slash before it."""
    path = rest[1:]
    if not rest.startswith("/") or not path:
        raise StorageConfigurationError("The database address has no path: use sqlite:///path.")
    if path == ":memory:":
        raise StorageConfigurationError(
            "A database in memory would lose all messages: use sqlite:///path."
        )
    return Path(path)


def mysql_address(url: str) -> MysqlAddress:
    """Take the address apart; a mistake in it is told without quoting it, for the password."""
    from storage.mysql import MysqlAddress

    try:
        parts = urlsplit(url)
        port = parts.port or 3306
    except ValueError:  # its text may quote a part of the password
        raise StorageConfigurationError(
            f"The database address is no {_MYSQL_FORM}: {_ENCODE}."
        ) from None
    database = unquote(parts.path[1:])
    if not parts.hostname or not parts.username or not database or "/" in database:
        raise StorageConfigurationError(f"The database address is no {_MYSQL_FORM}: {_ENCODE}.")
    if parts.query or parts.fragment:
        raise StorageConfigurationError(
            f"The database address must end after the name, as {_MYSQL_FORM} does: {_ENCODE}."
        )
    return MysqlAddress(
        parts.hostname, port, unquote(parts.username), unquote(parts.password or ""), database
    )
