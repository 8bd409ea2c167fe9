"""A private MariaDB or MySQL server for tests: own folder, own port, gone at the end.

It can be killed, frozen and started again, to see what the messenger does then.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

USER = "messenger"
PASSWORD = "p@ss/w:rd#%1"
START_WITHIN = 30.0  # seconds
_MEMORY = Path("/dev/shm")  # noqa: S108 - only a folder of one's own in it is used
_ROOMY = 2 * 1024**3
"""Free bytes in memory above which the data is kept there: four servers need half of it."""
_FOLDERS = os.pathsep.join(
    [os.environ.get("PATH", ""), "/usr/sbin", "/usr/libexec", "/usr/local/sbin"]
)
_HOST = "127.0.0.1"


class NoServerProgram(Exception):
    """There is no MariaDB or MySQL on this machine."""


class MariaDB:
    """The server; made by :func:`running_mariadb`."""

    def __init__(self, folder: Path) -> None:
        """Prepare an empty data folder."""
        self._program = _find("mariadbd", "mysqld")
        self._folder = folder
        self._data = folder / "data"
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        # Servers with a common folder for temporary files delete each other's when they start.
        self._environment = os.environ | {"TMPDIR": str(folder)}
        self.host = _HOST
        self.port = _free_port()
        self._install()

    @property
    def data(self) -> Path:
        """The folder with what it stores."""
        return self._data

    def url(self, database: str, *, user: str = USER, password: str = PASSWORD) -> str:
        """Return the address of a database, which need not exist."""
        who = f"{quote(user, safe='')}:{quote(password, safe='')}"
        return f"mysql://{who}@{self.host}:{self.port}/{database}"

    def start(self) -> None:
        """Start the server and wait until it greets; after a kill it repairs itself first."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    self._program,
                    "--no-defaults",
                    *self._places(),
                    f"--socket={self._folder / 'socket'}",
                    f"--pid-file={self._folder / 'pid'}",
                    f"--init-file={self._folder / 'init.sql'}",
                    f"--bind-address={self.host}",
                    f"--port={self.port}",
                    "--skip-name-resolve",
                    "--innodb-buffer-pool-size=32M",
                    "--performance-schema=OFF",
                ],
                stdout=log,
                stderr=log,
                env=self._environment,
            )
        give_up = time.monotonic() + START_WITHIN
        while not self._greets():
            if self._process.poll() is not None or time.monotonic() > give_up:
                self.kill()
                raise RuntimeError(f"The database server did not start:\n{self._log.read_text()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Let the server end in good order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the server as a power cut would end it."""
        self._end(signal.SIGKILL)

    def drop(self, database: str) -> None:
        """Delete a database, if there is one, and what it takes in memory or on the disk."""
        self.execute(f"DROP DATABASE IF EXISTS `{database}`")

    def freeze(self) -> None:
        """Make the server answer nothing, with all connections open."""
        self._running().send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        self._running().send_signal(signal.SIGCONT)

    def execute(self, statement: str, database: str | None = None) -> list[tuple[Any, ...]]:
        """Run one statement with all rights, and return its rows."""
        return asyncio.run(self._execute(statement, database))

    async def _execute(self, statement: str, database: str | None) -> list[tuple[Any, ...]]:
        from asyncmy.connection import connect

        connection: Any = await connect(
            host=self.host,
            port=self.port,
            user=USER,
            password=PASSWORD,
            database=database,
            autocommit=True,
        )
        try:
            async with connection.cursor() as cursor:
                await cursor.execute(statement)
                return list(await cursor.fetchall()) if cursor.description else []
        finally:
            await connection.ensure_closed()

    def _install(self) -> None:
        if "MariaDB" in self._output(self._program, "--version"):
            installer = _find("mariadb-install-db", "mysql_install_db")
            options = ["--auth-root-authentication-method=normal", "--skip-test-db"]
        else:
            installer, options = self._program, ["--initialize-insecure"]
        self._output(installer, "--no-defaults", *self._places(), *options)
        text = (
            f"CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';\n"
            f"GRANT ALL ON *.* TO '{USER}'@'%' WITH GRANT OPTION;\n"
        )
        (self._folder / "init.sql").write_text(text)

    def _output(self, *command: str) -> str:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=self._environment
        )
        if done.returncode:
            raise RuntimeError(f"{command[0]} failed:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def _places(self) -> list[str]:
        places = [f"--datadir={self._data}"]
        if os.geteuid() == 0:
            places.append("--user=root")  # the server asks for it in so many words
        return places

    def _greets(self) -> bool:
        try:
            with socket.create_connection((self.host, self.port), timeout=1.0) as connection:
                return bool(connection.recv(1))
        except OSError:
            return False

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the server is not running"
        return self._process

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.send_signal(signal.SIGCONT)  # a frozen one hears nothing else
            self._process.wait(START_WITHIN)
            self._process = None


@contextmanager
def running_mariadb() -> Iterator[MariaDB]:
    """Start a server of one's own.

    Raises :class:`NoServerProgram` where none is installed.
    """
    # A socket's path may have no more than 107 characters: not in pytest's folders.
    with tempfile.TemporaryDirectory(prefix="mymessenger-", dir=_fast_folder()) as folder:
        server = MariaDB(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _fast_folder() -> Path | None:
    """Return where to keep the data: in memory, where it outlives a killed server as well.

    A table is made twice as fast there. Only a power cut could tell the difference; none of the
    tests cuts the power of MySQL. None: where temporary files are.
    """
    try:
        roomy = shutil.disk_usage(_MEMORY).free > _ROOMY and os.access(_MEMORY, os.W_OK)
    except OSError:
        return None
    return _MEMORY if roomy else None


def _find(*names: str) -> str:
    for name in names:
        path = shutil.which(name, path=_FOLDERS)
        if path is not None:
            return path
    raise NoServerProgram(f"{names[0]} is missing: apt-get install mariadb-server")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind((_HOST, 0))
        port: int = one.getsockname()[1]
        return port
