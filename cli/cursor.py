"""Up to where each conversation has been told, as text that a script can keep.

``1:204,7:33``: of conversation 1 all up to sequence number 204, of conversation 7 all up to 33.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

Positions = dict[int, int]
"""Sequence number by conversation."""

_CURSOR = re.compile(r"(?:[1-9]\d{0,15}:\d{1,15}(?:,[1-9]\d{0,15}:\d{1,15})*)?", re.ASCII)


def format_cursor(positions: Mapping[int, int]) -> str:
    """Return positions as text."""
    return ",".join(f"{conversation}:{seq}" for conversation, seq in sorted(positions.items()))


def parse_cursor(text: str) -> Positions:
    """Return the positions that a text tells of; raises ValueError where it is no cursor."""
    if _CURSOR.fullmatch(text) is None:
        raise ValueError(text)
    pairs = [pair.split(":") for pair in text.split(",") if pair]
    positions = {int(conversation): int(seq) for conversation, seq in pairs}
    if len(positions) != len(pairs):
        raise ValueError(text)
    return positions


class CursorFile:
    """A cursor in a file that is always whole: a new one takes its place at once."""

    def __init__(self, path: str) -> None:
        """Keep it at ``path``; nothing is read or made yet."""
        self._path = Path(path)

    def read(self) -> Positions | None:
        """Return what the file has; None where there is none yet.

        Raises OSError, and ValueError where it holds something else.
        """
        try:
            text = self._path.read_text(encoding="ascii")
        except FileNotFoundError:
            return None
        return parse_cursor(text.strip())

    def write(self, cursor: str) -> None:
        """Put a cursor in the place of the one before; raises OSError.

        It outlives the end of the program, however sudden. After a power cut it may be an older
        one, so that some messages come again.
        """
        new = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
        try:
            new.write_text(f"{cursor}\n", encoding="ascii")
            new.replace(self._path)
        except OSError:
            with suppress(OSError):
                new.unlink(missing_ok=True)
            raise
