"""What is said to somebody who gave an address that cannot be used."""

from __future__ import annotations

import os
import re
import socket
import sqlite3
import sys
import traceback
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import trio

from storage import GENERAL_ID, StorageConfigurationError, open_stores
from tests.keys import KEY
from tests.mariadb import PASSWORD, USER, MariaDB
from tests.storage.helpers import say, user


@contextmanager
def refused(*words: str) -> Iterator[None]:
    """Expect a refusal of one line with these words in it, and the password nowhere."""
    with pytest.raises(StorageConfigurationError) as caught:
        yield
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    for word in words:
        assert word in sentence, sentence
    everything = "".join(traceback.format_exception(caught.value))
    assert PASSWORD not in everything
    assert "w:rd" not in everything


async def opened(url: str, *, create: bool = True, deadline: float = 10.0) -> str:
    """Open and close a database; return its description."""
    async with open_stores(url, keys=KEY, create=create, deadline=deadline) as stores:
        return stores.description


async def test_a_plain_path_and_an_address_are_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "a folder with 100% ?#@" / "чат.db"
    path.parent.mkdir()
    async with open_stores(str(path), keys=KEY) as stores:
        await say(stores, await user(stores), "hello")
    async with open_stores(f"sqlite:///{path}", create=False, keys=KEY) as stores:
        assert len(await stores.messages.GetAll(GENERAL_ID)) == 1
        assert stores.description == f"SQLite {path.resolve()}"


async def test_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    await opened("sqlite:///one.db")
    await opened("two.db")
    assert (tmp_path / "one.db").is_file()
    assert (tmp_path / "two.db").is_file()


async def test_only_the_owner_may_read_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    await opened(str(path))
    if sys.platform != "win32":
        assert path.stat().st_mode & 0o077 == 0


async def test_a_missing_folder(tmp_path: Path) -> None:
    with refused(str(tmp_path / "missing"), "does not exist"):
        await opened(str(tmp_path / "missing" / "chat.db"))


async def test_a_folder(tmp_path: Path) -> None:
    with refused(str(tmp_path), "is a folder"):
        await opened(f"sqlite:///{tmp_path}")


async def test_a_file_as_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with refused("file"):
        await opened(str(tmp_path / "file" / "chat.db"))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has folders nobody may write to")
