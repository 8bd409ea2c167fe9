"""A client of our own protocol without an event loop: Playwright's own runs in these tests."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from protocol import PROTOCOL_VERSION
from protocol.errors import ProtocolError
from protocol.events import Event, LoggedIn, Message, PingEvent, Sent
from protocol.framing import Incoming, encode, event_reader
from protocol.requests import Hello, Login, Pong, Request, Send
from tests.harness import PATIENCE, RunningServer

EventT = TypeVar("EventT", bound=Event)


class Plain:
    """Asks, and waits for what it wants to see."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._reader = event_reader()
        self._arrived: list[Incoming[Event]] = []

    def send(self, request: Request, payload: bytes = b"") -> None:
        """Send one frame."""
        self._sock.sendall(encode(request, payload))

    def next_frame(self) -> Incoming[Event]:
        """Return the next frame with the bytes that follow it."""
        while not self._arrived:
            data = self._sock.recv(65536)
            assert data, "the server has closed"
            for item in self._reader.feed(data):
                if isinstance(item, ProtocolError):
                    continue  # greeted as a person, on a busy machine
                if isinstance(item.frame, PingEvent):
                    self.send(Pong())
                else:
                    self._arrived.append(item)
        return self._arrived.pop(0)

    def expect(self, kind: type[EventT]) -> EventT:
        """Return the next event of a kind."""
        while True:
            frame = self.next_frame().frame
            if isinstance(frame, kind):
                return frame

    def ask(self, request: Request, kind: type[EventT]) -> EventT:
        """Send a request and return the next event of a kind."""
        self.send(request)
        return self.expect(kind)

    def say(self, text: str, *, to: str | None = None) -> Sent:
        """Write a message and wait until it is stored."""
        return self.ask(Send(text=text, to=to), Sent)

    def hear(self, text: str) -> Message:
        """Return the next message with this text."""
        while (message := self.expect(Message)).text != text:
            pass
        return message


@contextmanager
def plain(server: RunningServer, name: str) -> Iterator[Plain]:
    """Connect and log in."""
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as sock:
        client = Plain(sock)
        client.send(Hello(protocol=PROTOCOL_VERSION, client="test"))
        client.ask(Login(name=name, history=0), LoggedIn)
        yield client
