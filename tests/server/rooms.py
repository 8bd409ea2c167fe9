"""Conversations with followers whose sockets can be looked at, for the tests of delivery."""

from __future__ import annotations

import math
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from chat.journal import Published
from chat.session import Session
from protocol.events import Event, Sent
from protocol.events import Message as MessageEvent
from protocol.framing import event_reader
from server.conn import Conn
from server.delivery import Delivery
from server.gateways.native import NATIVE
from storage.records import Conversation, NewMessage, Saved
from tests.memory_storage import MemoryStorage

LIMIT = 8192  # of a channel; small, so that it fills soon


class Follower:
    """A connection under test, and the far end of its socket."""

    def __init__(self, delivery: Delivery) -> None:
        near, self.far = socket.socketpair()
        for end in (near, self.far):
            end.setblocking(False)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self.conn = Conn(near, "a test", delivery, NATIVE, LIMIT)
        self._reader = event_reader()
        self.frames: list[Event] = []
        """All that has arrived."""
        self.numbers: list[int] = []
        """Sequence numbers as they arrived."""
        self.acknowledged: list[int] = []
        self.closed = trio.Event()

    async def run(self) -> None:
        """Keep the connection's tasks going until closed."""

        async def gateway(_conn: Conn) -> None:
            await self.closed.wait()

        with self.far:
            await self.conn.run(gateway)

    def is_live(self) -> bool:
        """Whether it gets what is new at once."""
        return self.conn.subscriptions[1].live

    def read(self, most: int) -> int:
        """Read at most so many bytes, as a slow client does; return how many there were."""
        try:
            data = self.far.recv(most)
        except BlockingIOError:
            return 0
        for item in self._reader.feed(data):
            assert isinstance(item, tuple)
            self.frames.append(item.frame)
            if isinstance(item.frame, MessageEvent | Sent):
                self.numbers.append(item.frame.seq)
            if isinstance(item.frame, Sent):
                self.acknowledged.append(item.frame.seq)
        return len(data)


class Room:
    """A conversation with its storage, its delivery and its followers."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.storage = MemoryStorage()
        self.delivery = Delivery(self.storage)
        self.nursery = nursery
        self._stored, journal = trio.open_memory_channel[Published](math.inf)
        nursery.start_soon(self._publish, journal)

    async def _publish(self, journal: trio.MemoryReceiveChannel[Published]) -> None:
        async for published in journal:
            await self.delivery.publish([published])

    async def join(self, after: int = 0) -> Follower:
        """Let somebody follow from behind ``after``."""
        follower = Follower(self.delivery)
        self.nursery.start_soon(follower.run)
        await trio.testing.wait_all_tasks_blocked()
        conversation = Conversation(1, "general", "general", len(self.storage.messages))
        follower.conn.follow(conversation, after=after, delivered=after)
        return follower

    def publish(self, author: Session, size: int, *, duplicate: bool = False) -> int:
        """Store and publish one message; return its sequence number."""
        new = NewMessage(1, 1, "Ann", b"", 0, b"x" * size, size)
        message = self.storage.add(new)
        author.in_flight += 1
        self._stored.send_nowait(Published(Saved(message, duplicate=duplicate), author, None))
        return message.seq


@asynccontextmanager
async def room() -> AsyncIterator[Room]:
    """A conversation for the time of a test."""
    async with trio.open_nursery() as nursery:
        yield Room(nursery)
        nursery.cancel_scope.cancel()


async def drain(followers: list[Follower]) -> None:
    """Read until nothing more comes to anybody."""
    with trio.fail_after(30):
        while True:
            await trio.testing.wait_all_tasks_blocked(0.005)
            if not sum(follower.read(65536) for follower in followers):
                return
