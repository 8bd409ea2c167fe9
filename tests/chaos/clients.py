"""Hundreds of clients in one thread, as faithful as people need and as cheap as a test can pay.

Each keeps an outbox: what is not acknowledged is sent again under the same uuid after every
reconnect, in its order. Each comes back by itself, with the jitter of our own client, and goes on
behind the last message it has. All of it is written down in :mod:`tests.chaos.records`.
"""

from __future__ import annotations

import errno
import random
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Self

from cli.backoff import Backoff
from protocol import PROTOCOL_VERSION
from protocol.errors import ErrorCode
from protocol.events import (
    Error,
    Goodbye,
    LoggedIn,
    Message,
    PingEvent,
    Sent,
    Shutdown,
    StorageState,
)
from protocol.framing import EVENT_DECODER, encode
from protocol.ids import new_uuid
from protocol.requests import GENERAL, Hello, Login, Pong, Send
from tests.chaos.records import Ack, ClientLog, Seen

_PAD = "." * 80
_PONG = encode(Pong())
_HELLO = encode(Hello(protocol=PROTOCOL_VERSION, client="chaos"))
_NS = 1_000_000_000
_MARK_EVERY = _NS // 100
_PAUSE = 0.02  # seconds between two looks at what is waited for
_COME_BACK = (ErrorCode.SHUTTING_DOWN,)
"""Refusals after which a message stays in the outbox: it is sent when the server is back."""


def text_of(sender: str, number: int) -> str:
    """Return the text of a message: who it is from, its number, and some ballast."""
    return f"{sender} {number} {_PAD}"


def seen_of(message: Message) -> Seen:
    """Return what a message says it is; one of another make has number -1."""
    words = message.text.split(" ", 2)
    named = len(words) == 3 and words[0] == message.sender and words[1].isdigit()
    number = int(words[1]) if named else -1
    return Seen(message.seq, message.id, message.sender, number)


