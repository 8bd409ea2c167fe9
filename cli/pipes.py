"""Standard input and output as a filter uses them, off the event loop.

Reading and writing happen in threads. The file descriptors are left in the mode they are in: other
programs share them, the shell for one, and would not expect them to be non-blocking.
"""

from __future__ import annotations

import os
import select
from contextlib import suppress

import trio

from cli.reasons import reason_of
from protocol.language import Sentence

READ_SIZE = 64 * 1024
STDIN = 0
STDOUT = 1
STDERR = 2


class OutputClosed(Exception):
    """Nobody reads standard output any more."""


class OutputFailed(Sentence, OutputClosed):
    """Standard output cannot be written, though nobody has closed it."""


async def write(data: bytes, number: int = STDOUT) -> None:
    """Write all of ``data``.

    Raises OutputClosed where the reader is gone, OutputFailed where something else is wrong.
    """
    await trio.to_thread.run_sync(_write, number, data, abandon_on_cancel=True)


def report(sentence: str) -> None:
    """Write a sentence to standard error; there is nobody to tell where that fails."""
    with suppress(OSError):
        _write_all(STDERR, f"mymessenger: {sentence}\n".encode(errors="backslashreplace"))


def is_readable(number: int) -> bool:
    """Tell whether reading would not have to wait."""
    return bool(select.select([number], [], [], 0)[0])


def read(number: int) -> bytes:
    """Return the next bytes of a file descriptor, none at its end; raises OSError."""
    while True:
        try:
            return os.read(number, READ_SIZE)
        except BlockingIOError:  # another program has set O_NONBLOCK on what it shares with us
            select.select([number], [], [])


def _write(number: int, data: bytes) -> None:
    try:
        _write_all(number, data)
    except BrokenPipeError as error:
        raise OutputClosed(str(error)) from error
    except OSError as error:
        raise OutputFailed(
            "Standard output cannot be written: {reason}.", reason=reason_of(error)
        ) from error


def _write_all(number: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(number, rest) :]
        except BlockingIOError:
            select.select([], [number], [])
