"""Rows: wrapped between words, measured in cells, never wider than the pane, safe to show."""

from __future__ import annotations

from datetime import UTC

from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from cli.tui.layout import FOLD_ROWS, Role, Row, Setting, rows_of, wrap
from cli.tui.log import Entry, Log
from cli.tui.sidebar import row_of
from cli.tui.status_line import Part, fitting
from protocol.language import voice
from protocol.typed import help_lines
from protocol.view import View
from tests.tui.messages import NOON, info, message

VIEW = View(voice(), UTC, "Bob")


def _text(row: Row) -> str:
    return "".join(span.text for span in row)


def _rows(text: str, width: int = 40, *, unfolded: bool = False) -> list[str]:
    entry = Entry((1, 0), message(1, text), unfolded=unfolded)
    return [_text(row) for row in rows_of(entry, Setting(VIEW, width))]


def test_hangs_under_the_first_row() -> None:
    assert _rows("one two three four five six seven eight") == [
        "12:00 Ann: one two three four five six",
        "  seven eight",
    ]
    assert _rows("one\ntwo", 60) == ["12:00 Ann: one", "      two"]


def _note(text: str, width: int) -> list[str]:
    return [_text(row) for row in rows_of(Entry((1, 0), None, text), Setting(VIEW, width))]


def test_a_list_of_two_columns_hangs_in_its_second() -> None:
    """The help, in a pane of whatever width: a row never begins in the first column again."""
    text = "Rooms\n  /leave [ROOM]     Leave this room, or ROOM."
    assert _note(text, 60) == text.split("\n")
    assert _note(text, 40) == [
        "Rooms",
        "  /leave [ROOM]     Leave this room, or",
        "                    ROOM.",
    ]
    # where the second column would be narrow, the rows hang only a little
    assert _note(text, 28) == ["Rooms", "  /leave [ROOM]     Leave", "    this room, or ROOM."]
    assert _note("#7 12:00 Ann: so   many blanks", 20) == ["#7 12:00 Ann: so  ", "many blanks"]


def test_the_help_fits_a_narrow_pane() -> None:
    lines = "\n".join(help_lines(voice(), fill=False))
    for width in (76, 55):
        rows = _note(lines, width)
        assert max(map(cell_len, rows)) <= width
        assert all(row.startswith(("  /", " " * 28)) for row in rows if row.startswith(" "))


def test_measures_what_takes_two_cells_or_none() -> None:
    assert list(wrap("日本語日本語", 6)) == ["日本語", "日本語"]
    assert list(wrap("e\u0301" * 6, 3)) == ["e\u0301" * 3] * 2
    family = "👨‍👩‍👧"
    assert list(wrap(family * 3, 4)) == [family * 2, family]
    assert list(wrap("שָׁלוֹם עולם", 6)) == ["שָׁלוֹם", "עולם"]


@settings(max_examples=150)
@given(st.text(max_size=200), st.integers(2, 60))
@example("日", 2)
@example("a" * 500, 7)
@example("👨‍👩‍👧" * 30, 9)
def test_no_row_is_wider_and_no_word_is_lost(text: str, width: int) -> None:
    rows = list(wrap(text, width))
    assert all(cell_len(row) <= width for row in rows)
    kept = "".join("".join(rows).split())
    assert kept == "".join(text.replace("\t", "    ").split())


def test_folds_what_is_long() -> None:
    text = "\n".join(f"line {number}" for number in range(10_000))
    rows = _rows(text, 60)
    assert len(rows) == FOLD_ROWS + 1
    assert "96.6 KiB in all, Enter unfolds it" in rows[-1]
    assert len(_rows(text, 60, unfolded=True)) == 10_000
    assert len(_rows("\n".join("abc"), 60)) == 3


def test_strangers_move_no_cursor() -> None:
    (row,) = _rows("\x1b[2Jred \u202eleft\x07", 60)
    assert "\x1b" not in row
    assert "\u202e" not in row
    hostile = Entry((1, 0), message(1, "x", sender="\x1b[31mEve\nBob"))
    assert "\x1b" not in _text(rows_of(hostile, Setting(VIEW, 60))[0])


def test_quote_mention_and_day() -> None:
    entry = Entry((1, 0), message(1, "hey bob"))
    rows = rows_of(entry, Setting(VIEW, 40), day="15.11.23", unread=True)
    assert " 15.11.23 " in _text(rows[0])
    assert " unread " in _text(rows[1])
    assert rows[2][-1].role is Role.MENTION


def test_sidebar_row_is_exactly_as_wide() -> None:
    from cli.tui.roster import Place

    for name in ("dev", "日本語の部屋の名前です", "a" * 80, "👨‍👩‍👧👨‍👩‍👧👨‍👩‍👧👨‍👩‍👧👨‍👩‍👧👨‍👩‍👧"):
        place = Place(info(2, "room", name, last=9, unread=7), counted=7, counted_to=9)
        row = row_of(place, 20, (), voice())
        assert cell_len(row) == 20
        assert row.endswith(" 7")


def test_status_leaves_out_what_matters_least() -> None:
    parts = [Part("connected", 100), Part("three here", 40), Part("F1 help", 10)]
    assert [part.text for part in fitting(parts, 80)] == ["connected", "three here", "F1 help"]
    assert [part.text for part in fitting(parts, 22)] == ["connected", "three here"]
    assert [part.text for part in fitting(parts, 5)] == ["connected"]


def test_unread_line_stands_before_the_first_of_others() -> None:
    from cli.tui.dividing import lines_before

    log = Log(1)
    for seq, sender in enumerate(["Ann", "Bob", "Ann", "Ann"], start=1):
        log.add(message(seq, sender=sender))
    log.divider = 1
    assert [lines_before(log, index, VIEW)[1] for index in range(4)] == [False, False, True, False]
    log.add(message(5, time=NOON + 86_400_000_000))
    assert lines_before(log, 4, VIEW)[0] == "16.11.23"
    assert lines_before(log, 3, VIEW)[0] == ""
