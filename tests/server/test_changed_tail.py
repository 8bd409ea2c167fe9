"""What is kept of a conversation in memory, when something of it is changed (S004-24)."""

from __future__ import annotations

from server.timeline import Timeline
from storage.records import Message, Quote

PLENTY = 10**6  # bytes


def entry(seq: int, kind: str = "text", quote: Quote | None = None) -> Message:
    """Return an entry of a conversation."""
    target = None if kind == "text" and quote is None else 1
    return Message(
        seq, 1, seq, 1, "Ann", b"", 0, b"x", 1, None, kind, target, None, None, None, quote
    )


def kept(timeline: Timeline) -> list[int]:
    """Return the numbers that one who is behind gets from memory."""
    return [
        seq for seq in range(1, timeline.flushed_seq + 1) if timeline.after(seq - 1) is not None
    ]


def test_nothing_from_before_a_change_is_handed_out() -> None:
    """Neither what was published long ago, nor what was in the same commit just before it."""
    for kind in ("edit", "delete"):
        timeline = Timeline(1, 0)
        for message in (entry(1), entry(2)):
            timeline.add(message)
            timeline.take(PLENTY)
        assert kept(timeline) == [1, 2]
        for message in (entry(3, quote=Quote("Ann", b"secret")), entry(4, kind), entry(5)):
            timeline.add(message)
        assert [one.message.seq for one in timeline.take(PLENTY)] == [3, 4, 5]
        assert kept(timeline) == [4, 5]
        found = timeline.after(3)
        assert found is not None
        assert [one.message.seq for one in found] == [4, 5]
