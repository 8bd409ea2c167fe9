"""The window on a conversation, and the list of conversations."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cli.tui.log import MAX_ENTRIES, Log
from cli.tui.roster import Roster, is_mentioned
from protocol.vocabulary.reading import Marked
from tests.tui.messages import info, message


def _seqs(log: Log) -> list[int]:
    return [entry.seq for entry in log if entry.message is not None]


def test_pages_join_without_gap_or_repeat() -> None:
    log = Log(1)
    log.add(message(50))
    log.add_before([message(n) for n in range(30, 50)], more=True, me="Bob")
    log.add(message(51))
    log.add(message(51))
    log.add_before([message(n) for n in range(1, 35)], more=False, me="Bob")
    assert _seqs(log) == list(range(1, 52))
    assert log.at_start
    assert log.at_end


def test_is_bounded_and_what_was_dropped_can_come_back() -> None:
    log = Log(1)
    for number in range(1, 2 * MAX_ENTRIES):
        log.add(message(number))
    assert len(log.entries) <= MAX_ENTRIES
    first = log.first
    assert first == _seqs(log)[0] > 1
    while not log.at_start:
        before = log.first
        page = [message(n) for n in range(max(1, before - 100), before)]
        log.add_before(page, more=page[0].seq > 1, me="Bob")
    assert _seqs(log)[0] == 1
    assert len(log.entries) <= MAX_ENTRIES
    log.add(message(5000))  # does not belong behind a gap
    assert 5000 not in _seqs(log)
    while not log.at_end:
        last = log.last
        page = [message(n) for n in range(last + 1, last + 101)]
        log.add_after(page, more=page[-1].seq < 3000, me="Bob")
    seqs = _seqs(log)
    assert seqs == list(range(seqs[0], seqs[-1] + 1))


def test_long_texts_are_dropped_sooner() -> None:
    log = Log(1)
    for number in range(1, 400):
        log.add(message(number, "x" * 60_000))
    assert sum(entry.weight for entry in log) < 10_000_000


def test_follows_edits_and_deletions() -> None:
    log = Log(1)
    log.add(message(1, "old"))
    log.add(message(2, "gone soon"))
    log.add(message(3, "new", kind="edit", target=100))
    log.add(message(4, "", kind="delete", target=200))
    assert [entry.message.text for entry in log if entry.message] == ["new", ""]
    assert [entry.message.kind for entry in log if entry.message] == ["text", "deleted"]
    assert log.last == 4


def test_expired_ones_go_and_remarks_stay() -> None:
    log = Log(1)
    for number in range(1, 6):
        log.add(message(number))
    log.add_note("said by the program")
    assert log.expire(4)
    assert _seqs(log) == [4, 5]
    assert [entry.note for entry in log if entry.message is None] == ["said by the program"]
    assert not log.expire(4)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 20)), max_size=30))
def test_any_way_of_paging_keeps_the_window_whole(steps: list[tuple[bool, int]]) -> None:
    total, log = 200, Log(1)
    log.begin_anew()
    log.last = 100
    for older, count in steps:
        if older and log.first:
            page = [message(n) for n in range(max(1, log.first - count), log.first)]
            log.add_before(page, more=bool(page) and page[0].seq > 1, me="Bob")
        else:
            page = [message(n) for n in range(log.last + 1, min(total, log.last + count) + 1)]
            log.add_after(page, more=log.last + count < total, me="Bob")
        seqs = _seqs(log)
        assert seqs == list(range(seqs[0], seqs[-1] + 1)) if seqs else True


def test_mentions_come_first_then_what_is_unread() -> None:
    roster = Roster()
    roster.count([
        info(1, "general", "general"), info(2, "room", "dev"), info(3, "room", "abc"),
        info(4, "direct", "Ann"),
    ])  # fmt: skip
    roster.hear(message(1, "hello", conversation=2), own=False, me="Bob")
    roster.hear(message(1, "is Bob here?", conversation=3), own=False, me="Bob")
    assert [place.info.id for place in roster.ordered] == [3, 2, 1, 4]
    roster.hear(message(1, "psst", conversation=4), own=False, me="Bob")
    assert [place.info.id for place in roster.ordered][:2] == [3, 4]
    assert roster.next_unread(1) == 3
    roster.read(3, 1)
    assert [place.info.id for place in roster.ordered] == [4, 2, 1, 3]


def test_unread_is_what_the_server_counted_and_what_came_since() -> None:
    roster = Roster()
    roster.count([info(2, last=10, read=4, unread=5)])
    place = roster.places[2]
    assert place.unread == 5
    for seq in (11, 12):
        roster.hear(message(seq, conversation=2), own=False, me="Bob")
    roster.hear(message(13, conversation=2, kind="join"), own=False, me="Bob")
    roster.hear(message(14, conversation=2, sender="Bob"), own=True, me="Bob")
    assert place.unread == 7
    # another device has read up to 11, when the server had 12
    roster.mark(Marked(conversation=2, delivered=14, read=11, last_seq=12, unread=1))
    assert place.unread == 1
    assert roster.read(2, 14)
    assert place.unread == 0
    assert not roster.read(2, 13)


def test_a_name_is_a_word() -> None:
    assert is_mentioned("hi BOB!", "Bob")
    assert is_mentioned("@bob: look", "Bob")
    assert not is_mentioned("bobby", "Bob")
    assert not is_mentioned("anything", "")
