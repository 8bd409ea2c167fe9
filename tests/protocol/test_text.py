"""What reaches a terminal, and how a message looks (S000-6)."""

from __future__ import annotations

import re
import sys
from datetime import UTC, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.text import (
    MARKS,
    UNREAD_LINE,
    format_message,
    format_time,
    sanitise,
    sanitise_line,
    without_unsafe,
)
from tests.protocol.attacks import ATTACKS, SURROGATE, check_harmless, is_dangerous

_UNASSIGNED_FORMATS = {
    0x2065, *range(0xFFF0, 0xFFF9), *range(0xE0000, 0xE0100), *range(0xE01F0, 0xE1000)
}  # fmt: skip
_DEPEND_ON_THE_ONE_BEFORE = {
    0x200C, 0x200D, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)
}  # fmt: skip


def test_no_dangerous_character_of_unicode_passes() -> None:
    """Every code point there is: C0, C1, bidirectional, zero width, line ends, surrogates."""
    passed = [
        hex(code)
        for code in range(sys.maxunicode + 1)
        if any(map(is_dangerous, sanitise(chr(code))))
    ]
    assert passed == []


def test_everything_else_passes_unchanged() -> None:
    """What is replaced is one visible character; nothing is lost or added."""
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        shown = sanitise(character)
        assert len(shown) == 1
        if not is_dangerous(character) and code not in _DEPEND_ON_THE_ONE_BEFORE:
            assert shown == character or code in _UNASSIGNED_FORMATS, hex(code)


@pytest.mark.parametrize("attack", [*ATTACKS, SURROGATE], ids=lambda attack: ascii(attack[:20]))
def test_known_attacks_are_visible_and_harmless(attack: str) -> None:
    """Titles, clipboards, links, reports, resets, 8-bit controls, reversed names."""
    shown = sanitise_line(f"before{attack}after")
    check_harmless(shown)
    assert shown.startswith("before")
    assert shown.endswith("after")
    assert len(shown.splitlines()) == 1
    assert shown.isprintable()


@given(text=st.text() | st.lists(st.sampled_from([*ATTACKS, "\r\n", "\n", "\t", "x"])).map("".join))
@settings(deadline=None)
def test_no_text_whatever_brings_anything_through(text: str) -> None:
    """Not in pieces either: safe once is safe for good, and one line is one line."""
    safe, line = sanitise(text), sanitise_line(text)
    check_harmless(safe)
    check_harmless(line)
    assert sanitise(safe) == safe
    assert sanitise_line(line) == line
    assert len(line.splitlines()) <= 1
    assert "\t" not in line
    assert len(safe) <= len(text)
    left_out = without_unsafe(text)
    assert sanitise(left_out) == left_out == without_unsafe(left_out)


@pytest.mark.parametrize(
    "text",
    [
        "привет, ёжик",
        "👩‍👩‍👧‍👦 👩🏽‍🚀 🏳️‍🌈 ❤️ 🇷🇺 1️⃣",
        "می‌خواهم",
        "क्‍ष",
        "日本語 한국어 ไทย עברית العربية",
        "e\u0301 naïve ﬁ ²",
        "בְּרֵאשִׁ֖ית אֱלֹהִ֑ים",
        "ஸ்ரீ ক্‌ষ ක්‍ෂ မြန်မာ བསྒྲུབས ភាសាខ្មែរ",
        "葛\U000e0100城 ᠮᠣᠩᠭᠣᠯ ☺︎ ©️ #️⃣ 👁️‍🗨️ 🧑‍🤝‍🧑 ⛹🏿‍♀️",
        "Tiếng Việt Vie\u0323\u0302t",
    ],
)
def test_living_languages_and_emoji_are_left_alone(text: str) -> None:
    """Joiners and variation selectors stay, so that a family is one picture."""
    assert sanitise(text) == sanitise_line(text) == text


def test_a_pile_of_marks_is_cut_and_seen_to_be() -> None:
    """Joiners between them do not make it two piles; the next letter begins anew."""
    pile = "\u0301" * MARKS
    assert sanitise(f"e{pile}x") == f"e{pile}x"
    assert sanitise(f"e{pile}\u0301\u0301x{pile}") == f"e{pile}\ufffdx{pile}"
    assert sanitise("क" + "\u094d\u200d" * 50) == "क" + "\u094d\u200d" * MARKS + "\ufffd"


def test_line_ends_and_tabs_stay_visible_on_one_line() -> None:
    """A message of several lines cannot forge another one."""
    assert sanitise_line("a\nb\r\nc\td") == "a⏎b⏎c    d"
    assert sanitise("a\nb\td") == "a\nb\td"
    assert sanitise("\x00\x1b\x7f\x9b") == "␀␛␡\ufffd"


MOMENT = 1_600_864_496_789_012  # 2020-09-23 12:34:56.789012 UTC


def test_a_message_has_the_form_of_the_seed() -> None:
    """S000-6: ``12:34 23.09.20 XXX: hello``."""
    assert format_message(MOMENT, "XXX", "hello") == "12:34 23.09.20 XXX: hello"
    assert format_message(MOMENT, "XXX", "hello", ZoneInfo("Europe/Moscow")) == (
        "15:34 23.09.20 XXX: hello"
    )
    assert format_message(0, "Боб", "a\nb: c") == "00:00 01.01.70 Боб: a⏎b: c"
    assert format_time(MOMENT, timezone(timedelta(hours=12))) == "00:34 24.09.20"


def test_no_zone_is_the_machines_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing is set the times are those of the clock on the wall."""
    import time

    monkeypatch.setenv("TZ", "XXX-5")
    time.tzset()
    try:
        assert format_time(MOMENT, None) == "17:34 23.09.20"
    finally:
        monkeypatch.undo()
        time.tzset()


@given(micros=st.integers(0, 4_000_000_000_000_000), sender=st.text(), text=st.text())
@settings(deadline=None)
def test_a_message_is_always_one_line_of_that_form(micros: int, sender: str, text: str) -> None:
    """S000-6, whatever the name and the text are."""
    line = format_message(micros, sender, text, UTC)
    assert len(line.splitlines()) == 1
    assert re.match(r"\d\d:\d\d \d\d\.\d\d\.\d\d ", line)
    assert line[15:] == f"{sanitise_line(sender)}: {sanitise_line(text)}"


def test_the_unread_line_is_forty_hyphens() -> None:
    """S000-10."""
    assert UNREAD_LINE == "----------------------------------------"
