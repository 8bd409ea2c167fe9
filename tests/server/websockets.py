"""A WebSocket's client end: wsproto on a Trio stream, with all the ways to do it wrong."""

from __future__ import annotations

import base64
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Event, Pong, Request

from tests.harness import PATIENCE, NativeClient, RunningServer


class WebSocket:
    """One connection after its handshake."""

    def __init__(self, stream: trio.abc.Stream, ws: WSConnection) -> None:
        self.stream = stream
        self.ws = ws
        self._begun = b""
        self._sending = trio.Lock()
        self.pongs: list[bytes] = []
        self.closed: CloseConnection | None = None
        """The server's close frame, once it has come."""

    async def send_raw(self, data: bytes) -> None:
        """Send bytes past the rules."""
        async with self._sending:
            await self.stream.send_all(data)

    async def send(self, event: Event) -> None:
        """Send a message or a control frame."""
        await self.send_raw(self.ws.send(event))

    async def next_payload(self) -> bytes:
        """Return the next message's payload, ``b""`` when the server has closed."""
        with trio.fail_after(PATIENCE):
            while True:
                for event in self.ws.events():
                    match event:
                        case BytesMessage():
                            self._begun += event.data
                            if event.message_finished:
                                payload, self._begun = self._begun, b""
                                return payload
                        case Pong():
                            self.pongs.append(bytes(event.payload))
                        case CloseConnection():
                            self.closed = event
                            return b""
                        case _:
                            raise AssertionError(event)
                data = await self.stream.receive_some(65536)
                if not data:
                    return b""
                self.ws.receive_data(bytes(data))

    async def until_closed(self) -> CloseConnection:
        """Read to the server's close frame and to the end of the stream behind it."""
        while await self.next_payload():
            pass
        assert self.closed is not None, "the stream ended without a close frame"
        with trio.fail_after(PATIENCE):
            rest = await self.stream.receive_some(1)
        assert rest == b"", "something stands behind the close frame"
        return self.closed


class Tunnel(trio.abc.Stream):
    """Our own protocol's bytes through a WebSocket, so that :class:`NativeClient` can use one."""

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send the bytes as one message."""
        await self.socket.send(BytesMessage(data=bytes(data)))

    async def wait_send_all_might_not_block(self) -> None:
        """Do not wait."""
        await trio.lowlevel.checkpoint()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return the payload of the next message."""
        del max_bytes
        return await self.socket.next_payload()

    async def aclose(self) -> None:
        """Close the connection underneath."""
        await self.socket.stream.aclose()


def handshake(port: int, **changed: str | None) -> bytes:
    """Return an opening handshake; underscores in names are hyphens, None leaves a header out."""
    headers: dict[str, str | None] = {
        "Host": f"127.0.0.1:{port}",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
    }
    headers |= {name.replace("_", "-"): value for name, value in changed.items()}
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return "\r\n".join(["GET /ws HTTP/1.1", *lines, "", ""]).encode()


@asynccontextmanager
async def websocket(server: RunningServer, origin: str | None = None) -> AsyncIterator[WebSocket]:
    """Open a WebSocket, as a browser does from a page of ``origin``."""
    stream = await trio.open_tcp_stream("127.0.0.1", server.port)
    async with stream:
        ws = WSConnection(ConnectionType.CLIENT)
        headers = [] if origin is None else [(b"Origin", origin.encode())]
        request = Request(host=f"127.0.0.1:{server.port}", target="/ws", extra_headers=headers)
        await stream.send_all(ws.send(request))
        with trio.fail_after(PATIENCE):
            while not (events := list(ws.events())):
                ws.receive_data(await stream.receive_some(65536))
        accepted, *early = events
        assert isinstance(accepted, AcceptConnection), accepted
        assert not early
        assert not accepted.extensions, "compression is off"
        yield WebSocket(stream, ws)


@asynccontextmanager
async def browser(
    server: RunningServer, name: str | None = None, *, resume: dict[int, int] | None = None
) -> AsyncIterator[tuple[NativeClient, WebSocket]]:
    """Speak our protocol through a WebSocket; log in where there is a name."""
    async with websocket(server, f"http://127.0.0.1:{server.port}") as socket:
        client = NativeClient(Tunnel(socket))  # type: ignore[arg-type]  # a stream
        if name is not None:
            await client.login(name, resume=resume)
        yield client, socket
