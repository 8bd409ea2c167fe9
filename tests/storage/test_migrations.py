"""From an empty database, and from every one that was ever released, to the present tables."""

from __future__ import annotations

import logging
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import pytest
import trio
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, event, inspect, text

from storage import (
    GENERAL_ID,
    Conversation,
    Membership,
    StorageConfigurationError,
    User,
    migrations,
    open_stores,
)
from storage.migrations import VERSION_TABLE
from storage.mysql import open_mysql
from storage.opening import mysql_address
from storage.schema import metadata
from storage.sqlite import open_sqlite
from tests.keys import KEY
from tests.mariadb import MariaDB
from tests.storage.helpers import NOW, memberships, run, say, user

Execute: TypeAlias = Callable[[str], None]

ROOT = Path(__file__).parents[2]
STEPS = sorted(
    step.name[:4] for step in Path(migrations.__file__).parent.glob("versions/[0-9]*.py")
)
DUMPS = Path(__file__).parent / "dumps"
"""Databases as released programs left them. They never change."""


@pytest.fixture
def execute(database_url: str, request: pytest.FixtureRequest) -> Execute:
    """Run a statement in the database, made by it if it is missing."""
    if database_url.startswith("sqlite"):
        path = database_url.removeprefix("sqlite:///")

        def in_sqlite(statement: str) -> None:
            with closing(sqlite3.connect(path, isolation_level=None)) as connection:
                connection.execute(statement)

        return in_sqlite
    mariadb: MariaDB = request.getfixturevalue("mariadb")
    name = urlsplit(database_url).path[1:]
    mariadb.execute(f"CREATE DATABASE {name}")

    def in_mysql(statement: str) -> None:
        mariadb.execute(statement, name)

    return in_mysql


def load(execute: Execute, url: str, version: str) -> None:
    """Make what a program of that version left."""
    dump = (DUMPS / f"{version}.{urlsplit(url).scheme}.sql").read_text("utf-8")
    for statement in dump.split(";\n"):
        if statement.strip():
            execute(statement)


async def differences(url: str) -> list[object]:
    """Return what alembic would change to make the tables those of the schema."""

    def compare(connection: Connection) -> list[object]:
        options = {"version_table": VERSION_TABLE}
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, metadata))

    if url.startswith("sqlite"):
        async with open_sqlite(Path(url.removeprefix("sqlite:///")), create=False) as sqlite:
            return await sqlite.read(compare)
    async with open_mysql(mysql_address(url), create=False, deadline=10.0) as mysql:
        return await mysql.read(compare)


async def test_a_new_database_has_the_tables_of_the_schema(database_url: str) -> None:
    async with open_stores(database_url, keys=KEY) as stores:
        general = Conversation(GENERAL_ID, "general", "general", 0)
        assert await stores.conversations.get(GENERAL_ID) == general
    assert await differences(database_url) == []


async def test_a_difference_would_be_seen(database_url: str, execute: Execute) -> None:
    async with open_stores(database_url, keys=KEY):
        pass
    execute("ALTER TABLE users ADD COLUMN mood VARCHAR(9)")
    execute("CREATE INDEX strange ON messages (sent_at)")
    assert len(await differences(database_url)) == 2


@pytest.mark.parametrize("version", STEPS)
async def test_a_released_database_is_upgraded(
    database_url: str, execute: Execute, version: str
) -> None:
    load(execute, database_url, version)
    async with open_stores(database_url, keys=KEY) as stores:
        ann = await stores.accounts.find("ann 🦊")
        bob = await stores.accounts.find("bob")
        assert ann == User(1, "Ann 🦊", "ann 🦊", NOW)
        assert bob == User(2, "Bob", "bob", NOW + 1)
        general = Conversation(GENERAL_ID, "general", "general", 1)
        direct = Conversation(2, "direct", "direct:1:2", 1)
        assert await memberships(stores, bob.id) == [
            Membership(general, bob.id, 1, read_seq=1),
            Membership(direct, bob.id, 0, ann),
        ]
        [hello] = await stores.messages.GetAll(GENERAL_ID)
        [long] = await stores.messages.GetAll(direct.id)
        assert (hello.id, hello.body.decode(), hello.sent_at) == (1, "hello 🦊", NOW + 4)
        assert (long.id, long.body, long.uuid) == (2, b"a long", b"\2" * 16)
        assert {hello.kind, long.kind} == {"text"}
        assert long.body_id is not None
        assert await stores.bodies.read(long.body_id, 0, 100) == b"a long text"
        [saved] = await say(stores, bob, "and on it goes")
        assert (saved.message.id, saved.message.seq) == (3, 2)
    assert await differences(database_url) == []


