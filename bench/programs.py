"""The programs of a measurement: built, started, stopped, and what they print."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).parent.parent
BUILD = ROOT / "build" / "bench"

OURS = (
    "--proto", "raw", "--echo", "0",
    "--login", r'{"type":"hello","protocol":1}\n{"type":"login","name":"bench%d","history":0}\n',
    "--expect", "logged_in",
    "--message", r'{"type":"send","text":"%s"}\n',
    "--ping", '{"type":"ping"}={"type":"pong"}',
)  # fmt: skip
IN_ROOMS = (
    *OURS,
    "--login", r'{"type":"join_room","name":"room%r"}\n', "--expect", '"opened"',
    "--message", r'{"type":"send","conversation":%r,"text":"%s"}\n',
)  # fmt: skip
"""The same, but each client goes into its room and speaks there."""
REFERENCE = ("--proto", "raw", "--echo", "1")

HOLD = 15.0
"""Seconds that idle connections are held, from the last one's login."""

Run = dict[str, Any]
"""What the load generator measured in one run."""


class Server:
    """A server under load."""

    def __init__(
        self, port: int, pid: int, arguments: Sequence[str], generator: str = "fanout"
    ) -> None:
        self.port = port
        self.pid = pid
        self.arguments = arguments
        """What the load generator has to know of its protocol."""
        self.generator = generator
        """Which build of it can load this server."""

    def over_tls(self) -> Server:
        """Return the same server as it is reached over TLS."""
        return Server(self.port, self.pid, (*self.arguments, "--tls"), "fanout_tls")


def build() -> None:
    """Compile the C programs where they are missing or old; raises where there is no compiler."""
    for name in ("fanout", "ref_c"):
        _compile(name, name)


def build_tls() -> None:
    """Compile the load generator that speaks TLS; raises where OpenSSL's headers are missing."""
    try:
        _compile("fanout", "fanout_tls", "-DWITH_TLS", libraries=("-lssl", "-lcrypto"))
    except subprocess.CalledProcessError as error:
        raise SystemExit("OpenSSL's headers are needed: install libssl-dev.") from error


def _compile(name: str, program_name: str, *flags: str, libraries: Sequence[str] = ()) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise SystemExit("A C compiler is needed: install gcc.")
    BUILD.mkdir(parents=True, exist_ok=True)
    source, program = ROOT / "bench" / f"{name}.c", BUILD / program_name
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        command = [compiler, "-O2", *flags, "-o", str(program), str(source), *libraries]
        subprocess.run(command, check=True)  # noqa: S603


@contextmanager
def our_server(*flags: str, path: Path | None = None) -> Iterator[Server]:
    """Run our server, everything on, on a new SQLite file or on the one at ``path``."""
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("wb") as log:
        command = [sys.executable, "-m", "cmd.server", "--port", "0", "--log-level", "warning"]
        command += ["--limit-messages", "0"]  # decision 1
        command += ["--db-name", str(path or Path(folder) / "chat.db"), *flags]
        process = subprocess.Popen(  # noqa: S603
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log
        )
        try:
            assert process.stdout is not None  # noqa: S101
            line = process.stdout.readline().decode()
            if "listening on" not in line:
                raise SystemExit(f"Our server did not start:\n{Path(log.name).read_text()}")
            yield Server(int(line.rpartition(":")[2]), process.pid, OURS)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


@contextmanager
def reference_server() -> Iterator[Server]:
    """Run the C reference, one shared buffer a tick."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([BUILD / "ref_c", str(port), "log"])  # noqa: S603
    try:
        yield Server(port, process.pid, REFERENCE)
    finally:
        process.kill()
        process.wait()


def fanout(server: Server, *arguments: str) -> Run:
    """Load a server and return what the generator measured.

    Raises :class:`SystemExit` where something was lost, doubled or out of order.
    """
    command = _command(server, *arguments)
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603
    return _checked(done.returncode, done.stdout, done.stderr)


@contextmanager
def holding(server: Server, clients: int) -> Iterator[Callable[[], Run]]:
    """Hold idle connections, all logged in; what is yielded waits for their end.

    Raises :class:`SystemExit` where one was lost, or they had gone before the end was asked for.
    """
    settle = str(int(HOLD * 1000))
    command = _command(server, "--idle", "--verbose", "--clients", str(clients), "--settle", settle)
    with subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:

        def finish() -> Run:
            if process.poll() is not None:
                raise SystemExit(f"What was to be measured took longer than {HOLD:g} s.")
            output, errors = process.communicate()
            return _checked(process.returncode, output, errors)

        try:
            _wait_until_ready(process)
            yield finish
        finally:
            process.kill()


def _wait_until_ready(process: subprocess.Popen[bytes]) -> None:
    assert process.stderr is not None  # noqa: S101
    said = b""
    for line in process.stderr:
        said += line
        if b" ready after " in line:
            return
    raise SystemExit(said.decode())


def _command(server: Server, *arguments: str) -> list[str]:
    command = [
        str(BUILD / server.generator),
        "--port",
        str(server.port),
        "--server-pid",
        str(server.pid),
    ]
    return [*command, *server.arguments, *arguments]


def _checked(code: int, output: bytes, errors: bytes) -> Run:
    if code == 1:
        raise SystemExit(errors.decode())
    result: Run = msgspec.json.decode(output)
    wrong = [key for key in ("lost", "order_violations", "gaps", "corrupt") if result[key]]
    if wrong or code:
        raise SystemExit(f"{', '.join(wrong) or 'aborted'}: {output.decode()}")
    return result
