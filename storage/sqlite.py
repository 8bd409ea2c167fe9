"""SQLite: one connection that writes, one that reads, each in a worker thread.

Two connections that checkpoint at once can corrupt the file (all SQLite before 3.51.3),
so the reader never checkpoints, is closed first, and no second server may use the file.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

import trio
from sqlalchemy import Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import DBAPIError

from storage.database import Args, T, transact
from storage.driver import run
from storage.errors import StorageConfigurationError, StorageUnavailable
from storage.sqlite_faults import advice, trouble

BUSY_TIMEOUT = 5.0
"""How long a statement waits for another program that has the file locked, in seconds."""

_WRITER = (
    "PRAGMA synchronous=FULL",  # what was answered survives a power cut
    "PRAGMA foreign_keys=ON",
    # Pages, a quarter of the default: what is moved from the WAL into the file at once holds up
    # the commit behind it, beside a long upload for 12 ms instead of 4.
    "PRAGMA wal_autocheckpoint=250",
    "PRAGMA journal_size_limit=67108864",  # a WAL that grew shrinks to 64 MiB again
)
_GUEST = ("PRAGMA synchronous=FULL", "PRAGMA wal_autocheckpoint=0")
_READER = ("PRAGMA query_only=ON", "PRAGMA wal_autocheckpoint=0")


class SqliteDatabase:
    """A file that one server has to itself; see :class:`storage.database.Database`."""

    def __init__(self, path: Path, writer: Engine, reader: Engine) -> None:
        """Take two engines of one connection each."""
        self._path = path
        self._writer = writer
        self._reader = reader
        self._writing = trio.CapacityLimiter(1)
        self._reading = trio.CapacityLimiter(1)

    @property
    def description(self) -> str:
        """Which file this is."""
        return f"SQLite {self._path}"

    async def prepare(self, migrate: Callable[[Connection], T]) -> T:
        """Migrate the database."""
        return await self.write(migrate)

    async def wipe(self, tables: Sequence[str]) -> None:  # noqa: ARG002
        """Write the whole file anew, and empty the write-ahead log."""
        await trio.to_thread.run_sync(_vacuum, self._path, limiter=self._writing)

    async def read(self, f: Callable[[Connection, *Args], T], *args: *Args) -> T:
        """Run a function that changes nothing."""
        return await self._run(self._reading, self._reader, f, *args)

    async def write(self, f: Callable[[Connection, *Args], T], *args: *Args) -> T:
        """Run a function that changes something."""
        return await self._run(self._writing, self._writer, f, *args)

    async def _run(
        self,
        limiter: trio.CapacityLimiter,
        engine: Engine,
        f: Callable[[Connection, *Args], T],
        *args: *Args,
    ) -> T:
        try:
            return await trio.to_thread.run_sync(transact, engine, f, *args, limiter=limiter)
        except DBAPIError as error:
            sentence = trouble(error)
            if sentence is None:
                raise
            raise StorageUnavailable(f"{self._path}: {sentence}") from error


@asynccontextmanager
async def open_sqlite(
    path: Path, *, create: bool, guest: bool = False
) -> AsyncIterator[SqliteDatabase]:
    """Open a database file, made if it is missing and ``create`` is true.

    A ``guest`` may use it beside the one server that has it, for a short time: it never
    checkpoints, unless it is alone when it closes the file.

    Raises :class:`StorageConfigurationError` where the file cannot be used.
    """
    path = _checked(path, create=create)
    with ExitStack() as stack:
        if not guest:
            stack.enter_context(_only_server(path))
        writer, reader = stack.enter_context(_engines(path, _GUEST if guest else _WRITER))
        yield SqliteDatabase(path, writer, reader)


def _checked(path: Path, *, create: bool) -> Path:
    """Return the file's real path; make an empty one that only its owner may read."""
    try:
        path = path.expanduser().resolve()
        if path.is_dir():
            raise StorageConfigurationError(f"{path} is a folder: name a file in it.")
        if not path.parent.is_dir():
            raise StorageConfigurationError(
                f"The folder {path.parent} does not exist: make it, or choose another path."
            )
        if not path.exists():
            if not create:
                raise StorageConfigurationError(f"There is no database {path}.")
            path.touch(mode=0o600)
        if not os.access(path, os.R_OK | os.W_OK):  # SQLite would find it out much later
            raise StorageConfigurationError(
                f"{path} may not be read and written by this user: check the rights of the file."
            )
    except (OSError, ValueError, RuntimeError) as error:  # not every string is a path
        reason = getattr(error, "strerror", None) or error
        raise StorageConfigurationError(f"{path} cannot be used: {reason}.") from error
    return path


@contextmanager
def _only_server(path: Path) -> Iterator[None]:
    """Keep other servers out for as long as this one runs.

    The lock is an open transaction on an empty database beside the real one: SQLite's own
    locks work wherever SQLite does, and the system removes them when the process dies.
    """
    with closing(_locked(path)):
        yield


def _locked(path: Path) -> sqlite3.Connection:
    with _configuration(path):
        lock = _connect(path.with_name(path.name + ".lock"), timeout=0.0, mode="rwc")
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            lock.close()
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            raise StorageConfigurationError(
                f"Another server uses {path}: stop that one, or choose another file for this one"
                " (--db-name)."
            ) from error
        return lock


@contextmanager
def _engines(path: Path, pragmas: Sequence[str]) -> Iterator[tuple[Engine, Engine]]:
    writer = _engine(path, "BEGIN IMMEDIATE", pragmas)
    reader = _engine(path, "BEGIN", _READER)
    try:
        with _configuration(path):
            _use_wal(path)
        yield writer, reader
    finally:
        reader.dispose()
        writer.dispose()  # the last one out checkpoints and removes the WAL


def _use_wal(path: Path) -> None:
    with closing(_connect(path)) as connection:
        (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
    if mode != "wal":
        raise StorageConfigurationError(
            f"{path} is on a disk where SQLite cannot keep a write-ahead log, as network disks"
            " are: choose a path on a local disk."
        )


def _vacuum(path: Path) -> None:
    """Write a file anew; nobody else is using it yet."""
    with _configuration(path), closing(_connect(path)) as connection:
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def _configuration(path: Path) -> Iterator[None]:
    """Turn what SQLite says while a database is opened into advice."""
    try:
        yield
    except sqlite3.Error as error:
        sentence = advice(error)
        if sentence is None:
            raise
        raise StorageConfigurationError(f"{path}: {sentence}") from error


def _engine(path: Path, begin: str, pragmas: Sequence[str]) -> Engine:
    """Return an engine with one connection, whose transactions begin as told."""
    engine = create_engine(
        "sqlite://",
        creator=lambda: _connect(path),
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=0,
        pool_reset_on_return=None,  # transact() leaves no transaction open
        hide_parameters=True,  # what people write has no place in a log
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: Any) -> None:
        for pragma in pragmas:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        run(connection, begin)

    return engine


def _connect(path: Path, *, timeout: float = BUSY_TIMEOUT, mode: str = "rw") -> sqlite3.Connection:
    """Connect without the driver's own ideas of when a transaction begins.

    Worker threads change, but only one at a time uses a connection.
    """
    return sqlite3.connect(
        f"{path.as_uri()}?mode={mode}",
        uri=True,
        timeout=timeout,
        isolation_level=None,
        check_same_thread=False,
    )
