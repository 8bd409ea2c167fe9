"""MySQL and MariaDB: SQLAlchemy over asyncmy, in an asyncio thread."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog
import trio
from asyncmy.connection import Connection as DriverConnection
from asyncmy.errors import MySQLError
from msgspec import Struct
from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.util import greenlet_spawn

from storage.bridge import AsyncioThread, CallTimeout, open_asyncio_thread
from storage.database import Args, T, transact
from storage.errors import StorageConfigurationError, StorageUnavailable
from storage.mysql_faults import advice, lacks_database, trouble, wants_repetition

log = structlog.get_logger()
# The driver reports the server's warnings; in strict mode what matters is an error.
logging.getLogger("asyncmy").setLevel(logging.ERROR)

CONNECTIONS = 4
"""How many transactions may read at once, and how many may write."""

ATTEMPTS = 2 * CONNECTIONS + 1
"""How often a transaction is tried that a deadlock or a lost connection ended.

After a restart of the database every connection of the pool is a lost one.
"""

MIGRATE_WITHIN = 6 * 3600.0
"""Seconds that a migration may take: sealing a long history that was not sealed is one."""

ALONE_WITHIN = 300
"""Seconds that a server waits for the end of another one's migration."""

CLOSE_WITHIN = 1.0
"""Seconds in which a connection says goodbye; then it is cut."""

_SESSION = (
    # Backslash escapes must stay on: asyncmy escapes so, whatever the server says.
    "SET SESSION sql_mode='STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
    # Locked rows count the numbers, so nothing needs the gap locks of REPEATABLE READ, which
    # deadlock; and what a repeated look must see is what others have committed by then.
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    # A lock must give up before the call does, or it outlives the call in the server.
    "SET SESSION innodb_lock_wait_timeout=3",
)


class MysqlAddress(Struct, frozen=True):
    """Where a MySQL database is, and who goes there."""

    host: str
    port: int
    user: str
    password: str
    database: str

    def __str__(self) -> str:
        """Leave the password out."""
        return f"{self.user}@{self.host}:{self.port}/{self.database}"

    __repr__ = __str__


class _Connection(DriverConnection):
    """The driver's connection, but closing it never waits for a server that does not answer."""

    async def ensure_closed(self) -> None:
        """Say goodbye and close, in a second at most."""
        try:
            async with asyncio.timeout(CLOSE_WITHIN):
                await super().ensure_closed()
        except TimeoutError:
            self.close()

    def close(self) -> None:
        """Cut the connection; what was not sent yet is thrown away."""
        transport = getattr(self, "_transport", None)  # close() would go on sending for ever
        if transport is not None:
            transport.abort()
        super().close()


class MysqlDatabase:
    """A database on a server; see :class:`storage.database.Database`."""

    def __init__(
        self, address: MysqlAddress, engine: Engine, thread: AsyncioThread, deadline: float
    ) -> None:
        """Run on an engine that lives in the thread; a call may take ``deadline`` seconds."""
        self._address = address
        self._engine = engine
        self._thread = thread
        self._deadline = deadline
        self._reading = trio.CapacityLimiter(CONNECTIONS)
        self._writing = trio.CapacityLimiter(CONNECTIONS)

    @property
    def description(self) -> str:
        """Which database this is, without the password."""
        return f"MySQL {self._address}"

    async def read(self, f: Callable[[Connection, *Args], T], *args: *Args) -> T:
        """Run a function that changes nothing."""
        async with self._reading:
            return await self._run(self._deadline, f, *args)

    async def write(self, f: Callable[[Connection, *Args], T], *args: *Args) -> T:
        """Run a function that changes something."""
        async with self._writing:
            return await self._run(self._deadline, f, *args)

    async def prepare(self, migrate: Callable[[Connection], T]) -> T:
        """Migrate the database; of several servers that start at once one does, others wait."""
        return await self._run(MIGRATE_WITHIN, _alone, self._address.database, migrate)

    async def wipe(self, tables: Sequence[str]) -> None:
        """Rebuild the tables; what the database's own logs have kept ends with those."""
        await self._run(MIGRATE_WITHIN, _rebuild, tables)

    async def _run(self, seconds: float, f: Callable[[Connection, *Args], T], *args: *Args) -> T:
        try:
            return await self._thread.call(seconds, self._repeat, f, *args)
        except CallTimeout as error:
            raise StorageUnavailable(
                f"{self.description} did not answer within {seconds:g} seconds:"
                " check the database server and the network."
            ) from error
        except DBAPIError as error:
            sentence = trouble(error)
            if sentence is None:
                raise
            raise StorageUnavailable(f"{self.description}: {sentence}") from error

    async def _repeat(self, f: Callable[[Connection, *Args], T], *args: *Args) -> T:
        """Run a transaction, again if it was the victim of a deadlock or a restarted server."""
        for _ in range(ATTEMPTS - 1):
            try:
                return await greenlet_spawn(transact, self._engine, f, *args)
            except DBAPIError as error:
                if not wants_repetition(error):
                    raise
        return await greenlet_spawn(transact, self._engine, f, *args)


