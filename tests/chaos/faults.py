"""What the fault tests share: seeds and rounds, the audit afterwards, and faults of the machine."""

from __future__ import annotations

import fcntl
import json
import os
import random
import signal
import socket
import struct
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from protocol import PROTOCOL_VERSION
from protocol.errors import ProtocolError
from protocol.events import Event, LoggedIn, Message
from protocol.framing import Incoming, encode, event_reader
from protocol.requests import GENERAL, Hello, Login, Request
from tests.chaos.checker import check
from tests.chaos.clients import Crowd, seen_of
from tests.chaos.records import Seen, dump
from tests.harness import RunningServer

ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "1"))
"""How often each fault test runs; ``make chaos`` says 10."""

LONG = ROUNDS > 1
MARGIN = 1.0 if LONG else 3.0
"""By how much a time may exceed what a requirement gives: by nothing where ``make chaos`` measures.
A single round runs among all other tests on a busy machine; it finds what does not recover."""

FIGURES = os.environ.get("CHAOS_FIGURES", "")
"""A file that gets what was measured, a JSON object a line."""

_SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN
_NO_LOG_FLUSH = struct.pack("I", 2)


def new_seed() -> int:
    """Return the seed of this round, and print it."""
    seed = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(10**6))
    print(f"CHAOS_SEED={seed}")  # noqa: T201
    return seed


def record(test: str, **figures: float) -> None:
    """Print what was measured, and keep it where ``CHAOS_FIGURES`` says."""
    rounded = {name: round(value, 3) for name, value in figures.items()}
    print(f"{test}: {rounded}")  # noqa: T201
    if FIGURES:
        with Path(FIGURES).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"test": test, **rounded}) + "\n")


def in_time(seconds: float, limit: float) -> bool:
    """Tell whether something took no longer than a requirement allows, or ``MARGIN`` times that."""
    return seconds <= limit * MARGIN


class Raw:
    """A blocking connection for who is no part of the crowd."""

    def __init__(
        self,
        port: int,
        name: str,
        *,
        resume: int = 0,
        receive_buffer: int = 0,
        patience: float = 30.0,
    ) -> None:
        self.sock = socket.socket()
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(patience)
        self.sock.connect(("127.0.0.1", port))
        self._reader = event_reader()
        self._arrived: list[Incoming[Event] | ProtocolError] = []
        self.send(Hello(protocol=PROTOCOL_VERSION))
        self.send(Login(name=name, resume={GENERAL: resume}))

    def send(self, request: Request, payload: bytes = b"") -> None:
        """Send one frame."""
        self.sock.sendall(encode(request, payload))

    def next(self) -> Incoming[Event]:
        """Return the next frame."""
        while not self._arrived:
            self.read(262_144)
        item = self._arrived.pop()
        assert isinstance(item, Incoming), item
        return item

    def read(self, most: int) -> None:
        """Read so many bytes at most, for :meth:`next` to return what is complete of them."""
        data = self.sock.recv(most)
        assert data, "the server has closed the connection"
        self._arrived[:0] = reversed(self._reader.feed(data))

    def login(self) -> LoggedIn:
        """Return the answer to the login."""
        while not isinstance(frame := self.next().frame, LoggedIn):
            pass
        return frame

    def close(self) -> None:
        """Close it."""
        self.sock.close()


def read_history(port: int) -> list[Seen]:
    """Return the whole general chat as the server shows it to somebody new."""
    auditor = Raw(port, "auditor")
    last = auditor.login().conversations[0].last_seq
    seen: list[Seen] = []
    while not seen or seen[-1].seq < last:
        if isinstance(frame := auditor.next().frame, Message):
            seen.append(seen_of(frame))
    auditor.close()
    return seen


def audit(crowd: Crowd, server: RunningServer, folder: Path) -> int:
    """Let the checker judge; return how many messages there are in all."""
    history = read_history(server.port)
    faults = check(crowd.logs, history)
    if faults:
        dump(crowd.logs, folder / "clients.jsonl")
    kinds = dict(Counter(fault.kind for fault in faults))
    assert not faults, f"{kinds} in {folder / 'clients.jsonl'}, such as {faults[:3]}"
    return len(history)


def memory(server: RunningServer, field: str = "VmRSS") -> float:
    """Return MiB of memory that the server has; ``VmHWM`` is the most since the reset."""
    assert server.process is not None
    for line in Path(f"/proc/{server.process.pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"no {field}")


def reset_peak(server: RunningServer) -> float:
    """Let ``VmHWM`` count anew, and return the memory now."""
    assert server.process is not None
    Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")
    return memory(server)


def busiest_second(server: RunningServer, since: int = 0) -> int:
    """Return the most log lines in one second, from the ``since``-th line on."""
    lines = server.log.read_text().splitlines()[since:]
    seconds = Counter(json.loads(line)["timestamp"][:19] for line in lines)
    return max(seconds.values(), default=0)


def log_lines(server: RunningServer) -> int:
    """Return the lines in the server's log."""
    return len(server.log.read_text().splitlines())


def halt(server: RunningServer) -> None:
    """Stop every thread where it stands, as a power cut does; one in the kernel never returns.

    Without it a sync that was under way when a file system was shut down can return "done".
    """
    assert server.process is not None
    server.signal(signal.SIGSTOP)
    threads = Path(f"/proc/{server.process.pid}/task")
    while True:
        states = {task.read_text().rpartition(")")[2].split()[0] for task in threads.glob("*/stat")}
        if states <= {"T", "D"}:
            return
        time.sleep(0.0002)


def can_mount() -> bool:
    """Tell whether this process may mount file systems."""
    done = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    return os.geteuid() == 0 and done.returncode == 0


def _run(*command: object) -> None:
    subprocess.run([str(word) for word in command], check=True, capture_output=True)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount a file system in memory with a given size."""
    folder.mkdir()
    _run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", folder)
    try:
        yield folder
    finally:
        _run("umount", "-l", folder)


class LoopDisk:
    """ext4 in a file, whose power can be cut."""

    def __init__(self, image: Path, folder: Path) -> None:
        self.folder = folder
        self._image = image
        folder.mkdir()
        with image.open("wb") as file:
            file.truncate(256 * 1024 * 1024)
        _run("mkfs.ext4", "-q", "-F", image)
        self.mount()

    def mount(self) -> None:
        """Mount it; the journal is replayed, as after a power cut."""
        _run("mount", "-o", "loop", self._image, self.folder)

    def cut(self) -> None:
        """Lose, from this moment on, everything that was not synced."""
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(handle, _SHUTDOWN, _NO_LOG_FLUSH)
        finally:
            os.close(handle)

    def unmount(self) -> None:
        """Let go of it; nobody may have a file open in it."""
        for _ in range(100):
            if not subprocess.run(
                ["umount", str(self.folder)], check=False, capture_output=True
            ).returncode:
                return
            time.sleep(0.05)
        _run("umount", "-l", self.folder)


def spread(times: Sequence[int]) -> float:
    """Return the greatest part of some moments that falls into one and the same 50 ms."""
    buckets = Counter(when // 50_000_000 for when in times)
    return max(buckets.values()) / len(times) if times else 0.0
