"""Waiting until something has changed, for any number of tasks at once."""

from __future__ import annotations

from collections.abc import Callable

import trio


class Changes:
    """A bell: who waits wakes when it rings, and looks for itself whether its time has come."""

    def __init__(self) -> None:
        self._event: trio.Event | None = None  # made only where somebody waits

    def ring(self) -> None:
        """Wake everybody who waits."""
        if self._event is not None:
            self._event.set()
            self._event = None

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        """Return once ``condition`` holds; at once where it does already."""
        while not condition():
            if self._event is None:
                self._event = trio.Event()
            await self._event.wait()
