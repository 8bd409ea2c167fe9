"""What the program says, and that no stranger's text speaks through it (protocol/language.py)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import ErrorCode, ProtocolError
from protocol.language import LANGUAGES, N_, Count, Sentence, decimal, english, size_of, voice

ATTACK = "x\x1b[2J\x9b1m\r\n\u202ey\tz"
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def test_a_sentence_is_said_with_its_values() -> None:
    """In English it is what stands in the code."""
    assert english().say("You are {name}, number {number}.", name="Ann", number=7) == (
        "You are Ann, number 7."
    )
    assert english().say("Goodbye.") == "Goodbye."
    assert english().say("") == ""  # gettext would return its catalogue's head


def test_a_sentence_without_values_may_have_braces() -> None:
    """They are places only where there are values."""
    assert english().say("Write {} or {name}.") == "Write {} or {name}."


def test_a_value_is_never_a_template() -> None:
    """Nobody's name can ask for another value, nor for what is inside one."""
    said = english().say("{name} and {other}", name="{other.__class__}", other="Bob")
    assert said == "{other.__class__} and Bob"


def test_values_that_are_texts_are_cleaned() -> None:
    """On one line, with nothing that a terminal obeys; numbers are left as they are."""
    said = english().say("<{text}> {number:03}", text=ATTACK, number=7)
    assert said == "<x␛[2J\ufffd1m⏎\ufffdy    z> 007"
    counted = english().count("<{text}> {number}", "<{text}> {number}s", 2, text=ATTACK)
    assert counted == "<x␛[2J\ufffd1m⏎\ufffdy    z> 2s"


@given(text=st.text(max_size=60))
def test_whatever_a_value_is_the_sentence_stays_one_line(text: str) -> None:
    """S004-34: of errors too, which quote what they refuse."""
    error = ProtocolError(ErrorCode.UNKNOWN_USER, "Nobody called {name} is here.", name=text)
    for said in (english().say("{a}{a}", a=text), error.sentence, str(error)):
        assert not UNSAFE.search(said)


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0 messages"), (1, "1 message"), (2, "2 messages"), (21, "21 messages")],
)
def test_things_are_counted(number: int, said: str) -> None:
    """With the number that English has for them."""
    assert english().count("{number} message", "{number} messages", number) == said


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("", "en"),
        ("C", "en"),
        ("C.UTF-8", "en"),
        ("POSIX", "en"),
        ("en", "en"),
        ("en_GB.UTF-8", "en"),
        ("ru", "ru"),
        ("RU", "ru"),
        ("ru_RU", "ru"),
        ("ru_RU.UTF-8", "ru"),
        ("de_DE.UTF-8", "en"),
        ("rumantsch", "en"),
        ("../../etc/passwd", "en"),
        ("\x00", "en"),
    ],
)
def test_a_locale_is_a_language(locale: str, language: str) -> None:
    """One that there is not is English."""
    assert voice(locale).language == language


def test_there_is_one_voice_a_language() -> None:
    """Who speaks alike shares a dialect, so they have to be the same one."""
    assert voice("ru_RU.UTF-8") is voice("ru")
    assert voice("de") is voice("en") is english()
    assert [voice(language).language for language in LANGUAGES] == list(LANGUAGES)


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1023 bytes"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (5 * 1024 * 1024, "5.0 MiB"),
        (3 * 1024**3, "3.0 GiB"),
        (5000 * 1024**3, "5000.0 GiB"),
    ],
)
def test_sizes_are_for_people(size: int, shown: str) -> None:
    """Three digits and a unit say enough."""
    assert str(size_of(size)) == shown


def test_marking_changes_nothing() -> None:
    """It is there for who collects the sentences."""
    assert N_("{name} is here.") == "{name} is here."


def test_a_sentence_may_stand_in_a_sentence() -> None:
    """It is said in the language of the one around it, and is cleaned as any text is."""
    inner = Sentence("<{text}>", text=ATTACK)
    assert english().say("{then} and on", then=inner) == "<x␛[2J\ufffd1m⏎\ufffdy    z> and on"
    assert english().say("{n}", n=Count("{number} thing", "{number} things", 2)) == "2 things"
    assert str(decimal(2.25)) == "2.2"
    assert english().say("{size} of it", size=size_of(2048)) == "2.0 KiB of it"


def test_an_error_is_said_in_any_language() -> None:
    """Its sentence is a template until somebody is there to hear it."""
    error = ProtocolError(ErrorCode.BAD_ARGUMENTS, "At most {limit} bytes.", 7, limit=5)
    assert (error.code, error.ref) == (ErrorCode.BAD_ARGUMENTS, 7)
    assert error.sentence == str(error) == error.said(english()) == "At most 5 bytes."
