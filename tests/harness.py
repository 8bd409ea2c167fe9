"""A real server in a process of its own, and the simplest clients that talk to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import trio

from protocol import PROTOCOL_VERSION
from protocol.errors import ProtocolError
from protocol.events import Event, LoggedIn, Message, PingEvent, Sent
from protocol.framing import Incoming, encode, event_reader
from protocol.requests import Hello, Login, Pong, Request, Send
from storage import KeyFile
from tests.forking import Forked

ROOT = Path(__file__).parent.parent
PATIENCE = 20.0
"""Seconds after which something that should come is taken not to come; never a measure."""

PATIENT = ("--telnet-patience", "20")
"""For servers that TLS, HTTP, browsers or crowds reach and no person at telnet: whoever of these is
late, as on a busy machine, would be greeted as a person and could make nothing of that."""
UNHURRIED = ("--telnet-patience", "2")
"""For servers that all of them reach, where each person has to wait for so long."""

EventT = TypeVar("EventT", bound=Event)


class RunningServer:
    """A server process; what it printed is in files, so that it never waits for a reader."""

    def __init__(self, folder: Path, *flags: str, **environment: str) -> None:
        self.log = folder / "server.log"
        self.keys = KeyFile(folder / "chat.db.key")
        self._out = folder / "server.out"
        self._folder = folder
        self._flags = flags
        self._environment = environment
        self.process: subprocess.Popen[bytes] | Forked | None = None
        self.port = 0

    def start(self, *, port: int = 0) -> None:
        """Start it and wait until it listens."""
        # A shorter patience only saves the tests' time, and they write more than an hour has
        # messages for (decision 1), and faster; a later flag outranks all three.
        arguments = ["--port", str(port), "--telnet-patience", "0.2", "--limit-messages", "0"]
        arguments += ["--frames-per-second", "0", *self._flags]
        if not any(flag.startswith("--db-name") for flag in self._flags):  # also where the key is
            arguments += ["--db-name", str(self._folder / "chat.db")]
        if "MYMESSENGER_MASTER_KEY" not in self._environment:  # one place each, also for MySQL
            arguments += ["--master-key-file", str(self.keys.path)]
        environment = {
            key: value for key, value in os.environ.items() if key in {"PATH", "HOME", "TMPDIR"}
        }
        self.process = self._run(arguments, environment)
        self.port = self._wait_for_port()

    def _run(
        self, arguments: list[str], environment: dict[str, str]
    ) -> subprocess.Popen[bytes] | Forked:
        self._out.write_bytes(b"")  # the port of an earlier start is not that of this one
        if not self._environment:
            return Forked(arguments, environment=environment, out=self._out, log=self.log)
        # Python itself reads some of the environment, before any fork.
        command = [sys.executable, "-m", "cmd.server", *arguments]
        with self.log.open("ab") as log, self._out.open("wb") as out:
            return subprocess.Popen(
                command, cwd=ROOT, stdout=out, stderr=log, env=environment | self._environment
            )

    def _wait_for_port(self) -> int:
        assert self.process is not None
        for _ in range(int(PATIENCE / 0.02)):
            for line in self._out.read_text().splitlines():
                if line.startswith("mymessenger listening on "):
                    return int(line.rpartition(":")[2])
            try:
                code = self.process.wait(0.02)
            except subprocess.TimeoutExpired:
                continue
            raise AssertionError(f"the server ended with {code}: {self.log.read_text()}")
        raise AssertionError(f"the server does not listen: {self.log.read_text()}")

    @property
    def certificate(self) -> Path:
        """The certificate that the server has made itself, beside its database file."""
        return self._folder / "chat.db.cert.pem"

    def printed(self) -> str:
        """Return what it has printed so far."""
        return self._out.read_text()

    def memory(self) -> int:
        """Return the server's resident memory in bytes."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        [line] = [line for line in status.splitlines() if line.startswith("VmRSS:")]
        return int(line.split()[1]) * 1024

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self) -> int:
        """Wait for its end and return its exit code."""
        assert self.process is not None
        return self.process.wait(PATIENCE)

    def stop(self) -> int:
        """Stop it in good order and return its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """End it without a word, as a crash would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()


@contextmanager
def running_server(folder: Path, *flags: str, **environment: str) -> Iterator[RunningServer]:
    """Run a server for the time of a test."""
    server = RunningServer(folder, *flags, **environment)
    server.start()
    try:
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.kill()


