"""The bounded send channel of one connection (C-4).

The common case costs one system call: the channel is empty, the socket takes
everything. What the socket does not take waits here, up to a bound in bytes, and
somebody has to call :meth:`SendChannel.flush` when the socket is writable.
"""

from __future__ import annotations

from collections.abc import Callable

import trio


class SendChannel:
    """Bytes on their way into one transport (:mod:`server.transport`).

    The contract, which the rest of the server relies upon:

    1. Bytes leave in the order in which they were handed over, all or, after an error, none.
    2. Nothing here ever waits.
    3. :meth:`offer` refuses when more than ``limit`` bytes would wait; it always takes into an
       empty channel, so what waits is below ``limit`` plus one offer.
    4. :meth:`put` always takes: it is for answers, whose number the reader bounds by reading
       no further requests while :attr:`full`.
    """

    __slots__ = ("_queue", "broken", "limit", "progress_at", "send", "sent", "waiting")

    def __init__(self, send: Callable[[bytes | memoryview], int], limit: int) -> None:
        self.send = send
        """The transport's; it may be changed while nothing waits."""
        self._queue: list[memoryview | bytes] = []  # a deque keeps half a KiB, and most are empty
        self.limit = limit
        self.waiting = 0
        """Bytes that wait."""
        self.sent = 0
        """Bytes the socket has taken from here."""
        self.progress_at = trio.current_time()
        """When the socket last took something that had had to wait, or the wait began."""
        self.broken = False
        """True: the connection is gone; everything handed over is dropped."""

    @property
    def full(self) -> bool:
        """True: as much waits as may."""
        return self.waiting >= self.limit

    def offer(self, data: bytes) -> bool:
        """Take live frames if there is room, and tell whether they were taken."""
        if not data:
            return True  # flush() would take an empty one for a full socket, for ever
        if self.waiting:
            if self.waiting + len(data) > self.limit:
                return False
            self._queue.append(data)
            self.waiting += len(data)
        else:
            self._send_first(data)
        return True

    def put(self, data: bytes | memoryview) -> None:
        """Take bytes whether there is room or not."""
        if not data:
            return
        if self.waiting:
            self._queue.append(data)
            self.waiting += len(data)
        else:
            self._send_first(data)

    def _send_first(self, data: bytes | memoryview) -> None:
        taken = self._try_send(data)
        if taken < len(data) and not self.broken:
            self._queue.append(memoryview(data)[taken:])  # shared with all who got this blob
            self.waiting = len(data) - taken
            self.progress_at = trio.current_time()

    def flush(self) -> None:
        """Send what waits, as far as the socket takes it now."""
        while self._queue:
            first = self._queue[0]
            taken = self._try_send(first)
            if self.broken or not taken:
                return
            self.waiting -= taken
            self.progress_at = trio.current_time()
            if taken < len(first):
                self._queue[0] = memoryview(first)[taken:]
                return
            self._queue.pop(0)

    def _try_send(self, data: bytes | memoryview) -> int:
        if self.broken:
            return 0
        try:
            taken = self.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:
            self.fail()
            return 0
        self.sent += taken
        return taken

    def fail(self) -> None:
        """Give up: drop what waits and take nothing more in earnest."""
        self.broken = True
        self._queue.clear()
        self.waiting = 0
