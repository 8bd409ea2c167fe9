"""The line being typed, with messages printed above it: prompt_toolkit in a thread of its own.

prompt_toolkit speaks asyncio, the client Trio, so each has a thread; what passes between them is
text. The terminal is drawn upon by this thread alone.
"""

from __future__ import annotations

import asyncio
import sys
import termios
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from enum import Enum
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.data_structures import Size
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.output import Output
from prompt_toolkit.output.vt100 import Vt100_Output

REDRAW_EVERY = 0.04
"""Seconds in which messages are collected before the prompt is drawn anew below them."""
CAPACITY = 1024 * 1024
"""Characters that may wait to be drawn; a terminal that takes nothing fills this."""
LOCAL_MODES = 3
"""Where the settings of a terminal (:func:`termios.tcgetattr`) say whether it echoes."""
JOIN_TIME = 2.0
"""Seconds to wait for the drawing thread at the end; a stuck terminal is left behind."""


class End(Enum):
    """Why no more lines come."""

    EOF = "Ctrl+D"
    INTERRUPT = "Ctrl+C"


class _Interrupt(Exception):
    """Ctrl+C was typed; an ordinary exception, so that asyncio makes nothing of it."""


class Prompt:
    """Reads lines from the terminal and writes above the one being typed.

    A context manager: leaving it restores the terminal as it was found, whatever happened.
    """

    def __init__(self, label: str, history: Path | None) -> None:
        """Show ``label`` before the line; keep what is typed in the file ``history``, if any."""
        self._history = history
        self._label = label
        self._lock = threading.Lock()
        self._typed: deque[str | End | Exception] = deque()
        self._to_draw: deque[str] = deque()
        self._waiting = 0  # characters in _to_draw
        self._scheduled = False
        self._wake: Callable[[], None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._session: PromptSession[str] | None = None
        self._ready = threading.Event()
        self._unseen = False  # the line being typed is shown to nobody, and not kept
        self._stopping = False
        self._ended = False
        self.interrupted = False
        """True: Ctrl+C was typed, perhaps behind lines that have not been taken yet."""
        self._thread = threading.Thread(target=self._run, name="prompt", daemon=True)
        self._terminal = termios.tcgetattr(0)

    def __enter__(self) -> Prompt:
        """Show the prompt and return once it stands."""
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._wake = None
        self._stopping = True
        self._in_loop(self._stop)
        self._thread.join(JOIN_TIME)
        self._restore_terminal()

    # --- for the other thread ---------------------------------------------------------------

    def attach(self, wake: Callable[[], None] | None) -> None:
        """Call ``wake``, from the prompt's thread, whenever there is something new."""
        with self._lock:
            self._wake = wake
        if wake is not None:
            wake()

    def take(self) -> str | End | None:
        """Return the next line typed, the end, or None where there is nothing.

        Raises what went wrong in the prompt's own thread.
        """
        item = self._typed.popleft() if self._typed else None
        if isinstance(item, Exception):
            raise item
        return item

    @property
    def has_lines(self) -> bool:
        """True: :meth:`take` has something to return."""
        return bool(self._typed)

    @property
    def has_ended(self) -> bool:
        """True: what :meth:`take` returns next is the end."""
        return bool(self._typed) and isinstance(self._typed[0], End)

    @property
    def has_room(self) -> bool:
        """True: more may be written."""
        return self._waiting < CAPACITY

    def write(self, text: str) -> None:
        """Print whole lines above the line being typed; once that has ended, just print them."""
        with self._lock:
            if self._ended:
                sys.stdout.write(f"\r{text}")  # over the terminal's echo of Ctrl+C
                sys.stdout.flush()
                return
            self._to_draw.append(text)
            self._waiting += len(text)
            if self._scheduled:
                return
            self._scheduled = True
        self._in_loop(self._draw_soon)

    def set_label(self, label: str) -> None:
        """Show ``label`` in front of the line being typed."""
        if label != self._label:
            self._label = label
            self._in_loop(self._redraw)

    def ask_unseen(self, label: str) -> None:
        """Show ``label``, and stars for what is typed until the next line; that is not kept."""
        self._unseen = True
        self.set_label(label)

    def show_again(self) -> None:
        """Show what is typed again."""
        self._unseen = False

    def _in_loop(self, function: Callable[[], None]) -> None:
        if self._loop is not None:
            try:
                self._loop.call_soon_threadsafe(function)
            except RuntimeError:
                return  # the thread has ended already

    # --- in the prompt's thread -------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._silence_terminal()
            asyncio.run(self._read_lines())
        except Exception as error:  # it is raised again in the other thread
            self._put(error)
        finally:
            self._restore_terminal()
            self._draw(last=True)
            self._ready.set()

    def _silence_terminal(self) -> None:
        """Let the terminal itself echo nothing of what is typed between two lines.

        prompt_toolkit gives it back after each line as it found it before.
        """
        settings = termios.tcgetattr(0)
        settings[LOCAL_MODES] &= ~(termios.ECHO | termios.ICANON)
        termios.tcsetattr(0, termios.TCSANOW, settings)

    def _restore_terminal(self) -> None:
        with suppress(termios.error):  # the terminal itself is gone
            termios.tcsetattr(0, termios.TCSANOW, self._terminal)

    async def _read_lines(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(self._on_loop_error)
        self._session = session = self._make_session()
        while not self._stopping:
            try:
                line = await session.prompt_async(
                    pre_run=self._ready.set, set_exception_handler=False
                )
            except (EOFError, _Interrupt) as end:
                self.interrupted = isinstance(end, _Interrupt)
                self._put(End.INTERRUPT if self.interrupted else End.EOF)
                break
            self._unseen = False
            self._put(line)

    def _make_session(self) -> PromptSession[str]:
        return PromptSession(
            self._text_of_label,
            history=_Discreet(_open_history(self._history), lambda: self._unseen),
            is_password=Condition(lambda: self._unseen),
            erase_when_done=True,
            enable_suspend=True,
            include_default_pygments_style=False,
            reserve_space_for_menu=0,
            interrupt_exception=_Interrupt,
            output=_output(),
        )

    def _text_of_label(self) -> str:
        return self._label

    def _on_loop_error(self, _loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        error = context.get("exception")
        if not isinstance(error, Exception):
            error = RuntimeError(str(context.get("message")))
        self._put(error)

    def _put(self, item: str | End | Exception) -> None:
        with self._lock:
            self._typed.append(item)
            wake = self._wake
        if wake is not None:
            wake()

    def _stop(self) -> None:
        if self._session is not None and self._session.app.is_running:
            self._session.app.exit(exception=EOFError)

    def _redraw(self) -> None:
        if self._session is not None:
            self._session.app.invalidate()

    def _draw_soon(self) -> None:
        """Draw now, and what comes in the next moment all at once after it."""
        self._draw()
        assert self._loop is not None  # noqa: S101 - for the type checker: this runs in it
        self._loop.call_later(REDRAW_EVERY, self._draw_rest)

    def _draw_rest(self) -> None:
        with self._lock:
            self._scheduled = bool(self._to_draw)
        if self._scheduled:
            self._draw_soon()

    def _draw(self, *, last: bool = False) -> None:
        with self._lock:
            text = "".join(self._to_draw)
            self._to_draw.clear()
            self._waiting = 0
            self._ended = last
            wake = self._wake
        if not text or self._session is None:
            return
        app = self._session.app
        if app.is_running:
            app.renderer.erase()
        app.output.write_raw(text.replace("\n", "\r\n"))
        app.output.flush()
        app.invalidate()
        if wake is not None:
            wake()


class _Discreet(History):
    """A history that keeps no secrets."""

    def __init__(self, kept: History, is_secret: Callable[[], bool]) -> None:
        super().__init__()
        self._kept = kept
        self._is_secret = is_secret

    def load_history_strings(self) -> Iterable[str]:
        return self._kept.load_history_strings()

    def store_string(self, string: str) -> None:
        self._kept.store_string(string)

    def append_string(self, string: str) -> None:
        if not self._is_secret() and not _has_secret(string):
            super().append_string(string)


def _has_secret(line: str) -> bool:
    """Tell whether a line is a command with a password in it."""
    if not line.lstrip().startswith("/"):
        return False
    from protocol.typed import without_secrets  # not before the prompt: it takes long to load

    return without_secrets(line) != line


def _output() -> Output:
    """Return the terminal, never asked where its cursor is: not every terminal answers."""
    usual = Vt100_Output.from_pty(sys.stdout)

    def size() -> Size:
        return usual.get_size()

    return Vt100_Output(sys.stdout, size, term=None, enable_cpr=False)


def _open_history(path: Path | None) -> History:
    if path is not None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
        except OSError:
            return InMemoryHistory()
        return FileHistory(str(path))
    return InMemoryHistory()
