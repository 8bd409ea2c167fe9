"""A log line that says the same a thousand times a second helps nobody."""

from __future__ import annotations

import structlog
import trio

log = structlog.get_logger()

EVERY = 1.0  # seconds


class Seldom:
    """Writes one warning in a second at most, and how many were left out before it."""

    def __init__(self, event: str) -> None:
        """Write ``event``."""
        self._event = event
        self._next_at = float("-inf")
        self._left_out = 0

    def warn(self, **facts: object) -> None:
        """Write a line, or count it."""
        now = trio.current_time()
        if now < self._next_at:
            self._left_out += 1
            return
        if self._left_out:
            facts["left_out"] = self._left_out
        self._left_out = 0
        self._next_at = now + EVERY
        log.warning(self._event, **facts)
