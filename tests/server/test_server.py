"""Class ``Server``: accepting, the register of connections, their health (C-3, S001-6, 7, 12)."""

from __future__ import annotations

import errno
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trio
from structlog.testing import capture_logs

from protocol.events import Goodbye, PingEvent
from protocol.framing import event_reader
from server.conn import Conn
from server.delivery import Delivery
from server.gate import Entry
from server.gateways.native import NATIVE
from server.listening import open_listeners
from server.server import HealthLimits, Server
from storage.records import User
from tests.memory_storage import MemoryStorage

LIMITS = HealthLimits(ping_interval=10, idle_limit=60, login_timeout=30)


async def echo(conn: Conn) -> None:
    """Send back what comes; fail on request."""
    while data := await conn.receive():
        if data == b"fail":
            raise RuntimeError("as asked for")
        conn.send(data)


class Listener(socket.socket):
    """A listener whose ``accept`` fails as often as it is told to."""

    failures: list[int]

    def accept(self) -> tuple[socket.socket, object]:
        if self.failures:
            raise OSError(self.failures.pop(0), "a failure of the test")
        return super().accept()


@asynccontextmanager
async def running(
    listeners: list[socket.socket],
    gateway: Callable[[Conn], Awaitable[None]] = echo,
    limits: HealthLimits = LIMITS,
) -> AsyncIterator[Server]:
    """Accept on the listeners for the time of a test."""
    delivery = Delivery(MemoryStorage())

    def connect(sock: socket.socket, entry: Entry) -> Conn:
        sock.setblocking(False)
        return Conn(sock, "a test", delivery, NATIVE, 65536, entry=entry)

    async with trio.open_nursery() as nursery:
        server = Server(nursery, listeners, connect, gateway, limits)
        nursery.start_soon(server.Accept)
        yield server
        nursery.cancel_scope.cancel()
    for listener in listeners:
        listener.close()


async def reach(listener: socket.socket) -> trio.SocketStream:
    """Connect to a listener."""
    return await trio.open_tcp_stream(*listener.getsockname()[:2])


async def exchange(stream: trio.SocketStream, data: bytes) -> bytes:
    """Send and return the answer."""
    await stream.send_all(data)
    return await stream.receive_some()


async def test_the_register_has_exactly_those_who_are_connected() -> None:
    """S001-12: AddConn and DelConn are called for each connection; GetAll lists them."""
    [listener] = open_listeners("127.0.0.1", 0)
    async with running([listener]) as server:
        assert server.GetAll() == []
        first, second = await reach(listener), await reach(listener)
        await exchange(first, b"a")
        await exchange(second, b"b")
        one, two = server.GetAll()
        assert one.id < two.id
        await first.aclose()
        await _until_gone(server, one)
        assert server.GetAll() == [two]
        server.DelConn(one)
        server.DelConn(two)
        assert server.GetAll() == []
        server.AddConn(two)
        assert server.GetAll() == [two]
        await second.aclose()


async def _until_gone(server: Server, conn: Conn) -> None:
    with trio.fail_after(10):
        while conn in server.GetAll():
            await trio.lowlevel.checkpoint()


async def test_one_that_fails_does_not_touch_another() -> None:
    """A handler that raises ends its own connection only, and is logged."""
    [listener] = open_listeners("127.0.0.1", 0)
    async with (
        running([listener]) as server,
        await reach(listener) as good,
        await reach(listener) as bad,
    ):
        await exchange(good, b"before")
        with capture_logs() as logs:
            assert await exchange(bad, b"fail") == b""
            assert await exchange(good, b"after") == b"after"
        errors = [entry["event"] for entry in logs if entry["log_level"] == "error"]
        assert errors == ["connection.failed"]
        async with await reach(listener) as new:
            assert await exchange(new, b"new") == b"new"
            assert len(server.GetAll()) == 2


@pytest.mark.parametrize(
    "failures",
    [[errno.EMFILE], [errno.ENFILE] * 5, [errno.ECONNABORTED], [errno.ENOBUFS, errno.EPROTO]],
)
async def test_accepting_survives_what_accept_may_raise(
    failures: list[int], autojump_clock: trio.testing.MockClock
) -> None:
    """No file descriptor left, or a client that is gone already: the next one is served."""
    autojump_clock.autojump_threshold = 0.05  # sockets answer in real time
    [plain] = open_listeners("127.0.0.1", 0)
    listener = Listener(fileno=plain.detach())
    listener.failures = list(failures)
    async with running([listener]):
        stream = await reach(listener)
        assert await exchange(stream, b"hello") == b"hello"
        assert listener.failures == []
        await stream.aclose()


