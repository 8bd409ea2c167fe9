"""Standard input and output as a filter uses them: lines in, lines out, off the event loop.

Reading and writing happen in threads. The file descriptors are left in the mode they are in: other
programs share them, the shell for one, and would not expect them to be non-blocking.
"""

from __future__ import annotations

import os
import select
from collections.abc import AsyncIterator

import trio

READ_SIZE = 64 * 1024
STDIN = 0
STDOUT = 1


class OutputClosed(Exception):
    """Nobody reads standard output any more."""


async def read_lines(number: int = STDIN) -> AsyncIterator[bytes]:
    """Yield the lines of a file descriptor without their newlines, the last one too."""
    pending: list[bytes] = []
    while data := await trio.to_thread.run_sync(_read, number, abandon_on_cancel=True):
        *lines, rest = data.split(b"\n")
        for line in lines:
            pending.append(line)
            yield b"".join(pending)
            pending.clear()
        if rest:
            pending.append(rest)
    if pending:
        yield b"".join(pending)


async def write(data: bytes, number: int = STDOUT) -> None:
    """Write all of ``data``; raises OutputClosed where the reader is gone."""
    await trio.to_thread.run_sync(_write, number, data, abandon_on_cancel=True)


def _read(number: int) -> bytes:
    while True:
        try:
            return os.read(number, READ_SIZE)
        except BlockingIOError:  # another program has set O_NONBLOCK on what it shares with us
            select.select([number], [], [])
        except OSError:  # a terminal that is gone has ended
            return b""


def _write(number: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(number, rest) :]
        except BlockingIOError:
            select.select([], [number], [])
        except OSError as error:
            raise OutputClosed(str(error)) from error
