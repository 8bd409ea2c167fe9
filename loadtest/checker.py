"""Whether everyone got every message once, in order, and the same one under the same number.

Nothing here knows of sockets or clocks. Two kinds of check work together: a :class:`Track`
for each receiver looks at sequence numbers only, which is quick, and the :class:`Ledger`
knows once for all receivers which message each number stands for.
"""

from __future__ import annotations


class Track:
    """The sequence numbers that one receiver has had."""

    __slots__ = ("doubled", "expected", "holes", "out_of_order")

    def __init__(self, expected: int) -> None:
        self.expected = expected
        """The number that comes next; the busiest loop compares and adds one by itself."""
        self.holes: list[tuple[int, int]] = []
        """What was passed over: the first number of each gap, and the one behind its last."""
        self.doubled = 0
        self.out_of_order = 0

    def take(self, seq: int) -> bool:
        """Note that a number arrived; False where it had arrived before."""
        if seq == self.expected:
            self.expected += 1
            return True
        if seq > self.expected:
            self.holes.append((self.expected, seq))
            self.expected = seq + 1
            return True
        for place, (first, behind) in enumerate(self.holes):
            if first <= seq < behind:
                rest = ((first, seq), (seq + 1, behind))
                self.holes[place : place + 1] = [hole for hole in rest if hole[0] < hole[1]]
                self.out_of_order += 1
                return True
        self.doubled += 1
        return False

    def missing(self, last: int) -> int:
        """Return how many numbers up to ``last`` have not arrived, nor any in front of a later."""
        inside = sum(behind - first for first, behind in self.holes)
        return inside + max(0, last + 1 - self.expected)


class Entry:
    """One message of the run, as stored by the server under one sequence number."""

    __slots__ = ("due", "left", "number", "seq")

    def __init__(self, seq: int, number: int, due: int, left: int) -> None:
        self.seq = seq
        self.number = number
        """Counts the messages of the run, over all senders."""
        self.due = due
        """When it should have been sent, in nanoseconds of the monotonic clock."""
        self.left = left
        """How many of the receivers have not had it yet; its sender's acknowledgement counts."""


class Ledger:
    """Which message stands under which number, the same for everybody."""

    def __init__(self, receivers: int) -> None:
        self._receivers = receivers
        self._entries: dict[int, Entry] = {}
        self._seqs: dict[int, int] = {}  # a message's number in the run to its sequence number
        self.stored_twice = 0
        """Sequence numbers given to a message that had one."""
        self.contradictions = 0
        """Times that a number stood for another message than at the first who saw it."""
        self.acknowledged = 0
        self.last_acknowledged = 0
        """The highest sequence number that a sender was told."""

    def seen(self, seq: int, number: int, due: int) -> Entry | None:
        """Return the entry for a message; None where the number is another message's."""
        entry = self._entries.get(seq)
        if entry is None:
            entry = self._entries[seq] = Entry(seq, number, due, self._receivers)
            if self._seqs.setdefault(number, seq) != seq:
                self.stored_twice += 1
        elif entry.number != number:
            self.contradictions += 1
            return None
        return entry

    def acknowledge(self, seq: int, number: int, due: int) -> Entry | None:
        """Note that the sender of a message was told its number."""
        self.acknowledged += 1
        self.last_acknowledged = max(self.last_acknowledged, seq)
        return self.seen(seq, number, due)

    def overtaken(self, senders: int) -> int:
        """Return how many messages stand behind a later one of the same sender.

        Message ``n`` is written by sender ``n`` modulo ``senders``. Because everyone is held to
        the same numbers, looking once at the ledger looks at all the receivers.
        """
        latest = [-1] * senders
        count = 0
        for _, entry in sorted(self._entries.items()):
            if entry.number < latest[entry.number % senders]:
                count += 1
            else:
                latest[entry.number % senders] = entry.number
        return count
