"""Statements straight to the driver, for what is done in every commit.

SQLAlchemy writes them, for each database in its own words, but once only. The care it
takes of each execution costs three times what the execution itself does, and it is paid
with the interpreter's lock, which nobody else has meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import lru_cache
from typing import Any

from sqlalchemy import BindParameter, Connection, Dialect, bindparam
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement

Row = Sequence[Any]


class DriverStatement:
    """A statement in the words of one database; its values are those that the driver takes."""

    def __init__(self, statement: ClauseElement, dialect: Dialect) -> None:
        """Compile it."""
        compiled = statement.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)  # noqa: S101
        self._sql = str(compiled)
        self._names = tuple(compiled.positiontup or ())
        self._constants = dict(compiled.params)

    def execute(self, connection: Connection, values: Mapping[str, Any]) -> Sequence[Row]:
        """Run it with values by name; return the rows it finds, if it looks for some."""
        every = {**self._constants, **values}
        _begin(connection)
        return run(connection, self._sql, [every[name] for name in self._names])

    def execute_many(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Run it for each row, whose values are in the order of the statement."""
        _begin(connection)
        run(connection, self._sql, rows, many=True)


def _begin(connection: Connection) -> None:
    if not connection.in_transaction():
        connection.begin()


def run(
    connection: Connection, sql: str, values: Sequence[Any] = (), *, many: bool = False
) -> Sequence[Row]:
    """Run a statement in the driver's words; with ``many`` once for each row of values.

    Raises what SQLAlchemy raises, :class:`~sqlalchemy.exc.DBAPIError` and its children.
    """
    dialect = connection.dialect
    try:
        with closing(connection.connection.cursor()) as cursor:
            if many:
                cursor.executemany(sql, values)
            else:
                cursor.execute(sql, values)
            return cursor.fetchall() if cursor.description else ()
    except dialect.loaded_dbapi.Error as error:
        lost = dialect.is_disconnect(error, connection.connection.dbapi_connection, None)
        if lost:
            connection.invalidate(error)
        raise DBAPIError.instance(
            sql, None, error, dialect.loaded_dbapi.Error, connection_invalidated=lost,
            dialect=dialect, hide_parameters=True,
        ) from error  # fmt: skip


def places(count: int) -> list[BindParameter[int]]:
    """Return parameters for so many ids; :func:`each` has their values."""
    return [bindparam(f"id{number}") for number in range(count)]


def each(ids: Sequence[int]) -> dict[str, int]:
    """Return the ids as values of :func:`places`."""
    return {f"id{number}": value for number, value in enumerate(ids)}


@lru_cache(maxsize=1024)
def prepared(
    build: Callable[[int], ClauseElement], count: int, dialect: Dialect
) -> DriverStatement:
    """Return the statement that ``build`` makes for so many ids, compiled once."""
    return DriverStatement(build(count), dialect)
