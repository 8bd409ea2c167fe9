"""The entry point of ``mymessenger`` and ``python -m cmd.cli``.

What a mode does not need it does not import: a pipe never loads the line editor, and a terminal
shows its prompt before anything that talks to the network is loaded.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace

from cli import tasks
from cli.address import address_of
from cli.door import Door, aside, has_terminal
from cli.errors import ClientError, LoginRefused, OtherServer
from cli.known_servers import KnownServers, known_servers
from cli.options import Options, parse, parser_of
from cli.reasons import reason_of
from cli.saved import SavedSessions, saved_sessions
from protocol.errors import ErrorCode
from protocol.language import Sentence, voice

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_OTHER_SERVER = 3
EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the client with these arguments, by default the program's own; return the exit code."""
    _open_missing_files()
    options = parse(arguments)
    try:
        return _run(options)
    except OtherServer as error:
        _complain(options, error)
        return EXIT_OTHER_SERVER
    except ClientError as error:
        _complain(options, error)
        return EXIT_FAILED if options.task is None else tasks.EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _run(options: Options) -> int:
    match options.task:
        case tasks.CompletionTask() as task:
            return _print_completion(options, task)
        case tasks.SendTask() as task:
            options = replace(options, task=_with_text(options, task))
    saved, known = saved_sessions(os.environ), known_servers(os.environ)
    if options.forget_server is not None:
        return _forget(options, saved, known, *options.forget_server)
    for complaint in known.complaints():
        _complain(options, complaint)
    if options.is_for_a_screen and has_terminal():
        from cli.tui.start import run_screen  # not for anybody else: it takes long to load

        return run_screen(options, saved, known)
    name = options.name or saved.last_name(options.host, options.port)
    if name is not None:
        return Door(replace(options, name=name), saved, known).run()
    if options.task is not None or not sys.stdin.isatty():
        _complain(
            options,
            Sentence(
                "Who are you? Give your name with --name NAME, or log in once with a password: "
                "then it is known."
            ),
        )
        return EXIT_USAGE
    return _run_asking(options, saved, known)


def _forget(
    options: Options, saved: SavedSessions, known: KnownServers, host: str, port: int
) -> int:
    """Know a server no longer; the tokens it gave are not for whoever answers there next."""
    server = address_of(host, port)
    try:
        sessions, was_known = saved.forget_server(host, port), known.forget(host, port)
    except OSError as error:
        raise ClientError(
            "The server {server} cannot be forgotten: {reason}.",
            server=server, reason=reason_of(error),
        ) from error  # fmt: skip
    if not sessions and not was_known:
        _complain(options, Sentence("The server {server} is not known.", server=server))
        return EXIT_FAILED
    _complain(
        options,
        Sentence(
            "The server {server} is forgotten; next time it is a new one to you.", server=server
        ),
    )
    return 0


def _print_completion(options: Options, task: tasks.CompletionTask) -> int:
    from cli.completion import completion

    sys.stdout.write(completion(parser_of(voice(options.language)), task.shell))
    return 0


def _with_text(options: Options, task: tasks.SendTask) -> tasks.SendTask:
    """Read what is to be sent, before a connection is made and a password asked for."""
    if task.words:
        return replace(task, text=" ".join(task.words))
    from cli.send_task import whole_input

    return replace(task, text=whole_input(options.language))


def _run_asking(options: Options, saved: SavedSessions, known: KnownServers) -> int:
    """Ask a person for a name (S002-4) until the server takes it."""
    while (name := _ask_name(options)) is not None:
        try:
            return Door(replace(options, name=name), saved, known).run()
        except LoginRefused as refused:
            if refused.code not in {ErrorCode.BAD_NAME, ErrorCode.NAME_TAKEN}:
                raise
            _complain(options, refused)
    return EXIT_USAGE


def _ask_name(options: Options) -> str | None:
    """Return a name that is not empty; None where there is no answer any more."""
    while True:
        aside(voice(options.language).say("Your name:") + " ")
        try:
            answer = sys.stdin.readline()
            answer.encode()
        except UnicodeError:
            _complain(options, Sentence("The name is not valid UTF-8. Set your terminal to UTF-8."))
            continue
        if not answer:
            aside("\n")
            return None
        if answer.strip():
            return answer.strip()
        _complain(options, Sentence("A name is needed. Ctrl+C leaves."))


def _complain(options: Options, sentence: Sentence) -> None:
    aside(f"mymessenger: {sentence.said(voice(options.language))}\n")


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
