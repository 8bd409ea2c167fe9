"""What is SQLite's own: locks, disks, and two connections."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import trio
from sqlalchemy import Connection, text

from storage import GENERAL_ID, StorageConfigurationError, StorageUnavailable, open_stores
from storage.migrations import upgrade
from storage.sqlite import SqliteDatabase, open_sqlite
from tests.keys import KEY, stores_in
from tests.storage.helpers import NOW, new, save, say, user

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    """An open database with tables."""
    async with open_sqlite(tmp_path / "chat.db", create=True) as opened:
        await opened.prepare(upgrade)
        yield opened


def value(connection: Connection, statement: str) -> Any:
    """Return the one value of a statement, None where there is none."""
    result = connection.exec_driver_sql(statement)
    return result.scalar() if result.returns_rows else None


async def test_an_answered_message_survives_a_power_cut(database: SqliteDatabase) -> None:
    assert await database.write(value, "PRAGMA journal_mode") == "wal"
    assert await database.write(value, "PRAGMA synchronous") == 2  # FULL
    assert await database.write(value, "PRAGMA foreign_keys") == 1
    assert await database.write(value, "PRAGMA busy_timeout") == 5000


async def test_the_reader_never_writes_nor_checkpoints(database: SqliteDatabase) -> None:
    assert await database.read(value, "PRAGMA query_only") == 1
    assert await database.read(value, "PRAGMA wal_autocheckpoint") == 0
    with pytest.raises(StorageUnavailable):
        await database.read(value, "DELETE FROM counters")


async def test_a_long_read_delays_nobody_who_writes(database: SqliteDatabase) -> None:
    stores = stores_in(database)
    ann = await user(stores)
    reading, finish = threading.Event(), threading.Event()
    counts = []

    def read_slowly(connection: Connection) -> int:
        first = value(connection, "SELECT count(*) FROM messages")
        reading.set()
        finish.wait(30)
        assert value(connection, "SELECT count(*) FROM messages") == first
        return int(first)

    async def read() -> None:
        counts.append(await database.read(read_slowly))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await trio.to_thread.run_sync(reading.wait)
        await say(stores, ann, "meanwhile")
        finish.set()
    assert counts == [0]
    assert len(await stores.messages.GetAll(GENERAL_ID)) == 1


async def test_a_failed_function_leaves_nothing(database: SqliteDatabase) -> None:
    def fail(connection: Connection, error: BaseException) -> None:
        connection.execute(text("UPDATE counters SET value = 99"))
        raise error

    class Worse(BaseException):
        """What even leaves the connection's state open."""

    for error in (ZeroDivisionError(), Worse()):
        with pytest.raises(type(error)):
            await database.write(fail, error)
        assert await database.write(value, "SELECT value FROM counters") == 0
    assert await database.write(value, "PRAGMA synchronous") == 2


async def test_a_mistake_is_no_trouble_of_the_database(database: SqliteDatabase) -> None:
    with pytest.raises(Exception, match="no such table") as caught:
        await database.write(value, "SELECT * FROM nowhere")
    assert not isinstance(caught.value, StorageUnavailable)


async def test_a_full_disk(database: SqliteDatabase) -> None:
    stores = stores_in(database)
    ann = await user(stores)
    await say(stores, ann, "before")
    pages = await database.write(value, "PRAGMA page_count")
    await database.write(value, f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StorageUnavailable, match="the disk is full; make room"):
        await say(stores, ann, *["x" * 1000] * 100)
    assert len(await stores.messages.GetAll(GENERAL_ID)) == 1
    await database.write(value, "PRAGMA max_page_count = 100000")
    [saved] = await say(stores, ann, "after")
    assert (saved.message.id, saved.message.seq) == (2, 2)


async def test_a_file_that_became_read_only(database: SqliteDatabase) -> None:
    stores = stores_in(database)
    ann = await user(stores)
    await database.write(value, "PRAGMA query_only = 1")
    with pytest.raises(StorageUnavailable, match="cannot be written; check the rights"):
        await say(stores, ann, "no")
    assert await stores.messages.GetAll(GENERAL_ID) == []


