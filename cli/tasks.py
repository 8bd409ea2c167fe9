"""What the subcommands are asked to do, and which program does it (docs/scripts.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cli.options import Options
    from cli.texts import FileText

EXIT_DONE = 0
EXIT_NO = 1
"""The answer is no: nothing is unread, or what was waited for did not happen in time."""
EXIT_FAILED = 4
"""It was not done: no connection, no such room, not stored, or nobody knows."""


@dataclass(frozen=True, slots=True)
class Aim:
    """A conversation: a room, one with a user, or, with neither, the general chat."""

    room: str | None = None
    user: str | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """What has to have happened before the program ends."""

    name: str | None = None
    """The user who has to have had the message; None: it has to be stored, no more."""
    read: bool = False
    """That user has to have read it; else a device of theirs has to have shown it."""


@dataclass(frozen=True, slots=True)
class SendTask:
    """Send one message."""

    aim: Aim
    wait: Wait
    timeout: float
    """Seconds for all of it, from the moment when the text is there."""
    words: tuple[str, ...] = ()
    """The text; none is standard input."""
    text: str | FileText = ""
    """What is sent; found out after the command line is read."""


@dataclass(frozen=True, slots=True)
class TailTask:
    """Print messages, each once and in the order of its conversation."""

    aim: Aim | None
    """None is all conversations."""
    json: bool
    since: dict[int, int] | None
    """Up to where each conversation has been printed; None: begin near the end."""
    cursor_file: str | None
    follow: bool
    count: int
    """How many are printed to begin with where there is no ``since``."""
    timeout: float
    """Seconds that a single answer of the server may take."""


@dataclass(frozen=True, slots=True)
class UnreadTask:
    """Print how much is unread."""

    json: bool
    per: bool
    """Also for each conversation."""
    timeout: float


@dataclass(frozen=True, slots=True)
class CompletionTask:
    """Print what teaches a shell the flags."""

    shell: str


Task = SendTask | TailTask | UnreadTask | CompletionTask


def run_task(options: Options) -> int:
    """Do what a subcommand says; return the exit code. Raises ClientError where that fails.

    What one of them does not need is not loaded: a status bar asks every few seconds.
    """
    match options.task:
        case SendTask() as task:
            from cli.send_task import run_send

            return run_send(options, task)
        case TailTask() as task:
            from cli.tail import run_tail

            return run_tail(options, task)
        case UnreadTask() as task:
            from cli.unread import run_unread

            return run_unread(options, task)
        case _:
            raise AssertionError(options.task)
