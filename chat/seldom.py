"""A log line that says the same a thousand times a second helps nobody."""

from __future__ import annotations

import logging

import structlog
import trio

log = structlog.get_logger()

EVERY = 1.0  # seconds


class Seldom:
    """Writes few lines in a second, one for most events, and how many were left out before."""

    def __init__(self, event: str, *, level: int = logging.WARNING, most: int = 1) -> None:
        """Write ``event``, ``most`` times in a second."""
        self._event = event
        self._level = level
        self._most = most
        self._written = 0
        self._next_at = float("-inf")
        self._left_out = 0

    def write(self, **facts: object) -> None:
        """Write a line, or count it."""
        now = trio.current_time()
        if now >= self._next_at:
            self._next_at = now + EVERY
            self._written = 0
        if self._written >= self._most:
            self._left_out += 1
            return
        self._written += 1
        if self._left_out:
            facts["left_out"] = self._left_out
        self._left_out = 0
        log.log(self._level, self._event, **facts)