async def test_a_folder_nobody_may_write_to() -> None:
    with refused("/proc/chat.db", "cannot be used"):
        await opened("/proc/chat.db")


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere"
)
async def test_a_file_one_may_not_write_to(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    await opened(str(path))
    path.chmod(0o400)
    with refused(str(path), "check the rights of the file"):
        await opened(str(path))
    path.chmod(0o600)
    path.parent.chmod(0o500)
    try:
        with refused(str(path), "check the rights of the file and its folder"):
            await opened(str(path))
    finally:
        path.parent.chmod(0o700)


@pytest.mark.parametrize("size", [10, 5000])
async def test_a_file_that_is_no_database(tmp_path: Path, size: int) -> None:
    path = tmp_path / "chat.db"
    path.write_bytes(b"hello" * size)
    with refused(str(path), "not an SQLite database"):
        await opened(str(path))
    assert path.read_bytes() == b"hello" * size


async def test_another_programs_file(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE users (nick TEXT)")
    with refused("another program", "users"):
        await opened(str(path))


async def test_a_missing_file_that_must_be_there(tmp_path: Path) -> None:
    with refused("There is no database"):
        await opened(str(tmp_path / "chat.db"), create=False)
    assert not list(tmp_path.iterdir())  # noqa: ASYNC240


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite://chat.db", ""])
async def test_no_path(url: str) -> None:
    with refused("no path"):
        await opened(url)


@pytest.mark.parametrize("url", ["sqlite:///:memory:", ":memory:"])
async def test_no_file(url: str) -> None:
    with refused("memory", "lose"):
        await opened(url)


async def test_an_unknown_kind() -> None:
    with refused("postgresql://", "sqlite:///path", "mysql://"):
        await opened("postgresql://me:pw@host/name")


@pytest.mark.parametrize(
    "rest",
    [
        f"{USER}:{PASSWORD}@127.0.0.1/name",  # not encoded
        f"{USER}:w:rd/x@127.0.0.1/name",
        f"{USER}:secret@127.0.0.1:port/name",
        f"{USER}:secret@127.0.0.1:99999/name",
        f"{USER}:secret@[::1/name",
        f"{USER}:secret@127.0.0.1",
        f"{USER}:secret@127.0.0.1/",
        f"{USER}:secret@127.0.0.1/a/b",
        "127.0.0.1/name",
        f"{USER}:secret@/name",
        f"{USER}:secret@127.0.0.1/name?ssl=1",
        f"{USER}:sec#ret@127.0.0.1/name",
    ],
)
async def test_an_address_that_is_wrongly_written(rest: str) -> None:
    with refused("mysql://user:password@host:3306/name", "%40"):
        await opened(f"mysql://{rest}")


async def test_the_mysql_database_is_made(mysql_url: str) -> None:
    parts = urlsplit(mysql_url)
    with refused("Unknown database", "CREATE DATABASE"):
        await opened(mysql_url, create=False)
    description = await opened(mysql_url)
    assert description == f"MySQL {USER}@127.0.0.1:{parts.port}{parts.path}"
    assert await opened(mysql_url, create=False) == description


async def test_a_mysql_database_with_a_strange_name(mariadb: MariaDB) -> None:
    await opened(mariadb.url("a%60%3B-%20%25%D1%8F" + uuid4().hex))


async def test_a_wrong_password(mariadb: MariaDB) -> None:
    with refused("check the user name and the password"):
        await opened(mariadb.url("name", password=PASSWORD + "x"))


async def test_a_password_of_any_characters(mariadb: MariaDB) -> None:
    name = f"u{uuid4().hex[:20]}"
    mariadb.execute(f"CREATE USER {name} IDENTIFIED BY 'пароль@/:€'")
    mariadb.execute(f"CREATE DATABASE {name}")
    mariadb.execute(f"GRANT ALL ON {name}.* TO {name}")
    await opened(mariadb.url(name, user=name, password="пароль@/:€"))


async def test_no_rights(mariadb: MariaDB) -> None:
    name = f"u{uuid4().hex[:20]}"
    mariadb.execute(f"CREATE USER {name} IDENTIFIED BY '{PASSWORD}'")
    with refused(name, "GRANT ALL"):
        await opened(mariadb.url("name", user=name))
    mariadb.execute(f"CREATE DATABASE {name}")
    mariadb.execute(f"GRANT SELECT, INSERT ON {name}.* TO {name}")
    with refused("CREATE command denied", "GRANT ALL"):
        await opened(mariadb.url(name, user=name))


async def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and no listen()
        port = taken.getsockname()[1]
        with refused(f"127.0.0.1:{port}", "check that it runs"):
            await opened(f"mysql://me:secret@127.0.0.1:{port}/name")


async def test_no_such_host() -> None:
    with refused("no-such-host.invalid", "check that it runs"):
        await opened("mysql://me:secret@no-such-host.invalid/name")


async def test_somebody_who_never_answers() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        with refused(f"127.0.0.1:{port}", "did not answer within 0.3 seconds"):
            await opened(f"mysql://me:secret@127.0.0.1:{port}/name", deadline=0.3)


async def test_somebody_who_is_no_mysql() -> None:
    async def http(stream: trio.SocketStream) -> None:
        await stream.send_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")

    async with trio.open_nursery() as nursery:
        listeners: list[trio.SocketListener] = await nursery.start(
            partial(trio.serve_tcp, http, 0, host="127.0.0.1")
        )
        port = listeners[0].socket.getsockname()[1]
        with refused("check that it runs"):
            await opened(f"mysql://me:secret@127.0.0.1:{port}/name", deadline=2.0)
        nursery.cancel_scope.cancel()


async def test_an_error_of_the_body_is_passed_on(database_url: str) -> None:
    with pytest.raises(ZeroDivisionError):
        async with open_stores(database_url, keys=KEY):
            raise ZeroDivisionError


async def test_a_cancelled_body(database_url: str) -> None:
    with trio.move_on_after(0.01):
        async with open_stores(database_url, keys=KEY):
            await trio.sleep_forever()
    assert re.match("SQLite|MySQL", await opened(database_url))
