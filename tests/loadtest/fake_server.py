"""A messenger that keeps nothing and, where it is asked to, does everything wrong.

It speaks just enough of the protocol for the load test. As a program it takes the real
server's options (and knows none of them but the port):
``python -m tests.loadtest.fake_server --port 0``.
"""

from __future__ import annotations

import argparse
import os
import select
import signal
import socket
import sys
import threading
from dataclasses import dataclass, field
from types import TracebackType

import msgspec

from protocol import PROTOCOL_VERSION
from protocol.errors import ProtocolError
from protocol.events import (
    ConversationInfo,
    Error,
    Event,
    Goodbye,
    LoggedIn,
    Message,
    PingEvent,
    Sent,
    Shutdown,
    Welcome,
)
from protocol.framing import encode, request_reader
from protocol.requests import GENERAL, Hello, Login, Pong, Request, Send

Place = tuple[int, int]
"""A client, by the number at the end of its name, and a sequence number."""


@dataclass
class Faults:
    """What goes wrong, and where."""

    lose: set[Place] = field(default_factory=set)
    double: set[Place] = field(default_factory=set)
    swap: set[Place] = field(default_factory=set)
    """This message comes behind the one after it."""
    exchange: set[Place] = field(default_factory=set)
    """This number and the next one stand for each other's message."""
    damage: set[Place] = field(default_factory=set)
    hang_up: set[Place] = field(default_factory=set)
    store_twice: set[int] = field(default_factory=set)
    """Sequence numbers whose message is stored once more, under the next number."""
    hold: set[int] = field(default_factory=set)
    """Messages, by their ``ref``, that are stored behind the next message of all."""
    refuse: set[int] = field(default_factory=set)
    ignore: set[int] = field(default_factory=set)
    """Messages, by their ``ref``, that are refused, or neither stored nor answered."""
    shut_down_at: int = 0
    """The sequence number after which the server says that it stops."""
    refuse_logins: bool = False
    ping: bool = False
    """Ping everyone with every message."""
    strangers: bool = False
    """Somebody else writes a message behind each."""
    individual: bool = False
    """No two receivers get the same bytes for a message."""


class _Connection:
    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.reader = request_reader()
        self.out = bytearray()
        self.name = ""
        self.held = b""  # a frame that is to come behind the next one

    @property
    def number(self) -> int:
        """Return the number at the end of the client's name."""
        return int(self.name.rpartition("-")[2])


