"""How long to wait before the next attempt to connect."""

from __future__ import annotations

import random
from collections.abc import Callable

FIRST_CEILING = 0.25
"""Seconds within which the first attempt after a loss is made."""
LAST_CEILING = 10.0
"""Seconds within which attempts are made once many have failed."""


class Backoff:
    """Exponential backoff with full jitter.

    Each wait is drawn evenly from zero to a ceiling that doubles from attempt to attempt, so that
    a thousand clients that lost the same server do not come back in the same moment.
    """

    def __init__(
        self,
        first: float = FIRST_CEILING,
        last: float = LAST_CEILING,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """Take the first and the last ceiling in seconds, and a source of numbers in [0, 1)."""
        self._first = first
        self._last = last
        self._draw = draw
        self._ceiling = first

    def next_delay(self) -> float:
        """Return the seconds to wait now, and raise the ceiling for the next time."""
        ceiling = self._ceiling
        self._ceiling = min(ceiling * 2, self._last)
        return self._draw() * ceiling

    def reset(self) -> None:
        """Begin anew: the connection held."""
        self._ceiling = self._first
