"""A server on a real port that speaks TLS with whatever certificate a test gives it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import trio

from cli.groups import ungrouped
from tests.cli.certificates import Made
from tests.cli.fake_server import Peer
from tests.harness import PATIENCE


class TlsServer:
    """Takes connections and gives each that gets through the handshake to the test."""

    def __init__(self, listener: trio.SocketListener, made: Made) -> None:
        self._listener = listener
        self.context = made.context
        self._put, self._get = trio.open_memory_channel[Peer](100)
        self.attempts = 0
        """How often somebody has connected."""

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.socket.getsockname()[1])

    async def run(self) -> None:
        """Take connections until cancelled."""
        async with trio.open_nursery() as nursery:
            while True:
                nursery.start_soon(self._greet, await self._listener.accept())

    async def _greet(self, tcp: trio.SocketStream) -> None:
        self.attempts += 1
        stream = trio.SSLStream(tcp, self.context, server_side=True)
        try:
            await stream.do_handshake()
            self._put.send_nowait(Peer(stream))
            await trio.sleep_forever()
        except trio.BrokenResourceError:
            return  # the client does not like the certificate
        finally:
            with trio.CancelScope(shield=True):
                await trio.aclose_forcefully(stream)

    async def accept(self) -> Peer:
        """Return the next connection."""
        with trio.fail_after(PATIENCE):
            return await self._get.receive()

    async def expect_silence(self) -> None:
        """Check that the next connection ends without a word from the client."""
        peer = await self.accept()
        with trio.fail_after(PATIENCE):
            assert await peer.rest() == b""


@asynccontextmanager
async def tls_server(made: Made) -> AsyncIterator[TlsServer]:
    """Run a server on this machine for the time of a block."""
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    with ungrouped():
        async with listener, trio.open_nursery() as nursery:
            server = TlsServer(listener, made)
            nursery.start_soon(server.run)
            yield server
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def plain_server(
    serve: Callable[[trio.SocketStream], Awaitable[object]],
) -> AsyncIterator[int]:
    """Run a server without TLS for the time of a block, and return its port."""
    with ungrouped():
        async with trio.open_nursery() as nursery:
            serve_here = partial(trio.serve_tcp, host="127.0.0.1")
            [listener] = await nursery.start(serve_here, serve, 0)
            yield listener.socket.getsockname()[1]
            nursery.cancel_scope.cancel()
