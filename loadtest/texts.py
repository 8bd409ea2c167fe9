"""The texts that are sent: who wrote them, which one it is, when it was due, and is it whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

_MARK = "lt"
_END = "$"
_RUN, _DUE, _NUMBER = 6, 16, 10  # hexadecimal digits of each field

SHORTEST = len(_MARK) + _RUN + _DUE + _NUMBER + 4 + len(_END)
"""The fewest bytes that a text needs for what it has to say."""


class Stamp(NamedTuple):
    """What a text says about itself."""

    number: int
    """Counts the messages of the run, over all senders."""
    due: int
    """When it should have been sent, in nanoseconds of the monotonic clock."""


@dataclass(frozen=True)
class Run:
    """What tells this run from all the others on the same server."""

    id: str
    """Six hexadecimal digits."""
    size: int
    """Bytes of every text."""

    @property
    def prefix(self) -> str:
        """Return how the names of all this run's users begin."""
        return f"load{self.id}-"

    def name(self, index: int) -> str:
        """Return the name of a client."""
        return f"{self.prefix}{index:04}"

    def write(self, stamp: Stamp) -> str:
        """Return the text of a message, ``size`` characters of ASCII."""
        head = f"{_MARK} {self.id} {stamp.due:0{_DUE}x} {stamp.number:0{_NUMBER}x} "
        return head.ljust(self.size - len(_END), "x") + _END

    def read(self, text: str, size: int | None = None) -> Stamp | None:
        """Return what a text says, or None unless it is just as it was written.

        ``size`` is the length of the whole in bytes where ``text`` is only its head.
        """
        fields = text.split(" ", 4)
        try:
            stamp = Stamp(due=int(fields[2], 16), number=int(fields[3], 16))
        except (IndexError, ValueError):
            return None
        written = self.write(stamp)
        whole = written == text if size is None else size == self.size and written.startswith(text)
        return stamp if whole else None
