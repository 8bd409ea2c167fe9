"""What is MySQL's own: a server that is killed, frozen or set up in a strange way."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
import trio
from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError
from structlog.testing import capture_logs

from storage import GENERAL_ID, Saved, StorageUnavailable, open_stores
from storage.migrations import upgrade
from storage.mysql import CONNECTIONS, MysqlDatabase, open_mysql
from storage.opening import mysql_address
from storage.stores import DatabaseStores
from tests.keys import KEY, stores_in
from tests.mariadb import PASSWORD, MariaDB, NoServerProgram, running_mariadb
from tests.storage.helpers import new, save, say, user

DEADLINE = 1.5  # seconds; two tests wait for it, and a slow machine must not need it


@pytest.fixture
async def database(mysql_url: str) -> AsyncIterator[MysqlDatabase]:
    """An open database with tables, and little patience."""
    address = mysql_address(mysql_url)
    async with open_mysql(address, create=True, deadline=DEADLINE) as opened:
        await opened.prepare(upgrade)
        yield opened


@pytest.fixture
def stores(database: MysqlDatabase) -> DatabaseStores:
    """The stores in it."""
    return stores_in(database)


def value(connection: Connection, statement: str) -> Any:
    """Return the one value of a statement."""
    return connection.execute(text(statement)).scalar()


async def with_all(database: MysqlDatabase, f: Callable[[Connection], Any]) -> None:
    """Use all connections that write, so that all of them are open."""
    async with trio.open_nursery() as nursery:
        for _ in range(CONNECTIONS):
            nursery.start_soon(database.write, f)


def take_a_while(connection: Connection) -> None:
    """Keep a connection busy."""
    connection.execute(text("SELECT SLEEP(0.05)"))


def open_connections(mariadb: MariaDB, url: str) -> list[int]:
    """Return the server's ids of the connections to a database."""
    name = urlsplit(url).path[1:]
    rows = mariadb.execute("SELECT id, db FROM information_schema.processlist")
    return [number for number, database in rows if database == name]


async def test_what_a_connection_is_set_to(mariadb: MariaDB, mysql_url: str) -> None:
    mariadb.execute("SET GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES,PIPES_AS_CONCAT'")
    mariadb.execute("SET GLOBAL character_set_server = 'latin1'")
    try:
        async with open_stores(mysql_url, keys=KEY) as stores:
            ann = await user(stores, "\\' OR 1=1 -- 🦊")
            evil = "\\'); DROP TABLE messages; -- 🦊"
            [saved] = await say(stores, ann, evil)
            assert saved.message.body == evil.encode()
            assert await stores.accounts.find(ann.name_key) == ann
            assert await stores.messages.GetAll(GENERAL_ID) == [saved.message]
    finally:
        mariadb.execute("SET GLOBAL sql_mode = DEFAULT")
        mariadb.execute("SET GLOBAL character_set_server = DEFAULT")


async def test_the_isolation(database: MysqlDatabase) -> None:
    def isolation(connection: Connection) -> set[str]:
        names = "('tx_isolation', 'transaction_isolation')"  # MariaDB's and MySQL's
        rows = connection.execute(text(f"SHOW VARIABLES WHERE Variable_name IN {names}"))
        return {row[1] for row in rows}

    assert await database.read(isolation) == {"READ-COMMITTED"}


async def test_a_mistake_is_no_trouble_of_the_database(database: MysqlDatabase) -> None:
    with pytest.raises(ProgrammingError):
        await database.read(value, "SELECT * FROM nowhere")
    with pytest.raises(Exception, match="Unknown column") as caught:
        await database.read(value, "SELECT nothing FROM users")
    assert not isinstance(caught.value, StorageUnavailable)


async def test_a_killed_server_comes_back(mariadb: MariaDB, stores: DatabaseStores) -> None:
    ann = await user(stores)
    before = await say(stores, ann, "before")
    mariadb.kill()
    try:
        for _ in range(3):
            with pytest.raises(StorageUnavailable, match="check that it runs") as caught:
                await say(stores, ann, "no")
            assert PASSWORD not in str(caught.value)
            with pytest.raises(StorageUnavailable):
                await stores.messages.GetAll(GENERAL_ID)
    finally:
        mariadb.start()
    after = await say(stores, ann, "after")
    found = await stores.messages.GetAll(GENERAL_ID)
    assert found == [saved.message for saved in before + after]
    assert [message.seq for message in found] == [1, 2]


async def test_a_restart_between_two_calls_is_not_noticed(
    mariadb: MariaDB, database: MysqlDatabase, stores: DatabaseStores
) -> None:
    ann = await user(stores)
    await with_all(database, take_a_while)
    mariadb.stop()
    mariadb.start()
    for _ in range(2 * CONNECTIONS):
        await say(stores, ann, "hello")
        await stores.messages.Get(1)


async def test_closed_connections_are_not_noticed(
    mariadb: MariaDB, mysql_url: str, database: MysqlDatabase, stores: DatabaseStores
) -> None:
    ann = await user(stores)
    await with_all(database, take_a_while)
    for number in open_connections(mariadb, mysql_url):
        mariadb.execute(f"KILL CONNECTION {number}")
    for _ in range(2 * CONNECTIONS):
        await say(stores, ann, "hello")


