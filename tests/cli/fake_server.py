"""A server that does what a test tells it, over streams in memory."""

from __future__ import annotations

from typing import TypeVar

import trio
import trio.testing

from protocol.errors import ProtocolError
from protocol.events import ConversationInfo, Event, LoggedIn, Message, Sent, Welcome
from protocol.framing import Incoming, encode, request_reader
from protocol.requests import Delivered, Hello, Login, Request, Send

PATIENCE = 600.0
"""Seconds of a mock clock after which something that should come is taken not to come."""
GENERAL_INFO = ConversationInfo(id=1, kind="general", name="general", last_seq=0, delivered_seq=0)

RequestT = TypeVar("RequestT", bound=Request)


class Peer:
    """The server's end of one connection."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._reader = request_reader()
        self._arrived: list[Incoming[Request]] = []

    async def send(self, *frames: Event, payload: bytes = b"") -> None:
        """Send frames in one piece; the payload follows the last."""
        data = b"".join(encode(frame) for frame in frames) + payload
        await self._stream.send_all(data)

    async def send_raw(self, data: bytes) -> None:
        """Send bytes that are no frame of ours."""
        await self._stream.send_all(data)

    async def receive(self) -> Incoming[Request]:
        """Return the next request with what follows it."""
        with trio.fail_after(PATIENCE):
            while not self._arrived:
                data = await self._stream.receive_some()
                assert data, "the client closed the connection"
                for item in self._reader.feed(bytes(data)):
                    assert not isinstance(item, ProtocolError), item
                    self._arrived.append(item)
        return self._arrived.pop(0)

    async def expect(self, kind: type[RequestT]) -> RequestT:
        """Return the next request, which is to be of a kind; reports of what is shown pass."""
        frame = (await self.receive()).frame
        while isinstance(frame, Delivered) and kind is not Delivered:
            frame = (await self.receive()).frame
        assert isinstance(frame, kind), frame
        return frame

    async def welcome(
        self, *conversations: ConversationInfo, name: str = "Bob", ping_interval: float = 0
    ) -> Login:
        """Let the client in; return how it logged in."""
        hello = await self.expect(Hello)
        login = await self.expect(Login)
        await self.send(
            Welcome(ref=hello.ref, protocol=1, server="fake 1", ping_interval=ping_interval),
            LoggedIn(
                ref=login.ref,
                user_id=7,
                name=name,
                guest=True,
                conversations=list(conversations) or [GENERAL_INFO],
            ),
        )
        return login

    async def store(self, seq: int, *, duplicate: bool = False) -> Send:
        """Take the next message and acknowledge it as number ``seq``."""
        send = await self.expect(Send)
        await self.send(Sent(ref=send.ref, id=100 + seq, seq=seq, time=seq, duplicate=duplicate))
        return send

    async def wait_closed(self) -> None:
        """Wait for the client to close; what it still says is thrown away."""
        with trio.fail_after(PATIENCE):
            while await self._stream.receive_some():
                pass

    async def rest(self) -> bytes:
        """Return what the client says until it closes, or breaks off."""
        said = b""
        try:
            while data := await self._stream.receive_some():
                said += data
        except trio.BrokenResourceError:  # TLS says so of an end without a goodbye
            pass
        return said

    async def lose(self) -> None:
        """Break the connection off."""
        await trio.aclose_forcefully(self._stream)


class FakeServer:
    """Takes connections; gives each as a :class:`Peer` to the test."""

    def __init__(self) -> None:
        self._put, self._get = trio.open_memory_channel[Peer](100)
        self.refusing = False
        """True: nobody listens."""
        self.attempts: list[float] = []
        """When somebody tried to connect."""

    async def open_stream(self) -> trio.abc.Stream:
        """Connect; for a client."""
        self.attempts.append(trio.current_time())
        await trio.lowlevel.checkpoint()
        if self.refusing:
            raise ConnectionRefusedError(111, "Connection refused")
        ours, theirs = trio.testing.memory_stream_pair()
        self._put.send_nowait(Peer(ours))
        return theirs

    async def accept(self) -> Peer:
        """Return the next connection."""
        with trio.fail_after(PATIENCE):
            return await self._get.receive()


def message(
    seq: int, text: str | None = None, *, sender: str = "Alice", conversation: int = 1,
    prev: int | None = None, size: int | None = None,
) -> Message:  # fmt: skip
    """Return a message; its id is 100 more than its number."""
    return Message(
        id=100 + seq,
        seq=seq,
        time=seq,
        sender=sender,
        text=f"text {seq}" if text is None else text,
        conversation=conversation,
        prev=prev,
        size=size,
    )