class NativeClient:
    """Our own protocol, one frame after the other, with no cleverness at all."""

    def __init__(self, stream: trio.SocketStream | trio.SSLStream[trio.SocketStream]) -> None:
        self.stream = stream
        self._reader = event_reader()
        self._sending = trio.Lock()  # a test may write while the reading task answers a ping
        self._arrived: list[Incoming[Event]] = []
        self.seen: list[Event] = []
        """Every event received, pings left out."""

    async def send(self, request: Request, payload: bytes = b"") -> None:
        """Send one frame."""
        async with self._sending:
            await self.stream.send_all(encode(request, payload))

    async def next_frame(self) -> Incoming[Event] | None:
        """Return the next frame with the bytes that follow it, None at the end."""
        with trio.fail_after(PATIENCE):
            while not self._arrived:
                data = await self.stream.receive_some(65536)
                if not data:
                    return None
                for item in self._reader.feed(bytes(data)):
                    if isinstance(item, ProtocolError) and not self.seen:
                        continue  # a machine so busy that we were greeted as a person
                    assert not isinstance(item, ProtocolError), item
                    if isinstance(item.frame, PingEvent):
                        await self.send(Pong())
                    else:
                        self._arrived.append(item)
        incoming = self._arrived.pop(0)
        self.seen.append(incoming.frame)
        return incoming

    async def next(self) -> Event | None:
        """Return the next event, None at the end."""
        incoming = await self.next_frame()
        return None if incoming is None else incoming.frame

    async def expect(self, kind: type[EventT]) -> EventT:
        """Return the next event of a kind; what comes before stays in :attr:`seen`."""
        while (event := await self.next()) is not None:
            if isinstance(event, kind):
                return event
        raise AssertionError(f"the end came before a {kind.__name__}; seen: {self.seen}")

    async def ask(self, request: Request, kind: type[EventT]) -> EventT:
        """Send a request and return the next event of a kind."""
        await self.send(request)
        return await self.expect(kind)

    async def login(
        self, name: str, *, history: int | None = None, resume: dict[int, int] | None = None
    ) -> LoggedIn:
        """Say hello and log in."""
        await self.send(Hello(protocol=PROTOCOL_VERSION, client="test"))
        return await self.ask(Login(name=name, history=history, resume=resume), LoggedIn)

    async def say(self, text: str, *, to: str | None = None, uuid: UUID | None = None) -> Sent:
        """Send a message and wait until it is stored."""
        return await self.ask(Send(text=text, to=to, uuid=uuid), Sent)

    async def messages(self, count: int) -> list[Message]:
        """Return the next ``count`` messages."""
        return [await self.expect(Message) for _ in range(count)]


@asynccontextmanager
async def native(
    server: RunningServer,
    name: str | None = None,
    *,
    history: int | None = None,
    resume: dict[int, int] | None = None,
) -> AsyncIterator[NativeClient]:
    """Connect, and log in where a name is given."""
    stream = await trio.open_tcp_stream("127.0.0.1", server.port)
    async with stream:
        client = NativeClient(stream)
        if name is not None:
            await client.login(name, history=history, resume=resume)
        yield client


class LineClient:
    """A person at telnet: types lines, reads lines."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._text = b""

    async def type(self, line: str) -> None:
        """Type a line and press Enter."""
        await self.type_bytes(line.encode() + b"\r\n")

    async def type_bytes(self, data: bytes) -> None:
        """Send bytes as they are."""
        await self._stream.send_all(data)

    async def until(self, text: str) -> str:
        """Read until ``text`` has come, and return everything up to its end."""
        with trio.fail_after(PATIENCE):
            while text.encode() not in self._text:
                data = await self._stream.receive_some(65536)
                assert data, f"the end came before {text!r}: {self._text!r}"
                self._text += data
        end = self._text.index(text.encode()) + len(text.encode())
        read, self._text = self._text[:end], self._text[end:]
        return read.decode()

    async def until_bytes(self, data: bytes) -> bytes:
        """Read until these bytes have come, telnet's own among them, and return all."""
        with trio.fail_after(PATIENCE):
            while data not in self._text:
                more = await self._stream.receive_some(65536)
                assert more, f"the end came before {data!r}: {self._text!r}"
                self._text += more
        end = self._text.index(data) + len(data)
        read, self._text = self._text[:end], self._text[end:]
        return read

    async def rest(self) -> str:
        """Read to the end."""
        with trio.fail_after(PATIENCE):
            while data := await self._stream.receive_some(65536):
                self._text += data
        read, self._text = self._text, b""
        return read.decode()


@asynccontextmanager
async def telnet(server: RunningServer, name: str | None = None) -> AsyncIterator[LineClient]:
    """Connect as telnet does, silently, and give a name where there is one."""
    stream = await trio.open_tcp_stream("127.0.0.1", server.port)
    async with stream:
        client = LineClient(stream)
        await client.until("What is your name? ")
        if name is not None:
            await client.type(name)
            await client.until("/quit leaves.\r\n")
        yield client
