"""Durations, counted into buckets."""

from __future__ import annotations

import math
from collections import defaultdict

SHIFT = 14
"""A bucket is 2**SHIFT nanoseconds (16 µs) wide, which is fine enough for milliseconds."""

_NS_PER_MS = 1e6


class Histogram:
    """How often each duration occurred; memory grows with how much they differ only."""

    __slots__ = ("counts",)

    def __init__(self) -> None:
        self.counts: defaultdict[int, int] = defaultdict(int)
        """Durations in nanoseconds, shifted right by SHIFT, and how many there were of each."""

    def add(self, nanoseconds: int) -> None:
        """Count one duration. The busiest loop does this by hand, to save the call."""
        self.counts[nanoseconds >> SHIFT] += 1

    @property
    def count(self) -> int:
        """Return how many durations were counted."""
        return sum(self.counts.values())

    def percentile(self, percent: float) -> float | None:
        """Return the milliseconds within which ``percent`` of the durations lie; None if empty."""
        wanted = max(1, math.ceil(self.count * percent / 100))
        seen = 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= wanted:
                return _milliseconds(bucket)
        return None

    @property
    def largest(self) -> float | None:
        """Return the longest duration in milliseconds; None if empty."""
        return _milliseconds(max(self.counts)) if self.counts else None


def _milliseconds(bucket: int) -> float:
    """Return the middle of a bucket."""
    return (bucket + 0.5) * (1 << SHIFT) / _NS_PER_MS
