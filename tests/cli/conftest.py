"""What the tests of the client share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
import trio

from cli.client import Client
from cli.notices import Notice
from protocol.events import ConversationInfo
from tests.cli.fake_server import PATIENCE, FakeServer, Peer

Meet = Callable[..., AbstractAsyncContextManager[tuple[Client, Peer]]]


@pytest.fixture
def server() -> FakeServer:
    """A server that waits for its script."""
    return FakeServer()


@pytest.fixture
def notices() -> list[Notice]:
    """What the client of :func:`meet` has told."""
    return []


@pytest.fixture
def meet(server: FakeServer, notices: list[Notice]) -> Meet:
    """Connect a client that logs in as Bob.

    Tests that use this ask for ``autojump_clock`` themselves: pytest-trio looks no further.
    """

    @asynccontextmanager
    async def context(
        *conversations: ConversationInfo, echo: bool = False, ping_interval: float = 0
    ) -> AsyncIterator[tuple[Client, Peer]]:
        peers: list[Peer] = []

        async def let_in() -> None:
            peer = await server.accept()
            await peer.welcome(*conversations, ping_interval=ping_interval)
            peers.append(peer)

        # beyond all patience: what never comes fails a test instead of letting the clock jump on
        with trio.fail_after(10 * PATIENCE):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(let_in)
                async with Client.New(
                    "fake",
                    1,
                    "Bob",
                    echo=echo,
                    on_notice=notices.append,
                    open_stream=server.open_stream,
                ) as client:
                    yield client, peers[0]

    return context
