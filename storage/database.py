"""Who runs the statements: what SQLite and MySQL have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar, TypeVarTuple

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

T = TypeVar("T")
Args = TypeVarTuple("Args")


class Database(Protocol):
    """Runs a function in a transaction of its own, from Trio.

    The function may run again from its beginning where the database asks for that, so it
    must have no effect outside the database. A cancelled call has ended when it raises
    :class:`trio.Cancelled`; whether it took effect nobody knows.

    Raises :class:`~storage.errors.StorageUnavailable` when the database does not do its
    part; what else the function raises is passed on and leaves nothing in the database.
    """

    @property
    def description(self) -> str:
        """Which database this is, for people; without a password."""
        ...

    async def prepare(self, migrate: Callable[[Connection], T]) -> T:
        """Run a migration before anything else; it may take long, and no other server runs it."""
        ...

    async def wipe(self, tables: Sequence[str]) -> None:
        """Write tables anew, so that what their rows held before is not in the files any more."""
        ...

    async def read(self, f: Callable[[Connection, *Args], T], *args: *Args) -> T:
        """Run a function that changes nothing; it does not wait for those that do."""
        ...

    async def write(self, f: Callable[[Connection, *Args], T], *args: *Args) -> T:
        """Run a function that changes something; what it did is on the disk afterwards."""
        ...


def transact(engine: Engine, f: Callable[[Connection, *Args], T], *args: *Args) -> T:
    """Run a function in one transaction, all or nothing.

    A connection whose state is not known afterwards is closed and not used again.
    """
    with engine.connect() as connection:
        try:
            result = f(connection, *args)
            connection.commit()
        except Exception:
            try:
                connection.rollback()
            except DBAPIError:
                connection.invalidate()
            raise
        except BaseException:
            connection.invalidate()
            raise
    return result
