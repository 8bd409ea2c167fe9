"""One client connection: its socket, its channel, what it follows, and how it ends."""

from __future__ import annotations

import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count
from typing import Protocol

import structlog
import trio
from trio.lowlevel import notify_closing, wait_readable, wait_writable

from chat.counters import Counters
from chat.session import Session
from protocol.events import Event, Goodbye, Sent
from protocol.language import Sentence
from server.channel import SendChannel
from server.delivery import Delivery
from server.dialect import Dialect
from server.gate import Entry, Gate
from server.kernel import unconfirmed
from server.news import News
from server.timeline import Subscription
from server.transport import RECEIVE, PlainTransport, Transport
from storage.records import Conversation

log = structlog.get_logger()

IN_FLIGHT = 1000
"""Messages of one connection that may wait for their acknowledgement before it is read further."""

ASKED_AT_ONCE = 50
"""Requests of one connection that are answered before the others have a turn."""

MAX_TEXTS = 2
"""Long texts that one connection is sent at once; who asks for more waits."""

FAREWELL = 5.0
"""Seconds a connection that ends has to take what still waits for it."""


class LastFrame(Protocol):
    """Returns the bytes with which a kind of connection is closed."""

    def __call__(self, *, going_away: bool) -> bytes:
        """``going_away``: it is the server that stops."""
        ...


_numbers = count(1)


