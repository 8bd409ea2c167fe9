"""Fixtures of the end-to-end tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import RunningServer, running_server


@pytest.fixture
def server(
    request: pytest.FixtureRequest, tmp_path: Path, database_url: str
) -> Iterator[RunningServer]:
    """A server on each of the two databases, with the module's ``SERVER_FLAGS`` if it has any."""
    flags = getattr(request.module, "SERVER_FLAGS", ())
    with running_server(tmp_path, "--database", database_url, *flags) as running:
        yield running


@pytest.fixture
def sqlite_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningServer]:
    """A server on SQLite, for what has nothing to do with the database; likewise."""
    with running_server(tmp_path, *getattr(request.module, "SERVER_FLAGS", ())) as running:
        yield running
