"""The checker against a slow and obvious one, over every kind of stream that can go wrong."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loadtest.checker import Ledger, Track

FIRST = 5
streams = st.lists(st.integers(FIRST, FIRST + 30), max_size=60)


@given(streams)
def test_track_counts_as_a_naive_checker_does(arrived: list[int]) -> None:
    track = Track(FIRST)
    new = [track.take(seq) for seq in arrived]

    assert new == [seq not in arrived[:place] for place, seq in enumerate(arrived)]
    assert track.doubled == len(arrived) - len(set(arrived))
    late = [
        seq
        for place, seq in enumerate(arrived)
        if seq not in arrived[:place] and any(earlier > seq for earlier in arrived[:place])
    ]
    assert track.out_of_order == len(late)
    last = max(arrived, default=FIRST - 1)
    assert track.missing(last) == len(set(range(FIRST, last + 1)) - set(arrived))
    assert track.missing(last + 3) == track.missing(last) + 3


@given(streams)
def test_counting_in_sequence_by_hand_is_the_same(arrived: list[int]) -> None:
    """The intake does the usual case without a call."""
    called, by_hand = Track(FIRST), Track(FIRST)
    for seq in arrived:
        called.take(seq)
        if seq == by_hand.expected:
            by_hand.expected += 1
        else:
            by_hand.take(seq)
    for name in Track.__slots__:
        assert getattr(called, name) == getattr(by_hand, name)


def test_old_messages_are_not_missing() -> None:
    assert Track(1000).missing(999) == 0


def test_a_number_is_one_message_for_everybody() -> None:
    ledger = Ledger(receivers=3)
    entry = ledger.seen(7, number=0, due=1)
    assert ledger.seen(7, number=0, due=1) is entry
    assert ledger.seen(7, number=1, due=1) is None
    assert ledger.contradictions == 1
    assert ledger.stored_twice == 0


def test_a_message_has_one_number() -> None:
    ledger = Ledger(receivers=3)
    ledger.acknowledge(7, number=0, due=1)
    ledger.seen(8, number=0, due=1)
    ledger.seen(8, number=0, due=1)
    assert ledger.stored_twice == 1
    assert ledger.last_acknowledged == 7


@given(st.permutations(range(8)), st.integers(1, 3))
def test_overtaken_looks_at_each_sender_by_itself(order: list[int], senders: int) -> None:
    ledger = Ledger(receivers=1)
    for seq, number in enumerate(order):
        ledger.seen(seq, number, due=0)
    expected = sum(
        any(earlier > number and earlier % senders == number % senders for earlier in order[:place])
        for place, number in enumerate(order)
    )
    assert ledger.overtaken(senders) == expected
