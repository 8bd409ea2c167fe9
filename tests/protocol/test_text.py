"""What reaches a terminal, and how a message looks (S000-6)."""

from __future__ import annotations

import re
import sys
import unicodedata
from datetime import UTC, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.text import (
    UNREAD_LINE,
    format_message,
    format_time,
    sanitise,
    sanitise_line,
)

# Format characters that are seen, or that words of living languages need: the joiners, the soft
# hyphen, signs that stand before numbers in Arabic, Syriac and Kaithi, and Egyptian layout.
_HARMLESS_FORMATS = {
    *"\u00ad\u200c\u200d\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd",
    *map(chr, range(0x0600, 0x0606)),
    *map(chr, range(0x13430, 0x13440)),
}
_UNASSIGNED_FORMATS = {0x2065, *range(0xE0000, 0xE0080)}
_BIDI_CLASSES = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
_UNSEEN = "\u200b\u2060\ufeff\u180e\u200e\u200f\u061c"


def _is_dangerous(character: str) -> bool:
    if character in "\n\t" or character in _HARMLESS_FORMATS:
        return False
    return (
        unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
        or unicodedata.bidirectional(character) in _BIDI_CLASSES
        or character in _UNSEEN
    )


def test_no_dangerous_character_of_unicode_passes() -> None:
    """Every code point there is: C0, C1, bidirectional, zero width, line ends, surrogates."""
    passed = [
        hex(code)
        for code in range(sys.maxunicode + 1)
        if any(map(_is_dangerous, sanitise(chr(code))))
    ]
    assert passed == []


def test_everything_else_passes_unchanged() -> None:
    """What is replaced is one visible character; nothing is lost or added."""
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        shown = sanitise(character)
        assert len(shown) == 1
        if not _is_dangerous(character):
            assert shown == character or code in _UNASSIGNED_FORMATS, hex(code)


ATTACKS = [
    "\x1b[2J",
    "\x1b]0;title\x07",
    "\x1b]52;c;ZXZpbA==\x07",
    "\x1b]8;;http://evil\x1b\\click\x1b]8;;\x1b\\",
    "\x1bP$q\x1b\\",
    "\x1b[6n",
    "\x1bc",
    "\x9b2J",
    "\x9d0;title\x9c",
    "\x90q\x9c",
    "\x85forged",
    "a\rb",
    "a\x0bb\x0cc\x1cd\x1ee",
    "\x08\x08\x08\x7f",
    "\x00\x07",
    "abc\u202etxt.exe",
    "\u2066\u2067\u2068\u2069",
    "Ann\u200bBob",
    "\ufeffBob",
    "Ann\u2028forged\u2029forged",
    "\u2060\u2061\u2062\u2063\u2064",
    "\ufff9a\ufffab\ufffb",
    "\U000e0041\U000e007f",
    "\U0001d173\U0001d17a",
    "a\u180eb",
    "\ud800",
]


@pytest.mark.parametrize("attack", ATTACKS, ids=ascii)
def test_known_attacks_are_visible_and_harmless(attack: str) -> None:
    """Titles, clipboards, links, reports, resets, 8-bit controls, reversed names."""
    shown = sanitise_line(f"before{attack}after")
    assert not any(map(_is_dangerous, shown))
    assert shown.startswith("before")
    assert shown.endswith("after")
    assert len(shown.splitlines()) == 1
    assert shown.isprintable()


@given(text=st.text() | st.lists(st.sampled_from([*ATTACKS, "\r\n", "\n", "\t", "x"])).map("".join))
@settings(deadline=None)
def test_no_text_whatever_brings_anything_through(text: str) -> None:
    """Not in pieces either: safe once is safe for good, and one line is one line."""
    safe, line = sanitise(text), sanitise_line(text)
    assert not any(map(_is_dangerous, safe + line))
    assert sanitise(safe) == safe
    assert sanitise_line(line) == line
    assert len(line.splitlines()) <= 1
    assert "\t" not in line
    assert len(safe) == len(text)


@pytest.mark.parametrize(
    "text",
    [
        "привет, ёжик",
        "👩‍👩‍👧‍👦 👩🏽‍🚀 🏳️‍🌈 ❤️ 🇷🇺 1️⃣",
        "می‌خواهم",
        "क्‍ष",
        "日本語 한국어 ไทย עברית العربية",
        "e\u0301 naïve ﬁ ²",
    ],
)
def test_living_languages_and_emoji_are_left_alone(text: str) -> None:
    """Joiners and variation selectors stay, so that a family is one picture."""
    assert sanitise(text) == sanitise_line(text) == text


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
