"""The client as a program: in a pipe, and on a terminal of its own."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import socket
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

from protocol.errors import ErrorCode
from protocol.events import ConversationInfo, Error, LoggedIn, Part, Sent, Welcome
from protocol.framing import Incoming, encode, request_reader
from protocol.requests import Fetch, Send
from tests.cli.screen import Screen
from tests.harness import PATIENCE, ROOT

_TIME = re.compile(r"^\d\d:\d\d \d\d\.\d\d\.\d\d ")
COLUMNS = 120


def command(port: int, name: str | None, *flags: str) -> list[str]:
    """Return the command line of a client."""
    arguments = [sys.executable, "-m", "cmd.cli", "--port", str(port)]
    return [*arguments, *(["--name", name] if name else []), *flags]


def environment(**changes: str) -> dict[str, str]:
    """Return the environment of a program under test: no settings of the person who tests."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MYMESSENGER_")}
    return (
        kept
        | {"TERM": "xterm", "MYMESSENGER_HISTORY": "", "MYMESSENGER_SESSIONS": ""}
        | {"MYMESSENGER_OUTBOX": "", "MYMESSENGER_KNOWN_SERVERS": "", "TZ": "UTC"}
        | {"LC_ALL": "", "LC_MESSAGES": "", "LANG": "C.UTF-8"}
        | changes
    )


def run(
    port: int, name: str | None, *flags: str, typed: str | bytes = b"", **changes: str
) -> subprocess.CompletedProcess[bytes]:
    """Run a client in a pipe to its end, with ``changes`` to its environment."""
    data = typed.encode() if isinstance(typed, str) else typed
    return subprocess.run(
        command(port, name, *flags),
        cwd=ROOT,
        env=environment(**changes),
        input=data,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )


class Pipe:
    """A client in a pipe that is kept open."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def type(self, line: str) -> None:
        """Give it a line."""
        stdin = _given(self.process.stdin)
        stdin.write(line.encode() + b"\n")
        stdin.flush()

    def lines(self, count: int) -> list[str]:
        """Return its next lines, messages without their time."""
        stdout = _given(self.process.stdout)
        lines = [stdout.readline().decode().removesuffix("\n") for _ in range(count)]
        return [_TIME.sub("", line) for line in lines]

    def error(self) -> str:
        """Return its next line on standard error."""
        return _given(self.process.stderr).readline().decode()

    def end(self) -> int:
        """Close its input and return its exit code."""
        _given(self.process.stdin).close()
        return self.process.wait(PATIENCE)


@contextmanager
def piped(port: int, name: str, *flags: str) -> Iterator[Pipe]:
    """Run a client with pipes on all three sides for the time of a block."""
    with subprocess.Popen(
        command(port, name, *flags),
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        guard = threading.Timer(2 * PATIENCE, process.kill)  # so that no readline waits for ever
        guard.start()
        try:
            yield Pipe(process)
        finally:
            guard.cancel()
            process.kill()


class Terminal:
    """A client on a terminal, and the screen it draws on."""

    def __init__(self, process: subprocess.Popen[bytes], ours: int, theirs: int) -> None:
        self.process = process
        self._ours = ours
        self._theirs = theirs
        self._screen = Screen(COLUMNS)
        self._settings = termios.tcgetattr(theirs)

    def type(self, keys: str | bytes) -> None:
        """Press keys."""
        os.write(self._ours, keys.encode() if isinstance(keys, str) else keys)

    def until(self, text: str) -> list[str]:
        """Wait until a line has ``text`` in it, or two that it was wrapped to; return all lines."""
        self._look(lambda lines: text in "".join(lines), text)
        return self._screen.lines

    def until_prompt(self, text: str) -> None:
        """Wait until the last line is ``text``."""
        self._look(lambda lines: bool(lines) and lines[-1] == text, text)

    def _look(self, found: Callable[[list[str]], bool], wanted: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not found(self._screen.lines):
            left = max(0, deadline - time.monotonic())
            assert self._read(left), f"{wanted!r} did not come: {self._screen.lines}"

    def _read(self, patience: float) -> bool:
        """Read what has come; False where nothing did in time."""
        if not select.select([self._ours], [], [], patience)[0]:
            return False
        self._screen.feed(os.read(self._ours, 65536))
        return True

    def look(self) -> list[str]:
        """Return all lines so far, without waiting for more."""
        while self._read(0):
            pass
        return self._screen.lines

    def wait(self) -> int:
        """Wait for the program's end and return its exit code; reads on, as a terminal does."""
        deadline = time.monotonic() + PATIENCE
        while (code := self.process.poll()) is None:
            assert time.monotonic() < deadline, f"no end: {self._screen.lines}"
            self._read(0.02)
        while self._read(0):
            pass
        return code

    @property
    def lines(self) -> list[str]:
        """What stands on the screen now."""
        return self._screen.lines

    @property
    def is_restored(self) -> bool:
        """True: the terminal is set as it was before."""
        return termios.tcgetattr(self._theirs) == self._settings


