"""Ids that a sender gives to its messages."""

from __future__ import annotations

import time

import pytest

from protocol.ids import new_uuid


def test_they_are_different() -> None:
    """Or a message would be taken for another one, and not stored."""
    assert len({new_uuid() for _ in range(10_000)}) == 10_000


def test_they_are_of_version_7() -> None:
    """RFC 9562: the variant, the version, and the time in front."""
    before = time.time_ns() // 1_000_000
    made = new_uuid()
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000


def test_later_ones_are_greater(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that they are neighbours in the database's index."""
    made = []
    for millisecond in range(1, 1000, 100):
        monkeypatch.setattr(time, "time_ns", lambda now=millisecond: now * 1_000_000)
        made.append(new_uuid())
    assert made == sorted(made)
