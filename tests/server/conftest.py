"""Fixtures of the server's tests: a server in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import RunningServer, running_server


@pytest.fixture
def sqlite_server(tmp_path: Path) -> Iterator[RunningServer]:
    """A server on SQLite for one test."""
    with running_server(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def shared_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """A server for all examples of tests that leave nothing behind, with ``SERVER_FLAGS``."""
    flags = getattr(request.module, "SERVER_FLAGS", ())
    with running_server(tmp_path_factory.mktemp("server"), *flags) as running:
        yield running
