"""How far messages were delivered and read: forward only, and never too far (S002-7)."""

from __future__ import annotations

import trio
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chat.known import Known
from chat.markers import WRITE_EVERY, Markers
from chat.patience import Patience
from storage.errors import StorageUnavailable
from storage.records import Conversation, Marker, Membership
from tests.chat.fakes import MemoryConversations

ANN, BOB = 1, 2


def _away() -> None:
    raise StorageUnavailable("the database is away")


async def test_a_marker_only_moves_forward() -> None:
    """However the reports of several devices arrive."""
    store = MemoryConversations()
    markers = Markers(store, Patience(), Known())
    for seq in (5, 7, 6, 1, 7):
        markers.move(ANN, 1, seq)
    assert markers.pending(ANN, 1) == Marker(1, ANN, 7)
    await markers.write()
    assert store.markers == [[Marker(conversation_id=1, user_id=ANN, delivered_seq=7)]]


async def test_markers_are_kept_apart_and_written_together() -> None:
    """One transaction for all users and conversations; then nothing is left to write."""
    store = MemoryConversations()
    markers = Markers(store, Patience(), Known())
    markers.move(ANN, 1, 5)
    markers.move(BOB, 1, 6)
    markers.move(ANN, 2, 7)
    assert [markers.pending(user, 1).delivered_seq for user in (ANN, BOB)] == [5, 6]
    assert markers.pending(BOB, 2) == Marker(2, BOB, 0)
    await markers.write()
    await markers.write()
    assert [sorted(call, key=lambda m: m.delivered_seq) for call in store.markers] == [
        [Marker(1, ANN, 5), Marker(1, BOB, 6), Marker(2, ANN, 7)]
    ]
    assert markers.pending(ANN, 1).delivered_seq == 0


async def test_what_a_database_that_is_away_does_not_take_is_kept() -> None:
    """And it is not moved back by what was reported meanwhile, nor the other way round."""
    store = MemoryConversations()
    markers = Markers(store, Patience(), Known())
    store.script = [_away, _away]
    markers.move(ANN, 1, 5)
    markers.move(BOB, 1, 5)
    await markers.write()
    assert markers.pending(ANN, 1).delivered_seq == 5
    markers.move(ANN, 1, 4)
    markers.move(BOB, 1, 6)
    await markers.write()
    await markers.write()
    assert sorted(store.markers[0], key=lambda m: m.user_id) == [
        Marker(1, ANN, 5),
        Marker(1, BOB, 6),
    ]


async def test_what_moves_during_a_write_that_fails_is_not_moved_back() -> None:
    """The report that came meanwhile is the newer one."""
    store = MemoryConversations()
    markers = Markers(store, Patience(), Known())

    def move_and_fail() -> None:
        markers.move(ANN, 1, 9)
        markers.move(BOB, 1, 3)
        _away()

    markers.move(ANN, 1, 5)
    markers.move(BOB, 1, 5)
    store.script = [move_and_fail]
    await markers.write()
    assert [markers.pending(user, 1).delivered_seq for user in (ANN, BOB)] == [9, 5]


async def test_a_marker_is_known_while_it_is_being_written() -> None:
    """A login in that moment must not show again what was shown."""
    store = MemoryConversations()
    markers = Markers(store, Patience(), Known())
    writing = trio.Event()
    store.script = [writing]
    async with trio.open_nursery() as nursery:
        markers.move(ANN, 1, 5)
        nursery.start_soon(markers.write)
        await trio.testing.wait_all_tasks_blocked()
        during = markers.pending(ANN, 1).delivered_seq
        writing.set()
    assert during == 5


async def test_they_are_written_now_and_then(autojump_clock: trio.testing.MockClock) -> None:
    """One write for all that moved, none where nothing did, and on when the database is back."""
    store = MemoryConversations()
    markers = Markers(store, Patience(), Known())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(markers.run)
        await trio.sleep(WRITE_EVERY * 3.5)
        assert store.markers == []
        for seq in range(1, 101):
            markers.move(ANN, 1, seq)
        store.script = [_away]
        await trio.sleep(WRITE_EVERY)
        assert store.markers == []
        await trio.sleep(WRITE_EVERY * 5)
        assert store.markers == [[Marker(1, ANN, 100)]]
        nursery.cancel_scope.cancel()


def test_a_membership_is_shown_with_what_is_not_written_yet() -> None:
    """S002-7: for a login in that moment; what is said to be unread is never too little."""
    markers = Markers(MemoryConversations(), Patience(), Known())
    stored = Membership(Conversation(1, "general", "general", 9), ANN, 5, None, 3, unread=4)
    assert markers.applied(stored) is stored
    markers.move(ANN, 1, 4)
    assert markers.applied(stored) is stored
    markers.move(ANN, 1, 7)
    assert markers.applied(stored) == replace(stored, delivered_seq=7)
    markers.move(ANN, 1, 0, read=8)
    assert markers.applied(stored) == replace(stored, delivered_seq=8, read_seq=8, unread=1)


def test_what_has_expired_is_read() -> None:
    """S002-15: nobody can read it any more; but not what was never delivered."""
    markers = Markers(MemoryConversations(), Patience(), Known())
    stored = Membership(Conversation(1, "general", "general", 9), ANN, 5, None, 3, unread=4)
    markers.expired = {1: 2}.__getitem__
    assert markers.applied(stored) is stored
    markers.expired = {1: 4}.__getitem__
    assert markers.applied(stored).read_seq == 4
    markers.expired = {1: 8}.__getitem__
    assert markers.applied(stored) == replace(stored, read_seq=5)


_MOVES = st.lists(
    st.tuples(st.sampled_from("mrwf"), st.integers(0, 2), st.integers(0, 20)), max_size=30
)


@given(moves=_MOVES)
def test_the_last_word_is_the_highest(moves: list[tuple[str, int, int]]) -> None:
    """Any mixture of reports, writes and failed writes ends at the maximum of each.

    What is read is delivered.
    """

    async def live() -> None:
        store = MemoryConversations()
        markers = Markers(store, Patience(), Known())
        highest: dict[int, Marker] = {}
        for what, user, seq in moves:
            if what in "mr":
                read = seq if what == "r" else 0
                markers.move(user, 1, seq, read=read)
                before = highest.get(user, Marker(1, user, 0))
                highest[user] = Marker(
                    1, user, max(before.delivered_seq, seq), max(before.read_seq, read)
                )
            else:
                store.script = [_away] if what == "f" else []
                await markers.write()
            for one in highest.values():
                pending = markers.pending(one.user_id, 1)
                assert pending.read_seq <= pending.delivered_seq <= one.delivered_seq
        store.script = []
        await markers.write()
        written: dict[int, Marker] = {}
        for marker in [marker for call in store.markers for marker in call]:
            before = written.get(marker.user_id, marker)
            written[marker.user_id] = Marker(
                1,
                marker.user_id,
                max(before.delivered_seq, marker.delivered_seq),
                max(before.read_seq, marker.read_seq),
            )
        assert written == highest

    trio.run(live)
