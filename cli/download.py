"""The parts of a long text on their way in."""

from __future__ import annotations

from collections import deque

from cli.changes import Changes
from cli.errors import ClientError

CAPACITY = 4 * 1024 * 1024
"""Bytes of parts that may wait to be taken; one part more may come on top."""


class Download:
    """A queue of parts. It ends finished, failed, or cut off in the middle.

    Who is cut off asks anew from the byte it has got to.
    """

    def __init__(self, ref: int, changes: Changes) -> None:
        """Collect what answers the request ``ref``; ring ``changes`` at each change."""
        self.ref = ref
        self._parts: deque[bytes] = deque()
        self._bytes = 0
        self._ended = False
        self.finished = False
        """True: the last part has arrived."""
        self._failure: ClientError | None = None
        self._changes = changes

    @property
    def has_room(self) -> bool:
        """True: one more part may be put in."""
        return self._bytes < CAPACITY or self._ended

    def put(self, part: bytes, *, last: bool) -> None:
        """Add a part; the ``last`` one ends the download."""
        if self._ended:
            return
        if part:
            self._parts.append(part)
            self._bytes += len(part)
        self.finished = self._ended = last
        self._changes.ring()

    def cut_off(self) -> None:
        """End in the middle: nothing more will come."""
        self._ended = True
        self._changes.ring()

    def fail(self, failure: ClientError) -> None:
        """End with an error."""
        self._failure = failure
        self.cut_off()

    async def take(self) -> bytes | None:
        """Return the next part, None at the end; waits for it. Raises the error it ended with."""
        await self._changes.wait_until(lambda: bool(self._parts) or self._ended)
        if self._parts:
            part = self._parts.popleft()
            self._bytes -= len(part)
            self._changes.ring()
            return part
        if self._failure is not None:
            raise self._failure
        return None
