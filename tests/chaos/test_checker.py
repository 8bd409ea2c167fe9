"""The checker finds each kind of broken promise, and nothing where there is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.checker import check
from tests.chaos.records import Ack, ClientLog, Seen, dump

HISTORY = [Seen(1, 11, "ann", 0), Seen(2, 12, "bob", 0), Seen(3, 13, "ann", 1)]


class Chat:
    """Two people to whom nothing bad has happened yet."""

    def __init__(self) -> None:
        self.history = list(HISTORY)
        self.ann = ClientLog("ann", sent={0: 5, 1: 6}, received=list(HISTORY))
        self.ann.acknowledged = [Ack(0, 1, 11, 7), Ack(1, 3, 13, 8)]
        self.bob = ClientLog("bob", sent={0: 5, 1: 6}, received=list(HISTORY))
        self.bob.acknowledged = [Ack(0, 2, 12, 7)]
        self.ann.caught_up = self.bob.caught_up = True


Spoil = Callable[[Chat], object]


def _kinds(spoil: Spoil) -> set[str]:
    chat = Chat()
    spoil(chat)
    return {fault.kind for fault in check([chat.ann, chat.bob], chat.history)}


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    assert _kinds(lambda _: None) == set()


def test_one_that_is_behind_or_has_heard_nothing_yet_is_no_fault() -> None:
    def spoil(chat: Chat) -> None:
        chat.bob.received.pop()
        chat.bob.caught_up = False

    assert _kinds(spoil) == set()


@pytest.mark.parametrize(
    ("kind", "spoil"),
    [
        ("lost", lambda chat: chat.history.pop()),  # acknowledged and shown
        ("lost", lambda chat: chat.bob.acknowledged.append(Ack(1, 4, 14, 9))),
        ("lost", lambda chat: chat.bob.received.pop()),
        ("lost", lambda chat: chat.bob.received.clear()),
        ("doubled", lambda chat: chat.history.append(Seen(4, 14, "bob", 0))),
        ("doubled", lambda chat: chat.bob.received.append(HISTORY[2])),
        ("gap", lambda chat: chat.bob.received.pop(1)),
        ("gap", lambda chat: chat.bob.received.pop(0)),
        ("gap", lambda chat: chat.history.append(Seen(5, 14, "bob", 1))),
        ("order", lambda chat: chat.bob.received.reverse()),
        ("order", lambda chat: chat.ann.acknowledged.append(Ack(0, 2, 12, 9))),
        ("order", lambda chat: chat.history.append(Seen(4, 9, "bob", 1))),
        ("order", lambda chat: chat.bob.received.__setitem__(1, Seen(2, 12, "ann", 1))),
        ("phantom", lambda chat: chat.history.append(Seen(4, 14, "bob", 2))),
        ("phantom", lambda chat: chat.bob.received.append(Seen(4, 14, "eve", 0))),
        ("refused", lambda chat: chat.ann.refused.update({1: "storage_unavailable"})),
    ],
)
def test_each_fault_is_found(kind: str, spoil: Spoil) -> None:
    assert kind in _kinds(spoil)


def test_one_senders_messages_out_of_order_are_found() -> None:
    def spoil(chat: Chat) -> None:
        chat.history[:] = [Seen(1, 11, "ann", 1), HISTORY[1], Seen(3, 13, "ann", 0)]
        chat.ann.acknowledged = [Ack(1, 1, 11, 7), Ack(0, 3, 13, 8)]
        chat.ann.received = chat.bob.received = list(chat.history)

    assert _kinds(spoil) == {"sender_order"}


def test_logs_can_be_written_down(tmp_path: Path) -> None:
    chat = Chat()
    chat.ann.note(9, "shutdown", "reason")
    dump([chat.ann, chat.bob], tmp_path / "log.jsonl")
    first, second = map(json.loads, (tmp_path / "log.jsonl").read_text().splitlines())
    assert (first["name"], second["name"]) == ("ann", "bob")
    assert first["received"] == [list(seen) for seen in HISTORY]
    assert first["happenings"] == [[9, "shutdown", "reason"]]