@contextmanager
def terminal(port: int, name: str | None, *flags: str, **changes: str) -> Iterator[Terminal]:
    """Run a client on a terminal for the time of a block."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, COLUMNS))
    try:
        with subprocess.Popen(
            command(port, name, "--line", *flags),
            cwd=ROOT,
            env=environment(**changes),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509 - nothing in it can meet a lock
        ) as process:
            try:
                yield Terminal(process, ours, theirs)
            finally:
                process.kill()
    finally:
        os.close(ours)
        os.close(theirs)


@contextmanager
def turncoat() -> Iterator[int]:
    """Run a server that lets a client in as Bob, and refuses the name when it comes back."""
    general = ConversationInfo(id=1, kind="general", name="general", last_seq=0, delivered_seq=0)
    welcome = Welcome(protocol=1, server="turncoat", ping_interval=30)
    login = LoggedIn(user_id=1, name="Bob", guest=True, conversations=[general])
    refusal = Error(code=ErrorCode.BAD_NAME, message="Taken.")

    def serve() -> None:
        for answer in (login, refusal):
            with listener.accept()[0] as connection:
                connection.recv(65536)
                connection.sendall(encode(welcome) + encode(answer))

    with socket.create_server(("127.0.0.1", 0)) as listener, _running(listener, serve) as port:
        yield port


@contextmanager
def sluggish(pause: float) -> Iterator[int]:
    """Run a server that lets Bob in, reads a bit each ``pause``, and stores one message."""
    general = ConversationInfo(id=1, kind="general", name="general", last_seq=0, delivered_seq=0)
    login = LoggedIn(user_id=1, name="Bob", guest=True, conversations=[general])

    def serve() -> None:
        reader = request_reader()
        with listener.accept()[0] as connection:
            connection.settimeout(PATIENCE)
            connection.sendall(encode(Welcome(protocol=1, server="sluggish", ping_interval=30)))
            connection.sendall(encode(login))
            stored = False
            while not stored and (data := connection.recv(64 * 1024)):
                time.sleep(pause)
                for item in reader.feed(data):
                    if isinstance(item, Incoming) and isinstance(item.frame, Send):
                        stored = True
                        sent = Sent(ref=item.frame.ref, id=1, seq=1, time=1)
                        connection.sendall(encode(sent))
            connection.recv(64 * 1024)  # the goodbye

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        with _running(listener, serve) as port:
            yield port


@contextmanager
def forgetful() -> Iterator[int]:
    """Run a server that lets Bob in, and loses a text while he is sent it."""
    general = ConversationInfo(id=1, kind="general", name="general", last_seq=0, delivered_seq=0)
    login = LoggedIn(user_id=1, name="Bob", guest=True, conversations=[general])

    def serve() -> None:
        reader = request_reader()
        with listener.accept()[0] as connection:
            connection.settimeout(PATIENCE)
            connection.sendall(encode(Welcome(protocol=1, server="forgetful", ping_interval=30)))
            connection.sendall(encode(login))
            while data := connection.recv(64 * 1024):
                for item in reader.feed(data):
                    if isinstance(item, Incoming) and isinstance(item.frame, Fetch):
                        ref = item.frame.ref
                        part = encode(Part(ref=ref, id=3, offset=0, size=4), b"head")
                        gone = Error(ref=ref, code=ErrorCode.UNKNOWN_MESSAGE, message="Gone.")
                        connection.sendall(part + encode(gone))

    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        _running(listener, serve) as port,
    ):
        yield port


@contextmanager
def _running(listener: socket.socket, serve: Callable[[], None]) -> Iterator[int]:
    """Serve what comes to a listener, in a thread; yield its port."""
    listener.settimeout(PATIENCE)
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        thread.join()


def _take_terminal() -> None:
    """Make standard input the terminal whose Ctrl+C and hangup this process gets."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _given(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream
