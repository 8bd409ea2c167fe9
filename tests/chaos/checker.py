"""The judge of every fault test: reads what all clients wrote down, when all is over.

Nothing here knows of sockets, processes or the kind of fault.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from tests.chaos.records import ClientLog, Seen

HISTORY = "history"
"""Stands for the storage where a client's name would stand."""


class Fault(NamedTuple):
    """A broken promise."""

    kind: str
    """``lost``, ``doubled``, ``gap``, ``order``, ``sender_order``, ``phantom`` or ``refused``."""
    where: str
    what: str


def check(logs: Sequence[ClientLog], history: Sequence[Seen]) -> list[Fault]:
    """Return all that went wrong.

    ``history`` is the whole conversation as the server shows it afterwards, from its first
    message. Everyone is to have had it from there.
    """
    sent = {(log.name, number) for log in logs for number in log.sent}
    truth = {seen.seq: seen for seen in history}
    faults = list(_check_stream(HISTORY, history, truth, sent))
    faults += _check_stored_once(history)
    faults += _check_sender_order(history)
    stored = {(seen.sender, seen.number): seen for seen in history}
    for log in logs:
        faults += _check_answers(log, stored)
        received = log.received
        # Nearly always everything is right, and this is a thousand times faster than looking.
        if received != history[: len(received)]:
            faults += _check_stream(log.name, received, truth, sent)
        if log.caught_up:
            faults += _check_complete(log.name, received, history)
    return faults


def _check_stream(
    where: str, seen: Sequence[Seen], truth: dict[int, Seen], sent: set[tuple[str, int]]
) -> Iterator[Fault]:
    """Compare what one saw with the one truth, and look at the numbers."""
    for one in seen:
        if (one.sender, one.number) not in sent:
            yield Fault("phantom", where, f"{one} was never sent")
        elif (true := truth.get(one.seq)) is None:
            yield Fault("lost", where, f"{one} was shown and is not stored")
        elif true != one:
            yield Fault("order", where, f"{one}, but {true} is stored")
    yield from _check_numbers(where, seen)


def _check_numbers(where: str, seen: Sequence[Seen]) -> Iterator[Fault]:
    for seq, times in Counter(one.seq for one in seen).items():
        if times > 1:
            yield Fault("doubled", where, f"number {seq} came {times} times")
    first = [Seen(0, 0, "", 0), *seen]
    for before, after in pairwise(first):
        if after.seq > before.seq + 1:
            yield Fault("gap", where, f"{after.seq} came after {before.seq}")
        elif after.seq < before.seq:
            yield Fault("order", where, f"{after.seq} came after {before.seq}")
        elif after.seq > before.seq and after.id <= before.id:
            yield Fault("order", where, f"id {after.id} came after {before.id}")


def _check_stored_once(history: Iterable[Seen]) -> Iterator[Fault]:
    for (sender, number), times in Counter((one.sender, one.number) for one in history).items():
        if times > 1:
            yield Fault("doubled", HISTORY, f"{sender}'s message {number} is there {times} times")


def _check_sender_order(history: Iterable[Seen]) -> Iterator[Fault]:
    last: dict[str, int] = {}
    for one in history:
        if one.number < last.get(one.sender, -1):
            what = f"{one.sender}'s message {one.number} stands behind {last[one.sender]}"
            yield Fault("sender_order", HISTORY, what)
        last[one.sender] = one.number


def _check_answers(log: ClientLog, stored: dict[tuple[str, int], Seen]) -> Iterator[Fault]:
    """What was acknowledged is stored as acknowledged; what was refused is not."""
    for ack in log.acknowledged:
        one = stored.get((log.name, ack.number))
        if one is None:
            yield Fault("lost", log.name, f"{ack} is not stored")
        elif (one.seq, one.id) != (ack.seq, ack.id):
            yield Fault("order", log.name, f"{ack}, but it is stored as {one}")
    for number, code in log.refused.items():
        if (log.name, number) in stored:
            yield Fault("refused", log.name, f"message {number} is stored after {code}")


def _check_complete(
    where: str, received: Sequence[Seen], history: Sequence[Seen]
) -> Iterator[Fault]:
    had = {one.seq for one in received}
    missing = [one.seq for one in history if one.seq not in had]
    if missing:
        yield Fault("lost", where, f"{len(missing)} never came, the first is {missing[0]}")
