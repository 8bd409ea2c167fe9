"""Whatever is repeated, left out or overtaken: every message is taken once and in order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from cli.timeline import Timeline, Verdict
from protocol.events import ConversationInfo

GENERAL = 1

# What may happen to a stream: the next message comes, is repeated, is left out (there was no
# room for it), a page of so many messages is asked for, or the connection is lost.
STEPS = st.lists(
    st.one_of(
        st.sampled_from(["next", "repeat", "left out", "lost"]),
        st.integers(min_value=1, max_value=4),
    ),
    max_size=60,
)


class Run:
    """A server's conversation and a client's timeline, side by side."""

    def __init__(self) -> None:
        self.timeline = Timeline()
        self.stored = 0  # messages the server has
        self.fed = 0  # messages the server has sent on this connection
        self.taken: list[int] = []
        self.log_in()

    def log_in(self) -> None:
        info = ConversationInfo(
            id=GENERAL, kind="general", name="general", last_seq=self.stored, delivered_seq=0
        )
        self.timeline.begin([info], first=not self.taken)
        self.fed = (self.timeline.resume() or {}).get(GENERAL, 0)

    def arrive(self, seq: int, *, room: bool = True) -> None:
        verdict = self.timeline.judge(GENERAL, seq)
        if verdict is Verdict.NEXT and room:
            self.taken.append(seq)
            self.timeline.accept(GENERAL, seq)
        elif verdict is not Verdict.REPEAT:
            self.timeline.open_hole(GENERAL, seq)

    def page(self, size: int) -> None:
        """Ask for a page where there is a hole, as the session does."""
        if self.timeline.next_hole() is None:
            return
        after = self.timeline.last(GENERAL)
        page = range(after + 1, min(after + size, self.stored) + 1)
        for seq in page:
            self.taken.append(seq)
            self.timeline.accept(GENERAL, seq)
        if after + size >= self.stored:
            self.timeline.close_hole(GENERAL, grown=bool(page))

    def step(self, step: str | int) -> None:
        if isinstance(step, int):
            self.page(step)
        elif step == "lost":
            self.log_in()
        elif step == "repeat":
            if self.fed:
                self.arrive(self.fed)
        else:
            self.stored = max(self.stored, self.fed + 1)
            self.fed += 1
            self.arrive(self.fed, room=step == "next")


@given(STEPS)
def test_every_message_is_taken_once_and_in_order(steps: list[str | int]) -> None:
    run = Run()
    for step in steps:
        run.step(step)
        assert run.taken == list(range(1, len(run.taken) + 1))
    while run.fed < run.stored:
        run.step("next")
    while run.timeline.next_hole() is not None:
        run.page(3)
    assert run.taken == list(range(1, run.stored + 1))


def test_unknown_conversation_begins_with_its_first_message() -> None:
    timeline = Timeline()
    assert timeline.judge(7, 40) is Verdict.NEXT
    timeline.accept(7, 40)
    assert timeline.judge(7, 42) is Verdict.BEHIND_A_HOLE
    assert timeline.judge(7, 40) is Verdict.REPEAT
    assert timeline.resume() == {7: 40}


def test_shown_is_told_once_and_again_after_a_loss() -> None:
    info = ConversationInfo(id=1, kind="general", name="general", last_seq=9, delivered_seq=3)
    timeline = Timeline()
    timeline.begin([info], first=True)
    timeline.show(1, 3)
    assert not timeline.has_untold()
    timeline.show(1, 5)
    timeline.show(1, 4)
    assert timeline.untold() == ([(1, 5)], [])
    assert not timeline.has_untold()
    timeline.begin([info], first=False)  # the report was lost with the connection
    assert timeline.untold() == ([(1, 5)], [])


def info(*, last: int, delivered: int) -> ConversationInfo:
    """Return the general chat as a login tells of it."""
    return ConversationInfo(
        id=GENERAL, kind="general", name="general", last_seq=last, delivered_seq=delivered
    )


def test_what_is_read_is_told_once_and_again_after_a_loss() -> None:
    """S000-14: it is shown, too; what was told before the connection broke may not have arrived."""
    timeline = Timeline()
    timeline.begin([info(last=9, delivered=2)], first=True)
    timeline.show(1, 5)
    timeline.note_read(1, 4)
    timeline.note_read(77, 1)
    assert timeline.has_untold()
    assert timeline.untold() == ([(1, 5)], [(1, 4)])
    assert not timeline.has_untold()
    timeline.note_read(1, 8)
    assert timeline.untold() == ([], [(1, 8)])
    timeline.begin([info(last=9, delivered=5)], first=False)
    assert timeline.untold() == ([], [(1, 8)])


def test_what_other_devices_do_is_kept() -> None:
    """S002-17: markers never move back; a snapshot has all there is."""
    timeline = Timeline()
    timeline.begin([info(last=9, delivered=2)], first=True)
    timeline.mark(1, delivered=7, read=6, last_seq=10, unread=3)
    timeline.mark(1, delivered=5, read=4, last_seq=9, unread=3)
    timeline.mark(2, delivered=5, read=4, last_seq=9, unread=3)
    assert list(timeline.conversations) == [1]
    kept = timeline.conversations[1]
    assert (kept.delivered_seq, kept.read_seq, kept.last_seq, kept.unread) == (7, 6, 10, 3)
    other = replace(info(last=1, delivered=1), id=5)
    timeline.sync([other])
    assert timeline.conversations == {5: other}


def test_what_one_has_left_is_forgotten() -> None:
    """Also when one learns of it by the next login; what still comes of it does no harm."""
    general = ConversationInfo(id=1, kind="general", name="general", last_seq=5, delivered_seq=5)
    room = ConversationInfo(id=2, kind="room", name="dev", last_seq=3, delivered_seq=3)
    timeline = Timeline()
    timeline.begin([general, room], first=True)
    for info in (general, room):
        timeline.judge(info.id, info.last_seq)
        timeline.accept(info.id, info.last_seq)
    assert timeline.resume() == {1: 5, 2: 3}
    timeline.begin([general], first=False)
    assert timeline.resume() == {1: 5}
    assert set(timeline.conversations) == {1}
    assert timeline.follows(1)
    assert not timeline.follows(2)
    timeline.show(2, 3)
    assert not timeline.has_untold()
