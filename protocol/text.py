"""How a message looks on a line, and what must never reach a terminal.

Names, texts, names of files, topics and what is quoted of somebody's mistakes come from
strangers: whatever shows them, on a screen, in a pipe or in a log, passes them through
:func:`sanitise`, and nothing else does this. So nobody can move another's cursor, recolour the
screen, forge a line, turn the reading direction, hide something, or pile marks upon the lines
above.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, tzinfo

MARKS = 6
"""Marks on one letter that are shown; Hebrew with all its signs has four, Tibetan up to six."""

_SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
_JOINED = (
    # The scripts whose letters join, or whose syllables do: Arabic to Tibetan, Myanmar, Khmer,
    # Mongolian, the Indic ones further up; then symbols and emoji, with what changes their looks.
    "\u0600-\u0fff\u1000-\u109f\u1700-\u18af\u1900-\u1cff\ua800-\uabff\ufb50-\ufdff\ufe70-\ufefc"
    "\u2190-\u2bff\ufe0f\U00010a00-\U00011fff\U0001f000-\U0001faff"
)
_SELECTED = (
    # Keys such as 1 and #, symbols, ideographs, Mongolian, Myanmar and the like, emoji.
    "#*0-9\xa9\xae\u1000-\u109f\u1800-\u18af\u2010-\u2027\u2030-\u205e\u2070-\u4dbf\u4e00-\u9fff"
    "\ua840-\ua87f\uaa60-\uaa7f\uf900-\ufaff\U00010ac0-\U00010aff\U0001f000-\U0001faff"
    "\U00020000-\U0003ffff"
)
# Kept: newline and tab; the caller decides about lines.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff\ud800-\udfff]"
)
# What chooses between looks is kept once, behind what has several; the joiners U+200C and U+200D
# where Persian, Indic scripts and emoji need them. In this order: one may stand behind the other.
_MISPLACED = (
    re.compile(f"[{_SELECTORS}](?<![{_SELECTED}].)"),  # what is rare stands first: it is faster
    re.compile(f"[\u200c\u200d](?<![{_JOINED}].)"),
)
# Where a pile of marks can be, found fast: letters of living languages that are no marks break it.
_PERHAPS_A_PILE = re.compile(
    f"[^\\s\x00-\u02ff\u0370-\u0482\u048a-\u052f\u4e00-\u9fff\uac00-\ud7a3]{{{MARKS + 1},}}"
)
_JOINERS = "\u200c\u200d"
_FIRST_PICTURE = 0x2400  # Unicode's pictures of the C0 controls
_DELETE = 0x7F
_INSTEAD = "\ufffd"
_MINUTE = 60_000_000  # microseconds


def sanitise(text: str) -> str:
    """Return ``text`` with everything a terminal might obey replaced by something visible.

    Of more than ``MARKS`` marks on one letter the rest is one such character; nothing else is
    lost, and a text that has been through here is not changed again.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _UNSAFE.sub(_visible, text)
    for misplaced in _MISPLACED:
        text = misplaced.sub(_INSTEAD, text)
    return _PERHAPS_A_PILE.sub(_flattened, text)


def without_unsafe(text: str) -> str:
    """Return ``text`` with everything left out that :func:`sanitise` would replace."""
    text = _UNSAFE.sub("", text)
    for misplaced in _MISPLACED:
        text = misplaced.sub("", text)
    return _PERHAPS_A_PILE.sub(lambda match: _flattened(match, ""), text)


def sanitise_line(text: str) -> str:
    """Return ``text`` safe and on one line: newlines shown as ``⏎``, tabs as spaces."""
    return sanitise(text.replace("\r\n", "\n")).replace("\n", "⏎").replace("\t", "    ")


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < ord(" "):
        return chr(_FIRST_PICTURE + code)
    return "\u2421" if code == _DELETE else _INSTEAD


def _flattened(match: re.Match[str], instead: str = _INSTEAD) -> str:
    kept: list[str] = []
    marks = 0
    for character in match.group():
        if unicodedata.category(character) in {"Mn", "Me"}:
            marks += 1
        elif character not in _JOINERS:  # those may stand between two marks, and are not seen
            marks = 0
        if marks <= MARKS:
            kept.append(character)
        elif marks == MARKS + 1 and character not in _JOINERS:
            kept.append(instead)
    return "".join(kept)


def format_time(micros: int, zone: tzinfo | None = UTC) -> str:
    """Return a time as ``HH:MM DD.MM.YY`` (S000-6) in ``zone``; None is the machine's own."""
    return datetime.fromtimestamp(micros / 1_000_000, tz=zone).strftime("%H:%M %d.%m.%y")


def next_minute(micros: int, zone: tzinfo | None = UTC) -> str:
    """Return the first whole minute that is not before a time, as :func:`format_time` does.

    Who comes back at the time that was shown must not come too early.
    """
    return format_time(-(-micros // _MINUTE) * _MINUTE, zone)


def format_message(micros: int, sender: str, text: str, zone: tzinfo | None = UTC) -> str:
    """Return a message as one line, ``HH:MM DD.MM.YY NAME: text`` (S000-6)."""
    return f"{format_time(micros, zone)} {sanitise_line(sender)}: {sanitise_line(text)}"


UNREAD_LINE = "-" * 40
"""Stands before the messages one has not read yet (S000-10)."""
