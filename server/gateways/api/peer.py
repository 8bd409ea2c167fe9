"""The other end of an API session, as the rules see it: no connection, but requests now and then.

It is fed nothing. Acknowledgements, which other clients find in their streams, become the
responses to the requests that wait for them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

import trio

from chat.session import Session
from protocol.events import Event, Reply, Sent
from protocol.language import Sentence
from storage.records import Conversation


class Waiter:
    """Who waits for what is posted about one request."""

    def __init__(self, ref: int) -> None:
        self.ref = ref
        self._events: list[Event] = []
        self._arrived = trio.Event()

    def put(self, event: Event) -> None:
        """Take what has been posted."""
        self._events.append(event)
        self._arrived.set()

    async def get(self) -> Event:
        """Return the next of them, as soon as there is one."""
        while not self._events:
            self._arrived = trio.Event()
            await self._arrived.wait()
        return self._events.pop(0)


class ApiPeer:
    """A :class:`chat.session.Peer` whose other end asks by HTTP."""

    def __init__(self, address: str, last_seq: Callable[[int], int]) -> None:
        """``last_seq`` returns the last number that was published in a conversation."""
        self.address = address
        """Where the latest request came from."""
        self.connected_at = time.time_ns() // 1000
        self.session = Session(self, here=False)
        self.ended: Sentence | None = None
        """Why nothing more can be asked for by this session; None while it can."""
        self._last_seq = last_seq
        self._known: dict[int, int] = {}  # the last number of what it is in, when that began
        self._claimed: dict[int, int] = {}  # how far it says that it has been shown
        self._waiting: dict[int, Waiter] = {}
        self._refs = count(1)

    @contextmanager
    def waiting(self) -> Iterator[Waiter]:
        """Give a request a number, and its answers to who waits for them."""
        waiter = Waiter(next(self._refs))
        self._waiting[waiter.ref] = waiter
        try:
            yield waiter
        finally:
            del self._waiting[waiter.ref]

    def claim(self, conversation_id: int, seq: int) -> None:
        """Take the client's word that it has been given a conversation up to ``seq``.

        A connection knows what it has handed over. Here pages are asked for one by one, perhaps
        by a program that has been started anew since; but nobody has what has not been published.
        """
        if conversation_id in self._claimed:
            last = max(self._known[conversation_id], self._last_seq(conversation_id))
            seq = min(seq, last)
            self._claimed[conversation_id] = max(seq, self._claimed[conversation_id])

    def conversations(self) -> list[int]:
        """Return the ids of the conversations it is in."""
        return list(self._claimed)

    # ---- what chat calls

    def post(self, event: Event) -> None:
        """Hand an answer to the request it is for; all else can be asked for."""
        if isinstance(event, Reply) and event.ref is not None:
            waiter = self._waiting.get(event.ref)
            if waiter is not None:
                waiter.put(event)

    def notify(self, event: Event) -> None:
        """Let news pass: who wants them listens to the events."""

    def acknowledge(self, sent: Sent) -> None:
        """Answer the request that wrote it."""
        self.session.acknowledged()
        self.post(sent)

    def follow(self, conversation: Conversation, *, after: int, delivered: int) -> None:
        """Note that it is in the conversation; nothing has been handed over."""
        del after, delivered
        if conversation.id not in self._claimed:
            self._known[conversation.id] = conversation.last_seq
            self._claimed[conversation.id] = 0

    def unfollow(self, conversation_id: int) -> None:
        """Note that it is no longer in it."""
        self._known.pop(conversation_id, None)
        self._claimed.pop(conversation_id, None)

    def position(self, conversation_id: int) -> int | None:
        """Return how far it says that it has been shown a conversation; None: it is not in it."""
        return self._claimed.get(conversation_id)

    def end(self, template: str, /, **values: object) -> None:
        """Take no further requests."""
        self.ended = Sentence(template, **values)
