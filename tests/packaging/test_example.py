"""The example client was written from ``docs/protocol.md`` alone: that it works shows the page."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.harness import RunningServer
from tests.packaging import ROOT, bare_environment

PATIENCE = 20.0


class Chatter:
    """The example, running."""

    def __init__(self, folder: Path, name: str, port: int) -> None:
        self._out = folder / f"{name}.out"
        self._log = folder / f"{name}.log"
        command = [
            sys.executable, "-I", str(ROOT / "docs/examples/client.py"),
            name, "127.0.0.1", str(port),
        ]  # fmt: skip
        with self._out.open("w") as out, self._log.open("w") as log:
            self.process = subprocess.Popen(
                command, cwd=folder, env=bare_environment(folder),
                stdin=subprocess.PIPE, stdout=out, stderr=log, text=True, bufsize=1,
            )  # fmt: skip

    def type(self, line: str) -> None:
        """Write a message."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")

    def sees(self, *lines: str) -> bool:
        """Wait until it has shown these lines, and tell whether it has shown only them."""
        for _ in range(int(PATIENCE / 0.05)):
            if len(self.shown()) >= len(lines):
                break
            time.sleep(0.05)
        return self.shown() == list(lines)

    def shown(self) -> list[str]:
        """Return what it has shown."""
        return self._out.read_text().splitlines()

    def leave(self) -> None:
        """End its input; it goes when all it sent is acknowledged."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(PATIENCE) == 0, self._log.read_text()


@contextmanager
def chatter(folder: Path, name: str, port: int) -> Iterator[Chatter]:
    one = Chatter(folder, name, port)
    try:
        yield one
    finally:
        one.process.kill()
        one.process.wait()
        assert one.process.stdin is not None
        one.process.stdin.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    """Run a server of the test's own."""
    running = RunningServer(tmp_path)
    running.start()
    yield running
    running.stop()


def test_it_chats(tmp_path: Path, server: RunningServer) -> None:
    with chatter(tmp_path, "Bob", server.port) as bob, chatter(tmp_path, "Eve", server.port) as eve:
        bob.type("hello")
        assert eve.sees("Bob: 'hello'")
        eve.type("hi")
        assert bob.sees("Eve: 'hi'")
        bob.leave()
        eve.leave()


def test_it_goes_on_after_a_restart_without_gap_or_repeat(
    tmp_path: Path, server: RunningServer
) -> None:
    with chatter(tmp_path, "Bob", server.port) as bob, chatter(tmp_path, "Eve", server.port) as eve:
        bob.type("before")
        assert eve.sees("Bob: 'before'")
        port = server.port
        server.stop()
        bob.type("meanwhile")
        server.start(port=port)
        assert eve.sees("Bob: 'before'", "Bob: 'meanwhile'")
        bob.type("after")
        assert eve.sees("Bob: 'before'", "Bob: 'meanwhile'", "Bob: 'after'")
        bob.leave()
        assert bob.shown() == []
