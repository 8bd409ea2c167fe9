"""The messages that have arrived and wait for the program, bounded in bytes."""

from __future__ import annotations

from collections import deque

from cli.changes import Changes
from cli.errors import ClientError
from cli.messages import ChatMessage

CAPACITY = 4 * 1024 * 1024
"""Bytes of messages an inbox holds before it asks for no more."""

_OVERHEAD = 400  # of a message besides its text, roughly


class Inbox:
    """A queue in the order of arrival.

    The bound is kept by those who put in, by looking at :attr:`has_room` before: so they can
    choose between waiting and leaving a message where it is, on the server.
    """

    def __init__(self, changes: Changes, capacity: int = CAPACITY) -> None:
        """Ring ``changes`` at each change; hold ``capacity`` bytes."""
        self._capacity = capacity
        self._messages: deque[ChatMessage] = deque()
        self._bytes = 0
        self._end: ClientError | None = None
        self._changes = changes

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def has_room(self) -> bool:
        """True: one more message may be put in."""
        return self._bytes < self._capacity

    @property
    def is_half_empty(self) -> bool:
        """True: a page of history is welcome."""
        return self._bytes < self._capacity // 2

    def put(self, message: ChatMessage) -> None:
        """Add a message."""
        self._messages.append(message)
        self._bytes += _weight(message)
        self._changes.ring()

    def close(self, end: ClientError) -> None:
        """Let ``end`` be raised to whoever takes once everything has been taken."""
        self._end = end
        self._changes.ring()

    async def take(self) -> ChatMessage:
        """Return the next message; where there is none, wait for it."""
        await self._changes.wait_until(lambda: bool(self._messages) or self._end is not None)
        if not self._messages:
            assert self._end is not None  # noqa: S101 - for the type checker, see the wait above
            raise self._end
        message = self._messages.popleft()
        self._bytes -= _weight(message)
        self._changes.ring()
        return message


def _weight(message: ChatMessage) -> int:
    return len(message.text) + _OVERHEAD
