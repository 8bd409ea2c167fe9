"""What a person sees while the test runs."""

from __future__ import annotations

import time
from typing import Protocol

_NS = 1_000_000_000


class Stream(Protocol):
    """What progress is written to, for example ``sys.stderr``."""

    def write(self, text: str, /) -> int:
        """Take a text."""

    def flush(self) -> None:
        """Show it."""

    def isatty(self) -> bool:
        """Tell whether a person is looking."""


class Progress:
    """One line, written over again and again on a terminal; elsewhere a line now and then."""

    def __init__(self, stream: Stream, *, quiet: bool) -> None:
        self._stream = stream
        self._terminal = stream.isatty()
        self._quiet = quiet and not self._terminal
        self._interval = (_NS // 4) if self._terminal else 10 * _NS
        self._next = 0 if self._terminal else time.monotonic_ns() + self._interval
        self._width = 0  # of what stands on the line

    def due(self, now: int) -> bool:
        """Tell whether it is time for a new line; ``now`` in nanoseconds."""
        return not self._quiet and now >= self._next

    def show(self, now: int, line: str) -> None:
        """Write a line, in the place of the last one on a terminal."""
        self._next = now + self._interval
        if self._terminal:
            self._stream.write(f"\r{line:<{self._width}}")
            self._width = len(line)
        else:
            self._stream.write(f"{line}\n")
        self._stream.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self._width:
            self._stream.write(f"\r{'':<{self._width}}\r")
            self._stream.flush()
            self._width = 0