async def test_really_running_out_of_descriptors(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The same with a process that may open few files; those connected go on meanwhile."""
    import resource
    import subprocess
    import sys

    from tests.harness import PATIENCE, ROOT

    folder = tmp_path_factory.mktemp("server")
    command = [sys.executable, "-m", "cmd.server", "--port", "0", "--db-name", str(folder / "db")]
    process = await trio.lowlevel.open_process(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40)),
    )
    try:
        assert process.stdout is not None
        line = b""
        with trio.fail_after(PATIENCE):
            while b"\n" not in line:
                line += await process.stdout.receive_some()
        port = int(line.split(b"\n")[0].rpartition(b":")[2])
        streams = [await trio.open_tcp_stream("127.0.0.1", port) for _ in range(60)]
        hello = b'{"type":"hello","protocol":1}\n'
        with trio.fail_after(PATIENCE):
            assert b"welcome" in await exchange(streams[0], hello)
            for stream in streams[:40]:
                await stream.aclose()
            assert b"welcome" in await exchange(streams[-1], hello)
        for stream in streams[40:]:
            await stream.aclose()
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def checked(
    clock: trio.testing.MockClock, limits: HealthLimits = LIMITS
) -> AsyncIterator[tuple[Server, Conn, trio.SocketStream]]:
    """One connection that answers pings as far as the server knows, and a clock to turn."""
    clock.rate = 0
    [listener] = open_listeners("127.0.0.1", 0)
    async with running([listener], limits=limits) as server:
        stream = await reach(listener)
        await exchange(stream, b"hello")
        [conn] = server.GetAll()
        conn.answers_pings = True
        conn.session.user = User(1, "Ann", "ann", 0)
        yield server, conn, stream
        await stream.aclose()


async def test_a_silent_connection_is_pinged_once(mock_clock: trio.testing.MockClock) -> None:
    """S003-9: a ping after the interval, not before, and not again until something was heard."""
    async with checked(mock_clock) as (server, conn, stream):
        mock_clock.jump(9)
        assert server.CheckConn(conn)
        mock_clock.jump(1)
        assert server.CheckConn(conn)
        assert server.CheckConn(conn)
        [ping] = event_reader().feed(await stream.receive_some())
        assert isinstance(ping, tuple)
        assert isinstance(ping.frame, PingEvent)
        await exchange(stream, b"pong")
        assert conn.pinged_at is None
        mock_clock.jump(9)
        assert server.CheckConn(conn)
        assert conn.pinged_at is None


async def test_one_that_never_answers_is_told_and_closed(
    mock_clock: trio.testing.MockClock,
) -> None:
    """The idle limit, with the reason in the last frame."""
    async with checked(mock_clock) as (server, conn, stream):
        mock_clock.jump(61)
        assert not server.CheckConn(conn)
        [goodbye] = event_reader().feed(await stream.receive_some())
        assert isinstance(goodbye, tuple)
        assert isinstance(goodbye.frame, Goodbye)
        assert await stream.receive_some() == b""


async def test_one_that_keeps_taking_is_never_idle(mock_clock: trio.testing.MockClock) -> None:
    """A slow reader is not read from while its channel is full; that is no silence of its own."""
    async with checked(mock_clock) as (server, conn, stream):
        conn.send(b"x" * 20_000_000)
        for _ in range(5):
            mock_clock.jump(50)
            assert server.CheckConn(conn)
            taken = conn.sent
            while conn.sent == taken:
                await stream.receive_some(100_000)
                await trio.lowlevel.checkpoint()


async def test_one_that_takes_nothing_is_closed_after_the_idle_limit_only(
    mock_clock: trio.testing.MockClock,
) -> None:
    """A stuck reader is not dropped before; its other end's kernel still answers."""
    async with checked(mock_clock) as (server, conn, _stream):
        conn.send(b"x" * 20_000_000)
        assert conn.channel.waiting
        mock_clock.jump(59)
        assert server.CheckConn(conn)
        mock_clock.jump(2)
        assert not server.CheckConn(conn)
        await _until_gone(server, conn)


async def test_one_that_does_not_log_in_is_told_and_closed(
    mock_clock: trio.testing.MockClock,
) -> None:
    """A connection costs something; who has no name after a while is not coming."""
    async with checked(mock_clock) as (server, conn, stream):
        conn.session.user = None
        mock_clock.jump(29)
        assert server.CheckConn(conn)
        mock_clock.jump(2)
        assert not server.CheckConn(conn)
        assert b"did not log in" in await stream.receive_some()