def _alone(connection: Connection, database: str, migrate: Callable[[Connection], T]) -> T:
    # The names of locks are the whole server's, and at most 64 characters long.
    name = "mymessenger " + hashlib.sha256(database.encode()).hexdigest()[:32]
    if connection.scalar(select(func.get_lock(name, ALONE_WITHIN))) != 1:
        raise StorageConfigurationError(
            f"Another server has been migrating {database} for a long time: wait for its end."
        )
    result = migrate(connection)
    _warn_of_losses(connection)
    connection.commit()
    # Where it fails the connection is not used again, and its lock ends with it.
    connection.execute(select(func.release_lock(name)))
    return result


def _rebuild(connection: Connection, tables: Sequence[str]) -> None:
    for table in tables:
        connection.execute(text(f"ALTER TABLE {table} ENGINE=InnoDB"))


def _warn_of_losses(connection: Connection) -> None:
    flush = connection.scalar(text("SELECT @@GLOBAL.innodb_flush_log_at_trx_commit"))
    if flush != 1:
        log.warning(
            "storage.not_durable",
            innodb_flush_log_at_trx_commit=flush,
            advice="a power cut can lose messages that users were told are stored; set it to 1",
        )


@asynccontextmanager
async def open_mysql(
    address: MysqlAddress, *, create: bool, deadline: float
) -> AsyncIterator[MysqlDatabase]:
    """Open a database, made if it is missing, ``create`` is true and the user has the right.

    Raises :class:`StorageConfigurationError` where it cannot be used.
    """
    async with open_asyncio_thread("mymessenger-mysql") as thread:
        await _greet(thread, address, create=create, seconds=deadline)
        engine = create_async_engine(
            "mysql+asyncmy://",
            async_creator=lambda: _connect(address, address.database),
            pool_size=2 * CONNECTIONS,  # the limiters let no more through: nobody waits for it
            max_overflow=0,
            pool_reset_on_return=None,  # transact() leaves no transaction open
            hide_parameters=True,  # what people write has no place in a log
        )
        try:
            yield MysqlDatabase(address, engine.sync_engine, thread, deadline)
        finally:
            with trio.CancelScope(shield=True):
                await thread.call(2 * CLOSE_WITHIN * CONNECTIONS + 1, engine.dispose)


async def _greet(
    thread: AsyncioThread, address: MysqlAddress, *, create: bool, seconds: float
) -> None:
    """Connect once, so that what is wrong with the address is said in plain words."""
    try:
        await thread.call(seconds, _visit, address, create)
    except CallTimeout as error:
        raise StorageConfigurationError(
            f"The database server {address.host}:{address.port} did not answer within"
            f" {seconds:g} seconds: check the host and the port."
        ) from error
    except MySQLError as error:
        sentence = advice(error)
        if sentence is None:
            raise
        raise StorageConfigurationError(f"MySQL {address}: {sentence}") from error


async def _visit(address: MysqlAddress, create: bool) -> None:
    try:
        connection = await _connect(address, address.database)
    except MySQLError as error:
        if not (create and lacks_database(error)):
            raise
        connection = await _connect(address, None)
        name = address.database.replace("`", "``")
        await connection.query(
            f"CREATE DATABASE IF NOT EXISTS `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        )
    await connection.ensure_closed()


async def _connect(address: MysqlAddress, database: str | None) -> Any:
    driver: Any = _Connection  # asyncmy's own types are incomplete
    connection = driver(
        host=address.host,
        port=address.port,
        user=address.user,
        password=address.password.encode(),  # of a text the driver would make Latin-1
        database=database,
        charset="utf8mb4",
        program_name="mymessenger",
    )
    try:
        await connection.connect()
        for statement in _SESSION:
            await connection.query(statement)
    except BaseException:
        connection.close()
        raise
    return connection
