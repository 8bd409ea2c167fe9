"""The entry point of ``mymessenger`` and ``python -m cmd.cli``.

What a mode does not need it does not import: a pipe never loads the line editor, and a terminal
shows its prompt before anything that talks to the network is loaded.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace

from cli.errors import ClientError, LoginRefused
from cli.options import Options, parse
from protocol.errors import ErrorCode

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the client with these arguments, by default the program's own; return the exit code."""
    _open_missing_files()
    options = parse(arguments)
    try:
        return _run(options)
    except ClientError as error:
        _say(f"mymessenger: {error}\n")
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _run(options: Options) -> int:
    if options.name is not None:
        return _run_named(options)
    if not sys.stdin.isatty():
        _say("mymessenger: Who are you? Give your name with --name NAME.\n")
        return EXIT_USAGE
    return _run_asking(options)


def _run_asking(options: Options) -> int:
    """Ask a person for a name (S002-4) until the server takes it."""
    while (name := _ask_name()) is not None:
        try:
            return _run_named(replace(options, name=name))
        except LoginRefused as refused:
            if refused.code != ErrorCode.BAD_NAME:
                raise
            _say(f"mymessenger: {refused}\n")
    return EXIT_USAGE


def _ask_name() -> str | None:
    """Return a name that is not empty; None where there is no answer any more."""
    while True:
        _say("Your name: ")
        try:
            answer = sys.stdin.readline()
            answer.encode()
        except UnicodeError:
            _say("mymessenger: The name is not valid UTF-8. Set your terminal to UTF-8.\n")
            continue
        if not answer:
            _say("\n")
            return None
        if answer.strip():
            return answer.strip()
        _say("mymessenger: A name is needed. Ctrl+C leaves.\n")


def _run_named(options: Options) -> int:
    if _has_terminal() and not options.is_for_a_filter:
        from cli.line_mode import run_terminal

        return run_terminal(options)
    from cli.pipe_mode import run_pipe

    return run_pipe(options)


def _has_terminal() -> bool:
    dumb = os.environ.get("TERM", "dumb") in {"dumb", "unknown", ""}
    return not dumb and sys.stdin.isatty() and sys.stdout.isatty()


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def _open_missing_files() -> None:
    """Fill standard input, output and error where the caller has closed them.

    Otherwise the next file or socket opened would get their number, and be written to.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115 - a number
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