class Client:
    """One of them."""

    def __init__(self, crowd: Crowd, name: str) -> None:
        self.log = ClientLog(name)
        self.ready = False
        """True: logged in."""
        self.position = 0
        """The last sequence number it has."""
        self.outbox: dict[int, bytes] = {}
        """Messages not yet acknowledged, to their frames."""
        self.sock: socket.socket | None = None
        self._crowd = crowd
        self._tail = b""
        self._out = b""
        self._backoff = Backoff(draw=crowd.random.random)
        self._next_mark = 0
        self._answered: dict[int, Seen] = {}
        """Own messages that are known to be stored and have not come in the stream."""

    def connect(self) -> None:
        """Begin to connect, and say hello as soon as that has worked."""
        self._tail, self._out = b"", b""
        sock = self.sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.log.note(time.monotonic_ns(), "connecting")
        if sock.connect_ex(self._crowd.address) not in (0, errno.EINPROGRESS):
            self.lose("refused")
            return
        self._crowd.watch(self)
        login = Login(name=self.log.name, resume={GENERAL: self.position})
        self._out = _HELLO + encode(login)

    def lose(self, reason: str) -> None:
        """Note the end of a connection, and come back after a while."""
        assert self.sock is not None
        self._crowd.forget(self)
        self.sock.close()
        self.sock = None
        self.ready = False
        self.log.note(time.monotonic_ns(), "lost", reason)
        self._crowd.connect_later(self, self._backoff.next_delay())

    def write(self, now: int) -> None:
        """Write the next message; it is sent now, or as soon as the server is back."""
        number = len(self.log.sent)
        frame = encode(Send(ref=number, uuid=new_uuid(), text=text_of(self.log.name, number)))
        self.log.sent[number] = now
        self.outbox[number] = frame
        if self.ready:
            self.send(frame)

    def send(self, data: bytes) -> None:
        """Send bytes; what the socket does not take now waits."""
        waited, self._out = bool(self._out), self._out + data
        if not waited:
            self.flush()

    def flush(self) -> None:
        """Send what waits, as far as it goes."""
        if self.sock is None:
            return
        try:
            taken = self.sock.send(self._out)
        except BlockingIOError:
            taken = 0
        except OSError:
            return  # the reading side finds out, and says so
        self._out = self._out[taken:]
        self._crowd.watch_writing(self, waiting=bool(self._out))

    def read(self, now: int) -> None:
        """Take what has arrived."""
        if self.sock is None:
            return
        try:
            data = self.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError as error:
            self.lose(errno.errorcode.get(error.errno or 0, "error"))
            return
        if not data:
            self.lose("end")
            return
        lines = (self._tail + data).split(b"\n")
        self._tail = lines.pop()
        if lines:
            self.take(lines, now)

    def take(self, lines: list[bytes], now: int) -> None:
        """Take whole lines."""
        known = self._crowd.known
        received = self.log.received
        try:  # the same line has come to somebody else before, nearly always
            seen = [known[line] for line in lines]
        except KeyError:
            seen = []
        if seen and not self._answered:
            received += seen
            self.position = max(self.position, seen[-1].seq)
        else:
            for line in lines:
                if line in known:
                    self._arrive(known[line])
                else:
                    self._meet(line, now)
        if now >= self._next_mark:
            self._next_mark = now + _MARK_EVERY
            self.log.read_counts.append(len(received))
            self.log.read_times.append(now)

    def _meet(self, line: bytes, now: int) -> None:
        event = EVENT_DECODER.decode(line)
        if isinstance(event, Message):
            seen = self._crowd.known[line] = seen_of(event)
            self._arrive(seen)
        elif isinstance(event, Sent):
            self._acknowledge(event, now)
        elif isinstance(event, LoggedIn):
            self._backoff.reset()
            self.ready = True
            self.log.note(now, "ready")
            self.send(b"".join(self.outbox.values()))
        elif isinstance(event, Error):
            self._refuse(event, now)
        elif isinstance(event, PingEvent):
            self.send(_PONG)
        elif isinstance(event, StorageState):
            self.log.note(now, "storage", str(event.available))
        elif isinstance(event, Shutdown | Goodbye):
            self.log.note(now, type(event).__name__.lower(), event.reason)

    def _acknowledge(self, sent: Sent, now: int) -> None:
        assert sent.ref is not None
        self.log.acknowledged.append(Ack(sent.ref, sent.seq, sent.id, now))
        self.outbox.pop(sent.ref, None)
        own = Seen(sent.seq, sent.id, self.log.name, sent.ref)
        # It stands in the place of the message. Only the answer to a repetition may come out of
        # its place: then the message itself has come or will come, or the next one comes.
        if not sent.duplicate:
            self._arrive(own)
        elif sent.seq > self.position:
            self._answered[sent.seq] = own

    def _arrive(self, seen: Seen) -> None:
        if self._answered:
            self.settle(seen.seq)
            self._answered.pop(seen.seq, None)
        self.log.received.append(seen)
        self.position = max(self.position, seen.seq)

    def settle(self, before: int) -> None:
        """Take an answer for the message, where the stream does not bring it any more."""
        while self.position + 1 < before and self.position + 1 in self._answered:
            self.position += 1
            self.log.received.append(self._answered.pop(self.position))

    @property
    def has(self) -> int:
        """The number up to which it has everything, in the stream or by an answer."""
        last = self.position
        while last + 1 in self._answered:
            last += 1
        return last

    def _refuse(self, error: Error, now: int) -> None:
        self.log.note(now, "error", error.code)
        if error.ref is None:  # of the login, the only request without a number
            self.lose(error.code)
        elif error.code not in _COME_BACK:
            self.log.refused[error.ref] = error.code
            self.outbox.pop(error.ref, None)


