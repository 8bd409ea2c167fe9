"""How often each limit against abuse was met; the limits have the names of their settings."""

from __future__ import annotations

from chat.seldom import Seldom


class Counters:
    """Counts since the start of the server, and tells the log, once in a second at most."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._lines: dict[str, Seldom] = {}

    def met(self, limit: str, **facts: object) -> None:
        """Note that a limit was met; ``facts`` stand in the log, with the count."""
        count = self._counts[limit] = self._counts.get(limit, 0) + 1
        line = self._lines.setdefault(limit, Seldom(f"limit.{limit}"))
        line.write(**facts, count=count)

    def counts(self) -> dict[str, int]:
        """Return how often each limit was met; those that never were are not there."""
        return dict(self._counts)
