"""The terminal the screen is drawn on: one that is stuck or gone costs frames, and nothing else."""

from __future__ import annotations

import os
import select
import threading
from collections import deque
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING, Any, cast

from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual.drivers.linux_driver import LinuxDriver

if TYPE_CHECKING:
    from textual.app import App

OUTPUT = 1
"""Where it is drawn: standard output, as a line mode does, whatever standard error is for."""
CAPACITY = 1024 * 1024
"""Characters that may wait for the terminal; frames beyond that are left out, and drawn anew."""
LAST_WRITE = 2.0
"""Seconds that the end waits for a terminal to take what gives it back to the shell."""


CLEARED = "\r\x1b[K"
"""Takes away what stands on the line."""


class _WithAlt(Enum):
    """Keys that most terminals send as Esc and the key, which Textual takes for two or another."""

    ENTER = "alt+enter"
    A = "alt+a"
    ONE = "alt+1"
    TWO = "alt+2"
    THREE = "alt+3"
    FOUR = "alt+4"
    FIVE = "alt+5"
    SIX = "alt+6"
    SEVEN = "alt+7"
    EIGHT = "alt+8"
    NINE = "alt+9"


def know_alt_keys() -> None:
    """Let Textual understand them; a terminal with kitty's protocol sends them otherwise."""
    table = cast(dict[str, tuple[Enum, ...]], ANSI_SEQUENCES_KEYS)
    for key in _WithAlt:
        name = key.value.removeprefix("alt+")
        table["\x1b\r" if key is _WithAlt.ENTER else f"\x1b{name}"] = (key,)


class Writer(threading.Thread):
    """Writes to a terminal in a thread of its own, so that a slow one holds up nobody."""

    def __init__(self, number: int) -> None:
        """Write to the file descriptor ``number``."""
        super().__init__(daemon=True, name="screen")
        self._number = number
        self._news = threading.Condition()
        self._waiting: deque[str] = deque()
        self._size = 0
        self._ending = False

    def put(self, text: str, *, must: bool = False) -> bool:
        """Write ``text`` after all before it; False: too much waits, and it was left out."""
        with self._news:
            if self._size > CAPACITY and not must:
                return False
            self._waiting.append(text)
            self._size += len(text)
            self._news.notify()
            return True

    @property
    def is_idle(self) -> bool:
        """True: the terminal has taken everything."""
        return not self._size

    def run(self) -> None:
        """Write what is put until :meth:`finish`; a terminal that is gone takes everything."""
        while True:
            with self._news:
                self._news.wait_for(lambda: bool(self._waiting) or self._ending)
                if not self._waiting:
                    return
                text = "".join(self._waiting)
                self._waiting.clear()
            with suppress(OSError):
                self._write(text.encode(errors="replace"))
            with self._news:
                self._size -= len(text)

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._number, rest) :]
            except BlockingIOError:  # another program has set O_NONBLOCK on what it shares with us
                select.select([], [self._number], [])

    def finish(self) -> None:
        """Wait a little until all is written; a terminal that takes nothing is left behind."""
        with self._news:
            self._ending = True
            self._news.notify()
        self.join(LAST_WRITE)


class PatientDriver(LinuxDriver):
    """Textual's driver for terminals, which never waits for the terminal."""

    def __init__(
        self,
        app: App[Any],
        *,
        debug: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | None = None,
    ) -> None:
        """Be the driver of ``app``; Textual makes it."""
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        know_alt_keys()
        self._writer: Writer | None = None
        self._closing = False
        self.has_left_out = False
        """True: a frame was left out, so that all has to be drawn anew."""

    def write(self, data: str) -> None:
        """Hand ``data`` on to the terminal, or leave it out where the terminal is stuck."""
        if self._writer is not None and not self._writer.put(data, must=self._closing):
            self.has_left_out = True

    def flush(self) -> None:
        """Do nothing: the writer does not keep anything back."""

    def _get_terminal_size(self) -> tuple[int, int]:
        """Return columns and rows as the terminal has them, whatever COLUMNS says."""
        try:
            columns, rows = os.get_terminal_size(OUTPUT)
        except OSError:
            return super()._get_terminal_size()
        return columns, rows

    @property
    def is_idle(self) -> bool:
        """True: the terminal has taken everything."""
        return self._writer is None or self._writer.is_idle

    def start_application_mode(self) -> None:
        """Take the terminal over."""
        self._writer = Writer(OUTPUT)
        self._writer.start()
        self._writer.put(CLEARED)  # the word that stood there until now
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if self._writer_thread is not None:  # Textual's own, which would wait for the terminal
            self._writer_thread.stop()
            self._writer_thread = None

    def stop_application_mode(self) -> None:
        """Give the terminal back; this is never left out."""
        self._closing = True
        try:
            super().stop_application_mode()
        finally:
            self._closing = False

    def close(self) -> None:
        """Write what is left, as far as the terminal takes it."""
        if self._writer is not None:
            self._writer.finish()
            self._writer = None
