"""Connections that break off anywhere, with a real server: nothing lost, doubled or reordered."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from cli.client import Client
from tests.harness import PATIENCE, RunningServer, running_server

MESSAGES = 1000


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    """A server of the test's own."""
    with running_server(tmp_path) as running:
        yield running


class Cutter:
    """Stands between clients and a server and breaks each connection off after some bytes."""

    def __init__(self, port: int, seed: int) -> None:
        self._port = port
        self._random = random.Random(seed)
        self.cuts = 0

    async def carry(self, client: trio.SocketStream) -> None:
        """Serve one client's connection until it is cut or ends."""
        server = await trio.open_tcp_stream("127.0.0.1", self._port)
        async with client, server, trio.open_nursery() as nursery:
            left = self._random.randrange(200, 80_000)
            nursery.start_soon(self._pump, client, server, left, nursery.cancel_scope)
            nursery.start_soon(self._pump, server, client, left, nursery.cancel_scope)

    async def _pump(
        self,
        source: trio.SocketStream,
        target: trio.SocketStream,
        left: int,
        scope: trio.CancelScope,
    ) -> None:
        try:
            while left > 0 and (data := await source.receive_some(self._random.randrange(1, 3000))):
                await target.send_all(data[:left])
                left -= len(data)
            self.cuts += left <= 0
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        scope.cancel()


@asynccontextmanager
async def _cut(port: int, seed: int) -> AsyncIterator[tuple[Cutter, int]]:
    """Run a cutter; yield it and its port."""
    cutter = Cutter(port, seed)
    async with trio.open_nursery() as nursery:
        serve = partial(trio.serve_tcp, cutter.carry, 0, host="127.0.0.1")
        listeners = await nursery.start(serve)
        yield cutter, listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_exactly_once_and_in_order(server: RunningServer, seed: int) -> None:
    received: dict[str, list[str]] = {"Reader": [], "Writer": []}

    async def read(client: Client, name: str) -> None:
        while len(received[name]) < MESSAGES:
            received[name].append((await client.ReadMsg()).text)

    with trio.fail_after(3 * PATIENCE):
        async with (
            _cut(server.port, seed) as (cutter, port),
            Client.New("127.0.0.1", port, "Reader", retry=True) as reader,
            Client.New("127.0.0.1", port, "Writer", retry=True, echo=True) as writer,
            trio.open_nursery() as nursery,
        ):
            await reader.ask_status()  # both are logged in before the first message
            await writer.ask_status()
            nursery.start_soon(read, reader, "Reader")
            nursery.start_soon(read, writer, "Writer")
            handed = [
                await writer.begin_send(f"{number} {'x' * (number % 200)}")
                for number in range(MESSAGES)
            ]
            await writer.drain()
            receipts = [await outgoing.receipt() for outgoing in handed]
    expected = [f"{number} {'x' * (number % 200)}" for number in range(MESSAGES)]
    assert received == {"Reader": expected, "Writer": expected}
    assert [receipt.seq for receipt in receipts] == list(range(1, MESSAGES + 1))
    assert cutter.cuts > 5
