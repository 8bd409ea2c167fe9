"""The command ``mymessenger-server``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import structlog
import trio

from server.app import serve
from server.listening import ListenError
from server.logs import configure_logs
from server.settings import SettingsError, load_settings
from storage.errors import StorageError

log = structlog.get_logger()

EXIT_FAILED, EXIT_USAGE = 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the server and return its exit code: 0, 1 (it cannot run) or 2 (wrong settings)."""
    try:
        settings = load_settings(sys.argv[1:] if arguments is None else arguments, os.environ)
    except SettingsError as error:
        return _give_up(str(error), EXIT_USAGE)
    settings.use_zone()
    configure_logs(settings.log_format, settings.log_level)
    failure: BaseException | None = None
    try:
        trio.run(serve, settings)
    except* (ListenError, StorageError) as group:
        failure = _first(group)
    return _give_up(str(failure), EXIT_FAILED) if failure else 0


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _give_up(sentence: str, code: int) -> int:
    print(f"mymessenger-server: {sentence}", file=sys.stderr)  # noqa: T201
    return code
