"""A run from the command line to the exit code."""

from __future__ import annotations

import resource
import secrets
import sys
from collections.abc import Sequence
from contextlib import nullcontext

import msgspec

from loadtest import processes, report
from loadtest.arguments import USAGE_ERROR, Options, parse
from loadtest.clients import find
from loadtest.engine import Engine
from loadtest.errors import SetupError
from loadtest.progress import Progress
from loadtest.report import Report
from loadtest.server_process import SERVER_COMMAND, started
from loadtest.texts import Run

_OTHER_FILES = 100  # descriptors that are not clients
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None, command: Sequence[str] = SERVER_COMMAND) -> int:
    """Run the load test and return its exit code; ``command`` starts a server."""
    options = parse(arguments)
    progress = Progress(sys.stderr, quiet=options.json)
    try:
        result = run(options, progress, command)
    except SetupError as error:
        progress.clear()
        print(f"loadtest: {error}", file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        progress.clear()
        print("loadtest: interrupted", file=sys.stderr)
        return _INTERRUPTED
    print(msgspec.json.encode(result).decode() if options.json else report.text(result))
    return 0 if result.passed else 1


def run(options: Options, progress: Progress, command: Sequence[str]) -> Report:
    """Do one run; raises :class:`SetupError` where it cannot begin."""
    _allow_open_files(options.clients + _OTHER_FILES)
    with started(command, options.database) if options.port is None else nullcontext() as server:
        port = server.port if server else options.port or 0
        address = find(options.host, port)
        pid = server.pid if server else processes.listener(port) if address.local else None
        engine = Engine(
            options,
            Run(secrets.token_hex(3), options.size),
            address,
            progress,
            lambda: processes.usage(pid) if pid else None,
        )
        engine.run()
        if server:
            server.stop()
        return report.build(options, engine, server)


def _allow_open_files(needed: int) -> None:
    """Raise the soft limit; the server that is started inherits it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise SetupError(
            f"{needed} open files are needed and the limit is {hard}: use fewer --clients, or "
            "raise the limit (ulimit -Hn)"
        )
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
