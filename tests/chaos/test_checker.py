"""The checker finds each kind of broken promise, and nothing where there is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest

from tests.chaos.checker import check
from tests.chaos.records import Ack, ClientLog, Seen, dump

HISTORY = [Seen(1, 11, "ann", 0), Seen(2, 12, "bob", 0), Seen(3, 13, "ann", 1)]
Spoil = Callable[[ClientLog, ClientLog, list[Seen]], object]


def _good() -> tuple[ClientLog, ClientLog, list[Seen]]:
    ann = ClientLog("ann", sent={0: 5, 1: 6}, received=list(HISTORY), by_ack={1, 3})
    ann.acknowledged = [Ack(0, 1, 11, 7), Ack(1, 3, 13, 8)]
    bob = ClientLog("bob", sent={0: 5, 1: 6}, received=list(HISTORY), by_ack={2})
    bob.acknowledged = [Ack(0, 2, 12, 7)]
    ann.caught_up = bob.caught_up = True
    return deepcopy(ann), deepcopy(bob), list(HISTORY)


def _kinds(spoil: Spoil) -> set[str]:
    ann, bob, history = _good()
    spoil(ann, bob, history)
    return {fault.kind for fault in check([ann, bob], history)}


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    assert _kinds(lambda _ann, _bob, _history: None) == set()


def test_what_comes_as_answer_and_as_message_is_not_doubled() -> None:
    """Only at once, only the client's own, and only where one of the two was the answer."""
    assert _kinds(lambda ann, _bob, _history: ann.received.insert(0, HISTORY[0])) == set()
    assert _kinds(lambda ann, _bob, _history: ann.received.insert(1, HISTORY[1])) == {"doubled"}
    assert "doubled" in _kinds(lambda ann, _bob, _history: ann.received.append(HISTORY[0]))


def test_one_that_is_behind_or_has_heard_nothing_yet_is_no_fault() -> None:
    def spoil(_ann: ClientLog, bob: ClientLog, _history: list[Seen]) -> None:
        bob.received.pop()
        bob.caught_up = False

    assert _kinds(spoil) == set()


@pytest.mark.parametrize(
    ("kind", "spoil"),
    [
        ("lost", lambda ann, bob, history: history.pop()),  # acknowledged and shown
        ("lost", lambda ann, bob, history: bob.acknowledged.append(Ack(1, 4, 14, 9))),
        ("lost", lambda ann, bob, history: bob.received.pop()),
        ("lost", lambda ann, bob, history: bob.received.clear()),
        ("doubled", lambda ann, bob, history: history.append(Seen(4, 14, "bob", 0))),
        ("doubled", lambda ann, bob, history: bob.received.append(HISTORY[2])),
        ("gap", lambda ann, bob, history: bob.received.pop(1)),
        ("gap", lambda ann, bob, history: bob.received.pop(0)),
        ("gap", lambda ann, bob, history: history.append(Seen(5, 14, "bob", 1))),
        ("order", lambda ann, bob, history: bob.received.reverse()),
        ("order", lambda ann, bob, history: ann.acknowledged.append(Ack(0, 2, 12, 9))),
        ("order", lambda ann, bob, history: history.append(Seen(4, 9, "bob", 1))),
        ("order", lambda a, b, h: b.received.__setitem__(1, Seen(2, 12, "ann", 1))),
        ("phantom", lambda ann, bob, history: history.append(Seen(4, 14, "bob", 2))),
        ("phantom", lambda ann, bob, history: bob.received.append(Seen(4, 14, "eve", 0))),
        ("refused", lambda ann, bob, history: ann.refused.update({1: "storage_unavailable"})),
    ],
)
def test_each_fault_is_found(kind: str, spoil: Spoil) -> None:
    assert kind in _kinds(spoil)


def test_one_senders_messages_out_of_order_are_found() -> None:
    def spoil(ann: ClientLog, bob: ClientLog, history: list[Seen]) -> None:
        history[0], history[2] = Seen(1, 11, "ann", 1), Seen(3, 13, "ann", 0)
        ann.acknowledged = [Ack(1, 1, 11, 7), Ack(0, 3, 13, 8)]
        ann.received = list(history)
        bob.received = list(history)

    assert _kinds(spoil) == {"sender_order"}


def test_logs_can_be_written_down(tmp_path: Path) -> None:
    ann, bob, _ = _good()
    ann.note(9, "shutdown", "reason")
    dump([ann, bob], tmp_path / "log.jsonl")
    first, second = map(json.loads, (tmp_path / "log.jsonl").read_text().splitlines())
    assert (first["name"], second["name"]) == ("ann", "bob")
    assert first["received"] == [list(seen) for seen in HISTORY]
    assert first["happenings"] == [[9, "shutdown", "reason"]]
