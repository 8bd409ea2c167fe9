"""The full-screen client on a terminal of its own: its start, its load, its memory."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from bench.client import Client
from bench.filling import fill
from bench.options import Options
from bench.programs import ROOT, our_server
from bench.table import Bar, Row
from protocol.requests import GENERAL, History, Send

COLUMNS, ROWS = 120, 40
PAINTED = b"F1 help"
"""What stands on the first picture."""
ONLINE = b"connected"
"""What stands there once the client is logged in, apart from the word it begins with."""
FIRST = b"m1" + b" " * 40
"""The text of the first message, behind the sequence that colours it."""
RATE = 100
"""Messages a second."""
TYPED = 20
"""Lines typed meanwhile, ten characters each, twenty a second."""
LONG = 100_000
"""Messages that are scrolled through."""
PAGES = 400
"""Screenfuls that are scrolled from the end, before the jump to the beginning."""
PATIENCE = 60.0
MIB = 1 << 20


class Terminal:
    """The client as a person has it."""

    def __init__(self, process: psutil.Process, number: int) -> None:
        self.process = process
        self._number = number
        self._seen = bytearray()

    def press(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._number, keys)

    def read(self, seconds: float) -> None:
        """Take what it draws for so long."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self._read(left)

    def _read(self, seconds: float) -> None:
        if select.select([self._number], [], [], seconds)[0]:
            self._seen += os.read(self._number, 65536)
            del self._seen[:-MIB]

    def until(self, text: bytes) -> None:
        """Wait until it has drawn a text."""
        end = time.perf_counter() + PATIENCE
        while text not in self._seen:
            if time.perf_counter() > end:
                raise SystemExit(f"The client did not draw {text!r}.")
            self._read(0.5)

    def forget(self) -> None:
        """Look only at what is drawn from now on."""
        self._seen.clear()

    @property
    def memory(self) -> float:
        """MiB that it holds."""
        return float(self.process.memory_info().rss) / MIB

    @property
    def cpu(self) -> float:
        """Seconds of CPU that it has taken."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


@contextmanager
def client(port: int, name: str) -> Iterator[Terminal]:
    """Run the client for the time of a block."""
    pid, number = pty.fork()
    if not pid:
        os.chdir(ROOT)
        files = {f"MYMESSENGER_{part}": "" for part in ("SESSIONS", "SCREEN", "HISTORY", "OUTBOX")}
        os.environ.update(TERM="xterm-256color", LANG="C.UTF-8", LC_ALL="", **files)
        arguments = [sys.executable, "-m", "cmd.cli", "--port", str(port), "--name", name]
        os.execv(sys.executable, arguments)  # noqa: S606
    fcntl.ioctl(number, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    try:
        yield Terminal(psutil.Process(pid), number)
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(number)


def terminal(options: Options) -> Iterator[Row]:
    """First picture, CPU under load, memory after a long way through a long history."""
    with our_server("--lifetime-messages", "0") as server:
        pictures = [_first_picture(server.port) for _ in range(2 * options.rounds + 1)]
        walls, cpus = zip(*pictures, strict=True)
        what = "first picture after the command, ms"
        yield Row(f"{what} (median)", statistics.median(walls), bar=Bar(400, unit="ms"))
        yield Row(f"{what} (best: the machine is shared)", min(walls))
        yield Row(f"{what} of CPU (median)", statistics.median(cpus))
        yield from _under_load(server.port, options.seconds)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / "chat.db"
        fill(path, LONG)
        with our_server("--lifetime-messages", "0", path=path) as server:
            yield from _scrolling(server.port)


def _first_picture(port: int) -> tuple[float, float]:
    """Return the milliseconds that passed, and those of CPU, until the picture stood."""
    begun = time.perf_counter()
    with client(port, "painter") as screen:
        screen.until(PAINTED)
        return (time.perf_counter() - begun) * 1000, screen.cpu * 1000


def _under_load(port: int, seconds: int) -> Iterator[Row]:
    """Let others write while somebody types, and look what it costs and what arrives."""
    with client(port, "typist") as screen:
        screen.until(ONLINE)
        screen.read(1.0)
        stop = threading.Event()
        writer = threading.Thread(target=_write, args=(port, stop))
        writer.start()
        try:
            screen.read(1.0)
            begun, cpu = time.perf_counter(), screen.cpu
            typed = _type(screen)
            screen.read(max(0.0, seconds - (time.perf_counter() - begun)))
            share = 100 * (screen.cpu - cpu) / (time.perf_counter() - begun)
        finally:
            stop.set()
            writer.join()
        screen.read(2.0)
    whole = _arrived(port, typed)
    yield Row(f"{RATE} msg/s, % of a core", share, bar=Bar(30, unit="%"))
    yield Row(
        f"{RATE} msg/s, lines typed meanwhile that arrived whole", whole,
        bar=Bar(len(typed), least=True, unit="lines"),
    )  # fmt: skip


def _write(port: int, stop: threading.Event) -> None:
    writer = Client(port, "writer")
    due = time.perf_counter()
    number = 0
    while not stop.is_set():
        writer.ask(Send(text=f"{number} " + "x" * 95))
        number += 1
        due += 1 / RATE
        time.sleep(max(0.0, due - time.perf_counter()))
    writer.close()


def _type(screen: Terminal) -> list[str]:
    typed = [f"line-{number:04}" for number in range(TYPED)]
    for line in typed:
        for key in line:
            screen.press(key.encode())
            screen.read(0.01)
        screen.press(b"\r")
        screen.read(0.05)
    return typed


def _arrived(port: int, typed: list[str]) -> int:
    reader = Client(port, "reader")
    found: list[str] = []
    after = 0
    while True:
        page = reader.ask(History(conversation=GENERAL, after=after, limit=200))
        found += [one.text for one in page.messages if one.sender == "typist"]
        if not page.more:
            break
        after = page.messages[-1].seq
    reader.close()
    return sum(found.count(line) == 1 for line in typed)


def _scrolling(port: int) -> Iterator[Row]:
    with client(port, "scroller") as screen:
        screen.until(ONLINE)
        screen.read(1.0)
        begun = time.perf_counter()
        for _ in range(PAGES):
            screen.press(b"\x1b[5~")
            screen.read(0.02)
        screen.read(1.0)
        spent = time.perf_counter() - begun
        yield Row(f"{LONG} messages: {PAGES} pages up, s", spent)
        screen.forget()
        begun = time.perf_counter()
        screen.press(b"\x1b[1;5H")
        screen.until(FIRST)
        yield Row(
            f"{LONG} messages: from the end to the first, ms", (time.perf_counter() - begun) * 1000
        )
        screen.read(1.0)
        yield Row("memory after that, MiB", screen.memory, bar=Bar(150, unit="MiB"))
