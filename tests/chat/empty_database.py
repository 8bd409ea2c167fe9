"""A database in memory that nobody has written to, for the stores that have no twin in memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar, TypeVarTuple

from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import StaticPool

from storage.database import transact
from storage.schema import metadata
from storage.sealing import PLAIN
from storage.seals import use_vault

T = TypeVar("T")
Args = TypeVarTuple("Args")


class EmptyDatabase:
    """Runs statements at once, in the thread of Trio, so that a clock may jump meanwhile.

    It is made when the first statement comes; ``before`` is awaited before each one.
    """

    def __init__(self, before: Callable[[], Awaitable[None]]) -> None:
        self._before = before
        self._engine = create_engine("sqlite://", poolclass=StaticPool)
        self._made = False

    @property
    def description(self) -> str:
        return "memory"

    async def prepare(self, migrate: Callable[[Connection], T]) -> T:
        raise AssertionError(f"{migrate} is not for this one")

    async def wipe(self, tables: Sequence[str]) -> None:
        raise AssertionError(f"{tables} are not for this one")

    async def read(self, f: Callable[[Connection, *Args], T], *args: *Args) -> T:
        return await self._run(f, *args)

    async def write(self, f: Callable[[Connection, *Args], T], *args: *Args) -> T:
        return await self._run(f, *args)

    async def _run(self, f: Callable[[Connection, *Args], T], *args: *Args) -> T:
        await self._before()
        if not self._made:
            self._made = True
            metadata.create_all(self._engine)
        return transact(self._engine, _plainly, f, *args)


def _plainly(connection: Connection, f: Callable[[Connection, *Args], T], *args: *Args) -> T:
    use_vault(connection, PLAIN)
    return f(connection, *args)
