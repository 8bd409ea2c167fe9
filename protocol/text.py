"""How a message looks on a line, and what must never reach a terminal.

Names and texts come from strangers: whatever shows them passes them through
:func:`sanitise`, so that nobody can move another's cursor, recolour the screen,
forge a line or turn the reading direction (C0, C1, bidirectional overrides).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo

# Kept: newline and tab (the caller decides about lines), and the joiners U+200C and U+200D that
# Persian, Indic scripts and emoji need.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f"
    "\ud800-\udfff]"
)
_FIRST_PICTURE = 0x2400  # Unicode's pictures of the C0 controls
_DELETE = 0x7F
_MINUTE = 60_000_000  # microseconds


def sanitise(text: str) -> str:
    """Return ``text`` with everything a terminal might obey replaced by something visible."""
    return _UNSAFE.sub(_visible, text)


def sanitise_line(text: str) -> str:
    """Return ``text`` safe and on one line: newlines shown as ``⏎``, tabs as spaces."""
    return sanitise(text.replace("\r\n", "\n")).replace("\n", "⏎").replace("\t", "    ")


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < ord(" "):
        return chr(_FIRST_PICTURE + code)
    return "\u2421" if code == _DELETE else "\ufffd"


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
