"""A server of the test's own: started, found, stopped."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from loadtest.errors import SetupError

_ROOT = Path(__file__).resolve().parent.parent
SERVER_COMMAND = (
    (sys.executable, "-m", "cmd.server")
    if (_ROOT / "cmd").is_dir()
    else (str(Path(sys.executable).with_name("mymessenger-server")),)
)
"""In a checkout the package `cmd`; installed, where there is none, the console script."""

_START_TIMEOUT = 60.0  # seconds; a new database on a busy machine
_STOP_TIMEOUT = 60.0  # seconds
_LOOK_AGAIN = 0.02  # seconds
_LISTENING = re.compile(r"^mymessenger listening on \S+:(\d+)$", re.MULTILINE)
_LAST_LINES = 5


class ServerProcess:
    """A running server; see :func:`started`."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self.pid = process.pid
        self.port = 0
        self.exit_code: int | None = None
        """Known once it has stopped; 0 is how a server should end."""
        self._process = process
        self._output, self._log = folder / "output", folder / "log"

    def wait_until_it_listens(self) -> None:
        """Learn the port; raises :class:`SetupError` if the server does not come up."""
        deadline = time.monotonic() + _START_TIMEOUT
        while time.monotonic() < deadline:
            found = _LISTENING.search(self._output.read_text("utf-8", "replace"))
            if found:
                self.port = int(found[1])
                return
            if self._process.poll() is not None:
                words = self.last_words() or "it said nothing"
                raise SetupError(f"the server ended with {self._process.returncode}: {words}")
            time.sleep(_LOOK_AGAIN)
        raise SetupError(f"the server does not listen after {_START_TIMEOUT:.0f} s")

    def stop(self) -> None:
        """Ask the server to end and wait; kill it if it does not."""
        if self.exit_code is None:
            self._process.terminate()
            try:
                self.exit_code = self._process.wait(_STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self.exit_code = self._process.wait()

    def last_words(self) -> str:
        """Return the last lines of the server's log; there are none if nothing went wrong."""
        lines = self._log.read_text("utf-8", "replace").splitlines()
        return "\n".join(lines[-_LAST_LINES:])


@contextmanager
def started(command: Sequence[str], database: str | None) -> Iterator[ServerProcess]:
    """Run a server on a free port; raises :class:`SetupError` if it does not come up."""
    with tempfile.TemporaryDirectory(prefix="loadtest-") as name:
        folder = Path(name)
        arguments = ["--host", "127.0.0.1", "--port", "0", "--log-level", "warning"]
        arguments += ["--limit-messages", "0"]  # decision 1: it is the server that is measured
        arguments += ["--db-name", str(folder / "loadtest.db")]  # the key is beside it
        if database is not None:
            arguments += ["--database", database]
        # Output goes to a file, not a pipe: nobody reads it while the test runs. A session of its
        # own keeps Ctrl+C here from reaching the server before its clients are gone.
        with (folder / "output").open("wb") as output, (folder / "log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 (the command is ours)
                [*command, *arguments],
                cwd=_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
                start_new_session=True,
            )
        server = ServerProcess(process, folder)
        try:
            server.wait_until_it_listens()
            yield server
        finally:
            server.stop()