class Crowd:
    """All of them, in a thread; everything public may be asked from outside."""

    def __init__(self, port: int, *, clients: int, rate: float, seed: int) -> None:
        """Let ``clients`` send ``rate`` messages a second together."""
        self.address = ("127.0.0.1", port)
        self.random = random.Random(seed)
        self.known: dict[bytes, Seen] = {}
        """Lines that have been read before."""
        self.clients = [Client(self, f"c{index}") for index in range(clients)]
        self._rate = rate
        self._talking = False
        self._poll = select.epoll()
        self._by_fd: dict[int, Client] = {}
        self._writing: set[int] = set()
        self._connect_at = dict.fromkeys(self.clients, 0)
        self._stop = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="crowd")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop = True
        self._thread.join()
        self.close()

    def close(self) -> None:
        """Close all sockets."""
        for client in self.clients:
            if client.sock is not None:
                client.sock.close()
        self._poll.close()

    @property
    def logs(self) -> list[ClientLog]:
        """What they have written down."""
        return [client.log for client in self.clients]

    @property
    def acknowledged(self) -> int:
        """Messages acknowledged to anybody."""
        return sum(len(log.acknowledged) for log in self.logs)

    def talk(self) -> None:
        """Begin to send."""
        self._talking = True

    def wait_ready(self, seconds: float = 20.0) -> float:
        """Wait until all are logged in, and return the seconds that took."""
        return self.wait(lambda: all(client.ready for client in self.clients), seconds, "login")

    def wait_caught_up(self, seconds: float) -> float:
        """Wait until all are back and have what anybody has now; return the seconds."""
        last = max(client.has for client in self.clients)
        return self.wait(
            lambda: all(client.ready and client.has >= last for client in self.clients),
            seconds,
            f"all to have {last}",
        )

    def finish(self, seconds: float = 30.0) -> None:
        """Send nothing new, and wait until everyone has everything."""
        self._talking = False
        time.sleep(2 * _PAUSE)  # the one that is being written
        self.wait(lambda: not any(client.outbox for client in self.clients), seconds, "answers")
        self.wait_caught_up(seconds)
        time.sleep(0.2)  # for what should not come
        for client in self.clients:
            client.settle(client.has + 1)
            client.log.caught_up = True

    def wait(self, done: Callable[[], bool], seconds: float, what: str) -> float:
        """Wait for something, and return the seconds that took."""
        begin = time.monotonic()
        while not done():
            if self._failure is not None:
                raise AssertionError("the clients failed") from self._failure
            late = [c for c in self.clients if not c.ready or c.outbox]
            assert time.monotonic() < begin + seconds, (
                f"waited {seconds} s for {what}; {len(late)} of {len(self.clients)} clients are "
                f"late, such as {late[0].log.happenings[-3:] if late else None}"
            )
            time.sleep(_PAUSE)
        return time.monotonic() - begin

    # ---- what clients call, in the thread

    def watch(self, client: Client) -> None:
        """Serve a client's new socket."""
        assert client.sock is not None
        fd = client.sock.fileno()
        self._by_fd[fd] = client
        self._writing.add(fd)
        self._poll.register(fd, select.EPOLLIN | select.EPOLLOUT)

    def watch_writing(self, client: Client, *, waiting: bool) -> None:
        """Ask the kernel for a client's room only while something waits."""
        assert client.sock is not None
        fd = client.sock.fileno()
        if waiting != (fd in self._writing):
            self._writing.symmetric_difference_update({fd})
            self._poll.modify(fd, select.EPOLLIN | (select.EPOLLOUT if waiting else 0))

    def forget(self, client: Client) -> None:
        """Serve a client's socket no more."""
        assert client.sock is not None
        fd = client.sock.fileno()
        self._by_fd.pop(fd, None)
        self._writing.discard(fd)
        with suppress(FileNotFoundError):
            self._poll.unregister(fd)

    def connect_later(self, client: Client, delay: float) -> None:
        """Let a client connect in ``delay`` seconds."""
        self._connect_at[client] = time.monotonic_ns() + int(delay * _NS)

    def _run(self) -> None:
        try:
            self._loop()
        except BaseException as error:
            self._failure = error

    def _loop(self) -> None:
        due = 0
        gap = int(_NS / self._rate)
        senders = self._senders()
        while not self._stop:
            now = time.monotonic_ns()
            for client in [c for c, at in self._connect_at.items() if at <= now]:
                del self._connect_at[client]
                client.connect()
            if not self._talking:
                due = now
            while due < now:
                due += gap
                next(senders).write(now)
            for fd, events in self._poll.poll(0.002, 512):
                if events & select.EPOLLOUT:
                    self._by_fd[fd].flush()
                if events & ~select.EPOLLOUT:
                    self._by_fd[fd].read(now)

    def _senders(self) -> Iterator[Client]:
        while True:
            yield from self.random.sample(self.clients, len(self.clients))


@contextmanager
def crowd(port: int, *, clients: int = 200, rate: float = 400, seed: int = 0) -> Iterator[Crowd]:
    """Let clients chat for the time of a test, from the moment that all are logged in."""
    with Crowd(port, clients=clients, rate=rate, seed=seed) as running:
        running.wait_ready()
        running.talk()
        yield running
