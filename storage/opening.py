"""From a database's address to open stores."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from storage.database import Database
from storage.errors import StorageConfigurationError, StorageUnavailable
from storage.interface import Stores
from storage.migrations import upgrade
from storage.stores import DatabaseStores

if TYPE_CHECKING:
    from storage.mysql import MysqlAddress

DEADLINE = 10.0
"""Seconds of real time after which MySQL is taken for unavailable."""

_MYSQL_SCHEMES = ("mysql", "mariadb", "mysql+asyncmy")
_MYSQL_FORM = "mysql://user:password@host:3306/name"
_ENCODE = "write special characters in user and password as %40 for @, %2F for /, %23 for #"


@asynccontextmanager
async def open_stores(
    url: str, *, create: bool = True, deadline: float = DEADLINE
) -> AsyncIterator[Stores]:
    """Open a database and bring its tables to the form this program needs.

    ``url`` is ``sqlite:///path`` or a plain path, or ``mysql://user:password@host:3306/name``
    with special characters in user and password percent-encoded. With ``create`` a missing
    database is made. A call to MySQL that takes longer than ``deadline`` seconds of real time
    is given up with :class:`StorageUnavailable`.

    Raises :class:`StorageConfigurationError` where the database cannot be used; the text never
    contains the password.
    """
    async with _open(url, create=create, deadline=deadline) as database:
        try:
            await database.prepare(upgrade)
        except StorageUnavailable as error:
            raise StorageConfigurationError(str(error)) from error
        yield DatabaseStores(database)


def _open(url: str, *, create: bool, deadline: float) -> AbstractAsyncContextManager[Database]:
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

    return open_sqlite(_sqlite_path(rest if separator else f"/{url}"), create=create)


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
