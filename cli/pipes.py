"""Standard input and output as a filter uses them: lines in, lines out, off the event loop.

Reading and writing happen in threads. The file descriptors are left in the mode they are in: other
programs share them, the shell for one, and would not expect them to be non-blocking.
"""

from __future__ import annotations

import os
import select
from collections import deque
from contextlib import suppress

import trio

READ_SIZE = 64 * 1024
LOOK_AHEAD = 256
"""Reads after which input that is nothing but blanks is taken to go on like that."""
STDIN = 0
STDOUT = 1
STDERR = 2


class OutputClosed(Exception):
    """Nobody reads standard output any more."""


class OutputFailed(OutputClosed):
    """Standard output cannot be written, though nobody has closed it."""


class InputLines:
    """The lines of a file descriptor without their newlines, the last one too."""

    def __init__(self, number: int = STDIN) -> None:
        """Read from the file descriptor ``number``."""
        self._number = number
        self._lines: deque[bytes] = deque()
        self._begun: list[bytes] = []  # the pieces of a line whose newline has not come
        self._ended = False

    def __aiter__(self) -> InputLines:
        return self

    async def __anext__(self) -> bytes:
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
            if any(line.strip() for line in (*self._lines, *self._begun)):
                return True
            self._lines.clear()
            if self._ended or os.isatty(self._number) or not _is_readable(self._number):
                break
            await self._read()
        return False

    async def _read(self) -> None:
        data = await trio.to_thread.run_sync(_read, self._number, abandon_on_cancel=True)
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._lines.append(b"".join((*self._begun, line)))
            self._begun.clear()
        if rest:
            self._begun.append(rest)
        if not data:
            self._ended = True
            if self._begun:
                self._lines.append(b"".join(self._begun))
                self._begun.clear()


async def write(data: bytes, number: int = STDOUT) -> None:
    """Write all of ``data``.

    Raises OutputClosed where the reader is gone, OutputFailed where something else is wrong.
    """
    await trio.to_thread.run_sync(_write, number, data, abandon_on_cancel=True)


def say(sentence: str) -> None:
    """Write a sentence to standard error; there is nobody to tell where that fails."""
    with suppress(OSError):
        _write_all(STDERR, f"mymessenger: {sentence}\n".encode(errors="backslashreplace"))


def _is_readable(number: int) -> bool:
    return bool(select.select([number], [], [], 0)[0])


def _read(number: int) -> bytes:
    while True:
        try:
            return os.read(number, READ_SIZE)
        except BlockingIOError:  # another program has set O_NONBLOCK on what it shares with us
            select.select([number], [], [])
        except OSError:  # a terminal that is gone has ended
            return b""


def _write(number: int, data: bytes) -> None:
    try:
        _write_all(number, data)
    except BrokenPipeError as error:
        raise OutputClosed(str(error)) from error
    except OSError as error:
        raise OutputFailed(error.strerror or str(error)) from error


def _write_all(number: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(number, rest) :]
        except BlockingIOError:
            select.select([], [number], [])
