"""The entry point of ``mymessenger`` and ``python -m cmd.cli``.

What a mode does not need it does not import: a pipe never loads the line editor, and a terminal
shows its prompt before anything that talks to the network is loaded.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace

from cli.errors import ClientError
from cli.options import Options, parse

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
        print(f"mymessenger: {error}", file=sys.stderr)  # noqa: T201 - the program's own words
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _run(options: Options) -> int:
    if not options.name:
        name = _ask_name()
        if not name:
            return EXIT_USAGE
        options = replace(options, name=name)
    if _has_terminal() and not options.plain:
        from cli.line_mode import run_terminal

        return run_terminal(options)
    from cli.pipe_mode import run_pipe

    return run_pipe(options)


def _has_terminal() -> bool:
    dumb = os.environ.get("TERM", "dumb") in {"dumb", "unknown", ""}
    return not dumb and sys.stdin.isatty() and sys.stdout.isatty()


def _ask_name() -> str:
    """Ask a person (S002-4); a pipe cannot be asked."""
    if not sys.stdin.isatty():
        sys.stderr.write("mymessenger: Who are you? Give your name with --name NAME.\n")
        return ""
    sys.stderr.write("Your name: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip()


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