@pytest.mark.parametrize(
    ("look", "expected"),
    [
        (
            "SELECT seen_at > created_at + 9, blocked_until, quota_used, skeleton FROM users",
            {(1, 0, 0, None)},  # seen as of the upgrade
        ),
        (
            "SELECT conversation_id, user_id, read_seq, role FROM members",
            {(1, 1, 0, "member"), (1, 2, 1, "member"), (2, 1, 0, "member"), (2, 2, 0, "member")},
        ),
        (
            "SELECT kind, target_id, file_id, due_at, edited_at FROM messages",
            {("text", None, None, None, None)},
        ),
        (
            "SELECT title, topic, private, created_by FROM conversations",
            {(None, None, 0, None)},
        ),
    ],
    ids=["users", "members", "messages", "conversations"],
)
async def test_what_was_there_gets_its_new_columns(
    database_url: str, execute: Execute, look: str, expected: set[tuple[object, ...]]
) -> None:
    load(execute, database_url, "0001")

    def found(connection: Connection) -> set[tuple[object, ...]]:
        return set(map(tuple, connection.execute(text(look))))

    async with open_stores(database_url, keys=KEY) as stores:
        assert await run(stores, found) == expected


async def test_a_newer_database_is_refused(database_url: str, execute: Execute) -> None:
    async with open_stores(database_url, keys=KEY) as stores:
        await say(stores, await user(stores), "kept")
    execute("UPDATE schema_version SET version_num = '9999'")
    with pytest.raises(StorageConfigurationError, match=r"newer mymessenger .*9999.*install"):
        async with open_stores(database_url, keys=KEY):
            pass
    execute(f"UPDATE schema_version SET version_num = '{STEPS[-1]}'")  # noqa: S608 - a file's name
    async with open_stores(database_url, keys=KEY) as stores:
        assert len(await stores.messages.GetAll(GENERAL_ID)) == 1


async def test_another_programs_database_is_refused(database_url: str, execute: Execute) -> None:
    execute("CREATE TABLE messages (id INTEGER)")
    with pytest.raises(StorageConfigurationError, match=r"another program .*messages"):
        async with open_stores(database_url, keys=KEY):
            pass


async def test_tables_of_others_do_not_matter(database_url: str, execute: Execute) -> None:
    execute("CREATE TABLE wordpress (id INTEGER)")
    async with open_stores(database_url, keys=KEY) as stores:
        await say(stores, await user(stores), "hello")


async def test_an_interrupted_first_start(mysql_url: str, mariadb: MariaDB) -> None:
    """MySQL keeps the tables that were made before an interruption."""
    name = urlsplit(mysql_url).path[1:]
    async with open_stores(mysql_url, keys=KEY):
        pass
    for statement in (
        "DELETE FROM schema_version",
        "DROP TABLE messages",
        "DELETE FROM counters",
        "DELETE FROM conversations",
    ):
        await trio.to_thread.run_sync(mariadb.execute, statement, name)
    async with open_stores(mysql_url, keys=KEY) as stores:
        await say(stores, await user(stores), "hello")
    assert await differences(mysql_url) == []


@pytest.mark.parametrize("database_url", ["mysql"], indirect=True)
async def test_an_upgrade_interrupted_after_every_step(database_url: str, execute: Execute) -> None:
    """MySQL keeps what was done before an interruption, table by table and column by column."""
    load(execute, database_url, "0001")
    attempts = 0
    async with open_mysql(mysql_address(database_url), create=False, deadline=10.0) as database:
        while True:
            attempts += 1
            try:
                await database.prepare(upgrade_one_step)
            except PowerCut:
                continue
            break
    assert attempts > 30
    assert await differences(database_url) == []
    async with open_stores(database_url, keys=KEY) as stores:
        assert [one.read_seq for one in await memberships(stores, 2)] == [1, 0]


class PowerCut(Exception):
    """The end of an upgrade that was not finished."""


def upgrade_one_step(connection: Connection) -> None:
    """Upgrade, but no further than to the next table, column or index."""
    steps = 0

    def count(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        nonlocal steps
        # What makes tables that are there already changes nothing.
        steps += statement.startswith(("ALTER", "CREATE INDEX")) or (
            statement.lstrip().startswith("CREATE TABLE") and is_new(statement)
        )
        if steps > 1:
            raise PowerCut

    tables = set(inspect(connection).get_table_names())

    def is_new(statement: str) -> bool:
        return statement.split("(", maxsplit=1)[0].rsplit(maxsplit=1)[-1].strip("`") not in tables

    event.listen(connection, "before_cursor_execute", count)
    migrations.upgrade(connection)


async def test_starting_again_changes_nothing(database_url: str) -> None:
    for number in range(1, 4):
        async with open_stores(database_url, keys=KEY) as stores:
            [saved] = await say(stores, await user(stores), "hello")
            assert saved.message.id == number


async def test_alembic_says_nothing(
    database_url: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.INFO):
        async with open_stores(database_url, keys=KEY):
            pass
    assert caplog.text == ""
    assert capfd.readouterr() == ("", "")


def test_nothing_slow_is_imported_before_it_is_needed() -> None:
    code = "import sys, storage; print([n for n in ('alembic', 'asyncmy') if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_every_step_is_tried_from() -> None:
    for step in STEPS:
        for kind in ("sqlite", "mysql"):
            assert (DUMPS / f"{step}.{kind}.sql").is_file(), (
                f"{step} was added: dump what it makes into {DUMPS}"
            )
