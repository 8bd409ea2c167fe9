"""What several of these tests use."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from loadtest.main import main
from loadtest.report import Report
from tests.loadtest.fake_server import FakeServer

Measure = Callable[..., tuple[int, Report]]


@pytest.fixture
def measure(capsys: pytest.CaptureFixture[str]) -> Measure:
    """Run the load test of a few clients on a server; return exit code and report."""

    def run(server: FakeServer, options: str = "") -> tuple[int, Report]:
        usual = "--clients 8 --senders 2 --rate 200 --duration 0.2 --warmup 0 --drain 1 --json"
        code = main([*f"--port {server.port} {usual} {options}".split()])
        return code, msgspec.json.decode(capsys.readouterr().out, type=Report)

    return run
