"""The lines of standard input, of any length."""

from __future__ import annotations

import os
from collections import deque

import trio

from cli.pipes import STDIN, is_readable, read
from cli.texts import IN_MEMORY, Spool
from protocol.language import Sentence

LOOK_AHEAD = 256
"""Reads after which input that is nothing but blanks is taken to go on like that."""


class InputLines:
    """The lines of a file descriptor without their newlines, the last one too.

    A line too long to hold in memory is a :class:`cli.texts.Spool`, which may have failed;
    whoever takes it closes it.
    """

    def __init__(self, number: int = STDIN) -> None:
        """Read from the file descriptor ``number``."""
        self._number = number
        self._count = 0
        self._lines: deque[bytes | Spool] = deque()
        self._begun: list[bytes] = []  # the pieces of a line whose newline has not come
        self._begun_size = 0
        self._spool: Spool | None = None  # has them where they are too many
        self._ended = False

    def __aiter__(self) -> InputLines:
        return self

    async def __anext__(self) -> bytes | Spool:
        while not self._lines:
            if self._ended:
                raise StopAsyncIteration
            await self._read()
        return self._lines.popleft()

    async def has_text_left(self) -> bool:
        """Tell whether anything but blanks stands behind the lines taken, and throw it away.

        Does not wait for input that has yet to come, and leaves what is typed at a terminal to
        the program that reads there next.
        """
        for _ in range(LOOK_AHEAD):
            lines = (*self._lines, *self._begun, self._spool or b"")
            if any(isinstance(line, Spool) or line.strip() for line in lines):
                return True
            self._lines.clear()
            if self._ended or os.isatty(self._number) or not is_readable(self._number):
                break
            await self._read()
        return False

    async def _read(self) -> None:
        data = await trio.to_thread.run_sync(_read_or_end, self._number, abandon_on_cancel=True)
        *lines, rest = data.split(b"\n")
        for line in lines:
            await self._begin(line)
            self._end_line()
        if rest:
            await self._begin(rest)
        if not data:
            self._ended = True
            if self._begun_size:
                self._end_line()

    async def _begin(self, piece: bytes) -> None:
        """Add a piece to the line whose newline has not come."""
        self._begun.append(piece)
        self._begun_size += len(piece)
        if self._begun_size > IN_MEMORY:
            self._spool = self._spool or Spool(Sentence("Line {number}", number=self._count + 1))
            for part in self._begun:
                await self._spool.write(part)
            self._begun.clear()

    def _end_line(self) -> None:
        self._lines.append(self._spool or b"".join(self._begun))
        self._count += 1
        self._begun.clear()
        self._begun_size = 0
        self._spool = None


def _read_or_end(number: int) -> bytes:
    try:
        return read(number)
    except OSError:  # a terminal that is gone has ended
        return b""