async def test_a_connection_lost_in_a_transaction(
    mariadb: MariaDB, database: MysqlDatabase
) -> None:
    attempts = []

    def lose(connection: Connection) -> int:
        attempts.append(True)
        connection.execute(text("UPDATE counters SET value = value + 1"))
        if len(attempts) == 1:
            number = connection.execute(text("SELECT CONNECTION_ID()")).scalar_one()
            connection.execute(text(f"KILL CONNECTION {number}"))
        return int(connection.execute(text("SELECT value FROM counters")).scalar_one())

    assert await database.write(lose) == 1
    assert len(attempts) == 2


async def test_the_victim_of_a_deadlock_runs_again(database: MysqlDatabase) -> None:
    def add_rows(connection: Connection) -> None:
        connection.execute(text("INSERT INTO counters VALUES ('a', 0), ('b', 0)"))

    runs = []

    def cross(connection: Connection, first: str, second: str) -> None:
        runs.append(first)
        for name in (first, second):
            connection.execute(
                text("UPDATE counters SET value = value + 1 WHERE name = :name"), {"name": name}
            )
            connection.execute(text("SELECT SLEEP(0.1)"))

    await database.write(add_rows)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(database.write, cross, "a", "b")
        nursery.start_soon(database.write, cross, "b", "a")
    assert len(runs) == 3
    assert await database.read(value, "SELECT SUM(value) FROM counters") == 4


async def test_a_frozen_server(mariadb: MariaDB, stores: DatabaseStores) -> None:
    ann = await user(stores)
    mariadb.freeze()
    try:
        # The first on a connection that was open, the second on none.
        for _ in range(2):
            with pytest.raises(StorageUnavailable, match="did not answer within"):
                await say(stores, ann, "perhaps")
    finally:
        mariadb.thaw()
    await say(stores, ann, "surely")
    found = await stores.messages.GetAll(GENERAL_ID)
    assert [message.seq for message in found] == list(range(1, len(found) + 1))
    assert found[-1].body == b"surely"


async def test_a_server_that_freezes_while_much_is_sent(
    mariadb: MariaDB, stores: DatabaseStores
) -> None:
    ann = await user(stores)
    mariadb.freeze()
    try:
        with pytest.raises(StorageUnavailable):  # more than the sockets' buffers hold
            await say(stores, ann, "x" * (12 * 1024 * 1024))
    finally:
        mariadb.thaw()
    await say(stores, ann, "hello")


async def test_a_storm_of_cancellations(
    mariadb: MariaDB, mysql_url: str, database: MysqlDatabase
) -> None:
    stores = stores_in(database)
    users = [await user(stores, f"user {number}") for number in range(10)]
    messages = [new(users[number % 10], f"text {number}") for number in range(60)]
    wrong = []

    async def send(number: int) -> None:
        with trio.move_on_after(random.random() / 50):
            await save(stores, [messages[number]])

    async def look(number: int) -> None:
        with trio.move_on_after(random.random() / 50):
            found = await stores.accounts.find(f"user {number % 10}")
            if found != users[number % 10]:
                wrong.append(found)

    for _ in range(3):
        async with trio.open_nursery() as nursery:
            for number in range(60):
                nursery.start_soon(send, number)
                nursery.start_soon(look, number)
    assert wrong == []
    saved = await save(stores, messages)
    assert [one.message.body for one in saved] == [one.body for one in messages]
    found = await stores.messages.GetAll(GENERAL_ID)
    assert [message.seq for message in found] == list(range(1, 61))
    await with_all(database, take_a_while)
    assert len(open_connections(mariadb, mysql_url)) <= 2 * CONNECTIONS


async def test_a_cancelled_call_has_ended(
    mariadb: MariaDB, mysql_url: str, database: MysqlDatabase
) -> None:
    stores = stores_in(database)
    ann = await user(stores)

    def hesitate(connection: Connection) -> None:
        connection.execute(text("UPDATE counters SET value = 99"))
        connection.execute(text("SELECT SLEEP(0.3)"))

    with trio.move_on_after(0.05) as scope:
        await database.write(hesitate)
    assert scope.cancelled_caught
    [saved] = await say(stores, ann, "hello")  # waits for the row, which the server gives back
    assert saved.message.id == 1


async def test_several_servers_in_one_database(mysql_url: str) -> None:
    results: list[Saved] = []

    async def serve(name: str) -> None:
        async with open_stores(mysql_url, keys=KEY) as stores:
            who = await user(stores, name)
            for _ in range(10):
                results.extend(await say(stores, who, "a", "b"))

    async with trio.open_nursery() as nursery:  # they migrate it at once, too
        for number in range(4):
            nursery.start_soon(serve, f"user {number}")
    assert sorted(one.message.id for one in results) == list(range(1, 81))
    assert sorted(one.message.seq for one in results) == list(range(1, 81))
    async with open_stores(mysql_url, keys=KEY) as stores:
        assert len(await stores.messages.GetAll(GENERAL_ID)) == 80


async def test_a_server_that_may_lose_messages_is_told_of(mariadb: MariaDB, mysql_url: str) -> None:
    mariadb.execute("SET GLOBAL innodb_flush_log_at_trx_commit = 2")
    try:
        with capture_logs() as logs:
            async with open_stores(mysql_url, keys=KEY):
                pass
    finally:
        mariadb.execute("SET GLOBAL innodb_flush_log_at_trx_commit = 1")
    assert [entry["event"] for entry in logs] == ["storage.not_durable"]
    with capture_logs() as logs:
        async with open_stores(mysql_url, keys=KEY):
            pass
    assert logs == []


def test_a_machine_without_a_server_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tests.mariadb._FOLDERS", "")
    with (
        pytest.raises(NoServerProgram, match="apt-get install mariadb-server"),
        running_mariadb(),
    ):
        pass
