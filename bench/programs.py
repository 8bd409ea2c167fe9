"""The programs of a measurement: built, started, stopped, and what they print."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).parent.parent
BUILD = ROOT / "build" / "bench"
START_WITHIN = 30.0  # seconds

OURS = (
    "--proto", "raw", "--echo", "0",
    "--login", r'{"type":"hello","protocol":1}\n{"type":"login","name":"bench%d","history":0}\n',
    "--expect", "logged_in",
    "--message", r'{"type":"send","text":"%s"}\n',
    "--ping", '{"type":"ping"}={"type":"pong"}',
)  # fmt: skip
REFERENCE = ("--proto", "raw", "--echo", "1")


class Server:
    """A server under load."""

    def __init__(self, port: int, pid: int, arguments: Sequence[str]) -> None:
        self.port = port
        self.pid = pid
        self.arguments = arguments
        """What the load generator has to know of its protocol."""


def build() -> None:
    """Compile the C programs where they are missing or old; raises where there is no compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise SystemExit("A C compiler is needed: install gcc.")
    BUILD.mkdir(parents=True, exist_ok=True)
    for name in ("fanout", "ref_c"):
        source, program = ROOT / "bench" / f"{name}.c", BUILD / name
        if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
            subprocess.run([compiler, "-O2", "-o", program, source], check=True)  # noqa: S603


@contextmanager
def our_server(*flags: str) -> Iterator[Server]:
    """Run our server on a database of its own, everything on."""
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("wb") as log:
        command = [sys.executable, "-m", "cmd.server", "--port", "0", "--log-level", "warning"]
        command += ["--db-name", str(Path(folder) / "chat.db"), *flags]
        process = subprocess.Popen(  # noqa: S603
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log
        )
        try:
            assert process.stdout is not None  # noqa: S101
            line = process.stdout.readline().decode()
            if "listening on" not in line:
                raise SystemExit("Our server did not start.")
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


def fanout(server: Server, *arguments: str) -> dict[str, Any]:
    """Load a server and return what the generator measured.

    Raises :class:`SystemExit` where something was lost, doubled or out of order.
    """
    command = [str(BUILD / "fanout"), "--port", str(server.port), "--server-pid", str(server.pid)]
    command += [*server.arguments, *arguments]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603
    if done.returncode == 1:
        raise SystemExit(done.stderr.decode())
    result: dict[str, Any] = msgspec.json.decode(done.stdout)
    wrong = [key for key in ("lost", "order_violations", "gaps", "corrupt") if result[key]]
    if wrong or done.returncode:
        raise SystemExit(f"{', '.join(wrong) or 'aborted'}: {done.stdout.decode()}")
    return result
