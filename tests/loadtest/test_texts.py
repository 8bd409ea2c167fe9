"""A text says what it has to, and nothing that was changed passes for it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loadtest.texts import SHORTEST, Run, Stamp
from protocol.limits import MAX_NAME

stamps = st.builds(Stamp, number=st.integers(0, 2**40 - 1), due=st.integers(0, 2**63))
runs = st.builds(Run, id=st.just("0a1b2c"), size=st.integers(SHORTEST, 200))


@given(runs, stamps)
def test_what_was_written_is_read(run: Run, stamp: Stamp) -> None:
    text = run.write(stamp)
    assert len(text.encode()) == run.size
    assert run.read(text) == stamp


@given(runs, stamps, st.data())
def test_a_changed_text_is_another_or_none(run: Run, stamp: Stamp, data: st.DataObject) -> None:
    text = run.write(stamp)
    place = data.draw(st.integers(0, run.size - 1))
    changed = text[:place] + data.draw(st.characters()) + text[place + 1 :]
    assert changed == text or run.read(changed) != stamp


@given(runs, st.text())
def test_anything_can_be_read(run: Run, text: str) -> None:
    assert run.read(text) is None


def test_the_head_of_a_long_text_is_enough() -> None:
    run = Run("0a1b2c", 200)
    text = run.write(Stamp(3, 4))
    assert run.read(text[:100], size=200) == Stamp(3, 4)
    assert run.read(text[:100], size=199) is None
    assert run.read(text[:100]) is None


def test_another_run_is_a_stranger() -> None:
    assert Run("aaaaaa", 100).read(Run("bbbbbb", 100).write(Stamp(1, 2))) is None


def test_names_fit() -> None:
    assert len(Run("0a1b2c", 100).name(19_999)) <= MAX_NAME
