"""The three things that seed 001 wants covered, and what else the server promises everyone.

Each of these fails when its mechanism is taken out; docs/architecture.md says how that was tried.
"""

from __future__ import annotations

import signal
import socket
from contextlib import AsyncExitStack

import pytest
import trio

from protocol.events import Message, Sent, Shutdown
from protocol.requests import Send
from tests.harness import LineClient, NativeClient, RunningServer, native, running_server, telnet


async def test_one_that_does_not_read_holds_up_nobody(sqlite_server: RunningServer) -> None:
    """S001-16: among 1000 clients one stops reading; all the others get everything meanwhile.

    The others' messages are several times what kernel buffers and channel can hold for the one
    that reads nothing, so a server that waited for it would never get this far. In the end it
    reads, and gets everything too, in order.
    """
    texts = [f"{number:04} " + "x" * 15_000 for number in range(25)]
    async with AsyncExitStack() as stack:
        stuck = await _connect_with_small_buffer(stack, sqlite_server, "stuck")
        await stuck.login("stuck")
        readers: list[NativeClient] = []
        for index in range(998):
            reader = await stack.enter_async_context(native(sqlite_server, f"user{index}"))
            readers.append(reader)
        sender = await stack.enter_async_context(native(sqlite_server, "sender"))

        async with trio.open_nursery() as nursery:
            for reader in readers:
                nursery.start_soon(_expect_texts, reader, texts)
            for text in texts:
                await sender.say(text)

        await _expect_texts(stuck, texts)
        await sender.say("live again")
        assert [event.text for event in await stuck.messages(1)] == ["live again"]


async def _connect_with_small_buffer(
    stack: AsyncExitStack, server: RunningServer, name: str
) -> NativeClient:
    """Loopback swallows megabytes for one that never reads unless its buffer is small."""
    sock = trio.socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    await sock.connect(("127.0.0.1", server.port))
    stream = await stack.enter_async_context(trio.SocketStream(sock))
    return NativeClient(stream)


async def _expect_texts(client: NativeClient, texts: list[str]) -> None:
    assert [event.text for event in await client.messages(len(texts))] == texts


async def test_everyone_sees_the_same_order(server: RunningServer) -> None:
    """S001-17: 20 senders at once; every client, senders too, sees one order without a hole."""
    senders, each = 20, 30
    total = senders * each
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(native(server, f"user{index}"))
            for index in range(senders + 5)
        ]
        async with trio.open_nursery() as nursery:
            for index, client in enumerate(clients):
                if index < senders:
                    nursery.start_soon(_send_all, client, index, each)
                nursery.start_soon(_read_until, client, total)
    numbers = [[event.seq for event in _stream(client)] for client in clients]
    assert all(seen == list(range(1, total + 1)) for seen in numbers)
    ids = {tuple(event.id for event in _stream(client)) for client in clients}
    assert len(ids) == 1
    watcher = clients[-1]
    for index in range(senders):
        own = [
            m.text for m in watcher.seen if isinstance(m, Message) and m.sender == f"user{index}"
        ]
        assert own == [f"{index}/{number}" for number in range(each)]


async def _send_all(client: NativeClient, index: int, count: int) -> None:
    for number in range(count):
        await client.send(Send(text=f"{index}/{number}"))


async def _read_until(client: NativeClient, seq: int) -> None:
    while not client.seen or getattr(client.seen[-1], "seq", 0) < seq:
        await client.next()


def _stream(client: NativeClient) -> list[Message | Sent]:
    """Return the conversation as one client saw it, answers in the places of its own messages."""
    return [event for event in client.seen if isinstance(event, Message | Sent)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_everyone_is_told_that_the_server_stops(
    sqlite_server: RunningServer, number: signal.Signals
) -> None:
    """S001-18, C-6, S002-2: native and telnet clients, also one who has not given a name."""
    async with AsyncExitStack() as stack:
        natives = [
            await stack.enter_async_context(native(sqlite_server, f"user{index}"))
            for index in range(20)
        ]
        lines = [
            await stack.enter_async_context(telnet(sqlite_server, f"line{index}"))
            for index in range(5)
        ]
        lines.append(await stack.enter_async_context(telnet(sqlite_server)))
        sqlite_server.signal(number)
        async with trio.open_nursery() as nursery:
            for client in natives:
                nursery.start_soon(_expect_notice_and_end, client)
            for line in lines:
                nursery.start_soon(_expect_line_notice_and_end, line)
    assert await trio.to_thread.run_sync(sqlite_server.wait) == 0


async def _expect_notice_and_end(client: NativeClient) -> None:
    await client.expect(Shutdown)
    assert await client.next() is None


async def _expect_line_notice_and_end(client: LineClient) -> None:
    assert "* The server is stopping." in await client.rest()


async def test_a_stop_in_the_middle_of_traffic_loses_nothing(server: RunningServer) -> None:
    """Many busy clients: all are told, and every acknowledged message is there afterwards."""
    busy, acknowledged = 100, set[int]()
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(native(server, f"user{index}")) for index in range(busy)
        ]
        async with trio.open_nursery() as nursery:
            for client in clients:
                await nursery.start(_talk_until_told, client)
            server.signal(signal.SIGTERM)
    for client in clients:
        assert isinstance(client.seen[-1], Shutdown)
        acknowledged |= {event.seq for event in client.seen if isinstance(event, Sent)}
    assert await trio.to_thread.run_sync(server.wait) == 0
    server.start()
    async with native(server, "auditor", resume={1: 0}) as auditor:
        stored = [event.seq for event in await auditor.messages(max(acknowledged))]
    assert acknowledged <= set(stored)
    assert stored == list(range(1, max(acknowledged) + 1))


async def _talk_until_told(client: NativeClient, task_status: trio.TaskStatus[None]) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_keep_sending, client)
        await client.expect(Sent)
        task_status.started()
        while await client.next() is not None:
            pass
        nursery.cancel_scope.cancel()


async def _keep_sending(client: NativeClient) -> None:
    for number in range(100_000):
        try:
            await client.send(Send(text=f"message {number}"))
        except trio.BrokenResourceError:
            return
        await trio.sleep(0.5)


def test_a_second_signal_ends_the_server_at_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Who cannot wait for the grace of a client that does not read presses Ctrl+C again."""
    folder = tmp_path_factory.mktemp("server")
    with (
        running_server(folder, "--shutdown-grace", "300") as server,
        socket.create_connection(("127.0.0.1", server.port)) as sock,
    ):
        sock.sendall(b'{"type":"hello","protocol":1}\n')
        assert b"welcome" in sock.recv(1000)
        server.signal(signal.SIGINT)
        while b"shutdown" not in sock.recv(1000):
            pass
        server.signal(signal.SIGINT)
        assert server.wait() == -signal.SIGINT
