"""Fixtures for all tests: databases; and which tests come first."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from storage import Stores, open_stores
from tests.keys import KEY
from tests.mariadb import MariaDB, NoServerProgram, running_mariadb

_LONG = ("tests/chaos/", "tests/e2e/", "tests/web/", "tests/packaging/test_wheel.py")
"""Where a file may take a minute: programs are started, killed and waited for."""

_QUICK = ("tests/bench/", "tests/chat/", "tests/loadtest/", "tests/protocol/", "tests/storage/")
"""Where it takes some seconds at most."""


@pytest.hookimpl(trylast=True)  # behind pytest-randomly: those of one kind stay in its order
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let files come first that take long: begun last, one would keep all other workers waiting.

    xdist gives the files out as they come here, with ``--no-loadscope-reorder``.
    """
    items.sort(key=lambda one: one.nodeid.startswith(_QUICK) - one.nodeid.startswith(_LONG))


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """A database server that lives as long as the tests; whoever stops it starts it again."""
    try:
        context = running_mariadb()
        server = context.__enter__()
    except NoServerProgram as error:
        pytest.fail(str(error), pytrace=False)
    try:
        yield server
    finally:
        context.__exit__(None, None, None)


@pytest.fixture
def mysql_url(mariadb: MariaDB) -> Iterator[str]:
    """The address of a MySQL database that does not exist yet, and is deleted afterwards."""
    database = f"test_{uuid4().hex}"
    yield mariadb.url(database)
    mariadb.drop(database)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The address of an SQLite database that does not exist yet."""
    return f"sqlite:///{tmp_path / 'chat.db'}"


@pytest.fixture(params=["sqlite", "mysql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of a new database, once of each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
async def stores(database_url: str) -> AsyncIterator[Stores]:
    """Open stores in a new database, once of each kind."""
    async with open_stores(database_url, keys=KEY) as opened:
        yield opened
