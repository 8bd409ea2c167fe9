"""The client on a terminal: a line to type on, and the conversation above it."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Never

from cli.history_file import history_path
from cli.options import Options
from cli.prompt import Prompt
from protocol.language import voice
from protocol.text import sanitise_line

if TYPE_CHECKING:
    from types import FrameType


def run_terminal(options: Options) -> int:
    """Talk with a person; return the exit code. Raises ClientError without a connection.

    The prompt stands before the network part is loaded: loading that takes as long again.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    state = voice(options.language).say("connecting")
    label = f"{sanitise_line(options.name or '')} ({state})> "
    with Prompt(label, history_path(os.environ)) as prompt:
        import trio

        from cli.conversation import Conversation
        from cli.signals import run_stoppable

        return trio.run(run_stoppable, Conversation(options, prompt).run)


def _leave(number: int, _frame: FrameType | None) -> Never:
    """End in the short time before Trio looks after signals, with the terminal restored."""
    raise SystemExit(128 + number)