async def test_a_file_that_another_program_locks(database: SqliteDatabase, tmp_path: Path) -> None:
    stores = stores_in(database)
    ann = await user(stores)
    await database.write(value, "PRAGMA busy_timeout = 1")
    with closing(sqlite3.connect(tmp_path / "chat.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageUnavailable, match="another program keeps it locked"):
            await say(stores, ann, "no")
        assert await stores.messages.GetAll(GENERAL_ID) == []
        other.execute("ROLLBACK")
        await say(stores, ann, "yes")


async def test_a_second_server_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    link = tmp_path / "link.db"
    async with open_stores(str(path), keys=KEY) as stores:
        ann = await user(stores)
        link.symlink_to(path)
        for same in (path, link):
            with pytest.raises(StorageConfigurationError, match=r"Another server uses .*: stop"):
                async with open_stores(str(same), keys=KEY):
                    pass
        await say(stores, ann, "still here")
    async with open_stores(str(link), keys=KEY) as stores:
        assert len(await stores.messages.GetAll(GENERAL_ID)) == 1


SERVER = """
import sys, trio
from storage import open_stores
from tests.keys import KEY
from tests.storage.helpers import say, user

async def main():
    async with open_stores(sys.argv[1], keys=KEY) as stores:
        ann = await user(stores)
        while True:
            [saved] = await say(stores, ann, "hello")
            print(saved.message.id, flush=True)
            if len(sys.argv) > 2:
                await trio.sleep_forever()

trio.run(main)
"""


def test_a_server_in_another_process_is_refused_until_it_is_dead(tmp_path: Path) -> None:
    path = str(tmp_path / "chat.db")
    command = [sys.executable, "-c", SERVER, path, "once"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "1\n"
        with pytest.raises(StorageConfigurationError, match="Another server uses"):
            trio.run(last_id, path)
        other.kill()
    assert trio.run(last_id, path) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_nothing_answered_is_lost_with_a_killed_process(tmp_path: Path) -> None:
    path = str(tmp_path / "chat.db")
    for _ in range(3):
        command = [sys.executable, "-c", SERVER, path]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            seen = [server.stdout.readline() for _ in range(random.randint(1, 50))]
            os.kill(server.pid, signal.SIGKILL)
            answered = int((seen + server.stdout.readlines())[-1])
        assert answered <= trio.run(last_id, path) <= answered + 1


async def last_id(path: str) -> int:
    """Open a database and return its highest id; check it too."""
    async with open_stores(path, keys=KEY) as stores:
        found = await stores.messages.GetAll(GENERAL_ID)
        assert [one.id for one in found] == list(range(1, len(found) + 1))
        return await stores.messages.GetLastMsgID()


async def test_the_wal_is_gone_after_a_good_end(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    async with open_stores(str(path), keys=KEY) as stores:
        await say(stores, await user(stores), "hello")
        await stores.messages.GetAll(GENERAL_ID)
        assert Path(f"{path}-wal").exists()  # noqa: ASYNC240
    assert not Path(f"{path}-wal").exists()  # noqa: ASYNC240


async def test_cancelled_calls_do_no_harm(tmp_path: Path) -> None:
    async with open_stores(str(tmp_path / "chat.db"), keys=KEY) as stores:
        ann = await user(stores)
        messages = [new(ann, str(number)) for number in range(100)]

        async def send(number: int) -> None:
            with trio.move_on_after(random.random() / 100):
                await save(stores, [messages[number]])

        async with trio.open_nursery() as nursery:
            for number in range(100):
                nursery.start_soon(send, number)
        saved = await save(stores, messages)
        assert [one.message.body for one in saved] == [one.body for one in messages]
        found = await stores.messages.GetAll(GENERAL_ID)
        assert [one.seq for one in found] == list(range(1, 101))
        direct = await stores.conversations.ensure_direct(ann.id, ann.id, NOW)
        assert direct.last_seq == 0
