"""Servers by fork from a process that has loaded the program: the tests start hundreds of them.

Loading SQLAlchemy and the others takes three quarters of a server's start. Behind the fork
``python -m cmd.server`` goes on as ever, with arguments, environment and files of its own. How a
server starts with nothing loaded, ``tests/server/test_start.py`` and others look at.
"""

from __future__ import annotations

import atexit
import json
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from protocol import ids

ROOT = Path(__file__).parent.parent
_LOADED = (
    *("server.app", "storage.migrations", "storage.mysql", "storage.sqlite"),
    *("alembic.command", "cryptography.hazmat.backends.openssl", "cryptography.x509"),
)
"""Ours load most of the others; the last ones they load only where a database is new."""


class Forked:
    """One of those servers, in the manner of :class:`subprocess.Popen`.

    ``out`` gets what it prints, anew; ``log``, behind what is there, what it logs.
    """

    def __init__(
        self, arguments: list[str], *, environment: dict[str, str], out: Path, log: Path
    ) -> None:
        self._parent = _parent()
        files = {"out": str(out), "log": str(log)}
        self.pid = self._parent.ask({"arguments": arguments, "environment": environment, **files})
        self.returncode: int | None = None
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        """Return its exit code, negative for a signal; None while it runs."""
        with self._lock:  # an end is told once
            if self.returncode is None:
                status = self._parent.ask(self.pid)
                self.returncode = None if status < 0 else os.waitstatus_to_exitcode(status)
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return its exit code.

        Raises :class:`subprocess.TimeoutExpired` after so many seconds.
        """
        give_up = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if give_up is not None and time.monotonic() >= give_up:
                raise subprocess.TimeoutExpired("cmd.server", timeout or 0.0)
            time.sleep(0.01)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it has not ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


class _Parent:
    """The process that divides. What it is asked, and answers, is one JSON value a line."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.forking"],
            cwd=ROOT, env={}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def ask(self, question: dict[str, Any] | int) -> int:
        """Start a server and return its number; or, of a number, what ``waitpid`` says or -1."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin
        assert stdout
        with self._lock:
            stdin.write(json.dumps(question).encode() + b"\n")
            stdin.flush()
            return int(stdout.readline())

    def close(self) -> None:
        """End it; what it has started goes on."""
        self._process.communicate()


@cache
def _parent() -> _Parent:
    parent = _Parent()
    atexit.register(parent.close)
    return parent


def _divide() -> dict[str, Any] | None:
    """Answer until there are no more questions; in each new process return what it is to be."""
    for name in _LOADED:
        import_module(name)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the tests, which close this
    for line in sys.stdin.buffer:
        question = json.loads(line)
        if isinstance(question, int):
            ended, status = os.waitpid(question, os.WNOHANG)
            answer = status if ended else -1
        else:
            answer = os.fork()
            if not answer:
                job: dict[str, Any] = question
                return job
        print(answer, flush=True)  # noqa: T201
    return None


def _become(job: dict[str, Any]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    writing = os.O_WRONLY | os.O_CREAT
    for number, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, job["out"], writing | os.O_TRUNC),
        (2, job["log"], writing | os.O_APPEND),
    ):
        opened = os.open(path, flags, 0o666)
        os.dup2(opened, number)
        os.close(opened)
    ids._random.seed()  # Python's own random numbers are made other ones at each fork
    os.environ.clear()
    os.environ.update(job["environment"])
    sys.argv[1:] = job["arguments"]
    runpy.run_module("cmd.server", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    if (found := _divide()) is not None:
        _become(found)
