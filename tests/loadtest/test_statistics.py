"""Percentiles against sorting everything."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.statistics import SHIFT, Histogram

BUCKET_MS = (1 << SHIFT) / 1e6


@given(st.lists(st.integers(0, 10**12), min_size=1), st.floats(0, 100))
def test_percentile_is_right_to_a_bucket(durations: list[int], percent: float) -> None:
    histogram = Histogram()
    for duration in durations:
        histogram.add(duration)
    exact = sorted(durations)[max(0, math.ceil(len(durations) * percent / 100) - 1)] / 1e6
    assert histogram.percentile(percent) == pytest.approx(exact, abs=BUCKET_MS)
    assert histogram.largest == pytest.approx(max(durations) / 1e6, abs=BUCKET_MS)
    assert histogram.count == len(durations)


def test_nothing_counted_is_nothing_known() -> None:
    assert Histogram().percentile(50) is None
    assert Histogram().largest is None