class FakeServer:
    """Serves in a thread of its own while it is used as a context manager."""

    def __init__(self, faults: Faults | None = None, first_seq: int = 1, port: int = 0) -> None:
        self.faults = faults or Faults()
        self.pongs = 0
        self.logged_in = 0
        self._seq = first_seq - 1
        self._connections: dict[int, _Connection] = {}
        self._held: tuple[_Connection, Send] | None = None
        self._listener = socket.create_server(("127.0.0.1", port), backlog=256)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._wake, self._waker = os.pipe()
        self._poll = select.epoll()
        self._poll.register(self._listener, select.EPOLLIN)
        self._poll.register(self._wake, select.EPOLLIN)
        self._thread = threading.Thread(target=self.serve)

    def __enter__(self) -> FakeServer:
        """Start to serve."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop, and wait for it."""
        self.stop()
        self._thread.join()

    def stop(self) -> None:
        """Make :meth:`serve` return; may be called in a signal handler."""
        os.write(self._waker, b"x")

    def serve(self) -> None:
        """Serve until :meth:`stop`."""
        while True:
            for fd, _ in self._poll.poll():
                if fd == self._wake:
                    self._close()
                    return
                if fd == self._listener.fileno():
                    self._accept()
                elif fd in self._connections:
                    self._read(self._connections[fd])
            for connection in list(self._connections.values()):
                if connection.out:
                    self._flush(connection)

    def _close(self) -> None:
        for connection in list(self._connections.values()):
            connection.sock.close()
        self._listener.close()
        self._poll.close()
        os.close(self._wake)
        os.close(self._waker)

    def _accept(self) -> None:
        sock, _ = self._listener.accept()
        sock.setblocking(False)
        self._connections[sock.fileno()] = _Connection(sock)
        self._poll.register(sock, select.EPOLLIN)

    def _flush(self, connection: _Connection) -> None:
        events = select.EPOLLIN
        try:
            del connection.out[: connection.sock.send(connection.out)]
        except BlockingIOError:
            events |= select.EPOLLOUT
        except OSError:
            self._end(connection)
            return
        self._poll.modify(connection.sock, events)

    def _end(self, connection: _Connection) -> None:
        self._connections.pop(connection.sock.fileno(), None)
        connection.sock.close()

    def _read(self, connection: _Connection) -> None:
        try:
            data = connection.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._end(connection)
            return
        for arrived in connection.reader.feed(data):
            if isinstance(arrived, ProtocolError):
                raise arrived
            self._answer(connection, arrived.frame)

    def _answer(self, connection: _Connection, request: Request) -> None:
        if isinstance(request, Hello):
            welcome = Welcome(protocol=PROTOCOL_VERSION, server="fake", ping_interval=30.0)
            _reply(connection, welcome)
        elif isinstance(request, Login):
            self._log_in(connection, request)
        elif isinstance(request, Pong):
            self.pongs += 1
        elif isinstance(request, Send):
            self._receive(connection, request)

    def _log_in(self, connection: _Connection, login: Login) -> None:
        if self.faults.refuse_logins:
            _reply(connection, Error(code="bad_name", message="This name is not nice."))
            _reply(connection, Goodbye(reason="Come back with a nicer one."))
            return
        connection.name = login.name
        self.logged_in += 1
        general = ConversationInfo(
            id=GENERAL, kind="general", name="general", last_seq=self._seq, delivered_seq=0
        )
        event = LoggedIn(user_id=1, name=login.name, guest=True, conversations=[general])
        _reply(connection, event)

    def _receive(self, sender: _Connection, send: Send) -> None:
        faults = self.faults
        if send.ref in faults.ignore:
            return
        if send.ref in faults.refuse:
            error = Error(ref=send.ref, code="storage_unavailable", message="Not now.")
            _reply(sender, error)
            return
        if send.ref in faults.hold:
            self._held = (sender, send)
            return
        self._store(sender, send)
        if self._held:
            held, self._held = self._held, None
            self._store(*held)

    def _store(self, sender: _Connection, send: Send) -> None:
        faults = self.faults
        self._seq += 1
        seq = self._seq
        message = Message(id=seq, seq=seq, time=0, sender=sender.name, text=send.text or "")
        line = encode(message)
        logged_in = [each for each in self._connections.values() if each.name]
        for connection in logged_in:
            if connection is sender:
                _reply(sender, Sent(ref=send.ref, id=seq, seq=seq, time=0))
            else:
                if faults.individual:
                    message = msgspec.structs.replace(message, time=connection.number)
                    line = encode(message)
                self._deliver(connection, message, line)
            if faults.ping:
                _reply(connection, PingEvent())
            if seq == faults.shut_down_at:
                _reply(connection, Shutdown(reason="maintenance"))
        if seq in faults.store_twice or faults.strangers:
            self._seq += 1
            name = "Bob" if faults.strangers else sender.name
            more = Message(id=seq, seq=seq + 1, time=0, sender=name, text=message.text)
            for connection in logged_in:
                _reply(connection, more)

    def _deliver(self, connection: _Connection, message: Message, line: bytes) -> None:
        faults = self.faults
        place = (connection.number, message.seq)
        if place in faults.hang_up:
            self._flush(connection)  # what came before has arrived
            connection.sock.shutdown(socket.SHUT_RDWR)
        elif place in faults.swap:
            connection.held = line
        elif place in faults.exchange:
            connection.held = _numbered(message, message.seq + 1)
        elif place not in faults.lose:
            if connection.held:
                if (connection.number, message.seq - 1) in faults.exchange:
                    line = _numbered(message, message.seq - 1)
                line += connection.held
                connection.held = b""
            if place in faults.damage:
                line = line.replace(b"xxxx", b"xyxx", 1)
            connection.out += line * 2 if place in faults.double else line


def _numbered(message: Message, seq: int) -> bytes:
    return encode(msgspec.structs.replace(message, id=seq, seq=seq))


def _reply(connection: _Connection, event: Event) -> None:
    connection.out += encode(event)


def main() -> int:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--exit-code", type=int, default=0)
    parser.add_argument("--do-not-start", action="store_true")
    options, _ = parser.parse_known_args()
    if options.do_not_start:
        sys.stderr.write("the disk is full\n")
        return 1
    server = FakeServer(port=options.port)
    signal.signal(signal.SIGTERM, lambda _signal, _frame: server.stop())
    sys.stdout.write(f"mymessenger listening on 127.0.0.1:{server.port}\n")
    sys.stdout.flush()
    server.serve()
    code: int = options.exit_code
    return code


if __name__ == "__main__":
    sys.exit(main())
