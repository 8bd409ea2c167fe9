"""As much of a terminal as the client's line editor needs: text, cursor, erasing."""

from __future__ import annotations

import codecs
import re

_SEQUENCE = re.compile(r"\x1b\[([?0-9;]*)([@-~])|\x1b[=>78]|\x1b\][^\x07]*\x07")
_UNFINISHED = re.compile(r"\x1b(\[[?0-9;]*|\][^\x07]*)?\Z")


class Screen:
    """Lines of text without end: what scrolls off the top is still there."""

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._rows: list[list[str]] = [[]]
        self._row = self._column = 0
        self._wraps = True
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pending = ""

    @property
    def lines(self) -> list[str]:
        """All lines, blanks at their ends left out, and blank lines at the end of all."""
        lines = ["".join(row).rstrip() for row in self._rows]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def feed(self, data: bytes) -> None:
        """Take what a program has written."""
        text = self._pending + self._decoder.decode(data)
        position = 0
        while position < len(text):
            if match := _SEQUENCE.match(text, position):
                self._obey(match[1] or "", match[2] or "")
                position = match.end()
            elif _UNFINISHED.match(text, position):
                break
            else:
                self._put(text[position])
                position += 1
        self._pending = text[position:]

    def _put(self, character: str) -> None:
        if character == "\n":
            self._row += 1
        elif character == "\r":
            self._column = 0
        elif character == "\b":
            self._column = max(0, self._column - 1)
        elif character.isprintable():
            if self._column == self._columns:
                if self._wraps:
                    self._row, self._column = self._row + 1, 0
                else:
                    self._column -= 1
            line = self._line()
            line += " " * (self._column + 1 - len(line))
            line[self._column] = character
            self._column += 1
        self._line()

    def _line(self) -> list[str]:
        while len(self._rows) <= self._row:
            self._rows.append([])
        return self._rows[self._row]

    def _obey(self, arguments: str, action: str) -> None:
        if arguments == "?7":
            self._wraps = action == "h"
        count = int(arguments) if arguments.isdecimal() else 0
        if action == "A":
            self._row = max(0, self._row - max(1, count))
        elif action == "B":
            self._row += max(1, count)
        elif action == "C":
            self._column = min(self._columns - 1, self._column + max(1, count))
        elif action == "D":
            self._column = max(0, self._column - max(1, count))
        elif action == "G":
            self._column = max(1, count) - 1
        elif action in "JK" and action:
            del self._line()[self._column if count == 0 else 0 :]
            if action == "J":
                del self._rows[self._row + 1 :]