class Conn:
    """A connection; it is the ``Peer`` that ``chat`` talks to."""

    # More attributes than instances of a class can share the keys of; ten thousand are held.
    __slots__ = (
        "_asked", "_behind", "_delivery", "_feeding", "_grace", "_nursery", "_progress",
        "_pushed_back", "_reading", "_said_before", "_shutdown", "_spoken_out", "address",
        "answering", "answers_pings", "channel", "connected_at", "connected_time", "counters",
        "dialect", "end_reason", "ending", "entry", "heard_at", "id", "keeps_time", "last_frame",
        "login_begun", "news", "paused", "pinged_at", "received", "session", "sock",
        "subscriptions", "texts", "transport", "writing",
    )  # fmt: skip

    def __init__(
        self,
        sock: socket.socket,
        address: str,
        delivery: Delivery,
        dialect: Dialect,
        limit: int,
        *,
        entry: Entry | None = None,
        counters: Counters | None = None,
    ) -> None:
        """Take a connected non-blocking socket; ``limit`` bounds its channel, in bytes.

        Without an ``entry`` nothing else is bounded.
        """
        self.id = next(_numbers)
        self.sock = sock
        self.address = address
        self.dialect = dialect
        self.transport: Transport = PlainTransport(sock)
        self.channel = SendChannel(self.transport.send, limit)
        self.session = Session(self)
        self.entry = entry or Gate().enter("")
        """Its place among all, and how fast it may ask for things."""
        self.counters = counters or Counters()
        """Count what it is cut or slowed for."""
        self.subscriptions: dict[int, Subscription] = {}
        self.connected_at = time.time_ns() // 1000
        self.connected_time = self.login_begun = self.heard_at = trio.current_time()
        self.pinged_at: float | None = None
        self.answers_pings = False
        """True for clients of our own protocol; a person at telnet cannot answer a ping."""
        self.keeps_time = False
        """True: its gateway has its own limits for one that does not log in, as HTTP's has."""
        self.answering = False
        """True: what is being answered is finished before the connection goes down."""
        self._asked = 0
        self._said_before = 0  # bytes received before the login had to begin
        self.received = 0
        """Bytes received in all."""
        self.end_reason = "closed by the client"
        self.ending = False
        """True: only last words are sent now."""
        self.paused = False
        """True: we do not read, because too much of this client's waits for the database."""
        self.news = News(self)
        self.last_frame: LastFrame | None = None
        """Makes what has to stand behind the last words; nothing is sent after that."""
        self._spoken_out = False
        self.texts = trio.Semaphore(MAX_TEXTS)
        """Long texts that may still be sent at once."""
        self._delivery = delivery
        self._behind: list[Subscription] = []  # a deque keeps half a KiB, and most are empty
        self.writing = False
        """True: a task feeds the socket, and nothing may go past it."""
        self._progress = trio.lowlevel.ParkingLot()  # who waits for the writer
        self._reading = trio.CancelScope()
        self._grace = trio.CancelScope()
        self._feeding = trio.CancelScope()
        self._shutdown: tuple[trio.Event, Event] | None = None
        self._nursery: trio.Nursery | None = None
        self._pushed_back = b""

    # ---- reading

    async def receive(self) -> bytes:
        """Return what has arrived, at least one byte; ``b""`` at the end of the stream.

        Waits first while the client leaves its answers unread or has much in flight: who does
        not read is not read from. So it is with who asks for more in a second than it may.
        """
        if self._pushed_back:
            data, self._pushed_back = self._pushed_back, b""
            return data
        if self.session.in_flight > IN_FLIGHT:
            self.paused = True
            await self.session.wait_in_flight(IN_FLIGHT)
            self.paused = False
            self.heard_at = trio.current_time()  # it is not to blame for that silence
        await self._wait_turn()
        await self.wait_room()
        while True:
            await self.transport.wait_readable()
            try:
                data = self.transport.recv()
            except (BlockingIOError, InterruptedError):
                continue
            except OSError as error:
                self.end_reason = f"connection lost: {error.strerror}"
                self.channel.fail()
                return b""
            self.heard_at = trio.current_time()
            self.pinged_at = None
            self.received += len(data)
            return data

    async def _wait_turn(self) -> None:
        """Read nothing for a moment from who was too fast, or no more from who only talks."""
        entry = self.entry
        if self.session.user is not None:
            entry.admit()
        elif not self.keeps_time and entry.says_too_much(self.received - self._said_before):
            self.counters.met("max_login_bytes", address=self.address, connection=self.id)
            self.end("You have sent too much without logging in.")
        delay, limit = entry.delay(trio.current_time())
        if delay > 0:
            self.counters.met(limit, address=self.address, connection=self.id)
            self.paused = True
            try:
                await trio.sleep(delay)
            finally:
                self.paused = False
            self.heard_at = trio.current_time()

    async def asked(self) -> None:
        """Note that something was asked for; who asks too fast is read from later.

        One read can hold thousands of requests: now and then the others have a turn between them.
        """
        self.entry.charge(1, trio.current_time())
        self._asked += 1
        if self._asked % ASKED_AT_ONCE == 0:
            await trio.lowlevel.checkpoint()

    def begin_login(self) -> None:
        """Let the time and the bytes for the login count from now, whatever was before."""
        self.keeps_time = False
        self.login_begun = trio.current_time()
        self._said_before = self.received

    def push_back(self, data: bytes) -> None:
        """Let the next :meth:`receive` return these bytes."""
        self._pushed_back = data

    def go_through(self, transport: Transport) -> None:
        """Send and receive through another transport from now on; nothing may wait yet."""
        self.transport = transport
        self.channel.send = transport.send

    # ---- what chat calls

    def post(self, event: Event) -> None:
        """Send an event as soon as the socket takes it."""
        self.send(self.dialect.event(event))

    def send(self, data: bytes | memoryview) -> None:
        """Send bytes that are encoded already."""
        if self._spoken_out:
            return
        self.channel.put(data)
        if self.channel.waiting:
            self.start_writer()

    def notify(self, event: Event) -> None:
        """Send news that nobody asked for, or, where the channel is full, a snapshot later."""
        self.news.send(event)

    def change_dialect(self, dialect: Dialect) -> None:
        """Let everything from now on be in another dialect."""
        if dialect is self.dialect:
            return
        self.dialect = dialect
        for subscription in self.subscriptions.values():
            if subscription.live:
                subscription.fall_behind()
                self.fall_behind(subscription)
            subscription.dialect = dialect

    def unfollow(self, conversation_id: int) -> None:
        """Feed nothing more of a conversation."""
        subscription = self.subscriptions.pop(conversation_id, None)
        if subscription is not None:
            subscription.close()
            self.channel.sent += subscription.sent
            if subscription in self._behind:
                self._behind.remove(subscription)
            self._delivery.unfollow([subscription])

    def follow(self, conversation: Conversation, *, after: int, delivered: int) -> None:
        """Feed the conversation from behind ``after``, then live; again is harmless."""
        if conversation.id not in self.subscriptions:
            subscription = self._delivery.follow(self, conversation, after, delivered)
            self.subscriptions[conversation.id] = subscription
            self.fall_behind(subscription)

    def position(self, conversation_id: int) -> int | None:
        """Return the last sequence number handed over; None where it is not followed."""
        subscription = self.subscriptions.get(conversation_id)
        return None if subscription is None else subscription.position

    def acknowledge(self, sent: Sent) -> None:
        """Put an acknowledgement in the place of the message in this connection's stream."""
        subscription = self.subscriptions.get(sent.conversation)
        if subscription is None:
            self.session.acknowledged()
            self.post(sent)
        else:
            subscription.acknowledge(sent.seq, sent)

    # ---- writing

    def fall_behind(self, subscription: Subscription) -> None:
        """Feed a subscription from what is stored, at the socket's pace."""
        self._behind.append(subscription)
        self.start_writer()

    def start_writer(self) -> None:
        """Start the task that waits for the socket, unless it runs or nothing can be sent."""
        if not self.writing and not self.channel.broken and self._nursery is not None:
            self._set_writing(True)
            self._nursery.start_soon(self._write)

    async def _write(self) -> None:
        """Send what waits, feed what is behind, and end when there is neither."""
        try:
            while not self.channel.broken:
                if self.channel.waiting:
                    await wait_writable(self.sock)
                    self.channel.flush()
                    self._progress.unpark_all()
                    if self.channel.waiting > self.channel.limit // 2:
                        continue
                if self._behind and not self.ending:
                    subscription = self._behind.pop(0)
                    with trio.CancelScope() as self._feeding:
                        await self._delivery.feed(subscription)
                    if not (subscription.live or subscription.closed):
                        # The others have their turn first.
                        self._behind.append(subscription)
                elif not self.channel.waiting:
                    return
            self._reading.cancel()  # nobody is there to be answered
        finally:
            self._set_writing(False)
            self._progress.unpark_all()

    def _set_writing(self, writing: bool) -> None:
        self.writing = writing
        for subscription in self.subscriptions.values():
            subscription.refresh()

    def start_soon(self, task: Callable[..., Awaitable[object]], *arguments: object) -> bool:
        """Run a task beside the reader, and tell whether it runs; it ends with the connection."""
        if self._nursery is None:
            return False
        self._nursery.start_soon(task, *arguments)
        return True

    async def wait_room(self) -> None:
        """Where the channel is full, wait until no more than half of it waits."""
        if not self.channel.full:
            return
        while self.writing and self.channel.waiting > self.channel.limit // 2:
            await self._progress.park()

    # ---- life and end

    async def run(self, gateway: Callable[[Conn], Awaitable[None]]) -> None:
        """Serve until one end has had enough, then close; the gateway reads and answers."""
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                try:
                    with self._reading:
                        await gateway(self)
                    await self._finish()
                finally:
                    # Before the nursery closes: whoever sends after that must not start a task.
                    self._stop_following()
                    self.channel.fail()
                    nursery.cancel_scope.cancel()
        finally:
            notify_closing(self.sock)
            self.sock.close()

    async def _finish(self) -> None:
        """Deliver the last words, and close in a way that does not destroy them.

        A socket that is closed while something unread waits in it resets the connection, and
        the other end may lose what was sent last. So: end our direction, then read until the
        other end has ended its own.
        """
        if self._shutdown is not None:
            settled, notice = self._shutdown
            await settled.wait()
            self._stop_following()  # who is behind resumes from storage when the server is back
            self.post(notice)
        else:
            self._grace.deadline = trio.current_time() + FAREWELL
        if self.last_frame is not None:
            self._stop_following()
            self.send(self.last_frame(going_away=self._shutdown is not None))
            self._spoken_out = True
        with self._grace:
            while self.writing:
                await self._progress.park()
            if self.channel.broken:
                return
            with suppress(OSError):
                await self.transport.end_sending()
                while True:
                    await wait_readable(self.sock)
                    if not self.sock.recv(RECEIVE):
                        return

    def end(self, template: str, /, **values: object) -> None:
        """Tell the client why, in its language, and close."""
        reason = Sentence(template, **values)
        self.end_reason = str(reason)
        self._stop_following()
        self.post(Goodbye(reason=reason.said(self.session.voice)))
        self._reading.cancel()

    def _stop_following(self) -> None:
        """Hand over no more messages: what is sent from now on are last words."""
        self.ending = True
        self._feeding.cancel()  # a page may be long in coming from a database that is silent
        self._delivery.unfollow(self.subscriptions.values())

    def shut_down(self, settled: trio.Event, notice: Event) -> None:
        """Read nothing more; when ``settled``, give the notice and close.

        There is no deadline in it: the caller cancels what has not ended in time.
        """
        self.end_reason = "server stopped"
        self._shutdown = (settled, notice)
        if not self.answering:
            self._reading.cancel()

    @property
    def closing(self) -> bool:
        """True: the server goes down, and nothing new is begun."""
        return self._shutdown is not None

    def abort(self, reason: str) -> None:
        """Close at once; there is nobody at the other end."""
        self.end_reason = reason
        self.channel.fail()
        if self._nursery is not None:
            self._nursery.cancel_scope.cancel()

    @property
    def sent(self) -> int:
        """Bytes the socket has taken in all."""
        past = sum(subscription.sent for subscription in self.subscriptions.values())
        return self.channel.sent + past

    @property
    def unreceived(self) -> int:
        """Bytes that the other end has not confirmed, those that wait here included."""
        return self.channel.waiting + unconfirmed(self.sock)
